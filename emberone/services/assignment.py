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
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from emberone.db import now_of, reading, service, transaction
from emberone.domain import assignment
from emberone.domain.actor import SYSTEM
from emberone.domain.assignment import AgentAtWork, Decision, WaitingTicket
from emberone.domain.lifecycle import TRANSITIONS, Event
from emberone.jobs import Job, nudge
from emberone.models import Ticket
from emberone.services import assignment_sql as sql
from emberone.services import letters, settings

logger = logging.getLogger(__name__)

#: Tickets dealt with in one transaction.
BATCH: Final = 100

#: Letters about tickets that nobody can take, to each admin in an hour. After the last of
#: them the panel's list is where to look: a night with everyone away is not a thousand mails.
UNASSIGNABLE_LETTERS_AN_HOUR: Final = 10


@service
def sweep_assignments(*, limit: int = BATCH, now: datetime | None = None) -> int:
    """Give the most urgent waiting tickets their agents; return how many were dealt with.

    Dealt with is assigned or newly found to be for nobody. 0: nothing is due,
    or another process is at it.
    """
    with transaction(SYSTEM, now=now) as session:
        if not session.execute(sql.LOOK).one().is_due:
            return 0
        agents, reviewers = _agents(session)
        rows, is_reviewed = _tickets(session, reviewers, limit)
        strategy = settings.current(session).assignment_strategy
        decisions = assignment.choose([_waiting(row) for row in rows], agents, strategy)
        new = {row["id"] for row in rows if row["is_new"]}
        assigned = [decision for decision in decisions if decision.agent_id is not None]
        skipped = [
            decision
            for decision in decisions
            if decision.agent_id is None and decision.ticket_id in new
        ]
        _assign(session, assigned)
        _skip(session, skipped)
        if is_reviewed and reviewers:
            session.execute(sql.END_REVIEW, {"reviewers": reviewers})
        return len(assigned) + len(skipped)


def release_tickets(session: Session, agent_id: UUID) -> int:
    """Return everything this agent has not closed to the pool; return how many tickets.

    A step: needs the product's rights. An IN_PROGRESS ticket is OPEN again, and
    clocks go on as they are (assignment rule 10). Tickets are locked before the
    agent, as everywhere; then once more what a sweep gave them meanwhile.
    """
    next_status = {
        before.value: after.value for before, after in TRANSITIONS[Event.RETURN_TO_POOL].items()
    }
    values = {"agent_id": agent_id, "next_status": json.dumps(next_status)}
    released = [*session.execute(sql.RELEASE, values)]
    session.execute(sql.LOCK_AGENT, {"agent_id": agent_id})
    released += session.execute(sql.RELEASE, values)
    if released:
        # What the session has loaded of them is no longer true.
        for ticket in [loaded for loaded in session if isinstance(loaded, Ticket)]:
            session.expire(ticket)
        nudge(session, Job.ASSIGN)
    return len(released)


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
            },
        )
    return len(wrong)


def _agents(session: Session) -> tuple[list[AgentAtWork], list[UUID]]:
    """The agents as they stand, and those for whom skipped tickets are to be looked through."""
    held = set(session.scalars(sql.LOCK_AGENTS))
    agents, reviewers = [], []
    for row in session.execute(sql.AGENTS).all():
        # Who has come back since the lock was taken is not ours to count on: the mark
        # that brought makes the next sweep ask them.
        is_available = row.is_available and (row.id in held or row.open_count >= row.capacity)
        agent = AgentAtWork(
            id=row.id,
            capacity=row.capacity,
            load=row.open_count,
            is_active=row.is_active,
            is_available=is_available,
            skills=frozenset(row.skills),
            team_ids=frozenset(row.team_ids),
            last_assigned_at=row.last_assigned_at,
        )
        agents.append(agent)
        if row.id in held and row.is_active and row.reviews_skipped:
            reviewers.append(row.id)
    return agents, reviewers


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
        handed_off_by=row["handed_off_by"],
        previous_agent_id=row["previous_agent_id"],
    )


def _assign(session: Session, decisions: Sequence[Decision]) -> None:
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
    turns = {agent_id: place for place, (_, agent_id) in enumerate(chosen)}
    session.execute(
        sql.REMEMBER_TURNS,
        {
            "turns": json.dumps(
                [{"agent_id": str(agent_id), "place": n} for agent_id, n in turns.items()]
            )
        },
    )
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


def _skip(session: Session, decisions: Sequence[Decision]) -> None:
    """Nobody is eligible: it stays unassigned, one history entry, admins are told (rule 8)."""
    if not decisions:
        return
    skips = [{"ticket_id": str(d.ticket_id), "reason": d.reason} for d in decisions]
    session.execute(sql.SKIP, {"skips": json.dumps(skips)})
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
