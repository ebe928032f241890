"""Tickets as staff look at them: the list, one ticket, and the whole lot for a file."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, aliased

from emberone.db import now_of
from emberone.domain.actor import Actor
from emberone.domain.enums import Priority, Status
from emberone.models import Profile, Team, Ticket, Wait
from emberone.policy import visible_tickets
from emberone.queries.paging import COUNT_LIMIT, Page, Paging, count_up_to, fetch_page
from emberone.queries.search import Hits
from emberone.queries.thanks import CAME_BACK_BY_COMMENT
from emberone.queries.views import (
    FIRST_DUE,
    IS_WORKED_ON,
    View,
    is_in,
    orders_of,
    sorted_by,
)

#: What any list of tickets can be sorted by.
ORDERS: Final = orders_of(View.ALL)

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
    view: View = View.ALL

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
    unanswered_since: datetime
    version: int


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
    #: Whether it is open only because the customer wrote once more after it was closed.
    came_back_by_comment: bool
    #: Of one that waits: when its customer was reminded, and when it is closed without an answer.
    reminded_at: datetime | None
    closes_at: datetime | None


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
            Ticket.unanswered_since,
            Ticket.version,
        )
    )
    return fetch_page(
        session, _listed(session, statement, actor, filters, paging), TicketRow, paging
    )


class Neighbour(NamedTuple):
    """The ticket before or after one in a list."""

    number: int
    #: Its place in that list.
    place: str


class _Number(NamedTuple):
    number: int


def neighbour(
    session: Session, actor: Actor, filters: TicketFilters, paging: Paging
) -> Neighbour | None:
    """The first ticket after the paging's cursor, or the last before it; None at the end."""
    paging = replace(paging, size=1)
    statement = _listed(session, select(Ticket.number), actor, filters, paging)
    page = fetch_page(session, statement, _Number, paging)
    return Neighbour(page.rows[0].number, page.places[0]) if page.rows else None


def _listed(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    actor: Actor,
    filters: TicketFilters,
    paging: Paging,
) -> Select[*tuple[Any, ...]]:
    """The statement, narrowed by the filters, with what the paging's order looks at."""
    now = now_of(session)
    if paging.order is FIRST_DUE:
        # Walking the clocks in order finds what the view's own condition would look for.
        narrowed = [IS_WORKED_ON, *conditions(actor, filters, now, View.ALL)]
    else:
        narrowed = conditions(actor, filters, now)
    return sorted_by(statement.select_from(Ticket), paging.order, now).where(*narrowed)


def count_tickets(session: Session, actor: Actor, filters: TicketFilters) -> int | None:
    """How many there are, up to one past the limit; None where knowing would cost too much."""
    if filters.hits is not None and filters.hits.ids is None:
        # The probe has seen more hits than are counted anyway.
        return COUNT_LIMIT + 1 if filters.are_only_words else None
    narrowed = conditions(actor, filters, now_of(session))
    return count_up_to(session, select(Ticket.id).where(*narrowed))


def conditions(
    actor: Actor, filters: TicketFilters, now: datetime, view: View | None = None
) -> list[ColumnElement[bool]]:
    """The view, the filters, and what the actor may see, as conditions for queries."""
    found: list[ColumnElement[bool]] = [visible_tickets(actor)]
    found += is_in(view or filters.view, actor, now)
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
            CAME_BACK_BY_COMMENT,
            Wait.reminded_at,
            Wait.closes_at,
        )
    )
    statement = statement.outerjoin(Wait, Wait.ticket_id == Ticket.id).where(
        visible_tickets(actor), Ticket.number == number
    )
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


class NamedTicket(NamedTuple):
    """A ticket as one speaks of it."""

    number: int
    title: str


def named(session: Session, actor: Actor, ids: Iterable[UUID]) -> dict[UUID, NamedTicket]:
    """Number and title of these tickets; those that are gone are missing."""
    found = session.execute(
        select(Ticket.id, Ticket.number, Ticket.title)
        .where(visible_tickets(actor), Ticket.id.in_(tuple(ids)))
        .order_by(Ticket.number)
    )
    return {row.id: NamedTicket(row.number, row.title) for row in found}


def asleep(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Which of these tickets are put aside until later."""
    narrowed = (Ticket.id.in_(tuple(ids)), Ticket.snoozed_until > now_of(session))
    return set(session.scalars(select(Ticket.id).where(*narrowed)))


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
    ).where(*conditions(actor, filters, now_of(session)))
    if after is not None:
        statement = statement.where(Ticket.id > after)
    rows = session.execute(statement.order_by(Ticket.id).limit(size))
    return [ExportRow(*row) for row in rows]
