"""Assignment: every ticket that waits for an agent gets one, fairly and exactly once.

One batch is one transaction inside an advisory lock. It locks the agents who
have room, in id order like every other writer, reads the most urgent waiting
tickets, lets :mod:`emberone.domain.assignment` choose, and writes the choices
with one statement: neither a second assignment nor more tickets than an agent's
capacity is possible, however many workers there are. A ticket that nobody can
take leaves the queue until something changes (``migrations/sql/0002_triggers.sql``).
"""

import json
import logging
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from emberone.db import now_of, reading, service, transaction
from emberone.domain import assignment
from emberone.domain.actor import SYSTEM
from emberone.domain.assignment import AgentAtWork, Decision, Pace, WaitingTicket
from emberone.domain.working_hours import begins_again, is_near
from emberone.queries.calendars import calendars_of
from emberone.services import absences, letters, settings
from emberone.services import assignment_sql as sql

logger = logging.getLogger(__name__)

#: Tickets dealt with in one transaction.
BATCH: Final = 100

#: Letters about tickets that nobody can take, to each admin in an hour. After the last of
#: them the panel's list is where to look: a night with everyone away is not a thousand mails.
UNASSIGNABLE_LETTERS_AN_HOUR: Final = 10


@dataclass(frozen=True, slots=True)
class _Crew:
    """Everybody who is or might be asked, as they stand."""

    agents: list[AgentAtWork]
    #: For whom skipped tickets are to be looked through now.
    reviewers: list[UUID]
    #: Who can take nothing before a moment, where that has not been noted yet.
    postponed: dict[UUID, datetime]
    #: When assignment gave them their latest tickets.
    turns: dict[UUID, list[datetime]]


@service
def sweep_assignments(*, limit: int = BATCH, now: datetime | None = None) -> int:
    """Give the most urgent waiting tickets their agents; return how many were dealt with.

    Dealt with is assigned or newly found to be for nobody, or an absence that has begun.
    0: nothing is due, or another process is at it.
    """
    with transaction(SYSTEM, now=now) as session:
        look = session.execute(sql.LOOK).one()
        if not look.is_due:
            # Last, so that one that fails holds no ticket up: absent its agent is already.
            if look.absence_id is None:
                return 0
            absences.begin(session, look.absence_id)
            return 1
        if look.hours_began:
            session.execute(sql.WAITED)
        setting = settings.current(session)
        pace = Pace(setting.pace_tickets, timedelta(seconds=setting.pace_window_s))
        crew = _crew(session, pace)
        rows, is_reviewed = _tickets(session, crew.reviewers, limit)
        decisions = assignment.choose(
            [_waiting(row) for row in rows], crew.agents, setting.assignment_strategy
        )
        new = {row["id"]: row["is_critical"] for row in rows if row["is_new"]}
        assigned = [decision for decision in decisions if decision.agent_id is not None]
        skipped = [
            decision
            for decision in decisions
            if decision.agent_id is None and decision.ticket_id in new
        ]
        _assign(session, assigned, crew, pace)
        _skip(session, skipped, {ticket_id for ticket_id, critical in new.items() if critical})
        if is_reviewed and crew.reviewers:
            session.execute(sql.END_REVIEW, {"reviewers": crew.reviewers})
        _postpone(session, crew.postponed)
        return len(assigned) + len(skipped)


def reconcile_counts() -> int:
    """Count every agent's open tickets anew; return how many counters were wrong, which is 0."""
    with reading(SYSTEM) as session:
        wrong = session.execute(sql.DRIFT).all()
    for agent in wrong:
        logger.error(
            "assignment.count_drifted",
            extra={
                "agent_id": str(agent.profile_id),
                "open_count": agent.open_count,
                "counted": agent.counted,
                "open_weight": agent.open_weight,
                "weighed": agent.weighed,
            },
        )
    return len(wrong)


def _crew(session: Session, pace: Pace) -> _Crew:
    """The agents as they stand, those with room held still."""
    held = set(session.scalars(sql.LOCK_AGENTS))
    at = now_of(session)
    crew = _Crew([], [], {}, {})
    rows = session.execute(sql.AGENTS).all()
    calendars = calendars_of(session, {row.hours for row in rows})
    hours_begin = {hours: begins_again(calendar, at) for hours, calendar in calendars.items()}
    for row in rows:
        # Who has come back since the lock was taken is not ours to count on: the mark
        # that brought makes the next sweep ask them.
        is_available = row.is_available and (row.id in held or row.load >= row.capacity)
        agent = AgentAtWork(
            id=row.id,
            capacity=row.capacity,
            load=row.load,
            is_active=row.is_active,
            is_available=is_available,
            is_absent=row.absent_until is not None,
            is_on_hours=hours_begin[row.hours] is None,
            begins_at=hours_begin[row.hours] if is_near(hours_begin[row.hours], at) else None,
            allowance=pace.allowance(row.recent_turns, at),
            skills=frozenset(row.skills),
            team_ids=frozenset(row.team_ids),
            last_assigned_at=row.last_assigned_at,
        )
        crew.agents.append(agent)
        crew.turns[row.id] = row.recent_turns
        if row.id not in held or not row.is_active:
            continue
        # Whichever holds first; when it is over the others are looked at.
        until = row.absent_until or hours_begin[row.hours] or pace.resumes_at(row.recent_turns, at)
        if until is None and row.reviews_skipped:
            crew.reviewers.append(row.id)
        elif until is not None and (row.reviews_skipped or row.review_at != until):
            crew.postponed[row.id] = until
    return crew


