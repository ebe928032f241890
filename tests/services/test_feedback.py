"""Asking for feedback and recording it, by the numbers of the rules."""

import threading
from datetime import timedelta

import pytest

from emberone.db import transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import FeedbackState, MailState, Priority, Status
from emberone.domain.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from emberone.domain.lifecycle import Event
from emberone.mail.tokens import token_hash
from emberone.models import Ticket
from emberone.services import comments, delivery, feedback, tickets
from emberone.services.answers import answer, unsubscribe
from emberone.services.retries import MAX_ATTEMPTS
from tests.conftest import settings_for
from tests.services.feedback_play import DAY, HOUR, T0, Case
from tests.smtp_sink import Sink


@pytest.fixture
def case(make):
    return Case(make)


def skipped(case, at=T0 + HOUR):
    """The reason for which the sweep skipped the case's last request."""
    assert feedback.sweep_feedback(now=at) >= 1
    request = case.requests[-1]
    assert request.state is FeedbackState.SKIPPED
    assert case.letters() == []
    assert case.history("feedback_requested") == []
    entry = case.history("feedback_skipped")[-1]
    assert entry.details["reason"] == request.state_reason
    assert entry.is_internal
    return request.state_reason


# Rule 1: closing writes a request.


@pytest.mark.rule("feedback 1")
def test_closing_writes_one_request_and_sends_nothing(case):
    case.reply().close()
    request = case.request
    assert (request.state, request.cycle) == (FeedbackState.PENDING, 1)
    assert request.profile_id == case.customer.profile_id
    assert (request.send_after, request.expires_at) == (T0 + HOUR, T0 + HOUR + 14 * DAY)
    assert request.token_hash is None
    assert case.letters() == []
    assert feedback.sweep_feedback(now=T0 + HOUR - timedelta(seconds=1)) == 0


@pytest.mark.rule("feedback 1")
def test_delay_and_expiry_are_settings(case, set_setting):
    set_setting(feedback_delay_s=60, feedback_expiry_days=2)
    case.reply().close()
    minute = timedelta(minutes=1)
    assert (case.request.send_after, case.request.expires_at) == (
        T0 + minute,
        T0 + minute + 2 * DAY,
    )


@pytest.mark.rule("feedback 1")
def test_reply_and_close_writes_a_request_too(case):
    case.reply(Event.STAFF_REPLY_AND_CLOSE)
    assert case.request.state is FeedbackState.PENDING


@pytest.mark.rule("feedback 1")
def test_every_closing_is_a_cycle_of_its_own(case):
    case.reply().close()
    case.reopen(T0 + HOUR / 2).close(T0 + 2 * HOUR)
    assert [(r.cycle, r.state) for r in case.requests] == [
        (1, FeedbackState.CANCELLED),
        (2, FeedbackState.PENDING),
    ]


@pytest.mark.rule("feedback 1")
def test_the_step_run_twice_for_one_closing_writes_one_request(case):
    case.reply().close()
    with transaction(SYSTEM, now=T0) as session:
        feedback.ticket_closed(session, session.get(Ticket, case.id), at=T0)
    assert len(case.requests) == 1


# Rule 2: what is checked again when it is due.


@pytest.mark.rule("feedback 2")
def test_a_due_request_is_sent_once(case):
    case.sent()
    request = case.request
    assert (request.state, request.sent_at) == (FeedbackState.SENT, T0 + HOUR)
    (letter,) = case.letters()
    assert letter.key == f"feedback:{request.id}"
    assert letter.to_profile_id == case.customer.profile_id
    assert letter.state is MailState.QUEUED
    assert len(case.history("feedback_requested")) == 1
    assert feedback.sweep_feedback(now=T0 + 2 * HOUR) == 0
    assert len(case.letters()) == 1


@pytest.mark.rule("feedback 2")
def test_the_days_to_answer_begin_when_it_is_sent(case):
    case.sent(at=T0 + 3 * DAY)
    assert case.request.expires_at == T0 + 17 * DAY


@pytest.mark.rule("feedback 2")
def test_a_ticket_that_nobody_answered_in_public_is_not_asked_about(case):
    comments.add_note(case.agent, case.id, "Hm.", now=T0)
    case.close()
    assert skipped(case) == "no_staff_reply"


