"""What customers are told by letter about their tickets; steps of the verbs that cause it.

One letter for one act: what a reply does to the ticket is said in the reply's
letter, and what staff say while opening a ticket in the letter about its opening.
Imports and the product's own comments write none.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from emberone.db import as_system
from emberone.domain.actor import Actor
from emberone.mail.rendering import PRODUCT
from emberone.models import Comment, Profile, Ticket
from emberone.services import letters
from emberone.services.settings import current

#: The letter that asks for an answer once more.
REMINDER: Final = "reminder"


def ticket_received(
    session: Session, actor: Actor, ticket: Ticket, *, said: str | None = None
) -> None:
    """Confirm a ticket to its customer, with what staff said while opening it."""
    params = {"description": ticket.description, "by_staff": not actor.is_customer, "content": said}
    _write(session, actor, ticket, f"received:{ticket.id}", "ticket_received", params)


def staff_replied(session: Session, actor: Actor, ticket: Ticket, comment: Comment) -> None:
    """Bring a public comment of staff to the customer, and say what it means for the ticket."""
    params = {
        "content": comment.content,
        "files": comment.details.get("attachments", []),
        "status": ticket.status.value,
        "reopen_days": current(session).reopen_days,
    }
    _write(session, actor, ticket, reply_key(comment.id), "staff_replied", params)


def comment_deleted(session: Session, comment_id: UUID) -> None:
    """What was taken out of the conversation is not sent after all, where it has not left yet."""
    with as_system(session):
        letters.withdraw(session, [reply_key(comment_id)], "The comment was deleted.")


def ticket_deleted(session: Session, ticket_id: UUID) -> None:
    """What has not left yet would quote a ticket that is gone, and link to nothing."""
    with as_system(session):
        letters.withdraw_of_ticket(session, ticket_id, "The ticket was deleted.")


def reminded(
    session: Session, ticket: Ticket, *, since: datetime, closes_at: datetime | None
) -> None:
    """Ask the customer once more for the answer that a ticket waits for; needs the product's rights.

    Once for each silence; a second time where the first did not say when it ends.
    """
    letters.write(
        session,
        key=f"reminder:{ticket.id}:{since.isoformat()}:{'until' if closes_at else 'open'}",
        letter=REMINDER,
        to_profile_id=ticket.customer_id,
        ticket_id=ticket.id,
        params={
            "closes_at": None if closes_at is None else closes_at.isoformat(),
            "reopen_days": current(session).reopen_days,
        },
    )


def waits_no_longer(session: Session, ticket: Ticket) -> None:
    """A reminder that has not left yet asks for what the ticket no longer waits for."""
    letters.withdraw_about(session, ticket.id, REMINDER, "The ticket no longer waits.")


def reply_key(comment_id: UUID) -> str:
    """The key of the letter that brings a comment."""
    return f"replied:{comment_id}"


def _write(
    session: Session,
    actor: Actor,
    ticket: Ticket,
    key: str,
    letter: str,
    params: Mapping[str, Any],
) -> None:
    with as_system(session):
        author = actor.profile_id and session.get(Profile, actor.profile_id)
        letters.write(
            session,
            key=key,
            letter=letter,
            to_profile_id=ticket.customer_id,
            ticket_id=ticket.id,
            params={"author": author.full_name if author else PRODUCT, **params},
        )
