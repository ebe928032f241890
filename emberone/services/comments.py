"""Changing what was said: editing and deleting comments."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.errors import NotFound, StaleWrite
from emberone.models import Comment, Ticket
from emberone.policy import COMMENT_DELETE, COMMENT_EDIT, TICKET_VIEW, may, require


@service
def edit_comment(actor: Actor, comment_id: UUID, content: str, *, version: int) -> None:
    """Say it otherwise; what was there before is kept in the comment's edit history.

    Raises StaleWrite where someone edited it meanwhile.
    """
    content = texts.comment(content)
    with transaction(actor) as session:
        comment = _locked_comment(session, actor, comment_id)
        require(actor, COMMENT_EDIT, comment, now=now_of(session))
        if comment.version != version:
            raise StaleWrite(version=comment.version, content=comment.content)
        comment.content = content


@service
def delete_comment(actor: Actor, comment_id: UUID) -> None:
    """Take a comment out of the conversation; history keeps that it was there."""
    with transaction(actor) as session:
        comment = _locked_comment(session, actor, comment_id)
        require(actor, COMMENT_DELETE, comment)
        session.delete(comment)


def _locked_comment(session: Session, actor: Actor, comment_id: UUID) -> Comment:
    """The comment under a lock; NotFound where the actor may not even know of it."""
    # A customer's own row policy would hide a comment that is too old to edit. The ticket
    # first, like everyone: the comment's trigger changes it.
    with as_system(session):
        ticket = session.scalars(
            select(Ticket)
            .where(Ticket.id.in_(select(Comment.ticket_id).where(Comment.id == comment_id)))
            .with_for_update(key_share=True)
        ).one_or_none()
        comment = session.get(
            Comment, comment_id, with_for_update={"key_share": True}, populate_existing=True
        )
    if ticket is None or comment is None:
        raise NotFound
    if not may(actor, TICKET_VIEW, ticket) or (comment.is_internal and actor.is_customer):
        raise NotFound
    return comment
