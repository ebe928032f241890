"""The table of what may happen to a ticket."""

from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.enums import Status
from emberone.domain.errors import IllegalTransition
from emberone.domain.lifecycle import TRANSITIONS, Event, next_status

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
REFUSED = None

#: event → what follows from OPEN, IN_PROGRESS, WAITING, CLOSED; written out once more by hand.
EXPECTED = {
    Event.STAFF_REPLY: ("IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS", REFUSED),
    Event.STAFF_REPLY_REOPENING: ("IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS"),
    Event.STAFF_REPLY_AND_WAIT: ("WAITING", "WAITING", "WAITING", REFUSED),
    Event.STAFF_REPLY_AND_CLOSE: ("CLOSED", "CLOSED", "CLOSED", "CLOSED"),
    Event.INTERNAL_NOTE: ("OPEN", "IN_PROGRESS", "WAITING", "CLOSED"),
    Event.ASSIGNMENT: ("OPEN", "IN_PROGRESS", "WAITING", "CLOSED"),
    Event.RETURN_TO_POOL: ("OPEN", "OPEN", "WAITING", "CLOSED"),
    Event.CUSTOMER_COMMENT: ("OPEN", "IN_PROGRESS", "IN_PROGRESS", "OPEN"),
    Event.DISMISS_THANKS: ("CLOSED", REFUSED, REFUSED, REFUSED),
    Event.CLOSE: ("CLOSED", "CLOSED", "CLOSED", REFUSED),
    Event.CUSTOMER_REOPEN: ("OPEN", "IN_PROGRESS", "WAITING", "OPEN"),
    Event.STAFF_REOPEN: ("OPEN", "IN_PROGRESS", "WAITING", "IN_PROGRESS"),
}


def _next(event, status, closed_at=NOW):
    return next_status(event, status, closed_at=closed_at, now=NOW, reopen_window=WEEK)


def test_every_event_is_in_the_table():
    assert set(EXPECTED) == set(Event) == set(TRANSITIONS)


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("status", Status)
def test_each_event_leads_where_the_table_says(event, status):
    expected = EXPECTED[event][list(Status).index(status)]
    if expected is REFUSED:
        with pytest.raises(IllegalTransition):
            _next(event, status)
    else:
        assert _next(event, status) is Status(expected)


@pytest.mark.parametrize(
    ("event", "status", "said"),
    [
        (
            Event.STAFF_REPLY,
            Status.CLOSED,
            "This ticket is closed; confirm that your reply should reopen it.",
        ),
        (
            Event.STAFF_REPLY_AND_WAIT,
            Status.CLOSED,
            "A closed ticket cannot wait for the customer; reopen it first.",
        ),
        (Event.CLOSE, Status.CLOSED, "This ticket is closed already."),
        (
            Event.DISMISS_THANKS,
            Status.WAITING,
            "Only a comment that has just reopened a ticket can be dismissed as a thank-you.",
        ),
    ],
)
def test_a_refusal_says_what_to_do_instead(event, status, said):
    with pytest.raises(IllegalTransition) as refusal:
        _next(event, status)
    assert refusal.value.message == said


@pytest.mark.parametrize(
    "event", [Event.CUSTOMER_COMMENT, Event.CUSTOMER_REOPEN, Event.STAFF_REOPEN]
)
def test_a_ticket_closed_too_long_ago_is_final(event):
    assert _next(event, Status.CLOSED, NOW - WEEK) is not Status.CLOSED
    with pytest.raises(IllegalTransition) as refusal:
        _next(event, Status.CLOSED, NOW - WEEK - timedelta(microseconds=1))
    assert refusal.value.message == ("This ticket was closed more than 7 days ago; open a new one.")


@pytest.mark.parametrize("event", [Event.STAFF_REPLY_REOPENING, Event.STAFF_REPLY_AND_CLOSE])
def test_staff_may_answer_an_old_ticket_all_the_same(event):
    assert _next(event, Status.CLOSED, NOW - 100 * WEEK)
