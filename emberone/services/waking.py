"""Waking: what brings a ticket back that was put aside, long before or after its moment.

Steps of other verbs, with the ticket locked. When its moment comes a ticket is back
by itself (`queries/views.py`); the mark of it goes here with the next thing that happens.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of
from emberone.domain.snoozing import Cause, is_asleep
from emberone.models import HistoryEntry, Ticket
from emberone.services import history


def wake(session: Session, ticket: Ticket, cause: Cause) -> None:
    """Bring the ticket back; history says so only where it was away still."""
    if ticket.snoozed_until is None:
        return
    was_asleep = is_asleep(ticket.snoozed_until, now_of(session))
    with as_system(session):
        # Staff's affair: a customer has no right to this column, and never hears of it.
        ticket.snoozed_until = None
        if was_asleep:
            history.record(session, ticket.id, "woken", context={"cause": cause.value})


def wake_for_reply(session: Session, ticket: Ticket, sent_at: datetime) -> None:
    """Bring it back for a reply, unless it was put aside after the reply was sent.

    "Answer, then put it aside" is one thought, but a reply waits before it is published.
    """
    if ticket.snoozed_until is None:
        return
    put_aside_at = session.scalar(
        select(func.max(HistoryEntry.created_at)).where(
            HistoryEntry.ticket_id == ticket.id, HistoryEntry.action == "snoozed"
        )
    )
    if put_aside_at is None or put_aside_at <= sent_at:
        wake(session, ticket, Cause.REPLY)
