"""What the page of a ticket says about asking its customer for a rating (feedback rule 2)."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from emberone.domain.feedback import SkipReason
from emberone.domain.lifecycle import Event
from emberone.services import comments, feedback, tickets
from emberone.web.admin.why import SKIP_REASONS
from tests.web.admin.conftest import rows

HOUR = timedelta(hours=1)


def now_less(**length):
    return datetime.now(UTC) - timedelta(**length)


def page_of(browser, ticket):
    answer = browser.get(f"/admin/ticket/{ticket.number}/")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def card(browser, ticket):
    """The lines of the card: what each closing's request says, without the markup."""
    page = page_of(browser, ticket)
    found = re.search(r">\s*Feedback\s*</h\d>.*?<ol[^>]*>(.*?)</ol>", page, re.DOTALL)
    if found is None:
        return None
    lines = re.findall(r"<li>(.*?)</li>", found[1], re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", line)).split()) for line in lines]


@pytest.fixture
def answered(agent, open_ticket):
    """A ticket that the agent answered and has."""
    ticket = open_ticket(now=now_less(days=3))
    comments.reply(agent, ticket.id, "Water?", Event.STAFF_REPLY, now=now_less(days=3))
    return ticket


@pytest.fixture
def written(agent, answered):
    """A ticket whose customer's letter was written two days ago, and has not left yet."""
    tickets.close_ticket(agent, answered.id, now=now_less(days=2))
    assert feedback.sweep_feedback(now=now_less(days=2) + 2 * HOUR) == 1
    return answered


@pytest.fixture
def sent(written, owner):
    """A ticket whose customer was asked two days ago."""
    owner.execute(
        "UPDATE mail_outbox SET state = 'sent', sent_at = now() - interval '46 hours'"
        " WHERE letter = 'feedback_request'"
    )
    return written


def test_every_reason_has_words():
    assert set(SKIP_REASONS) == set(SkipReason)


def test_a_ticket_that_was_never_closed_has_no_card(as_agent, answered):
    assert card(as_agent, answered) is None


def test_a_request_that_waits_says_when_it_is_due_and_who_is_credited(as_agent, agent, answered):
    tickets.close_ticket(agent, answered.id)
    [line] = card(as_agent, answered)
    assert re.match(r"Due at \d+ \w+( \d+)?, \d\d:\d\d Closing 1, credited to Ana Agent$", line), (
        line
    )


@pytest.mark.rule("feedback 2")
def test_a_skipped_request_says_why_in_the_card_and_in_the_timeline(as_agent, customer, make):
    ticket_id = tickets.open_ticket(customer, customer.profile_id, "T", "D", now=now_less(days=1))
    tickets.close_ticket(customer, ticket_id, now=now_less(hours=5))
    assert feedback.sweep_feedback() == 1
    [ticket] = rows("SELECT id, number FROM tickets")
    words = "nobody answered the customer in public"
    assert card(as_agent, ticket) == [f"Skipped: {words} Closing 1"]
    page = page_of(as_agent, ticket)
    page = as_agent.get(f"/admin/ticket/{ticket.number}/?tab=activity").get_data(as_text=True)
    assert f'<div class="history__reason">{words}</div>' in page
    assert "no_staff_reply" not in page
    history = as_agent.get(f"/admin/history/?ticket={ticket.id}").get_data(as_text=True)
    assert words in history


def test_a_reason_that_is_not_known_is_shown_as_it_is(as_agent, agent, answered, owner):
    tickets.close_ticket(agent, answered.id)
    owner.execute("UPDATE feedback_requests SET state = 'SKIPPED', state_reason = '<moon>'")
    assert "Skipped: <moon>" in card(as_agent, answered)[0]


def test_a_sent_request_says_when_and_whether_its_link_still_counts(as_agent, sent, owner):
    [line] = card(as_agent, sent)
    assert re.match(r"Sent on .+; not answered yet Closing 1, credited to Ana Agent$", line), line
    owner.execute("UPDATE feedback_requests SET expires_at = now()")
    assert "; expired without an answer" in card(as_agent, sent)[0]


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("state = 'queued'", r"Written on .+; the letter has not left yet"),
        ("state = 'kept'", r"Written on .+ and not sent: no mail server is set, so .+ not asked"),
        (
            "state = 'dead', last_error = '550 no'",
            r"Written on .+ and given up: the letter could not be delivered",
        ),
        (
            "state = 'suppressed', last_error = 'The ticket was reopened.'",
            r"Not sent: The ticket was reopened\.",
        ),
    ],
)
@pytest.mark.rule("feedback 2")
def test_a_letter_that_has_not_left_is_not_called_sent(as_agent, written, owner, fate, words):
    owner.execute(f"UPDATE mail_outbox SET {fate} WHERE letter = 'feedback_request'")
    [line] = card(as_agent, written)
    assert re.match(rf"{words} Closing 1, credited to Ana Agent$", line), line


def test_an_answered_request_says_the_rating(as_agent, customer, sent):
    tickets.rate_ticket(customer, sent.id, 4, None)
    assert card(as_agent, sent)[0].startswith("Answered 4 of 5 on ")


def test_every_closing_has_its_line_the_newest_first(as_agent, agent, customer, make, sent):
    tickets.reopen_ticket(customer, sent.id, now=now_less(hours=40))
    ben = make.agent("Ben")
    tickets.assign_ticket(ben, sent.id, ben.profile_id, now=now_less(hours=40))
    tickets.close_ticket(ben, sent.id, now=now_less(hours=39))
    tickets.reopen_ticket(customer, sent.id, now=now_less(hours=39))
    tickets.assign_ticket(ben, sent.id, None, now=now_less(hours=38))
    tickets.close_ticket(customer, sent.id)
    third, second, first = card(as_agent, sent)
    assert third.startswith("Due at ")
    assert third.endswith(" Closing 3")
    assert second == "Cancelled: the ticket was reopened Closing 2, credited to Ben"
    assert first.startswith("Sent on ")
    assert first.endswith("; void since the ticket was reopened Closing 1, credited to Ana Agent")


def test_a_request_that_was_given_up_leads_admins_to_the_jobs(
    as_agent, as_admin, agent, customer, answered, owner
):
    tickets.close_ticket(agent, answered.id)
    owner.execute("UPDATE feedback_requests SET dead_at = now(), last_error = 'boom'")
    [line] = card(as_agent, answered)
    assert line.startswith("Given up on ")
    assert "Jobs" not in line
    [line] = card(as_admin, answered)
    assert "Jobs" in line
    tickets.reopen_ticket(customer, answered.id)
    [line] = card(as_admin, answered)
    assert "Cancelled: the ticket was reopened" in line
    assert "Jobs" not in line


def test_the_page_costs_the_same_for_one_closing_and_for_five(
    as_agent, agent, customer, answered, queries
):
    def cost():
        lines = card(as_agent, answered)
        return len(lines or ()), len(queries())

    tickets.close_ticket(agent, answered.id)
    cost()
    one, few = cost()
    for _ in range(4):
        tickets.reopen_ticket(customer, answered.id)
        tickets.close_ticket(agent, answered.id)
    queries()
    many, cost_of_many = cost()
    assert (one, many) == (1, 5)
    assert cost_of_many == few
