"""Absences: times that an agent is away for, entered beforehand (assignment rule 13)."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain.actor import Actor
from emberone.domain.enums import HandOver
from emberone.domain.errors import Conflict, Invalid, NotFound
from emberone.jobs import Job, nudge
from emberone.models import Absence, Agent
from emberone.policy import AGENT_SET_AVAILABILITY, require
from emberone.services.handing_over import Leaving, hand_over, require_receiver

#: Nobody plans further ahead, and a year that was mistyped is found.
_FURTHEST: Final = timedelta(days=3 * 366)


@service
def plan_absence(
    actor: Actor,
    agent_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    *,
    choice: HandOver = HandOver.KEEP,
    to_agent_id: UUID | None = None,
    now: datetime | None = None,
) -> UUID:
    """Enter when an agent will be away, and what then becomes of their tickets.

    Agents do so for themselves, admins for anyone. One that has begun already hands over at
    once; another when it begins. Raises Conflict where the agent is absent then anyway.
    """
    with transaction(actor, now=now) as session:
        agent = session.get(Agent, agent_id)
        if agent is None:
            raise NotFound
        require(actor, AGENT_SET_AVAILABILITY, agent)
        _check_times(starts_at, ends_at, now_of(session))
        has_begun = starts_at <= now_of(session)
        with as_system(session):
            if choice is HandOver.GIVE:
                require_receiver(session, agent_id, to_agent_id)
            hand_over(
                session,
                agent_id,
                choice if has_begun else HandOver.KEEP,
                Leaving.ABSENT,
                to_agent_id=to_agent_id,
            )
        overlaps = select(Absence.id).where(
            Absence.agent_id == agent_id, Absence.starts_at < ends_at, Absence.ends_at > starts_at
        )
        if session.scalars(overlaps).first() is not None:
            raise Conflict("There is an absence in that time already.")
        absence = Absence(
            agent_id=agent_id,
            starts_at=starts_at,
            ends_at=ends_at,
            hand_over=choice,
            to_agent_id=to_agent_id if choice is HandOver.GIVE else None,
            begun_at=now_of(session) if has_begun else None,
        )
        session.add(absence)
        session.flush()
        return absence.id


@service
def cancel_absence(actor: Actor, absence_id: UUID) -> None:
    """Take an absence back, before it begins or while it lasts; what was handed over stays so."""
    with transaction(actor) as session:
        absence = session.get(Absence, absence_id)
        if absence is None:
            raise NotFound
        require(actor, AGENT_SET_AVAILABILITY, session.get(Agent, absence.agent_id))
        session.delete(absence)
        nudge(session, Job.ASSIGN)


def begin(session: Session, absence_id: UUID) -> None:
    """Hand over for an absence whose time has come, exactly once; a step of the sweep.

    Whose chosen colleague works here no more gives everything back to the pool.
    """
    absence = session.get(Absence, absence_id, with_for_update=True)
    if absence is None or absence.begun_at is not None:
        return
    choice, to_agent_id = absence.hand_over, absence.to_agent_id
    if choice is HandOver.GIVE:
        try:
            require_receiver(session, absence.agent_id, to_agent_id)
        except Invalid:
            choice = HandOver.RELEASE_ALL
    # One that was over before anything looked has nothing to hand over for.
    if absence.ends_at > now_of(session):
        hand_over(session, absence.agent_id, choice, Leaving.ABSENT, to_agent_id=to_agent_id)
    absence.begun_at = now_of(session)


def _check_times(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if ends_at <= starts_at:
        raise Invalid("An absence ends after it begins.", field="ends")
    if ends_at <= now:
        raise Invalid("This absence is over already.", field="ends")
    if ends_at > now + _FURTHEST:
        raise Invalid("An absence ends within three years.", field="ends")