@pytest.mark.rule("feedback 2")
def test_what_the_customer_said_is_not_an_answer(case):
    comments.comment_as_customer(case.customer, case.id, "Hello?", now=T0)
    case.close()
    assert skipped(case) == "no_staff_reply"


@pytest.mark.parametrize("reason", ["inactivity", "mass_close"])
@pytest.mark.rule("feedback 2")
def test_quiet_and_mass_closings_are_not_asked_about(case, reason):
    case.reply().close(reason=reason)
    assert skipped(case) == reason


@pytest.mark.rule("feedback 2")
def test_the_reason_of_an_earlier_closing_does_not_count(case):
    case.reply().close(reason="inactivity").reopen(T0 + HOUR / 2).close(T0 + HOUR, reason="done")
    assert feedback.sweep_feedback(now=T0 + 2 * HOUR) == 1
    assert case.requests[-1].state is FeedbackState.SENT


@pytest.mark.rule("feedback 2")
def test_an_import_is_never_asked_about_and_says_so_at_once(case):
    case.reply()
    with transaction(SYSTEM, now=T0) as session:
        ticket = session.get(Ticket, case.id)
        ticket.status = Status.CLOSED
        feedback.ticket_closed(session, ticket, at=T0, by_import=True)
    assert (case.request.state, case.request.state_reason) == (FeedbackState.SKIPPED, "imported")
    assert feedback.sweep_feedback(now=T0 + DAY) == 0
    assert case.letters() == []


@pytest.mark.rule("feedback 2")
def test_who_declined_is_not_asked(case, owner):
    case.reply().close()
    owner.execute("UPDATE profiles SET declined_letters = '{feedback_request}'")
    assert skipped(case) == "declined"


@pytest.mark.rule("feedback 2")
def test_an_address_that_takes_no_mail_is_not_asked(make, owner):
    imported = Case(make, make.customer(email="a@import.invalid")).reply().close()
    assert skipped(imported) == "undeliverable"
    bounced = Case(make, make.customer(email="B@example.org")).reply().close()
    owner.execute("INSERT INTO suppressed_addresses (email, reason) VALUES ('b@example.org', 'x')")
    assert skipped(bounced) == "undeliverable"


@pytest.mark.rule("feedback 2")
def test_who_is_no_customer_any_more_is_not_asked(case, owner):
    case.reply().close()
    owner.execute("UPDATE profiles SET role = 'AGENT' WHERE id = %s", (case.customer.profile_id,))
    assert skipped(case) == "not_a_customer"


@pytest.mark.rule("feedback 2")
def test_a_ticket_reopened_past_the_services_is_not_asked_about(case, owner):
    case.reply().close()
    owner.execute("UPDATE tickets SET status = 'OPEN'")
    assert skipped(case) == "reopened"


@pytest.mark.rule("feedback 2")
def test_a_ticket_that_someone_holds_is_asked_about_later(case, postgres):
    case.reply().close()
    with postgres.connect("emberone_owner", "emberone") as other, other.transaction():
        other.execute("SELECT FROM tickets FOR UPDATE")
        assert feedback.sweep_feedback(now=T0 + HOUR) == 0
    assert feedback.sweep_feedback(now=T0 + HOUR) == 1
    assert case.request.state is FeedbackState.SENT


@pytest.mark.rule("feedback 2")
def test_two_sweeps_do_not_work_at_once(case, postgres):
    case.reply().close()
    with postgres.connect("emberone_owner", "emberone") as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('feedback', 0))")
        assert feedback.sweep_feedback(now=T0 + HOUR) == 0
    assert case.request.state is FeedbackState.PENDING


@pytest.mark.rule("feedback 2")
def test_the_batch_is_bounded(make):
    cases = [Case(make).reply().close() for _ in range(3)]
    assert feedback.sweep_feedback(now=T0 + HOUR, limit=2) == 2
    assert feedback.sweep_feedback(now=T0 + HOUR, limit=2) == 1
    assert [case.request.state for case in cases] == [FeedbackState.SENT] * 3


