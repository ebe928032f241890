"""Tickets as staff look at them: the list, one ticket, and the whole lot for a file."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from emberone.domain.actor import Actor
from emberone.domain.enums import Priority, Status
from emberone.models import Profile, Team, Ticket
from emberone.policy import visible_tickets
from emberone.queries.paging import (
    COUNT_LIMIT,
    Key,
    Order,
    Page,
    Paging,
    count_up_to,
    fetch_page,
    parse_count,
    parse_id,
    parse_moment,
)
from emberone.queries.search import Hits

_created, _id = Key(Ticket.created_at, parse_moment), Key(Ticket.id, parse_id)

#: The list's orders, each with an index of its own.
ORDERS: Final = {
    order.name: order
    for order in (
        Order("created", (_created, _id)),
        Order("activity", (Key(Ticket.last_activity_at, parse_moment), _id)),
        Order("number", (Key(Ticket.number, parse_count),)),
        Order("priority", (Key(Ticket.priority, Priority), _created, _id)),
        Order("status", (Key(Ticket.status, Status), _created, _id), descending=False),
    )
}

_Customer, _Agent = aliased(Profile, name="customer"), aliased(Profile, name="agent")


class Nobody(Enum):
    """Stands for the tickets without an agent."""

    NOBODY = "none"


@dataclass(frozen=True, slots=True)
class TicketFilters:
    """Which tickets to show; what is empty does not filter."""

    statuses: tuple[Status, ...] = ()
    priority: Priority | None = None
    agent: UUID | Nobody | None = None
    team_id: UUID | None = None
    tag: str | None = None
    customer_id: UUID | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    hits: Hits | None = None

    @property
    def are_only_words(self) -> bool:
        """Whether nothing but the search narrows the list."""
        return self == TicketFilters(hits=self.hits)


class TicketRow(NamedTuple):
    """One line of the list."""

    id: UUID
    number: int
    title: str
    customer_id: UUID
    customer_name: str
    status: Status
    priority: Priority
    agent_id: UUID | None
    agent_name: str | None
    team_name: str | None
    tags: list[str]
    created_at: datetime
    last_activity_at: datetime
    customer_spoke_last: bool
    snoozed_until: datetime | None
    activity_no: int


class TicketDetails(NamedTuple):
    """All that the page of one ticket shows of its row."""

    id: UUID
    number: int
    title: str
    description: str
    status: Status
    priority: Priority
    customer_id: UUID
    customer_name: str
    customer_email: str
    assigned_agent_id: UUID | None
    agent_name: str | None
    team_id: UUID | None
    team_name: str | None
    tags: list[str]
    follows_id: UUID | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    feedback_rating: int | None
    feedback_text: str | None
    version: int
    activity_no: int
    customer_spoke_last: bool
    snoozed_until: datetime | None


class ExportRow(NamedTuple):
    """One line of the exported file."""

    id: UUID
    number: int
    title: str
    description: str
    status: Status
    priority: Priority
    customer_name: str
    customer_email: str
    agent_name: str | None
    team_name: str | None
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    feedback_rating: int | None
    feedback_text: str | None


def list_tickets(
    session: Session, actor: Actor, filters: TicketFilters, paging: Paging
) -> Page[TicketRow]:
    """One page of the tickets that the actor may see."""
    statement = _people(
        select(
            Ticket.id,
            Ticket.number,
            Ticket.title,
            Ticket.customer_id,
            _Customer.full_name,
            Ticket.status,
            Ticket.priority,
            Ticket.assigned_agent_id,
            _Agent.full_name,
            Team.name,
            Ticket.tags,
            Ticket.created_at,
            Ticket.last_activity_at,
            Ticket.customer_spoke_last,
            Ticket.snoozed_until,
            Ticket.activity_no,
        )
    ).where(*conditions(actor, filters))
    return fetch_page(session, statement, TicketRow, paging)


def count_tickets(session: Session, actor: Actor, filters: TicketFilters) -> int | None:
    """How many there are, up to one past the limit; None where knowing would cost too much."""
    if filters.hits is not None and filters.hits.ids is None:
        # The probe has seen more hits than are counted anyway.
        return COUNT_LIMIT + 1 if filters.are_only_words else None
    return count_up_to(session, select(Ticket.id).where(*conditions(actor, filters)))


def conditions(actor: Actor, filters: TicketFilters) -> list[ColumnElement[bool]]:
    """The filters, and what the actor may see, as conditions for queries."""
    found: list[ColumnElement[bool]] = [visible_tickets(actor)]
    if len(filters.statuses) == 1:
        found.append(Ticket.status == filters.statuses[0])
    elif filters.statuses:
        found.append(Ticket.status.in_(filters.statuses))
    if filters.priority is not None:
        found.append(Ticket.priority == filters.priority)
    if filters.agent is Nobody.NOBODY:
        found.append(Ticket.assigned_agent_id.is_(None))
    elif filters.agent is not None:
        found.append(Ticket.assigned_agent_id == filters.agent)
    if filters.team_id is not None:
        found.append(Ticket.team_id == filters.team_id)
    if filters.tag is not None:
        found.append(Ticket.tags.contains([filters.tag]))
    if filters.customer_id is not None:
        found.append(Ticket.customer_id == filters.customer_id)
    if filters.created_from is not None:
        found.append(Ticket.created_at >= filters.created_from)
    if filters.created_before is not None:
        found.append(Ticket.created_at < filters.created_before)
    if filters.hits is not None:
        found.append(filters.hits.condition)
    return found


def _people(statement: Select[*tuple[Any, ...]]) -> Select[Any]:
    return (
        statement.join(_Customer, _Customer.id == Ticket.customer_id)
        .outerjoin(_Agent, _Agent.id == Ticket.assigned_agent_id)
        .outerjoin(Team, Team.id == Ticket.team_id)
    )


def ticket_details(session: Session, actor: Actor, number: int) -> TicketDetails | None:
    """The ticket of that number, or None where there is none that the actor may see."""
    statement = _people(
        select(
            Ticket.id,
            Ticket.number,
            Ticket.title,
            Ticket.description,
            Ticket.status,
            Ticket.priority,
            Ticket.customer_id,
            _Customer.full_name,
            _Customer.email,
            Ticket.assigned_agent_id,
            _Agent.full_name,
            Ticket.team_id,
            Team.name,
            Ticket.tags,
            Ticket.follows_id,
            Ticket.created_at,
            Ticket.updated_at,
            Ticket.closed_at,
            Ticket.feedback_rating,
            Ticket.feedback_text,
            Ticket.version,
            Ticket.activity_no,
            Ticket.customer_spoke_last,
            Ticket.snoozed_until,
        )
    ).where(visible_tickets(actor), Ticket.number == number)
    row = session.execute(statement).one_or_none()
    return None if row is None else TicketDetails(*row)


def number_of(session: Session, actor: Actor, ticket_id: UUID) -> int | None:
    """The number of a ticket that the actor may see."""
    return session.scalar(
        select(Ticket.number).where(visible_tickets(actor), Ticket.id == ticket_id)
    )


def id_of(session: Session, actor: Actor, number: int) -> UUID | None:
    """The id of a ticket that the actor may see, by its number."""
    return session.scalar(select(Ticket.id).where(visible_tickets(actor), Ticket.number == number))


class RelatedTicket(NamedTuple):
    """Another ticket of the same customer, or one this continues or is continued by."""

    id: UUID
    number: int
    title: str
    status: Status
    created_at: datetime
    follows_id: UUID | None


def other_tickets(
    session: Session, actor: Actor, customer_id: UUID, but: UUID, limit: int = 6
) -> list[RelatedTicket]:
    """The customer's latest tickets besides one."""
    statement = (
        select(
            Ticket.id,
            Ticket.number,
            Ticket.title,
            Ticket.status,
            Ticket.created_at,
            Ticket.follows_id,
        )
        .where(visible_tickets(actor), Ticket.customer_id == customer_id, Ticket.id != but)
        .order_by(Ticket.id.desc())
        .limit(limit)
    )
    return [RelatedTicket(*row) for row in session.execute(statement)]


