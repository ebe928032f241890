"""A ServiceNow event log, lived through again here: every event by a service, at its own time.

The log knows no letters, so its states say who spoke: whoever took an incident on, asked
the caller, or resolved it wrote to them; an incident that waited for its caller went on
because the caller answered.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from emberone.domain.actor import Actor
from emberone.domain.enums import Priority, Status
from emberone.domain.errors import Conflict
from emberone.domain.imports import servicenow
from emberone.domain.imports.rows import Row
from emberone.domain.imports.servicenow import Step
from emberone.domain.lifecycle import Event
from emberone.services import comments, tickets
from emberone.services.sla import sweep_sla
from emberone.services.tickets import TicketChanges

_REPLIES: Final[Mapping[Status, Event]] = {
    Status.IN_PROGRESS: Event.STAFF_REPLY,
    Status.WAITING: Event.STAFF_REPLY_AND_WAIT,
    Status.CLOSED: Event.STAFF_REPLY_AND_CLOSE,
}


@dataclass
class Life:
    """One incident as a ticket, beside what the log itself says of it."""

    ticket_id: UUID
    status: Status = Status.OPEN
    priority: Priority = Priority.MEDIUM
    #: Each stretch in which the ticket was open and not waiting for its customer, by priority.
    worked: list[tuple[Priority, datetime, datetime]] = field(default_factory=list)
    worked_since: datetime | None = None
    pauses: int = 0
    #: The log brings it back after the days in which that is possible here: not followed on.
    is_past_reopening: bool = False

    def note(self, at: datetime, status: Status, priority: Priority) -> None:
        """Take down what the log says, by nothing but the log."""
        if self.worked_since is not None:
            self.worked.append((self.priority, self.worked_since, at))
        self.worked_since = at if status in {Status.OPEN, Status.IN_PROGRESS} else None
        self.pauses += status is Status.WAITING and self.status is not Status.WAITING
        self.status, self.priority = status, priority


@dataclass
class Replay:
    """The log's incidents as tickets of one customer, answered by one agent."""

    agent: Actor
    customer: Actor
    lives: dict[str, Life] = field(default_factory=dict)
    events: int = 0
    steps_fired: int = 0

    def run(self, steps: list[Step]) -> None:
        """Live through these, with a sweep before each: what is due by then fires first."""
        for step in steps:
            at = step.event.at
            while fired := sweep_sla(now=at):
                self.steps_fired += fired
            self._follow(step, at)
            self.events += 1

    def _follow(self, step: Step, at: datetime) -> None:
        event, name = step.event, servicenow.number(step.event.row)
        life = self.lives.get(name)
        if life is None:
            life = self.lives[name] = Life(self._open(step, at))
            life.note(at, Status.OPEN, event.priority)
        if life.is_past_reopening:
            return
        if event.priority is not life.priority:
            changes = TicketChanges(priority=event.priority)
            tickets.change_ticket(self.agent, life.ticket_id, changes, version=None, now=at)
            life.note(at, life.status, event.priority)
        if event.status is not life.status:
            self._move(life, event.status, at)

    def _open(self, step: Step, at: datetime) -> UUID:
        assert self.customer.profile_id is not None
        return tickets.open_ticket(
            self.agent,
            self.customer.profile_id,
            servicenow.title(step.event),
            servicenow.description(step.event),
            priority=step.event.priority,
            now=at,
        )

    def _move(self, life: Life, after: Status, at: datetime) -> None:
        words = f"Event {self.events}."
        if life.status is Status.CLOSED:
            try:
                tickets.reopen_ticket(self.agent, life.ticket_id, now=at)
            except Conflict:
                life.is_past_reopening = True
                return
            life.note(at, Status.IN_PROGRESS, life.priority)
        elif life.status is Status.WAITING and after in {Status.OPEN, Status.IN_PROGRESS}:
            comments.comment_as_customer(self.customer, life.ticket_id, words, now=at)
            life.note(at, Status.IN_PROGRESS, life.priority)
        # Back to New has no event of its own: an agent was taken away, and time runs on.
        if after is not life.status and after in _REPLIES:
            comments.reply(self.agent, life.ticket_id, words, _REPLIES[after], now=at)
            life.note(at, after, life.priority)


def read(file: Path, most: int | None = None) -> list[Step]:
    """What the first incidents of the file go through, all together, in the order of time."""
    incidents: dict[str, list[Row]] = defaultdict(list)
    with file.open(newline="", encoding="utf-8-sig") as lines:
        for line, values in enumerate(csv.DictReader(lines), start=2):
            incidents[values["number"]].append(Row(line, values))
    steps: list[Step] = []
    for rows in list(incidents.values())[:most]:
        events, rejected = servicenow.read_events(rows, now=datetime.now(UTC))
        assert not rejected
        steps += servicenow.steps(events)
    return sorted(steps, key=lambda step: step.event.at)
