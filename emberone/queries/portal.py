"""What customers see of their tickets: public columns only.

Nothing here reads a column that moves with what staff do among themselves: `status`,
`priority`, `version`, `updated_at`, the agent, the team and the tags stay out of it
(docs/decisions/0011-what-a-customer-is-shown.md).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Text, Uuid, column, exists, func, or_, select
from sqlalchemy import table as from_view
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from emberone.domain.actor import Actor
from emberone.domain.enums import CommentType, Priority, Status
from emberone.models import Comment, Ticket
from emberone.policy import visible_tickets
from emberone.queries.paging import (
    BIGINT_MAX,
    Key,
    Order,
    Page,
    Paging,
    contains,
    fetch_page,
    parse_id,
    parse_moment,
)

#: What staff do among themselves does not move it.
_LAST_NEWS = Order("news", (Key(Ticket.public_updated_at, parse_moment), Key(Ticket.id, parse_id)))

#: So many of a ticket's latest comments are shown at first.
CONVERSATION_LIMIT: Final = 100
#: Nobody reads more on one page.
WHOLE_CONVERSATION: Final = 2000

_STAFF = from_view("staff_names", column("id", Uuid), column("full_name", Text))
_HISTORY = from_view(
    "ticket_history_public",
    column("id", Uuid),
    column("ticket_id", Uuid),
    column("actor_id", Uuid),
    column("action", Text),
    column("old_value", JSONB),
    column("new_value", JSONB),
    column("created_at", DateTime(timezone=True)),
)


class Which(StrEnum):
    """Which of their tickets a customer looks at."""

    ALL = "all"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class OwnFilters:
    """What to list; what is empty does not filter."""

    which: Which = Which.ALL
    words: str | None = None


class OwnTicket(NamedTuple):
    """One line of a customer's list."""

    number: int
    title: str
    status: Status
    #: When the customer last could see something new.
    updated_at: datetime


class OwnTicketPage(NamedTuple):
    """One of the customer's tickets, as its page shows it."""

    id: UUID
    number: int
    customer_id: UUID
    title: str
    description: str
    status: Status
    priority: Priority
    created_at: datetime
    closed_at: datetime | None
    public_version: int
    feedback_rating: int | None
    feedback_text: str | None
    #: The closed ticket that this one continues, if it is the customer's too.
    continues: int | None


class Said(NamedTuple):
    """One public comment."""

    id: UUID
    author_id: UUID | None
    #: Known of staff only; the customer is "you".
    author_name: str | None
    content: str
    type: CommentType
    version: int
    is_edited: bool
    created_at: datetime
    #: What the product's own comment is about; None in people's.
    facts: dict[str, Any] | None


class Happening(NamedTuple):
    """One public entry of the ticket's history."""

    action: str
    actor_id: UUID | None
    #: Known of staff only.
    actor_name: str | None
    old_value: dict[str, Any] | None
    new_value: dict[str, Any] | None
    at: datetime


def own_tickets(
    session: Session,
    actor: Actor,
    filters: OwnFilters | None = None,
    cursor: str | None = None,
    *,
    size: int = 25,
) -> Page[OwnTicket]:
    """One page of the customer's tickets, the last one with news first."""
    filters = filters or OwnFilters()
    statement = select(
        Ticket.number, Ticket.title, Ticket.public_status, Ticket.public_updated_at
    ).where(_own(actor))
    if filters.which is Which.OPEN:
        statement = statement.where(Ticket.public_status != Status.CLOSED)
    elif filters.which is Which.CLOSED:
        statement = statement.where(Ticket.public_status == Status.CLOSED)
    if filters.words is not None:
        statement = statement.where(_found_by(filters.words))
    return fetch_page(session, statement, OwnTicket, Paging(_LAST_NEWS, True, cursor, size))


def own_ticket(session: Session, actor: Actor, number: int) -> OwnTicketPage | None:
    """One of the customer's own tickets, or None: not theirs and not there are the same."""
    earlier = aliased(Ticket)
    row = session.execute(
        select(
            Ticket.id,
            Ticket.number,
            Ticket.customer_id,
            Ticket.title,
            Ticket.description,
            Ticket.public_status,
            Ticket.public_priority,
            Ticket.created_at,
            Ticket.closed_at,
            Ticket.public_version,
            Ticket.feedback_rating,
            Ticket.feedback_text,
            earlier.number,
        )
        .outerjoin(
            earlier,
            (earlier.id == Ticket.follows_id) & (earlier.customer_id == Ticket.customer_id),
        )
        .where(_own(actor), Ticket.number == number)
    ).one_or_none()
    return None if row is None else OwnTicketPage(*tuple(row))


