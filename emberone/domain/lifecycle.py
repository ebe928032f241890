"""What may happen to a ticket, and which status follows.

This table is the only place that decides a status; whatever is not in it is
refused with :class:`~emberone.domain.errors.IllegalTransition`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from emberone.domain.enums import Status
from emberone.domain.errors import IllegalTransition, Word

#: The reason of a closing that goes on with the one before it: it begins no cycle.
THANKS_DISMISSED: Final = "thanks_dismissed"


class Event(StrEnum):
    """What happens to a ticket."""

    STAFF_REPLY = "staff reply"
    #: A reply on a CLOSED ticket, sent after the agent was asked whether to reopen it.
    STAFF_REPLY_REOPENING = "staff reply that reopens"
    STAFF_REPLY_AND_WAIT = "staff reply and wait"
    STAFF_REPLY_AND_CLOSE = "staff reply and close"
    INTERNAL_NOTE = "internal note"
    ASSIGNMENT = "assignment"
    RETURN_TO_POOL = "return to the pool"
    CUSTOMER_COMMENT = "customer comment"
    CLOSE = "close"
    #: A bare "thank you" that reopened the ticket is put away (feedback rule 14).
    DISMISS_THANKS = "thanks dismissed"
    CUSTOMER_REOPEN = "customer reopens"
    STAFF_REOPEN = "staff reopens"


#: What staff can do with a public comment.
REPLIES: Final = (
    Event.STAFF_REPLY,
    Event.STAFF_REPLY_REOPENING,
    Event.STAFF_REPLY_AND_WAIT,
    Event.STAFF_REPLY_AND_CLOSE,
)

_O, _P, _W, _C = Status.OPEN, Status.IN_PROGRESS, Status.WAITING, Status.CLOSED

#: event → status before → status after; a pair that is missing is refused.
TRANSITIONS: Mapping[Event, Mapping[Status, Status]] = {
    Event.STAFF_REPLY: {_O: _P, _P: _P, _W: _P},
    Event.STAFF_REPLY_REOPENING: {_O: _P, _P: _P, _W: _P, _C: _P},
    Event.STAFF_REPLY_AND_WAIT: {_O: _W, _P: _W, _W: _W},
    Event.STAFF_REPLY_AND_CLOSE: {_O: _C, _P: _C, _W: _C, _C: _C},
    Event.INTERNAL_NOTE: {_O: _O, _P: _P, _W: _W, _C: _C},
    Event.ASSIGNMENT: {_O: _O, _P: _P, _W: _W, _C: _C},
    Event.RETURN_TO_POOL: {_O: _O, _P: _O, _W: _W, _C: _C},
    Event.CUSTOMER_COMMENT: {_O: _O, _P: _P, _W: _P, _C: _O},
    Event.CLOSE: {_O: _C, _P: _C, _W: _C},
    # Whoever works on the ticket or answers it has taken the comment for more than thanks.
    Event.DISMISS_THANKS: {_O: _C},
    Event.CUSTOMER_REOPEN: {_O: _O, _P: _P, _W: _W, _C: _O},
    Event.STAFF_REOPEN: {_O: _O, _P: _P, _W: _W, _C: _P},
}

#: Events that bring a CLOSED ticket back only while it has not been closed for long.
_WITHIN_REOPEN_WINDOW = {Event.CUSTOMER_COMMENT, Event.CUSTOMER_REOPEN, Event.STAFF_REOPEN}

_REFUSALS: Mapping[Event, str] = {
    Event.STAFF_REPLY: Word("This ticket is closed; confirm that your reply should reopen it."),
    Event.STAFF_REPLY_AND_WAIT: Word(
        "A closed ticket cannot wait for the customer; reopen it first."
    ),
    Event.CLOSE: Word("This ticket is closed already."),
    Event.DISMISS_THANKS: Word(
        "Only a comment that has just reopened a ticket can be dismissed as a thank-you."
    ),
}


def next_status(
    event: Event,
    status: Status,
    *,
    closed_at: datetime | None,
    now: datetime,
    reopen_window: timedelta,
) -> Status:
    """The status after the event; raises IllegalTransition where the table has none.

    `closed_at` matters for CLOSED tickets only: after `reopen_window` they are final.
    """
    after = TRANSITIONS[event].get(status)
    if after is None:
        raise IllegalTransition(_REFUSALS.get(event))
    if (
        status is Status.CLOSED
        and event in _WITHIN_REOPEN_WINDOW
        and not is_reopenable(closed_at, now=now, reopen_window=reopen_window)
    ):
        raise IllegalTransition(
            "This ticket was closed more than %(days)s days ago; open a new one.",
            days=reopen_window.days,
        )
    return after


def is_reopenable(closed_at: datetime | None, *, now: datetime, reopen_window: timedelta) -> bool:
    """Whether a ticket closed at that time may still come back; the last instant counts."""
    return closed_at is not None and now <= closed_at + reopen_window
