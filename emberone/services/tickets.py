"""The life of a ticket: opening, answering, closing, reopening, changing, rating.

What follows from a person's act (status, clocks, letters, feedback) happens in
the same transaction, with the product's rights and in the person's name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.attachments import Upload
from emberone.domain.enums import Priority, Role
from emberone.domain.errors import Invalid, StaleWrite
from emberone.domain.lifecycle import (
    Event,
)
from emberone.domain.snoozing import Cause
from emberone.models import Comment, Profile, Ticket
from emberone.policy import (
    TICKET_ASSIGN,
    TICKET_CLOSE,
    TICKET_CREATE,
    TICKET_DELETE,
    TICKET_EDIT,
    TICKET_RATE,
    TICKET_REOPEN,
    TICKET_ROUTE,
    TICKET_SET_PRIORITY,
    require,
)
from emberone.services import (
    agents,
    attachments,
    clocks,
    correspondence,
    feedback,
    letters,
    profiles,
    repeats,
    teams,
)
from emberone.services.profiles import NewCustomer
from emberone.services.settings import current
from emberone.services.transitions import ask_for_agent, locked_ticket, move, status_after
from emberone.services.waking import wake


class Unset(Enum):
    """The mark of a field that a form did not carry; None may be a value."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class TicketChanges:
    """What to change about a ticket; fields left UNSET stay as they are."""

    title: str | Unset = UNSET
    description: str | Unset = UNSET
    priority: Priority | Unset = UNSET
    agent_id: UUID | Unset | None = UNSET
    team_id: UUID | Unset | None = UNSET
    tags: Iterable[str] | Unset = UNSET


@service
def open_ticket(
    actor: Actor,
    customer: UUID | NewCustomer,
    title: str,
    description: str,
    *,
    priority: Priority = Priority.MEDIUM,
    team_id: UUID | None = None,
    tags: Iterable[str] = (),
    agent_id: UUID | None = None,
    comment: str | None = None,
    files: Sequence[Upload] = (),
    now: datetime | None = None,
) -> UUID:
    """Open a ticket for a customer; staff may begin it with a public comment.

    A customer who is known by address only is made known with it. A customer who asks the
    same twice within a minute has one ticket.
    """
    values: dict[str, Any] = {
        "title": texts.title(title),
        "description": texts.description(description),
        "priority": priority,
    }
    said = texts.comment(comment) if comment else None
    with transaction(actor, now=now) as session:
        if isinstance(customer, NewCustomer):
            customer_id = profiles.customer_of_address(session, actor, customer)
        else:
            customer_id = customer
        require(actor, TICKET_CREATE, customer_id=customer_id)
        if actor.is_customer:
            if priority.rank > current(session).customer_max_priority.rank:
                raise Invalid("You cannot ask for so high a priority.", field="priority")
            asked = repeats.asked_already(
                session, customer_id, values["title"], values["description"], priority, files
            )
            if asked is not None:
                return asked
        else:
            _require_customer(session, customer_id)
            teams.require_team(session, team_id)
            if agent_id is not None:
                with as_system(session):
                    agents.require_active_agent(session, agent_id)
            values |= {"team_id": team_id, "tags": texts.tags(tags), "assigned_agent_id": agent_id}
        ticket = Ticket(customer_id=customer_id, **values)
        session.add(ticket)
        session.flush()
        if agent_id is not None:
            _require_active_still(session, agent_id)
        is_begun_by_staff = said is not None and actor.is_staff
        with as_system(session):
            clocks.opened(
                session, ticket, at=now_of(session), starts_with_staff_comment=is_begun_by_staff
            )
        attachments.attach(session, files, ticket_id=ticket.id)
        if said is not None:
            session.add(Comment(ticket_id=ticket.id, author_id=actor.profile_id, content=said))
        if agent_id is not None:
            _tell_agent(session, actor, ticket)
        correspondence.ticket_received(session, actor, ticket, said=said)
        ask_for_agent(session, ticket)
        return ticket.id


