"""Snoozing: putting a ticket aside until a moment, and taking it up again.

Only what staff have to do is put aside: the clocks run on, and customers see
nothing of it (docs/decisions/0016-snooze.md).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain.actor import Actor
from emberone.domain.enums import CommentType, Status
from emberone.domain.errors import Conflict
from emberone.domain.snoozing import Cause, checked
from emberone.models import Comment, Ticket
from emberone.policy import TICKET_SNOOZE, require
from emberone.services import history
from emberone.services.reads import keep_read
from emberone.services.transitions import locked_ticket
from emberone.services.waking import wake


@service
def snooze_ticket(
    actor: Actor,
    ticket_id: UUID,
    until: datetime,
    *,
    seen_at: datetime | None = None,
    now: datetime | None = None,
) -> None:
    """Put the ticket aside until a moment within the next year; another moment replaces the first.

    `seen_at` is when the actor's page was made: what the customer has said since
    is not put aside unread, but a Conflict.
    """
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_SNOOZE, ticket)
        until = checked(until, now_of(session))
        if ticket.status is Status.CLOSED:
            raise Conflict("A closed ticket cannot be put aside.")
        if seen_at is not None and _customer_spoke_after(session, ticket, seen_at):
            raise Conflict("The customer has written meanwhile; read that first.")
        if ticket.snoozed_until == until:
            return
        seen = ticket.activity_no
        ticket.snoozed_until = until
        with as_system(session):
            history.record(session, ticket.id, "snoozed", context={"until": until.isoformat()})
        keep_read(session, ticket.id, seen)


@service
def wake_ticket(actor: Actor, ticket_id: UUID, *, now: datetime | None = None) -> None:
    """Take up a ticket that was put aside; one that is back already only loses the mark of it."""
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_SNOOZE, ticket)
        seen = ticket.activity_no
        wake(session, ticket, Cause.BY_HAND)
        keep_read(session, ticket.id, seen)


def _customer_spoke_after(session: Session, ticket: Ticket, moment: datetime) -> bool:
    return bool(
        session.scalar(
            select(
                exists().where(
                    Comment.ticket_id == ticket.id,
                    Comment.author_id == ticket.customer_id,
                    Comment.type == CommentType.USER,
                    Comment.created_at > moment,
                )
            )
        )
    )
