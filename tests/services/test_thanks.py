"""A bare "thank you" after closing: dismissed in one step, as if it had not reopened anything."""

from datetime import timedelta

import pytest

from emberone.domain.enums import FeedbackState, MailState, Status
from emberone.domain.errors import IllegalTransition, NotAllowed, NotFound, StaleWrite
from emberone.domain.lifecycle import THANKS_DISMISSED, Event
from emberone.services import comments, feedback, tickets
from emberone.services.answers import answer
from emberone.services.thanks import dismiss_thanks
from tests.services.feedback_play import DAY, HOUR, T0, Case

pytestmark = pytest.mark.rule("feedback 14")

SOON = T0 + timedelta(minutes=5)
LATER = T0 + timedelta(minutes=20)


@pytest.fixture
def case(make):
    return Case(make)


def thank(case, at=SOON):
    comments.comment_as_customer(case.customer, case.id, "Thank you!", now=at)
    assert case.ticket.status is Status.OPEN


def dismiss(case, at=LATER, **seen):
    dismiss_thanks(case.agent, case.id, now=at, **seen)
    assert case.ticket.status is Status.CLOSED


def letters_to(case):
    return [
        letter.letter
        for name in ("feedback_request", "staff_replied")
        for letter in case.letters(name)
    ]


def test_it_closes_again_in_the_same_cycle_and_history_says_why(case):
    case.reply().close()
    thank(case)
    dismiss(case)
    assert case.request.cycle == 1
    last = case.history("status_changed")[-1]
    assert last.new_value == {"status": "CLOSED"}
    assert (last.actor_id, last.details["reason"]) == (case.agent.profile_id, THANKS_DISMISSED)


def test_the_customer_is_asked_once_when_it_was_due(case):
    case.reply().close()
    thank(case)
    assert case.request.state is FeedbackState.CANCELLED
    dismiss(case)
    assert (case.request.state, case.request.state_reason) == (FeedbackState.PENDING, None)
    assert case.request.send_after == T0 + HOUR
    assert feedback.sweep_feedback(now=T0 + HOUR) == 1
    assert case.request.state is FeedbackState.SENT
    assert letters_to(case) == ["feedback_request", "staff_replied"]
    assert feedback.sweep_feedback(now=T0 + 30 * DAY) == 0


def test_a_request_that_was_sent_is_good_again_and_no_second_is_written(case, owner):
    case.sent()
    owner.execute("UPDATE mail_outbox SET state = 'sent', sent_at = now()")
    thank(case, T0 + 2 * HOUR)
    dismiss(case, T0 + 3 * HOUR)
    assert (case.request.state, case.request.voided_at) == (FeedbackState.SENT, None)
    assert feedback.sweep_feedback(now=T0 + 30 * DAY) == 0
    assert letters_to(case) == ["feedback_request", "staff_replied"]
    answer(case.token, 5, "Thanks again", seen_answer_no=0, now=T0 + 4 * HOUR)
    assert case.ticket.feedback_rating == 5


def test_a_letter_that_was_still_here_leaves_after_all(case):
    case.sent()
    thank(case, T0 + 2 * HOUR)
    assert case.letters()[0].state is MailState.SUPPRESSED
    dismiss(case, T0 + 3 * HOUR)
    [letter] = case.letters()
    assert (letter.state, letter.last_error) == (MailState.QUEUED, None)


def test_a_rating_stays_what_it_was(case):
    case.sent()
    answer(case.token, 4, None, seen_answer_no=0, now=T0 + 2 * HOUR)
    thank(case, T0 + 3 * HOUR)
    dismiss(case, T0 + 4 * HOUR)
    assert (case.request.state, case.request.rating) == (FeedbackState.ANSWERED, 4)
    assert case.ticket.feedback_rating == 4


def test_why_it_was_closed_at_first_still_counts(case):
    case.reply().close(reason="mass_close")
    thank(case)
    dismiss(case)
    assert feedback.sweep_feedback(now=T0 + HOUR) == 1
    assert (case.request.state, case.request.state_reason) == (FeedbackState.SKIPPED, "mass_close")


def test_who_is_credited_stays_though_another_dismissed_it(case, make):
    case.reply().close()
    thank(case)
    ben = make.agent("Ben")
    tickets.assign_ticket(ben, case.id, ben.profile_id, now=SOON)
    dismiss_thanks(ben, case.id, now=LATER)
    assert case.request.agent_id_at_close == case.agent.profile_id


def test_a_second_thank_you_is_dismissed_too(case):
    case.reply().close()
    for minutes in (5, 10):
        thank(case, T0 + timedelta(minutes=minutes))
        dismiss(case, T0 + timedelta(minutes=minutes + 1))
    assert len(case.requests) == 1
    assert case.request.state is FeedbackState.PENDING


def test_the_next_closing_after_it_is_a_cycle_of_its_own(case):
    case.reply().close()
    thank(case)
    dismiss(case)
    case.reopen(T0 + timedelta(minutes=30)).close(T0 + timedelta(minutes=40))
    assert [(r.cycle, r.state) for r in case.requests] == [
        (1, FeedbackState.CANCELLED),
        (2, FeedbackState.PENDING),
    ]


def test_what_the_customer_said_meanwhile_is_not_dismissed_unread(case):
    case.reply().close()
    thank(case)
    seen = case.ticket.activity_no
    comments.comment_as_customer(case.customer, case.id, "But it is back.", now=LATER)
    with pytest.raises(StaleWrite):
        dismiss_thanks(case.agent, case.id, seen=seen, now=LATER)
    assert case.ticket.status is Status.OPEN


def _never_closed(case):
    comments.comment_as_customer(case.customer, case.id, "Hello?", now=SOON)


def _reopened_by_button(case):
    case.reply().close().reopen(SOON)
    comments.comment_as_customer(case.customer, case.id, "It is back.", now=LATER)


def _answered_since(case):
    case.reply().close()
    thank(case)
    case.reply(Event.STAFF_REPLY, LATER)


def _answered_and_given_back(case):
    _answered_since(case)
    tickets.assign_ticket(case.agent, case.id, None, now=LATER)
    comments.comment_as_customer(case.customer, case.id, "More.", now=LATER)


def _closed(case):
    case.reply().close()


def _reopened_by_staff(case):
    case.reply().close()
    tickets.reopen_ticket(case.agent, case.id, now=SOON)


@pytest.mark.parametrize(
    "happened",
    [
        _never_closed,
        _reopened_by_button,
        _answered_since,
        _answered_and_given_back,
        _closed,
        _reopened_by_staff,
    ],
)
def test_only_a_comment_that_reopened_it_can_be_dismissed(case, happened):
    happened(case)
    before = case.ticket.status
    with pytest.raises(IllegalTransition):
        dismiss_thanks(case.agent, case.id, now=LATER)
    assert case.ticket.status is before


def test_customers_dismiss_nothing(case, make):
    case.reply().close()
    thank(case)
    with pytest.raises(NotAllowed):
        dismiss_thanks(case.customer, case.id, now=LATER)
    with pytest.raises(NotFound):
        dismiss_thanks(make.customer(), case.id, now=LATER)
    assert case.ticket.status is Status.OPEN
