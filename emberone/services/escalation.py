"""What an SLA step does when it falls due: tell people, raise the priority, say so.

Steps called by `services/sla.py` as the product, with ticket and clock locked.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from emberone.domain.enums import CommentType, Metric, Priority, StepAction
from emberone.domain.lifecycle import TRANSITIONS, Event
from emberone.domain.sla import is_warning
from emberone.domain.snoozing import Cause
from emberone.jobs import Job, nudge
from emberone.models import Comment, SLAClock, SLAStep, Ticket
from emberone.services import history, letters
from emberone.services.clock_book import iso
from emberone.services.waking import wake

#: How the product's own comments call a metric.
_NAMES: Final[Mapping[Metric, str]] = {
    Metric.FIRST_RESPONSE: "The first response",
    Metric.NEXT_RESPONSE: "The next response",
    Metric.RESOLUTION: "The resolution",
}

#: Until the end of the transaction, or until it is set again.
_SET_REASON: Final = text("SELECT set_config('emberone.reason', :reason, true)")


@dataclass(slots=True)
class DueStep:
    """A step that fires, with what it is about."""

    ticket: Ticket
    clock: SLAClock
    step: SLAStep
    #: The numbers of the clock's steps that were due before it and are passed over.
    passed_over: tuple[int, ...] = ()
    #: The ticket's priority before this step raised it.
    raised_from: Priority | None = None

    @property
    def is_warning(self) -> bool:
        """Whether the step comes before the due time."""
        return is_warning(self.step.percent, self.step.offset_s)

    @property
    def due_at(self) -> datetime | None:
        """What people were promised: the time that was missed, else the one that is coming."""
        return self.clock.breached_at or self.clock.due_at

    @property
    def context(self) -> dict[str, Any]:
        """How history names it."""
        percent = self.step.percent
        named = {
            "clock": str(self.clock.id),
            "metric": self.clock.metric.value,
            "cycle": self.clock.cycle,
            "step": str(self.step.id),
            "stepNo": self.step.step_no,
            "percent": None if percent is None else float(percent),
            "offsetS": self.step.offset_s,
            "dueAt": iso(self.due_at),
            "actions": list(self.step.actions),
            "passedOver": list(self.passed_over) or None,
        }
        return {key: value for key, value in named.items() if value is not None}


@dataclass(slots=True)
class _Round:
    """Steps of different tickets: what they tell is written once for all of them."""

    session: Session
    now: datetime
    told: dict[str, list[letters.Addressed]] = field(default_factory=dict)
    entries: list[history.InternalEntry] = field(default_factory=list)
    _admins: Sequence[UUID] | None = None

    def admins(self) -> Sequence[UUID]:
        """Whom a letter to the admins reaches."""
        if self._admins is None:
            self._admins = letters.active_admins(self.session)
        return self._admins

    def write(self) -> None:
        """Write the letters, a statement for each kind, and history."""
        for letter, addressed in self.told.items():
            letters.write_all(self.session, letter=letter, addressed=addressed)
        history.record_all(self.session, self.entries)


def fire_all(session: Session, steps: Iterable[DueStep], now: datetime) -> None:
    """Do what each step says, in its order, and write it into history.

    A second step of the same ticket sees what became of the first: its letter
    follows that of the first in their thread.
    """
    left = list(steps)
    while left:
        first = {due.ticket.id: due for due in reversed(left)}
        chosen = [due for due in left if first[due.ticket.id] is due]
        left = [due for due in left if first[due.ticket.id] is not due]
        this = _Round(session, now)
        for due in chosen:
            _fire(this, due)
        this.write()


def _fire(this: _Round, due: DueStep) -> None:
    due.raised_from = None
    # Whom it warns must find the ticket in their lists.
    wake(this.session, due.ticket, Cause.TIME_LIMIT)
    for action in due.step.actions:
        _ACTIONS[StepAction(action)](this, due)
    due.step.fired_at = this.now
    action_name = "sla_warned" if due.is_warning else "escalated"
    this.entries.append(history.InternalEntry(due.ticket.id, action_name, due.context))


def _notify_assignee(this: _Round, due: DueStep) -> None:
    if due.ticket.assigned_agent_id is not None:
        _notify(this, due, due.ticket.assigned_agent_id)


def _notify_person(this: _Round, due: DueStep) -> None:
    if due.step.person_id is not None:
        _notify(this, due, due.step.person_id)


def _notify_admins(this: _Round, due: DueStep) -> None:
    for admin_id in this.admins():
        _notify(this, due, admin_id)


def _notify(this: _Round, due: DueStep, profile_id: UUID) -> None:
    # One letter to each person, however many of the actions name them.
    key = f"sla:{due.step.id}:{profile_id}"
    letter = letters.Addressed(key, profile_id, due.ticket.id, _params(due))
    this.told.setdefault(_letter(due), []).append(letter)


def _letter(due: DueStep) -> str:
    is_late = due.clock.breached_at is not None or not due.is_warning
    return "sla_breach" if is_late else "sla_warning"


def _params(due: DueStep) -> dict[str, Any]:
    return {
        "number": due.ticket.number,
        "title": due.ticket.title,
        "priority": due.ticket.priority.value,
        "metric": due.clock.metric.value,
        "due_at": iso(due.due_at),
    }


def _raise_priority(this: _Round, due: DueStep) -> None:
    """One level up; as the product's own change it shortens no target (SLA rules 18 and 24)."""
    before = due.ticket.priority
    if before.raised() is before:
        return
    _because_of(this.session, due)
    due.ticket.priority = before.raised()
    # The trigger takes the reason while it stands.
    this.session.flush()
    _because_of(this.session, None)
    due.raised_from = before


