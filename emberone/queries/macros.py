"""Macros as one looks through them: everybody's and one's own, and what they fill in."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.domain.enums import Priority
from emberone.domain.lifecycle import Event
from emberone.domain.macros import Filling, ReplyChanges
from emberone.models import Macro, Profile, Team, Ticket
from emberone.policy import visible_tickets
from emberone.queries.paging import (
    Key,
    Order,
    Page,
    Paging,
    contains,
    fetch_page,
    parse_id,
    parse_text,
)

#: By name; of two with one name, everybody's and one's own, any comes first.
BY_NAME: Final = Order("name", (Key(Macro.name, parse_text), Key(Macro.id, parse_id)), False)

#: So many stand in the menu of the reply box.
CHOICES_LIMIT: Final = 500

#: As much of a text as a list shows.
_BEGINNING: Final = func.left(Macro.content, 200)


class Whose(StrEnum):
    """Whose macros to list."""

    EVERYBODYS = "everybody"
    MINE = "mine"


@dataclass(frozen=True, slots=True)
class MacroFilters:
    """Which macros to list; None does not filter."""

    whose: Whose | None = None
    words: str | None = None


class MacroRow(NamedTuple):
    """One macro."""

    id: UUID
    name: str
    owner_id: UUID | None
    #: In lists and choices only its beginning.
    content: str
    event: Event | None
    priority: Priority | None
    team_id: UUID | None
    team_name: str | None
    tags: list[str]
    version: int
    updated_at: datetime

    @property
    def is_shared(self) -> bool:
        """Whether it is everybody's."""
        return self.owner_id is None

    @property
    def changes(self) -> ReplyChanges:
        """What sending it changes beside the status."""
        return ReplyChanges(self.priority, self.team_id, tuple(self.tags))


def list_macros(
    session: Session, actor: Actor, filters: MacroFilters, paging: Paging
) -> Page[MacroRow]:
    """One page of everybody's macros and the actor's own."""
    statement = _rows(actor)
    if filters.whose is Whose.EVERYBODYS:
        statement = statement.where(Macro.owner_id.is_(None))
    if filters.whose is Whose.MINE:
        statement = statement.where(Macro.owner_id == actor.profile_id)
    if filters.words:
        words = filters.words
        statement = statement.where(
            or_(contains(Macro.name, words), contains(Macro.content, words))
        )
    return fetch_page(session, statement, MacroRow, paging)


def macro_choices(session: Session, actor: Actor) -> list[MacroRow]:
    """What the reply box offers, by name."""
    statement = _rows(actor).order_by(Macro.name, Macro.id).limit(CHOICES_LIMIT)
    return [MacroRow(*row) for row in session.execute(statement)]


def macro_details(session: Session, actor: Actor, macro_id: UUID) -> MacroRow | None:
    """One macro, or None where there is none that the actor may use."""
    whole: ColumnElement[str] = Macro.content.expression
    row = session.execute(_rows(actor, whole).where(Macro.id == macro_id)).one_or_none()
    return None if row is None else MacroRow(*row)


def filling_of(session: Session, actor: Actor, ticket_id: UUID) -> Filling | None:
    """What a macro of the actor's says on this ticket, where it leaves something open."""
    return _filled(session, actor, Ticket.id == ticket_id)


def recent_filling(session: Session, actor: Actor) -> Filling | None:
    """The same on the ticket where something happened last; None where there is no ticket."""
    return _filled(session, actor)


def _filled(session: Session, actor: Actor, *where: ColumnElement[bool]) -> Filling | None:
    agent = select(Profile.full_name).where(Profile.id == actor.profile_id).scalar_subquery()
    row = session.execute(
        select(Profile.full_name, Ticket.number, Ticket.title, agent)
        .join(Ticket, Ticket.customer_id == Profile.id)
        .where(visible_tickets(actor), *where)
        .order_by(Ticket.last_activity_at.desc(), Ticket.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Filling(*row)


def _rows(actor: Actor, content: ColumnElement[str] = _BEGINNING) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Macro.id,
            Macro.name,
            Macro.owner_id,
            content,
            Macro.event,
            Macro.priority,
            Macro.team_id,
            Team.name,
            Macro.add_tags,
            Macro.version,
            Macro.updated_at,
        )
        .outerjoin(Team, Team.id == Macro.team_id)
        .where(or_(Macro.owner_id.is_(None), Macro.owner_id == actor.profile_id))
    )
