"""Absences: when an agent will be away, and what could be handed over."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from emberone.db import now_of
from emberone.domain.enums import HandOver, Status
from emberone.models import Absence, Profile, Ticket

#: So many are shown; nobody plans more ahead.
SHOWN = 200


class AbsenceRow(NamedTuple):
    """One absence of an agent."""

    id: UUID
    agent_id: UUID
    starts_at: datetime
    ends_at: datetime
    choice: HandOver
    #: Who is given the tickets, where a colleague is.
    to_name: str | None
    #: Whether it lasts now.
    has_begun: bool
    #: Who entered it; None: nobody knows, or they are gone.
    entered_by_name: str | None = None
    entered_at: datetime | None = None


def absences_of(session: Session, agent_id: UUID) -> list[AbsenceRow]:
    """The absences of an agent that are not over, the next one first."""
    now = now_of(session)
    enterer = aliased(Profile)
    rows = session.execute(
        select(
            Absence.id,
            Absence.agent_id,
            Absence.starts_at,
            Absence.ends_at,
            Absence.hand_over,
            Profile.full_name,
            Absence.starts_at <= now,
            enterer.full_name,
            Absence.created_at,
        )
        .outerjoin(enterer, enterer.id == Absence.entered_by)
        .outerjoin(Profile, Profile.id == Absence.to_agent_id)
        .where(Absence.agent_id == agent_id, Absence.ends_at > now)
        .order_by(Absence.starts_at)
        .limit(SHOWN)
    )
    return [AbsenceRow(*row) for row in rows]


def absence_details(session: Session, absence_id: UUID) -> AbsenceRow | None:
    """One absence, or None; who is given the tickets is not said."""
    row = session.get(Absence, absence_id)
    if row is None:
        return None
    has_begun = row.starts_at <= now_of(session)
    return AbsenceRow(
        row.id, row.agent_id, row.starts_at, row.ends_at, row.hand_over, None, has_begun
    )


class AtHand(NamedTuple):
    """How many tickets an agent would hand over."""

    #: Those that nobody has begun, and all that are not closed.
    new: int
    every: int


def at_hand(session: Session, agent_id: UUID) -> AtHand:
    """How many tickets this agent has that are not closed."""
    new, every = session.execute(
        select(
            func.count().filter(Ticket.status == Status.OPEN),
            func.count(),
        ).where(Ticket.assigned_agent_id == agent_id, Ticket.status != Status.CLOSED)
    ).one()
    return AtHand(new, every)