def _reassign(this: _Round, due: DueStep) -> None:
    """Back to the pool, where assignment gives it to somebody else (assignment rule 12)."""
    agent_id = due.ticket.assigned_agent_id
    if agent_id is None:
        return
    _because_of(this.session, due)
    due.ticket.assigned_agent_id = None
    due.ticket.status = TRANSITIONS[Event.RETURN_TO_POOL][due.ticket.status]
    this.session.flush()
    _because_of(this.session, None)
    # By itself: a trigger forgets the mark when the agent changes.
    this.session.execute(
        update(Ticket).where(Ticket.id == due.ticket.id).values(handed_off_by=agent_id)
    )
    nudge(this.session, Job.ASSIGN)


def _comment(this: _Round, due: DueStep) -> None:
    """An internal comment; `systemData` lets a page say the same in its reader's language."""
    assert due.due_at is not None
    verb = "is due" if _letter(due) == "sla_warning" else "was due"
    moment = due.due_at.astimezone(UTC)
    content = f"{_NAMES[due.clock.metric]} {verb} at {moment:%Y-%m-%d %H:%M} UTC."
    facts = {"kind": _letter(due), **due.context}
    if due.raised_from is not None:
        content += f" Priority raised from {due.raised_from} to {due.ticket.priority}."
        facts |= {"raisedFrom": due.raised_from.value, "raisedTo": due.ticket.priority.value}
    this.session.add(
        Comment(
            ticket_id=due.ticket.id,
            content=content,
            type=CommentType.SYSTEM,
            is_internal=True,
            details={"systemData": facts},
        )
    )


def _because_of(session: Session, due: DueStep | None) -> None:
    """Give the changes that follow this step as their reason; None takes it away again."""
    session.execute(_SET_REASON, {"reason": f"SLA step {due.step.id}" if due else ""})


_ACTIONS: Final[Mapping[StepAction, Callable[[_Round, DueStep], None]]] = {
    StepAction.NOTIFY_ASSIGNEE: _notify_assignee,
    StepAction.NOTIFY_ADMINS: _notify_admins,
    StepAction.NOTIFY_PERSON: _notify_person,
    StepAction.RAISE_PRIORITY: _raise_priority,
    StepAction.REASSIGN: _reassign,
    StepAction.COMMENT: _comment,
}