@pytest.mark.rule("feedback 2")
def test_a_request_that_fails_ends_as_dead_and_holds_up_no_other(make, owner):
    poison, good = Case(make).reply().close(), Case(make).reply().close()
    # The database itself refuses this one's history entry.
    owner.execute(
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'poison'; END $$"
    )
    owner.execute(
        "CREATE TRIGGER poison BEFORE INSERT ON history FOR EACH ROW"
        f" WHEN (NEW.ticket_id = '{poison.id}' AND NEW.action LIKE 'feedback%')"
        " EXECUTE FUNCTION poison()"
    )
    now = T0 + HOUR
    assert feedback.sweep_feedback(now=now) == 2
    assert good.request.state is FeedbackState.SENT
    for attempt in range(1, MAX_ATTEMPTS + 1):
        request = poison.request
        assert (request.state, request.attempts) == (FeedbackState.PENDING, attempt)
        assert (request.dead_at is not None) == (attempt == MAX_ATTEMPTS)
        assert request.last_error
        assert feedback.sweep_feedback(now=now) == 0
        now = request.send_after
        feedback.sweep_feedback(now=now)
    assert poison.request.attempts == MAX_ATTEMPTS
    assert poison.letters() == []
    assert poison.history("feedback_requested") == []
    dead = poison.request
    with pytest.raises(NotAllowed):
        feedback.retry_request(poison.agent, dead.id)
    owner.execute("DROP TRIGGER poison ON history")
    feedback.retry_request(make.admin(), dead.id, now=now)
    assert feedback.sweep_feedback(now=now) == 1
    assert poison.request.state is FeedbackState.SENT
    assert poison.request.dead_at is None


@pytest.mark.rule("feedback 2")
def test_only_a_request_that_was_given_up_is_tried_again(case, make):
    case.reply().close()
    with pytest.raises(Conflict):
        feedback.retry_request(make.admin(), case.request.id)
    with pytest.raises(NotFound):
        feedback.retry_request(make.admin(), case.id)


# Rule 3: at most one in seven days.


@pytest.mark.rule("feedback 3")
def test_a_customer_is_asked_once_in_seven_days_and_the_rest_is_skipped_for_good(make):
    first = Case(make).sent()
    second = Case(make, first.customer).reply().close(T0 + DAY)
    assert skipped(second, T0 + DAY + HOUR) == "throttled"
    assert feedback.sweep_feedback(now=T0 + 30 * DAY) == 0
    third = Case(make, first.customer).reply().close(T0 + 7 * DAY)
    assert feedback.sweep_feedback(now=T0 + 7 * DAY + HOUR) == 1
    assert third.request.state is FeedbackState.SENT


@pytest.mark.rule("feedback 3")
def test_two_of_one_customer_in_one_batch_are_one_letter(make):
    first = Case(make).reply().close()
    second = Case(make, first.customer).reply().close()
    other = Case(make).reply().close()
    assert feedback.sweep_feedback(now=T0 + HOUR) == 3
    assert [case.request.state for case in (first, second, other)] == [
        FeedbackState.SENT,
        FeedbackState.SKIPPED,
        FeedbackState.SENT,
    ]
    assert second.request.state_reason == "throttled"


@pytest.mark.rule("feedback 3")
def test_the_seven_days_are_a_setting(make, set_setting):
    set_setting(feedback_throttle_days=0)
    first = Case(make).sent()
    second = Case(make, first.customer).reply().close(T0 + HOUR)
    assert feedback.sweep_feedback(now=T0 + 2 * HOUR) == 1
    assert second.request.state is FeedbackState.SENT


@pytest.mark.rule("feedback 3")
def test_a_letter_that_was_taken_back_before_it_left_asked_nobody(case):
    case.sent().reopen(T0 + 2 * HOUR).close(T0 + 3 * HOUR)
    assert feedback.sweep_feedback(now=T0 + 4 * HOUR) == 1
    assert [request.state for request in case.requests] == [FeedbackState.SENT] * 2
    assert [letter.state for letter in case.letters()].count(MailState.QUEUED) == 1


# Rule 4: reopening.


