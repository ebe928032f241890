"""Handing over: what becomes of the tickets of an agent who goes away, is absent or leaves.

Released or given tickets keep their clocks (assignment rule 10). The product never hands
over by itself because somebody was idle for a while.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.db import as_system, service, transaction
from emberone.domain.actor import Actor
from emberone.domain.enums import Availability, HandOver, Status
from emberone.domain.errors import Invalid, NotFound
from emberone.domain.lifecycle import TRANSITIONS, Event
from emberone.domain.snoozing import Cause
from emberone.jobs import Job, nudge
from emberone.models import Agent, Ticket
from emberone.policy import AGENT_SET_AVAILABILITY, require
from emberone.services import agents, digests, letters
from emberone.services.waking import wake


class Leaving(StrEnum):
    """Why an agent's tickets are handed over; history says it as `handOver`."""

    AWAY = "away"
    ABSENT = "absent"
    DEACTIVATED = "inactive"
    OTHER_ROLE = "role"


def _unless_closed(event: Event) -> Mapping[Status, Status]:
    """The lifecycle's row for an event, as far as tickets move that are not closed."""
    return {b: a for b, a in TRANSITIONS[event].items() if b is not Status.CLOSED}


_POOL: Final = _unless_closed(Event.RETURN_TO_POOL)

#: What moves, and to which status.
_MOVES: Final[Mapping[HandOver, Mapping[Status, Status]]] = {
    HandOver.KEEP: {},
    HandOver.RELEASE_OPEN: {Status.OPEN: _POOL[Status.OPEN]},
    HandOver.RELEASE_ALL: _POOL,
    HandOver.GIVE: _unless_closed(Event.ASSIGNMENT),
}

#: Tickets in id order, like every writer of many.
_MOVE = text(
    "WITH held AS (SELECT id FROM tickets WHERE assigned_agent_id = :agent_id"
    " AND status <> 'CLOSED' AND cast(:moves AS jsonb) ->> status::text IS NOT NULL"
    " ORDER BY id FOR NO KEY UPDATE)"
    " UPDATE tickets SET assigned_agent_id = :to_agent_id,"
    " status = (cast(:moves AS jsonb) ->> status::text)::ticket_status,"
    " assignment_reason = jsonb_build_object('handOver', cast(:leaving AS text))"
    " FROM held WHERE tickets.id = held.id"
    " RETURNING tickets.id, tickets.version, tickets.snoozed_until IS NOT NULL AS is_snoozed"
)

#: Who goes away did not refuse the tickets: once back they may have them again. Rule 12 is
#: about one that somebody gave away.
_FORGET_WHO_LEFT = text(
    "UPDATE tickets SET handed_off_by = NULL"
    " WHERE id = ANY (:ticket_ids) AND handed_off_by = :agent_id"
)

#: Whoever changes an agent's work waits for the sweep that is at it, and it for them.
_LOCK_AGENT = text("SELECT FROM agents WHERE profile_id = :agent_id FOR NO KEY UPDATE")


@service
def go_away(
    actor: Actor, agent_id: UUID, choice: HandOver, *, to_agent_id: UUID | None = None
) -> int:
    """Take no new tickets, and hand over those at hand in the same moment; returns how many.

    Agents do so for themselves, admins for anyone.
    """
    with transaction(actor) as session:
        agent = session.get(Agent, agent_id)
        if agent is None:
            raise NotFound
        require(actor, AGENT_SET_AVAILABILITY, agent)
        with as_system(session):
            count = hand_over(session, agent_id, choice, Leaving.AWAY, to_agent_id=to_agent_id)
        agent.availability = Availability.AWAY
        return count


def hand_over(
    session: Session,
    agent_id: UUID,
    choice: HandOver,
    leaving: Leaving,
    *,
    to_agent_id: UUID | None = None,
) -> int:
    """Do with what this agent has not closed as was chosen; return how many tickets moved.

    A step: needs the product's rights, and leaves the agent locked. A ticket in progress that
    goes to the pool is OPEN again. Tickets are locked before the agent, as everywhere; then
    once more what a sweep gave them meanwhile. Raises Invalid unless whom to give is given
    and works here.
    """
    if choice is HandOver.GIVE:
        require_receiver(session, agent_id, to_agent_id)
    values = {
        "agent_id": agent_id,
        "to_agent_id": to_agent_id if choice is HandOver.GIVE else None,
        "moves": json.dumps({b.value: a.value for b, a in _MOVES[choice].items()}),
        "leaving": leaving.value,
    }
    moved = [] if choice is HandOver.KEEP else list(session.execute(_MOVE, values))
    session.execute(_LOCK_AGENT, {"agent_id": agent_id})
    if choice is not HandOver.KEEP:
        moved += session.execute(_MOVE, values)
    if not moved:
        return 0
    if choice is HandOver.GIVE:
        # Who was just deactivating the receiver has been waited for.
        require_receiver(session, agent_id, to_agent_id)
    ids = [row.id for row in moved]
    session.execute(_FORGET_WHO_LEFT, {"ticket_ids": ids, "agent_id": agent_id})
    # What the session has loaded of them is no longer true.
    for ticket in [loaded for loaded in session if isinstance(loaded, Ticket)]:
        session.expire(ticket)
    if to_agent_id is None or choice is not HandOver.GIVE:
        nudge(session, Job.ASSIGN)
        return len(moved)
    keys = [f"assigned:{row.id}:{to_agent_id}:{row.version}" for row in moved]
    letters.write_all(
        session,
        letter="assigned",
        addressed=[
            letters.Addressed(key, to_agent_id, row.id, {})
            for key, row in zip(keys, moved, strict=True)
        ],
    )
    digests.tell_together(session, keys)
    for row in moved:
        if row.is_snoozed:
            # Who gets it must see it. Last: waking gives the product's rights back.
            wake(session, session.get_one(Ticket, row.id), Cause.ASSIGNED)
    return len(moved)


def require_receiver(session: Session, agent_id: UUID, to_agent_id: UUID | None) -> None:
    """Raise Invalid unless this is another agent, who may sign in; away or full does not matter."""
    if to_agent_id is None or to_agent_id == agent_id:
        raise Invalid("Choose the agent who is to have the tickets.", field="to_agent")
    agents.require_active_agent(session, to_agent_id)
