"""From one status to another, with all that follows; the steps that every verb on a ticket takes.

They run inside the verb's transaction (`services/tickets.py`, `services/comments.py`).
"""

from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from emberone.db import as_system, now_of
from emberone.domain.actor import Actor
from emberone.domain.enums import Role, Status
from emberone.domain.errors import NotFound
from emberone.domain.lifecycle import TRANSITIONS, Event, next_status
from emberone.domain.snoozing import Cause
from emberone.jobs import Job, nudge
from emberone.models import Ticket
from emberone.policy import TICKET_VIEW, may
from emberone.services import agents, clocks, correspondence, feedback
from emberone.services.settings import reopen_window
from emberone.services.waking import wake

#: What an agent's capacity is for, and what waits for an agent (assignment rules 2 and 4).
_LOAD: Final = frozenset({Status.OPEN, Status.IN_PROGRESS})


def locked_ticket(session: Session, actor: Actor, ticket_id: UUID) -> Ticket:
    """The ticket under a lock; NotFound where the actor may not even know of it."""
    # A customer's own row policy would hide a CLOSED ticket from a lock.
    with as_system(session):
        ticket = session.get(
            Ticket, ticket_id, with_for_update={"key_share": True}, populate_existing=True
        )
    if ticket is None or not may(actor, TICKET_VIEW, ticket):
        raise NotFound
    return ticket


def status_after(session: Session, ticket: Ticket, event: Event) -> Status:
    """The status that the event leads to; IllegalTransition where it may not happen now."""
    return next_status(
        event,
        ticket.status,
        closed_at=ticket.closed_at,
        now=now_of(session),
        reopen_window=reopen_window(session),
    )


def move(session: Session, actor: Actor, ticket: Ticket, after: Status) -> None:
    """Take the status, and let clocks, feedback and assignment follow."""
    before = ticket.status
    at = now_of(session)
    if after is not before:
        if after is Status.CLOSED:
            wake(session, ticket, Cause.CLOSED)
        with as_system(session):
            # The previous agent if they can, else the pool (assignment rule 7); but nobody is
            # taken off a ticket that they are just working on as an agent, which an admin may
            # have been when it was closed.
            works_on_it = actor.role is Role.AGENT and ticket.assigned_agent_id == actor.profile_id
            if (
                before is Status.CLOSED
                and not works_on_it
                and agents.release_unless_eligible(session, ticket)
            ):
                after = TRANSITIONS[Event.RETURN_TO_POOL][after]
            ticket.status = after
            # The triggers' work is what the steps below read.
            session.flush()
            clocks.status_changed(session, ticket, before, at=at)
            if before is Status.WAITING:
                correspondence.waits_no_longer(session, ticket)
            if after is Status.CLOSED:
                feedback.ticket_closed(session, ticket, at=at)
            elif before is Status.CLOSED:
                feedback.ticket_reopened(session, ticket, at=at)
        if ticket.assigned_agent_id is not None and before in _LOAD and after not in _LOAD:
            # Their agent has room for one that waits (assignment rule 1).
            nudge(session, Job.ASSIGN)
    ask_for_agent(session, ticket)


def ask_for_agent(session: Session, ticket: Ticket) -> None:
    """Nudge assignment where the ticket waits for an agent."""
    if ticket.assigned_agent_id is None and ticket.status in _LOAD:
        nudge(session, Job.ASSIGN)