@service
def close_ticket(
    actor: Actor,
    ticket_id: UUID,
    *,
    seen: int | None = None,
    reason: str | None = None,
    now: datetime | None = None,
) -> None:
    """Close a ticket; a customer closes their own.

    `seen` is the ticket's `activity_no` as staff had it before them; StaleWrite where it
    has moved, if only by a comment.
    """
    with transaction(actor, reason=reason, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_CLOSE, ticket)
        if seen is not None and ticket.activity_no != seen:
            raise StaleWrite(version=ticket.version)
        move(session, actor, ticket, status_after(session, ticket, Event.CLOSE))


@service
def reopen_ticket(
    actor: Actor, ticket_id: UUID, *, reason: str | None = None, now: datetime | None = None
) -> None:
    """Bring a closed ticket back: OPEN by its customer, IN_PROGRESS by staff."""
    with transaction(actor, reason=reason, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_REOPEN, ticket)
        event = Event.CUSTOMER_REOPEN if actor.is_customer else Event.STAFF_REOPEN
        move(session, actor, ticket, status_after(session, ticket, event))


@service
def assign_ticket(
    actor: Actor,
    ticket_id: UUID,
    agent_id: UUID | None,
    *,
    version: int | None = None,
    tell_after_s: int = 0,
    now: datetime | None = None,
) -> None:
    """Give the ticket to an agent, or back to the pool with None.

    A person may exceed the agent's capacity (assignment rule 5). The letter to the agent
    waits for `tell_after_s`, so that whoever gives many can tell of them in one.
    """
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        _require_version(actor, ticket, version)
        _assign(session, actor, ticket, agent_id, tell_after_s=tell_after_s)


@service
def change_ticket(
    actor: Actor,
    ticket_id: UUID,
    changes: TicketChanges,
    *,
    version: int | None,
    now: datetime | None = None,
) -> None:
    """Change some fields at once; StaleWrite where someone else changed the ticket meanwhile."""
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        _require_version(actor, ticket, version)
        apply_changes(session, actor, ticket, changes)


def apply_changes(session: Session, actor: Actor, ticket: Ticket, changes: TicketChanges) -> None:
    """Step: change the locked ticket, each field by its own rule, with all that follows."""
    priority, team_id = ticket.priority, ticket.team_id
    _edit(actor, ticket, changes)
    _prioritise(session, actor, ticket, changes)
    _route(session, actor, ticket, changes)
    if (ticket.priority, ticket.team_id) != (priority, team_id):
        _let_clocks_follow(session, ticket, is_rerouted=ticket.team_id != team_id)
    if changes.agent_id is not UNSET and changes.agent_id != ticket.assigned_agent_id:
        _assign(session, actor, ticket, changes.agent_id)
    ask_for_agent(session, ticket)


@service
def delete_ticket(actor: Actor, ticket_id: UUID) -> None:
    """Delete a ticket with its comments and unsent letters; its history stays and says so."""
    with transaction(actor) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_DELETE, ticket)
        # Before it goes, which takes its name from its letters.
        correspondence.ticket_deleted(session, ticket.id)
        session.delete(ticket)


@service
def rate_ticket(
    actor: Actor, ticket_id: UUID, rating: int, text: str | None, *, now: datetime | None = None
) -> None:
    """Rate one's own closed ticket from 1 to 5, with or without words."""
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_RATE, ticket)
        with as_system(session):
            feedback.rate_in_portal(session, ticket, rating, text, at=now_of(session))


def _require_version(actor: Actor, ticket: Ticket, version: int | None) -> None:
    # A customer's form knows the version of what they can see; the other would tell of more.
    present = ticket.public_version if actor.is_customer else ticket.version
    if version is not None and present != version:
        raise StaleWrite(version=present)


