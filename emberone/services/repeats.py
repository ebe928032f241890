"""What is sent twice without meaning to: a double click, a reload, a slow line.

The same words with the same files within a minute are one message. It is decided under
the lock of the ticket, or of the customer where there is no ticket yet, and not in a
browser: the second of two that come at once waits, and finds the first.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of
from emberone.domain.actor import Actor
from emberone.domain.attachments import Upload
from emberone.domain.enums import CommentType, Priority
from emberone.models import Attachment, Comment, Profile, Ticket

#: Later, the same words are meant again: "Any news?"
WINDOW: Final = timedelta(minutes=1)


def said_already(
    session: Session, actor: Actor, ticket: Ticket, content: str, files: Sequence[Upload]
) -> bool:
    """Whether the actor has just said this on the locked ticket; a step."""
    statement = select(Comment.id, _digests(Attachment.comment_id == Comment.id)).where(
        Comment.ticket_id == ticket.id,
        Comment.author_id == actor.profile_id,
        Comment.type == CommentType.USER,
        Comment.created_at > now_of(session) - WINDOW,
        Comment.content == content,
    )
    return _first_with(session, statement, files) is not None


def answered_already(
    session: Session,
    actor: Actor,
    ticket_id: UUID,
    kind: CommentType,
    content: str,
    files: Sequence[Upload],
) -> UUID | None:
    """The comment by which a member of staff has just said this on the locked ticket; a step.

    It may have more files than these: those that its draft had kept.
    """
    wanted = {file.digest for file in files}
    statement = select(Comment.id, _digests(Attachment.comment_id == Comment.id)).where(
        Comment.ticket_id == ticket_id,
        Comment.author_id == actor.profile_id,
        Comment.type == kind,
        Comment.created_at > now_of(session) - WINDOW,
        Comment.content == content,
    )
    for comment_id, digests in session.execute(statement):
        if wanted <= set(digests or ()):
            return UUID(str(comment_id))
    return None


def asked_already(
    session: Session,
    customer_id: UUID,
    title: str,
    description: str,
    priority: Priority,
    files: Sequence[Upload],
) -> UUID | None:
    """The ticket by which the customer has just asked this; a step that locks the customer."""
    with as_system(session):
        session.execute(
            select(Profile.id).where(Profile.id == customer_id).with_for_update(key_share=True)
        )
    statement = _recent_tickets(session, customer_id, title, description).where(
        Ticket.follows_id.is_(None), Ticket.public_priority == priority
    )
    return _first_with(session, statement, files)


def followed_already(
    session: Session, closed: Ticket, content: str, files: Sequence[Upload]
) -> UUID | None:
    """The ticket that has just been opened by this comment on the locked, closed one; a step."""
    statement = _recent_tickets(session, closed.customer_id, closed.title, content).where(
        Ticket.follows_id == closed.id
    )
    return _first_with(session, statement, files)


def _recent_tickets(
    session: Session, customer_id: UUID, title: str, description: str
) -> Select[*tuple[Any, ...]]:
    of_request = (
        (Attachment.ticket_id == Ticket.id)
        & Attachment.comment_id.is_(None)
        & Attachment.draft_id.is_(None)
    )
    return select(Ticket.id, _digests(of_request)).where(
        Ticket.customer_id == customer_id,
        Ticket.created_at > now_of(session) - WINDOW,
        # Nobody has answered, changed or closed it yet.
        Ticket.public_version == 1,
        Ticket.title == title,
        Ticket.description == description,
    )


def _digests(which: Any) -> Any:
    return select(func.array_agg(Attachment.digest)).where(which).scalar_subquery()


def _first_with(
    session: Session, statement: Select[*tuple[Any, ...]], files: Sequence[Upload]
) -> UUID | None:
    """The first row whose files are these."""
    wanted = {file.digest for file in files}
    for row_id, digests in session.execute(statement):
        if set(digests or ()) == wanted:
            return UUID(str(row_id))
    return None