def version_of(session: Session, actor: Actor, number: int) -> int | None:
    """The one number that tells whether the customer's page has news."""
    return session.scalar(select(Ticket.public_version).where(_own(actor), Ticket.number == number))


def number_of(session: Session, actor: Actor, ticket_id: UUID) -> int:
    """What that ticket of the customer is called aloud."""
    return session.scalars(select(Ticket.number).where(_own(actor), Ticket.id == ticket_id)).one()


def continued_by(session: Session, actor: Actor, ticket_id: UUID) -> list[int]:
    """The numbers of the customer's tickets that continue this one."""
    statement = select(Ticket.number).where(_own(actor), Ticket.follows_id == ticket_id)
    return list(session.scalars(statement.order_by(Ticket.number).limit(10)))


def conversation(session: Session, ticket_id: UUID, limit: int = CONVERSATION_LIMIT) -> list[Said]:
    """The ticket's latest public comments, oldest first; one more than the limit if there are."""
    statement = (
        _comments()
        .where(Comment.ticket_id == ticket_id)
        .order_by(Comment.created_at.desc(), Comment.id.desc())
        .limit(limit + 1)
    )
    return [Said(*row) for row in session.execute(statement)][::-1]


def own_comment(session: Session, actor: Actor, ticket_id: UUID, comment_id: UUID) -> Said | None:
    """What the customer said themselves on that ticket, or None."""
    row = session.execute(
        _comments().where(
            Comment.id == comment_id,
            Comment.ticket_id == ticket_id,
            Comment.author_id == actor.profile_id,
            Comment.type == CommentType.USER,
        )
    ).one_or_none()
    return None if row is None else Said(*row)


def happenings(session: Session, ticket_id: UUID) -> list[Happening]:
    """What happened to the ticket in public, oldest first."""
    statement = (
        select(
            _HISTORY.c.action,
            _HISTORY.c.actor_id,
            _STAFF.c.full_name,
            _HISTORY.c.old_value,
            _HISTORY.c.new_value,
            _HISTORY.c.created_at,
        )
        .outerjoin(_STAFF, _STAFF.c.id == _HISTORY.c.actor_id)
        .where(_HISTORY.c.ticket_id == ticket_id)
        .order_by(_HISTORY.c.created_at.desc(), _HISTORY.c.id.desc())
        .limit(CONVERSATION_LIMIT)
    )
    return [Happening(*row) for row in session.execute(statement)][::-1]


def _own(actor: Actor) -> ColumnElement[bool]:
    return visible_tickets(actor) & (Ticket.customer_id == actor.profile_id)


def _comments() -> Any:
    return (
        select(
            Comment.id,
            Comment.author_id,
            _STAFF.c.full_name,
            Comment.content,
            Comment.type,
            Comment.version,
            Comment.details.has_key("editHistory"),
            Comment.created_at,
            Comment.details["systemData"],
        )
        .outerjoin(_STAFF, _STAFF.c.id == Comment.author_id)
        .where(Comment.is_internal.is_(False))
    )


def _found_by(words: str) -> ColumnElement[bool]:
    """The tickets that these words mean: a number, words of the request, or of what was said.

    A customer's own rows are few, and their row policy is asked first whatever we write, so
    no index over words can help and none is needed.
    """
    query = func.websearch_to_tsquery("english", words)
    said = exists(
        select(Comment.id)
        .where(
            Comment.ticket_id == Ticket.id,
            Comment.is_internal.is_(False),
            or_(
                func.to_tsvector("english", Comment.content).bool_op("@@")(query),
                contains(Comment.content, words),
            ),
        )
        .correlate(Ticket)
    )
    conditions = [
        Ticket.search.bool_op("@@")(query),
        contains(Ticket.title, words),
        contains(Ticket.description, words),
        said,
    ]
    number = words.removeprefix("#")
    if number.isascii() and number.isdigit() and int(number) <= BIGINT_MAX:
        conditions.append(Ticket.number == int(number))
    return or_(*conditions)
