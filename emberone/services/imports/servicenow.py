"""Replaying a ServiceNow incident: one ticket, its history at the original times.

What happened there is history here: no letter, no request for feedback, and no
clock for it. A ticket that is not closed at the end gets its clocks from the
import's real now on, so that nothing of the past raises an alarm.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select, text
from sqlalchemy.orm import Session

from emberone.db import at, now_of, service, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Availability, CommentType, Priority, Status
from emberone.domain.errors import Conflict
from emberone.domain.imports import servicenow
from emberone.domain.imports.rows import Person, Rejected, Row
from emberone.domain.imports.servicenow import Event, Step
from emberone.models import Comment, ImportedRow, SLAClock, Ticket
from emberone.policy import IMPORT, require
from emberone.services import clocks, feedback
from emberone.services.imports import people, records
from emberone.services.imports.records import Outcome

#: When people here last touched the ticket; what the product did by itself does not count.
_TOUCHED_HERE: Final = text(
    "SELECT max(created_at) FROM history"
    " WHERE ticket_id = :ticket_id AND metadata ->> 'source' <> 'system'"
)


@dataclass(frozen=True, slots=True)
class _Here:
    """Who and what the file's names are here."""

    people: Mapping[str, people.Known]
    teams: Mapping[str, UUID]

    def actor(self, person: Person | None) -> UUID | None:
        return None if person is None else self.people[person.email].id

    def agent(self, person: Person | None) -> UUID | None:
        return None if person is None else people.agent_id(self.people, person)


@dataclass(frozen=True, slots=True)
class _Before:
    """What the ticket was when this run began."""

    status: Status
    priority: Priority
    team_id: UUID | None

    @classmethod
    def of(cls, ticket: Ticket) -> "_Before":
        return cls(ticket.status, ticket.priority, ticket.team_id)


@service
def import_incident(
    actor: Actor, rows: Sequence[Row], *, availability: Availability = Availability.AWAY
) -> Outcome:
    """Take in what is new of one incident: all its rows of the file, in file order.

    `availability` is that of agents who are new here. Rows that cannot be taken
    in are in the outcome; an error leaves the incident as it was.
    """
    name = servicenow.number(rows[0])
    with transaction(SYSTEM) as session:
        require(actor, IMPORT)
        records.take_turn(session)
        now = now_of(session)
        events, rejected = servicenow.read_events(rows, now=now)
        known = records.known_rows(session, servicenow.SOURCE, name)
        ticket = _locked_ticket(session, known)
        steps, late = _new_steps(session, events, known, ticket)
        outcome = Outcome(
            events=len(steps),
            known=len(events) - len(steps) - len(late),
            rejected=sorted([*rejected, *late], key=lambda row: row.line),
        )
        if steps:
            outcome.tickets = int(ticket is None)
            here = _find_names(session, steps, availability)
            before = _Before.of(ticket) if ticket else None
            ticket = _replay(session, steps, ticket, here)
            records.remember(
                session,
                servicenow.SOURCE,
                [(step.event.key, ticket.id, step.event.at) for step in steps],
                external_id=name,
            )
            if before is not None or ticket.status is not Status.CLOSED:
                at(session, None, now)
                _settle(session, ticket, before)
        return outcome


def _locked_ticket(session: Session, known: Sequence[ImportedRow]) -> Ticket | None:
    if not known:
        return None
    ticket_id = known[0].ticket_id
    if ticket_id is None:
        raise Conflict("its ticket was deleted here")
    return session.get(Ticket, ticket_id, with_for_update={"key_share": True})


def _new_steps(
    session: Session,
    events: Sequence[Event],
    known: Sequence[ImportedRow],
    ticket: Ticket | None,
) -> tuple[list[Step], list[Rejected]]:
    """What to do that has not been done, and what comes too late to be done.

    History is append-only: an event from before what the ticket has been
    through already has no place in it any more.
    """
    keys = {row.key for row in known}
    new = [step for step in servicenow.steps(events) if step.event.key not in keys]
    if ticket is None or not new:
        return new, []
    latest = max(row.created_at for row in known)
    touched: datetime | None = session.scalar(_TOUCHED_HERE, {"ticket_id": ticket.id})
    late = []
    for step in new:
        if step.event.at < latest:
            late.append(Rejected(step.event.row.line, "it is older than what came in before it"))
        elif touched is not None and step.event.at <= touched:
            late.append(
                Rejected(step.event.row.line, "people have worked on its ticket here since")
            )
    lines = {row.line for row in late}
    return [step for step in new if step.event.row.line not in lines], late