@pytest.mark.rule("feedback 4")
def test_reopened_before_sending_is_cancelled(case):
    case.reply().close().reopen(T0 + HOUR / 2)
    assert (case.request.state, case.request.state_reason) == (
        FeedbackState.CANCELLED,
        "reopened",
    )
    assert feedback.sweep_feedback(now=T0 + HOUR) == 0
    assert case.letters() == []


@pytest.mark.rule("feedback 4")
def test_reopened_after_sending_voids_the_link_and_withdraws_a_letter_still_here(case):
    case.sent().reopen(T0 + 2 * HOUR)
    assert case.request.state is FeedbackState.SENT
    assert case.request.voided_at == T0 + 2 * HOUR
    with pytest.raises(Gone, match="reopened"):
        answer(case.token, 5, None, seen_answer_no=0, now=T0 + 3 * HOUR)
    assert case.ticket.feedback_rating is None
    assert case.letters()[0].state is MailState.SUPPRESSED
    delivery.deliver_due(now=T0 + 3 * HOUR)
    assert case.letters()[0].state is MailState.SUPPRESSED


@pytest.mark.rule("feedback 4")
def test_a_voided_link_stays_void_after_the_next_closing(case):
    case.sent()
    old = case.token
    case.reopen(T0 + 2 * HOUR).close(T0 + 3 * HOUR)
    with pytest.raises(Gone):
        answer(old, 5, None, seen_answer_no=0, now=T0 + 4 * HOUR)


@pytest.mark.rule("feedback 4")
def test_an_answer_is_kept_when_the_ticket_is_reopened(case):
    case.sent()
    answer(case.token, 4, "fine", seen_answer_no=0, now=T0 + 2 * HOUR)
    case.reopen(T0 + 3 * HOUR)
    assert (case.request.state, case.request.rating) == (FeedbackState.ANSWERED, 4)
    assert case.request.voided_at is None
    case.close(T0 + 4 * HOUR)
    assert [(r.cycle, r.state) for r in case.requests] == [
        (1, FeedbackState.ANSWERED),
        (2, FeedbackState.PENDING),
    ]


# Rule 5: the token.


@pytest.mark.rule("feedback 5")
def test_the_database_keeps_the_tokens_hash_and_never_the_token(case, owner):
    case.sent()
    assert case.request.token_hash == token_hash(case.token)
    dump = owner.execute(
        "SELECT (SELECT json_agg(f) FROM feedback_requests f)::text"
        " || (SELECT json_agg(m) FROM mail_outbox m)::text"
        " || (SELECT json_agg(h) FROM history h)::text"
    ).fetchone()[0]
    assert case.token not in dump


@pytest.mark.parametrize("token", ["", "x", "a" * 22, "ü", "a" * 5000])
@pytest.mark.rule("feedback 5")
def test_a_token_that_never_was_is_not_found(database, token):
    with pytest.raises(NotFound):
        answer(token, 5, None, seen_answer_no=0)
    with pytest.raises(NotFound):
        unsubscribe(token)


@pytest.mark.rule("feedback 5")
def test_an_id_in_place_of_the_token_is_not_found(case):
    case.sent()
    for guess in (str(case.id), str(case.request.id), case.request.token_hash):
        with pytest.raises(NotFound):
            answer(guess, 5, None, seen_answer_no=0, now=T0 + HOUR)


# Rule 6, that GET and HEAD record nothing, is in tests/web/test_feedback_page.py.

# Rule 7: one answer, changeable.


@pytest.mark.rule("feedback 7")
def test_an_answer_goes_to_the_request_the_ticket_and_history_in_the_customers_name(case):
    case.sent()
    answer(case.token, 5, "  Great.\r\nThanks ", seen_answer_no=0, now=T0 + 2 * HOUR)
    request, ticket = case.request, case.ticket
    assert (request.state, request.rating, request.answer_text, request.answer_no) == (
        FeedbackState.ANSWERED,
        5,
        "Great.\nThanks",
        1,
    )
    assert request.answered_at == T0 + 2 * HOUR
    assert (ticket.feedback_rating, ticket.feedback_text) == (5, "Great.\nThanks")
    assert ticket.status is Status.CLOSED
    (entry,) = case.history("feedback_changed")
    assert entry.actor_id == case.customer.profile_id
    assert entry.details["source"] == "customer_portal"
    assert entry.details["additionalContext"]["newRating"] == 5
    assert entry.created_at == T0 + 2 * HOUR