def _require_customer(session: Session, customer_id: UUID) -> None:
    customer = session.get(Profile, customer_id)
    if customer is None or customer.role is not Role.CUSTOMER:
        raise Invalid("Tickets are opened for customers.", field="customer")


def _assign(
    session: Session,
    actor: Actor,
    ticket: Ticket,
    agent_id: UUID | None,
    *,
    tell_after_s: int = 0,
) -> None:
    require(actor, TICKET_ASSIGN, ticket)
    if agent_id == ticket.assigned_agent_id:
        return
    event = Event.ASSIGNMENT if agent_id else Event.RETURN_TO_POOL
    after = status_after(session, ticket, event)
    if agent_id is not None:
        with as_system(session):
            agents.require_active_agent(session, agent_id)
    ticket.assigned_agent_id = agent_id
    session.flush()
    if agent_id is not None:
        _require_active_still(session, agent_id)
        # Who gets it must see it.
        wake(session, ticket, Cause.ASSIGNED)
        _tell_agent(session, actor, ticket, tell_after_s)
    move(session, actor, ticket, after)


def _require_active_still(session: Session, agent_id: UUID) -> None:
    """The ticket's trigger has waited for whoever was deactivating its agent at that moment."""
    with as_system(session):
        agents.require_active_agent(session, agent_id)


def _tell_agent(session: Session, actor: Actor, ticket: Ticket, after_s: int = 0) -> None:
    """A letter to the agent who has the ticket now, unless they took it themselves."""
    agent_id = ticket.assigned_agent_id
    if agent_id is None or agent_id == actor.profile_id:
        return
    with as_system(session):
        session.refresh(ticket, ["version", "number"])
        letters.write(
            session,
            key=f"assigned:{ticket.id}:{agent_id}:{ticket.version}",
            letter="assigned",
            to_profile_id=agent_id,
            ticket_id=ticket.id,
            params={
                "number": ticket.number,
                "title": ticket.title,
                "priority": ticket.priority.value,
            },
            send_after=now_of(session) + timedelta(seconds=after_s),
        )


def _edit(actor: Actor, ticket: Ticket, changes: TicketChanges) -> None:
    if changes.title is UNSET and changes.description is UNSET:
        return
    require(actor, TICKET_EDIT, ticket)
    if changes.title is not UNSET:
        ticket.title = texts.title(changes.title)
    if changes.description is not UNSET:
        ticket.description = texts.description(changes.description)


def _prioritise(session: Session, actor: Actor, ticket: Ticket, changes: TicketChanges) -> None:
    shown = ticket.public_priority if actor.is_customer else ticket.priority
    if changes.priority is UNSET or changes.priority is shown:
        return
    limit = current(session).customer_max_priority
    require(actor, TICKET_SET_PRIORITY, ticket, priority=changes.priority, limit=limit)
    if actor.is_customer:
        with as_system(session):
            # Also where staff rank it so already: what the customer asked for is shown to them.
            ticket.public_priority = changes.priority
    if changes.priority is ticket.priority:
        return
    ticket.priority = changes.priority
    session.flush()


def _route(session: Session, actor: Actor, ticket: Ticket, changes: TicketChanges) -> None:
    if changes.team_id is UNSET and changes.tags is UNSET:
        return
    require(actor, TICKET_ROUTE, ticket)
    if changes.tags is not UNSET:
        ticket.tags = texts.tags(changes.tags)
    if changes.team_id is not UNSET and changes.team_id != ticket.team_id:
        teams.require_team(session, changes.team_id)
        ticket.team_id = changes.team_id


def _let_clocks_follow(session: Session, ticket: Ticket, *, is_rerouted: bool) -> None:
    """Once for all: no clock is judged by the new priority under the policy of the old team."""
    with as_system(session):
        # The trigger has moved the priority that SLA targets follow.
        session.refresh(ticket, ["sla_priority"])
        if is_rerouted:
            clocks.team_changed(session, ticket, at=now_of(session))
        clocks.priority_changed(session, ticket, at=now_of(session))