def _tickets(
    session: Session, reviewers: Sequence[UUID], limit: int
) -> tuple[list[RowMapping], bool]:
    """The tickets to decide, in order, and whether the review of skipped ones is at its end."""
    if not reviewers:
        return list(session.execute(sql.PICK_NEW, {"limit": limit}).mappings()), True
    values = {"limit": limit, "reviewers": list(reviewers)}
    rows = list(session.execute(sql.PICK_ALL, values).mappings())
    # One row without a ticket where there is nothing to decide.
    found = rows[0]["found"]
    rows = [row for row in rows if row["id"] is not None]
    seen = sum(not row["is_new"] for row in rows)
    return rows, found < limit and seen == found


def _waiting(row: RowMapping) -> WaitingTicket:
    return WaitingTicket(
        id=row["id"],
        customer_id=row["customer_id"],
        team_id=row["team_id"],
        skills=frozenset(row["skills"]),
        weight=row["weight"],
        handed_off_by=row["handed_off_by"],
        previous_agent_id=row["previous_agent_id"],
    )


def _assign(session: Session, decisions: Sequence[Decision], crew: _Crew, pace: Pace) -> None:
    if not decisions:
        return
    choices = [
        {"ticket_id": str(d.ticket_id), "agent_id": str(d.agent_id), "reason": d.reason}
        for d in decisions
    ]
    versions = {
        row.id: row.version for row in session.execute(sql.ASSIGN, {"choices": json.dumps(choices)})
    }
    chosen = [(d.ticket_id, d.agent_id) for d in decisions if d.agent_id is not None]
    _remember_turns(session, [agent_id for _, agent_id in chosen], crew, pace)
    letters.write_all(
        session,
        letter="assigned",
        addressed=[
            letters.Addressed(
                key=f"assigned:{ticket_id}:{agent_id}:{versions[ticket_id]}",
                to_profile_id=agent_id,
                ticket_id=ticket_id,
                params={},
            )
            for ticket_id, agent_id in chosen
        ],
    )


def _remember_turns(session: Session, agent_ids: Sequence[UUID], crew: _Crew, pace: Pace) -> None:
    """Note whose turn it was; who has had enough for a while is postponed until it is over."""
    at = now_of(session)
    places = {agent_id: place for place, agent_id in enumerate(agent_ids)}
    given = Counter(agent_ids)
    turns = []
    for agent_id, place in places.items():
        recent = pace.kept([*crew.turns[agent_id], *[at] * given[agent_id]])
        turns.append({"agent_id": agent_id, "place": place, "recent": recent})
        until = pace.resumes_at(recent, at)
        if until is not None:
            crew.postponed[agent_id] = until
    session.execute(sql.REMEMBER_TURNS, {"turns": json.dumps(turns, default=str)})


def _postpone(session: Session, postponed: dict[UUID, datetime]) -> None:
    if postponed:
        values = [{"agent_id": agent_id, "until": at} for agent_id, at in postponed.items()]
        session.execute(sql.POSTPONE, {"postponed": json.dumps(values, default=str)})


def _skip(session: Session, decisions: Sequence[Decision], critical: Set[UUID]) -> None:
    """Nobody is eligible: it stays unassigned, one history entry, admins are told (rule 8).

    They are not told of what waits for somebody's working hours, unless it is CRITICAL; once
    those have begun it is looked at anew.
    """
    if not decisions:
        return
    session.execute(sql.SKIP, {"skips": json.dumps([_skipped(d, critical) for d in decisions])})
    decisions = [d for d in decisions if d.waits_until is None or d.ticket_id in critical]
    at = now_of(session)
    written = session.scalar(sql.LETTERS_THIS_HOUR, {"since": at - timedelta(hours=1)}) or 0
    left = max(0, UNASSIGNABLE_LETTERS_AN_HOUR - written)
    for place, decision in enumerate(decisions[:left], start=1):
        letters.write_to_admins(
            session,
            key_prefix=f"unassignable:{decision.ticket_id}:{at.isoformat()}",
            letter="unassignable",
            ticket_id=decision.ticket_id,
            params={"out": decision.reason["out"], "is_last_this_hour": place == left},
        )


def _skipped(decision: Decision, critical: Set[UUID]) -> dict[str, object]:
    """A ticket that nobody gets now, as the statement takes it."""
    until = decision.waits_until and decision.waits_until.isoformat()
    return {
        "ticket_id": str(decision.ticket_id),
        "reason": {**decision.reason, "waitsUntil": until} if until else decision.reason,
        # Of a CRITICAL one admins know already.
        "waits_until": None if decision.ticket_id in critical else until,
    }