@pytest.mark.rule("feedback 7")
def test_an_answer_can_be_changed_and_each_change_is_in_history(case):
    case.sent()
    answer(case.token, 2, "slow", seen_answer_no=0, now=T0 + 2 * HOUR)
    answer(case.token, 4, None, seen_answer_no=1, now=T0 + 3 * HOUR)
    assert (case.request.rating, case.request.answer_text, case.request.answer_no) == (4, None, 2)
    assert (case.ticket.feedback_rating, case.ticket.feedback_text) == (4, None)
    changes = [e.details["additionalContext"] for e in case.history("feedback_changed")]
    assert [(c["oldRating"], c["newRating"]) for c in changes] == [(None, 2), (2, 4)]


@pytest.mark.rule("feedback 7")
def test_who_answers_later_sees_what_was_recorded(case):
    case.sent()
    answer(case.token, 5, "mine", seen_answer_no=0, now=T0 + 2 * HOUR)
    with pytest.raises(Conflict) as refused:
        answer(case.token, 1, "theirs", seen_answer_no=0, now=T0 + 2 * HOUR)
    assert refused.value.details == {"rating": 5, "text": "mine", "answer_no": 1}
    answer(case.token, 4, None, seen_answer_no=1, now=T0 + 2 * HOUR)
    with pytest.raises(Conflict):
        answer(case.token, 3, None, seen_answer_no=1, now=T0 + 2 * HOUR)
    assert (case.request.rating, case.ticket.feedback_rating) == (4, 4)


@pytest.mark.rule("feedback 7")
def test_the_same_answer_twice_is_one_answer(case):
    case.sent()
    for _ in range(2):
        answer(case.token, 5, "ok", seen_answer_no=0, now=T0 + 2 * HOUR)
    assert case.request.answer_no == 1
    assert len(case.history("feedback_changed")) == 1


@pytest.mark.rule("feedback 7")
def test_nothing_was_seen_before_the_first_answer(case):
    case.sent()
    with pytest.raises(Conflict):
        answer(case.token, 5, None, seen_answer_no=3, now=T0 + 2 * HOUR)
    assert case.request.state is FeedbackState.SENT