class QueueCounts(NamedTuple):
    """How many tickets wait for whom."""

    mine: int
    unassigned: int
    active: int
    waiting: int


def queue_counts(session: Session, actor: Actor) -> QueueCounts:
    """The counts above the list, in one statement that stops counting at the limit each."""

    def capped(*narrowed: ColumnElement[bool]) -> ColumnElement[int]:
        inner = (
            select(Ticket.id)
            .where(visible_tickets(actor), *narrowed)
            .limit(COUNT_LIMIT + 1)
            .subquery()
        )
        return select(func.count()).select_from(inner).scalar_subquery()

    active = Ticket.status.in_((Status.OPEN, Status.IN_PROGRESS))
    row = session.execute(
        select(
            capped(active, Ticket.assigned_agent_id == actor.profile_id),
            capped(active, Ticket.assigned_agent_id.is_(None)),
            capped(active),
            capped(Ticket.status == Status.WAITING),
        )
    ).one()
    return QueueCounts(*row)


def export_tickets(
    session: Session, actor: Actor, filters: TicketFilters, *, after: UUID | None, size: int
) -> list[ExportRow]:
    """The next tickets in order of their ids, for a file that is written piece by piece."""
    statement = _people(
        select(
            Ticket.id,
            Ticket.number,
            Ticket.title,
            Ticket.description,
            Ticket.status,
            Ticket.priority,
            _Customer.full_name,
            _Customer.email,
            _Agent.full_name,
            Team.name,
            Ticket.tags,
            Ticket.created_at,
            Ticket.updated_at,
            Ticket.closed_at,
            Ticket.feedback_rating,
            Ticket.feedback_text,
        )
    ).where(*conditions(actor, filters))
    if after is not None:
        statement = statement.where(Ticket.id > after)
    rows = session.execute(statement.order_by(Ticket.id).limit(size))
    return [ExportRow(*row) for row in rows]
