"""Comments: a ticket's conversation, and the list of all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.domain.enums import CommentType, Role
from emberone.models import Comment, Profile, Ticket
from emberone.policy import TICKET_NOTE, may_ever, visible_tickets
from emberone.queries.paging import Key, Order, Page, Paging, fetch_page, parse_id, parse_moment
from emberone.queries.search import find_comments

#: The list's only order, newest first.
CREATED: Final = Order(
    "created", (Key(Comment.created_at, parse_moment), Key(Comment.id, parse_id))
)

#: So many comments of one ticket are shown on its page; earlier ones are in the list.
CONVERSATION_LIMIT = 200

#: So many characters of a comment are shown in the list.
EXCERPT_LENGTH = 200


class CommentCard(NamedTuple):
    """One comment of a conversation."""

    id: UUID
    ticket_id: UUID
    author_id: UUID | None
    author_name: str | None
    author_role: Role | None
    content: str
    type: CommentType
    is_internal: bool
    details: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def edits(self) -> list[dict[str, Any]]:
        """What it said before, oldest first."""
        found: list[dict[str, Any]] = self.details.get("editHistory", [])
        return found


class CommentRow(NamedTuple):
    """One line of the list of comments."""

    id: UUID
    ticket_number: int
    ticket_title: str
    author_id: UUID | None
    author_name: str | None
    excerpt: str
    #: What the product kept beside its own words.
    facts: dict[str, Any] | None
    type: CommentType
    is_internal: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CommentFilters:
    """Which comments to show; what is empty does not filter."""

    type: CommentType | None = None
    author_id: UUID | None = None
    ticket_id: UUID | None = None
    words: str | None = None


def visible_comments(actor: Actor) -> ColumnElement[bool]:
    """The comments, on tickets that the actor may see, that the actor may see."""
    return true() if may_ever(actor, TICKET_NOTE) else Comment.is_internal.is_(False)


def conversation(session: Session, actor: Actor, ticket_id: UUID) -> list[CommentCard]:
    """The latest comments of a ticket, oldest first."""
    statement = (
        _cards(actor)
        .where(Comment.ticket_id == ticket_id)
        .order_by(Comment.created_at.desc(), Comment.id.desc())
        .limit(CONVERSATION_LIMIT + 1)
    )
    return [CommentCard(*row) for row in session.execute(statement)][::-1]


def cards(session: Session, actor: Actor, ids: Iterable[UUID]) -> list[CommentCard]:
    """These comments, as far as the actor may see them, in no order."""
    statement = _cards(actor).where(Comment.id.in_(tuple(ids)))
    return [CommentCard(*row) for row in session.execute(statement)]


def comment_card(session: Session, actor: Actor, comment_id: UUID) -> CommentCard | None:
    """One comment, or None where there is none that the actor may see."""
    row = session.execute(_cards(actor).where(Comment.id == comment_id)).one_or_none()
    return None if row is None else CommentCard(*row)


def _cards(actor: Actor) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Comment.id,
            Comment.ticket_id,
            Comment.author_id,
            Profile.full_name,
            Profile.role,
            Comment.content,
            Comment.type,
            Comment.is_internal,
            Comment.details,
            Comment.version,
            Comment.created_at,
            Comment.updated_at,
        )
        .join(Ticket, Ticket.id == Comment.ticket_id)
        .outerjoin(Profile, Profile.id == Comment.author_id)
        .where(visible_tickets(actor), visible_comments(actor))
    )


def list_comments(
    session: Session, actor: Actor, filters: CommentFilters, paging: Paging
) -> Page[CommentRow]:
    """One page of the comments that the actor may see."""
    statement = (
        select(
            Comment.id,
            Ticket.number,
            Ticket.title,
            Comment.author_id,
            Profile.full_name,
            func.left(Comment.content, EXCERPT_LENGTH),
            Comment.details["systemData"],
            Comment.type,
            Comment.is_internal,
            Comment.created_at,
        )
        .join(Ticket, Ticket.id == Comment.ticket_id)
        .outerjoin(Profile, Profile.id == Comment.author_id)
        .where(visible_tickets(actor), visible_comments(actor))
    )
    if filters.type is not None:
        statement = statement.where(Comment.type == filters.type)
    if filters.author_id is not None:
        statement = statement.where(Comment.author_id == filters.author_id)
    if filters.ticket_id is not None:
        statement = statement.where(Comment.ticket_id == filters.ticket_id)
    if filters.words is not None:
        statement = statement.where(find_comments(session, filters.words))
    return fetch_page(session, statement, CommentRow, paging)