def _find_names(session: Session, steps: Iterable[Step], availability: Availability) -> _Here:
    persons: set[Person] = set()
    teams: set[str] = set()
    for step in steps:
        event = step.event
        persons |= {p for p in (event.actor, event.agent, event.customer) if p is not None}
        teams |= {event.team} if event.team else set()
    here = _Here(
        people.known_people(session, persons, availability=availability),
        people.known_teams(session, teams),
    )
    people.join_teams(
        session,
        [
            (here.teams[team], agent)
            for team, agent in ((step.event.team, here.agent(step.event.agent)) for step in steps)
            if team is not None and agent is not None
        ],
    )
    return here


def _replay(session: Session, steps: Sequence[Step], ticket: Ticket | None, here: _Here) -> Ticket:
    notes: list[tuple[Event, str]] = []
    for step in steps:
        if ticket is None or step.changed:
            at(session, here.actor(step.event.actor), step.event.at)
        if ticket is None:
            ticket = _create(session, step.event, here)
            notes.append((step.event, servicenow.arrival_note(step.event)))
        else:
            _change(ticket, step, here)
            if step.note:
                notes.append((step.event, step.note))
    assert ticket is not None
    # The comments need the ticket's id.
    session.flush()
    session.add_all(_comment(ticket, event, content) for event, content in notes)
    # Still at the last event's time: the ticket's change is history like the others.
    session.flush()
    return ticket


def _create(session: Session, event: Event, here: _Here) -> Ticket:
    ticket = Ticket(
        title=servicenow.title(event),
        description=servicenow.description(event),
        status=event.status,
        priority=event.priority,
        customer_id=people.customer_id(here.people, event.customer),
        assigned_agent_id=here.agent(event.agent),
        team_id=here.teams[event.team] if event.team else None,
        tags=list(event.tags),
    )
    session.add(ticket)
    return ticket


def _change(ticket: Ticket, step: Step, here: _Here) -> None:
    event = step.event
    if "status" in step.changed:
        ticket.status = event.status
    if "priority" in step.changed:
        ticket.priority = event.priority
        # People set it there, so the SLA's targets follow it: SLA rule 18.
        ticket.sla_priority = event.priority
    if "customer" in step.changed:
        ticket.customer_id = people.customer_id(here.people, event.customer)
    if "agent" in step.changed:
        ticket.assigned_agent_id = here.agent(event.agent)
    if "team" in step.changed:
        ticket.team_id = here.teams[event.team] if event.team else None
    if "tags" in step.changed:
        ticket.tags = list(event.tags)


def _comment(ticket: Ticket, event: Event, content: str) -> Comment:
    return Comment(
        ticket_id=ticket.id,
        content=content,
        type=CommentType.SYSTEM,
        is_internal=True,
        details={
            "systemData": {"source": servicenow.SOURCE, "number": servicenow.number(event.row)}
        },
        created_at=event.at,
    )


def _settle(session: Session, ticket: Ticket, before: _Before | None) -> None:
    """Let what counts from now on begin, go on or end: clocks, feedback, assignment."""
    now = now_of(session)
    # The triggers' work is what the steps below read.
    session.refresh(ticket)
    if before is None or not _has_clocks(session, ticket):
        if ticket.status is not Status.CLOSED:
            clocks.opened(session, ticket, at=now, cause="import")
    else:
        if ticket.team_id != before.team_id:
            clocks.team_changed(session, ticket, at=now)
        if ticket.priority is not before.priority:
            clocks.priority_changed(session, ticket, at=now)
        if ticket.status is not before.status:
            clocks.status_changed(session, ticket, before.status, at=now)
    if before and before.status is Status.CLOSED and ticket.status is not Status.CLOSED:
        feedback.ticket_reopened(session, ticket, at=now)
    records.ask_for_agent(session, ticket)


def _has_clocks(session: Session, ticket: Ticket) -> bool:
    """Not where it came in closed, or where nothing is promised."""
    return bool(session.scalar(select(exists().where(SLAClock.ticket_id == ticket.id))))
