"""Agents at work: availability, capacity, skills and teams."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, insert, select, text
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.assignment import ABSENT, INACTIVE
from emberone.domain.enums import Availability
from emberone.domain.errors import Invalid, NotFound, StaleWrite
from emberone.domain.working_hours import begins_again
from emberone.jobs import Job, nudge
from emberone.models import (
    Absence,
    Agent,
    Calendar,
    CalendarVersion,
    Profile,
    Tag,
    Team,
    TeamMember,
    Ticket,
)
from emberone.models.profiles import IS_DEACTIVATED
from emberone.policy import AGENT_MANAGE, AGENT_SET_AVAILABILITY, require
from emberone.queries.calendars import calendar_of

MAX_CAPACITY = 10_000

#: The version of an agent's calendar that is in force.
_HOURS: Final = (
    select(CalendarVersion.id)
    .where(CalendarVersion.calendar_id == Agent.calendar_id)
    .order_by(CalendarVersion.version.desc())
    .limit(1)
    .correlate(Agent)
    .scalar_subquery()
)


@service
def set_availability(actor: Actor, agent_id: UUID, availability: Availability) -> None:
    """Take new tickets or not; agents decide for themselves, admins for anyone."""
    with transaction(actor) as session:
        agent = _locked_agent(session, agent_id)
        require(actor, AGENT_SET_AVAILABILITY, agent)
        agent.availability = availability
        nudge(session, Job.ASSIGN)


@service
def change_agent(
    actor: Actor,
    agent_id: UUID,
    *,
    capacity: int,
    skills: Iterable[str],
    team_ids: Iterable[UUID],
    calendar_id: UUID | None = None,
    version: int,
) -> None:
    """Change what assignment knows of an agent; StaleWrite where someone else did meanwhile.

    `calendar_id` are their working hours; None: at any hour.
    """
    if not 0 <= capacity <= MAX_CAPACITY:
        raise Invalid(
            "A capacity is a number from 0 to %(most)s.", field="capacity", most=MAX_CAPACITY
        )
    wanted_skills, wanted_teams = texts.tags(skills), set(team_ids)
    with transaction(actor) as session:
        agent = _locked_agent(session, agent_id)
        require(actor, AGENT_MANAGE, agent)
        if agent.version != version:
            raise StaleWrite(version=agent.version)
        if calendar_id is not None:
            # Held until this is written: nobody puts it aside meanwhile.
            calendar = session.get(Calendar, calendar_id, with_for_update={"read": True})
            if calendar is None or calendar.archived_at is not None:
                raise Invalid("There is no such calendar.", field="calendar")
        agent.capacity, agent.skills, agent.calendar_id = capacity, wanted_skills, calendar_id
        _set_teams(session, agent_id, wanted_teams)
        nudge(session, Job.ASSIGN)


@service
def mark_skill(actor: Actor, name: str, is_skill: bool) -> None:
    """Say whether a tag is a skill that the ticket's agent must have."""
    with transaction(actor) as session:
        require(actor, AGENT_MANAGE)
        tag = session.get(Tag, name, with_for_update=True)
        if tag is None:
            raise NotFound
        tag.is_skill = is_skill
        nudge(session, Job.ASSIGN)


def require_active_agent(session: Session, agent_id: UUID) -> None:
    """Raise Invalid unless this is an agent who may sign in; away or full does not matter."""
    if session.scalar(select(Agent.profile_id).where(Agent.profile_id == agent_id, _is_active())):
        return
    raise Invalid("Tickets are assigned to active agents.", field="agent")


def release_unless_eligible(session: Session, ticket: Ticket) -> bool:
    """Return a reopened ticket to the pool where its agent is away, absent or gone.

    Says whether it did. A full one keeps it: assignment rules 5 and 7. Needs the product's
    rights.
    """
    if ticket.assigned_agent_id is None:
        return False
    eligible = select(_HOURS).where(
        Agent.profile_id == ticket.assigned_agent_id,
        Agent.availability == Availability.AVAILABLE,
        _is_active(),
        ~_is_absent(now_of(session)),
    )
    found = session.execute(eligible).one_or_none()
    if found is not None:
        hours = calendar_of(session, found[0])
        if begins_again(hours, now_of(session)) is None:
            return False
    ticket.assigned_agent_id = None
    return True


def release_from_absent(session: Session, ticket: Ticket) -> bool:
    """Return a ticket that its customer wrote on to the pool where its agent is absent or gone.

    Says whether it did. Away for a moment does not matter: assignment rule 13. Needs the
    product's rights.
    """
    if ticket.assigned_agent_id is None:
        return False
    found = session.execute(
        select(_is_active(), _is_absent(now_of(session))).where(
            Agent.profile_id == ticket.assigned_agent_id
        )
    ).one_or_none()
    # An admin may have the ticket from the days when they were an agent.
    is_active, is_absent = found or (False, False)
    if is_active and not is_absent:
        return False
    ticket.assigned_agent_id = None
    ticket.assignment_reason = {"handOver": ABSENT if is_absent else INACTIVE}
    return True


def _is_absent(at: datetime) -> ColumnElement[bool]:
    """Whether a time for which the agent entered an absence has come."""
    return exists(
        select(Absence.id)
        .where(Absence.agent_id == Agent.profile_id, Absence.starts_at <= at, Absence.ends_at > at)
        .correlate(Agent)
    )


def _is_active() -> ColumnElement[bool]:
    """Whether the agent's sign-in, where there is one, is not deactivated."""
    return ~exists(
        select(Profile.id)
        .where(Profile.id == Agent.profile_id, text(IS_DEACTIVATED))
        .correlate(Agent)
    )


def _locked_agent(session: Session, agent_id: UUID) -> Agent:
    # An agent's own row policy would hide a colleague's row from a lock.
    with as_system(session):
        agent = session.get(Agent, agent_id, with_for_update={"key_share": True})
    if agent is None:
        raise NotFound
    return agent


def _set_teams(session: Session, agent_id: UUID, wanted: set[UUID]) -> None:
    known = set(session.scalars(select(Team.id).where(Team.id.in_(wanted))))
    if known != wanted:
        raise Invalid("There is no such team.", field="teams")
    session.execute(
        delete(TeamMember).where(
            TeamMember.profile_id == agent_id, TeamMember.team_id.not_in(wanted)
        )
    )
    present = set(
        session.scalars(select(TeamMember.team_id).where(TeamMember.profile_id == agent_id))
    )
    for team_id in sorted(wanted - present):
        session.execute(insert(TeamMember).values(team_id=team_id, profile_id=agent_id))