@pytest.mark.rule("feedback 7")
def test_of_two_at_once_one_wins(case, database):
    case.sent()
    token, start, outcomes = case.token, threading.Barrier(2), {}

    def work(rating):
        with database.app_context():
            start.wait()
            try:
                answer(token, rating, None, seen_answer_no=0, now=T0 + 2 * HOUR)
                outcomes[rating] = "won"
            except Conflict as refused:
                outcomes[rating] = refused.details["rating"]

    threads = [threading.Thread(target=work, args=(rating,)) for rating in (3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = case.request.rating
    loser = 8 - winner
    assert outcomes == {winner: "won", loser: winner}
    assert case.request.answer_no == 1
    assert len(case.history("feedback_changed")) == 1


@pytest.mark.rule("feedback 7")
def test_an_answer_is_taken_until_the_last_instant_and_not_after(case):
    case.sent()
    end = case.request.expires_at
    answer(case.token, 5, None, seen_answer_no=0, now=end - timedelta(microseconds=1))
    with pytest.raises(Gone, match="expired"):
        answer(case.token, 1, None, seen_answer_no=1, now=end)
    assert case.ticket.feedback_rating == 5


@pytest.mark.rule("feedback 7")
def test_an_unanswered_link_expires(case):
    case.sent()
    with pytest.raises(Gone, match="expired"):
        answer(case.token, 1, None, seen_answer_no=0, now=case.request.expires_at)
    assert case.request.state is FeedbackState.SENT


@pytest.mark.rule("feedback 7")
def test_an_earlier_closings_answer_does_not_cover_a_later_one(case, set_setting):
    set_setting(feedback_throttle_days=0)
    case.sent()
    old = case.token
    answer(old, 4, None, seen_answer_no=0, now=T0 + 2 * HOUR)
    case.reopen(T0 + 3 * HOUR).close(T0 + 4 * HOUR)
    feedback.sweep_feedback(now=T0 + 5 * HOUR)
    answer(case.token, 5, None, seen_answer_no=0, now=T0 + 6 * HOUR)
    answer(old, 3, None, seen_answer_no=1, now=T0 + 7 * HOUR)
    assert [r.rating for r in case.requests] == [3, 5]
    assert case.ticket.feedback_rating == 5
    (entry,) = case.history("earlier_feedback_changed")
    assert entry.details["additionalContext"] == {"cycle": 1, "oldRating": 4, "newRating": 3}


@pytest.mark.parametrize(
    ("rating", "words"), [(0, None), (6, None), (-1, None), (5, "a\0b"), (5, "x" * 10_001)]
)
@pytest.mark.rule("feedback 7")
def test_what_is_no_rating_is_refused(case, rating, words):
    case.sent()
    with pytest.raises(Invalid):
        answer(case.token, rating, words, seen_answer_no=0, now=T0 + 2 * HOUR)
    assert case.request.state is FeedbackState.SENT


# Rule 8: the portal, staff, and low ratings.


@pytest.mark.rule("feedback 8")
def test_a_customer_rates_in_the_portal_and_the_letters_link_shows_it(case):
    case.sent()
    tickets.rate_ticket(case.customer, case.id, 4, "fine", now=T0 + 2 * HOUR)
    assert (case.request.state, case.request.rating) == (FeedbackState.ANSWERED, 4)
    assert case.ticket.feedback_rating == 4
    with pytest.raises(Conflict) as refused:
        answer(case.token, 1, None, seen_answer_no=0, now=T0 + 3 * HOUR)
    assert refused.value.details["rating"] == 4
    (entry,) = case.history("feedback_changed")
    assert entry.details["source"] == "customer_portal"


@pytest.mark.rule("feedback 8")
def test_who_rated_in_the_portal_is_not_asked_by_mail(case):
    case.reply().close()
    tickets.rate_ticket(case.customer, case.id, 5, None, now=T0 + HOUR / 2)
    assert (case.request.state, case.request.sent_at) == (FeedbackState.ANSWERED, None)
    assert feedback.sweep_feedback(now=T0 + HOUR) == 0
    assert case.letters() == []


@pytest.mark.rule("feedback 8")
def test_who_rated_in_the_portal_gets_no_letter_that_had_not_left_yet(case):
    """The mail server was away for the hours between."""
    case.sent()
    tickets.rate_ticket(case.customer, case.id, 5, None, now=T0 + 2 * HOUR)
    [letter] = case.letters("feedback_request")
    assert (letter.state, letter.last_error) == (
        MailState.SUPPRESSED,
        "The customer has rated already.",
    )


@pytest.mark.rule("feedback 8")
def test_a_customer_whose_request_was_skipped_rates_in_the_portal(case):
    case.close()
    feedback.sweep_feedback(now=T0 + HOUR)
    tickets.rate_ticket(case.customer, case.id, 2, "no help", now=T0 + 2 * HOUR)
    tickets.rate_ticket(case.customer, case.id, 3, None, now=T0 + 3 * HOUR)
    assert (case.request.state, case.request.rating, case.request.answer_no) == (
        FeedbackState.ANSWERED,
        3,
        2,
    )
    assert case.ticket.feedback_rating == 3


@pytest.mark.rule("feedback 8")
def test_a_ticket_closed_past_the_services_can_be_rated_in_the_portal(case, owner):
    owner.execute("UPDATE tickets SET status = 'CLOSED'")
    tickets.rate_ticket(case.customer, case.id, 5, None, now=T0 + HOUR)
    assert case.requests == []
    assert case.ticket.feedback_rating == 5


@pytest.mark.rule("feedback 8")
def test_staff_and_strangers_cannot_rate(case, make):
    case.sent()
    for person in (case.agent, make.admin()):
        with pytest.raises(NotAllowed):
            tickets.rate_ticket(person, case.id, 5, None, now=T0 + 2 * HOUR)
    with pytest.raises(NotFound):
        tickets.rate_ticket(make.customer(), case.id, 5, None, now=T0 + 2 * HOUR)
    assert case.ticket.feedback_rating is None


@pytest.mark.rule("feedback 8")
def test_who_became_staff_cannot_use_an_old_link(case, owner):
    case.sent()
    owner.execute("UPDATE profiles SET role = 'AGENT' WHERE id = %s", (case.customer.profile_id,))
    with pytest.raises(NotAllowed):
        answer(case.token, 5, None, seen_answer_no=0, now=T0 + 2 * HOUR)


@pytest.mark.parametrize(("rating", "told"), [(1, 1), (2, 1), (3, 0), (5, 0)])
@pytest.mark.rule("feedback 8")
def test_a_low_rating_flags_the_ticket_and_tells_the_admins(case, make, rating, told):
    admin = make.admin()
    case.sent()
    answer(case.token, rating, "hm", seen_answer_no=0, now=T0 + 2 * HOUR)
    found = case.letters("low_rating")
    assert [letter.to_profile_id for letter in found] == [admin.profile_id] * told
    entries = case.history("low_rating")
    assert len(entries) == told
    assert all(entry.is_internal for entry in entries)
    assert case.ticket.status is Status.CLOSED


@pytest.mark.rule("feedback 8")
def test_admins_hear_once_of_one_answer_however_often_it_changes(case, make):
    make.admin()
    case.sent()
    for seen, rating in enumerate([1, 2, 5, 1]):
        answer(case.token, rating, None, seen_answer_no=seen, now=T0 + 2 * HOUR)
    assert len(case.letters("low_rating")) == 1
    # Flagged when it became low: at first, and after the five.
    assert len(case.history("low_rating")) == 2


@pytest.mark.rule("feedback 8")
def test_a_low_rating_in_the_portal_tells_the_admins_too(case, make):
    make.admin()
    case.reply().close()
    tickets.rate_ticket(case.customer, case.id, 1, "no", now=T0 + HOUR / 2)
    (letter,) = case.letters("low_rating")
    assert (letter.params["rating"], letter.params["text"]) == (1, "no")


# Rule 9 is in tests/mail; here is the end of these letters.


@pytest.mark.rule("feedback 9")
def test_unsubscribing_ends_the_letters_even_through_an_old_link(make):
    case = Case(make).sent()
    unsubscribe(case.token)
    unsubscribe(case.token)
    later = Case(make, case.customer).reply().close(T0 + 30 * DAY)
    assert skipped(later, T0 + 31 * DAY) == "declined"


# Rule 10: credit.


@pytest.mark.rule("feedback 10")
def test_the_agent_at_closing_time_is_credited_whatever_is_reassigned_later(case, make):
    case.sent()
    assert case.request.agent_id_at_close == case.agent.profile_id
    tickets.assign_ticket(case.agent, case.id, make.agent().profile_id, now=T0 + 2 * HOUR)
    answer(case.token, 1, None, seen_answer_no=0, now=T0 + 3 * HOUR)
    assert case.request.agent_id_at_close == case.agent.profile_id


@pytest.mark.rule("feedback 11")
def test_each_closing_keeps_its_priority_and_whether_a_promise_was_broken_by_then(case):
    case.reply().close()
    case.reopen(T0 + HOUR)
    changes = tickets.TicketChanges(priority=Priority.LOW)
    tickets.change_ticket(case.agent, case.id, changes, version=None, now=T0 + HOUR)
    case.close(T0 + 60 * DAY)
    assert [(r.priority_at_close, r.was_breached) for r in case.requests] == [
        (Priority.MEDIUM, False),
        (Priority.LOW, True),
    ]


@pytest.mark.rule("feedback 1")
def test_closing_says_no_word_to_the_mail_server(case, database, postgres):
    before = database.extensions["emberone.settings"]
    with Sink() as sink:
        database.extensions["emberone.settings"] = settings_for(
            postgres, EMBERONE_SMTP_URL=sink.url
        )
        try:
            case.sent()
            assert sink.connections == 0
            # That it arrived, the answer, and the request to rate.
            assert delivery.deliver_due(now=T0 + HOUR) == 3
        finally:
            database.extensions["emberone.settings"] = before
        assert len(sink.messages) == 3
