"""The book of one ticket's clocks: they are read under a lock, moved, and written into history."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, aliased

from emberone.db import now_of
from emberone.domain import sla
from emberone.domain.enums import Metric, Status
from emberone.domain.lifecycle import THANKS_DISMISSED, is_reopenable
from emberone.domain.sla import Calendar, Timing
from emberone.domain.sla_story import Change
from emberone.models import SLAClock, Ticket
from emberone.queries.calendars import calendar_of
from emberone.queries.sla import Ended
from emberone.services import history, steps
from emberone.services.promises import Policy, Promise, promised
from emberone.services.settings import reopen_window

_WRITE_ALL: Final = text(
    "UPDATE sla_clocks SET target_s = new.target_s, running_since = new.running_since,"
    " consumed_s = new.consumed_s, due_at = new.due_at, breached_at = new.breached_at,"
    " stopped_at = new.stopped_at, stopped_reason = new.stopped_reason,"
    " target_priority = new.target_priority,"
    " paused_at = new.paused_at, cause = new.cause, policy_version_id = new.policy_version_id,"
    " calendar_version = new.calendar_version, detected_at = new.detected_at,"
    " due_set_by = new.due_set_by"
    " FROM jsonb_to_recordset(cast(:clocks AS jsonb)) AS new (id uuid, target_s integer,"
    " running_since timestamptz, consumed_s float8, due_at timestamptz, breached_at timestamptz,"
    " stopped_at timestamptz, stopped_reason text, paused_at timestamptz, cause text,"
    " policy_version_id uuid, calendar_version uuid, detected_at timestamptz,"
    " due_set_by uuid, target_priority ticket_priority)"
    " WHERE sla_clocks.id = new.id"
)

#: On these tickets steps may fire (SLA rule 24).
WORKED_ON: Final = frozenset({Status.OPEN, Status.IN_PROGRESS})

#: Why a clock was stopped: the ticket was closed; only then may the clock go on again.
CLOSED: Final = "closed"
#: The ticket came in closed, so that nothing was promised on it here.
CAME_CLOSED: Final = "came_closed"
#: The ticket's priority or policy promises nothing for this metric any more.
NO_TARGET: Final = "no_target"
#: What the customer said was deleted, so that nobody waits for an answer to it.
COMMENT_DELETED: Final = "comment_deleted"

#: The cause of clocks whose ticket was imported.
IMPORT: Final = "import"


@dataclass(slots=True)
class ClockBook:
    """The newest clock of each metric of one ticket, and what happens to them in one call."""

    session: Session
    ticket: Ticket
    #: When it happens; never before what has happened to the clocks already. Whoever waited for
    #: another's transaction began before it, as in history (migrations/sql/0028_order.sql).
    at: datetime
    clocks: dict[Metric, SLAClock] = field(default_factory=dict)
    _changes: list[dict[str, Any]] = field(default_factory=list)
    _breached: list[SLAClock] = field(default_factory=list)
    _taken_back: list[history.InternalEntry] = field(default_factory=list)
    _choice: dict[str, object] = field(default_factory=dict)
    _window: timedelta | None = None

    @classmethod
    def of(cls, session: Session, ticket: Ticket, at: datetime) -> Self:
        """The book of a ticket that may have clocks already, in one query."""
        later = aliased(SLAClock)
        newest = (
            select(func.max(later.cycle))
            .where(later.ticket_id == SLAClock.ticket_id, later.metric == SLAClock.metric)
            .scalar_subquery()
        )
        # The sweep skips what is locked here, and is skipped or waited for where it was first.
        clocks = session.scalars(
            select(SLAClock)
            .where(SLAClock.ticket_id == ticket.id, SLAClock.cycle == newest)
            .order_by(SLAClock.metric)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        of_metric = {clock.metric: clock for clock in clocks}
        return cls(session, ticket, not_before(of_metric.values(), at), of_metric)

    @property
    def breached(self) -> Sequence[SLAClock]:
        """The clocks whose breach was noted with what happened."""
        return self._breached

    @property
    def open(self) -> list[SLAClock]:
        """The clocks that wait for their event."""
        return [clock for clock in self.clocks.values() if clock.timing.is_open]

    @property
    def running(self) -> list[SLAClock]:
        """The open clocks that are not paused."""
        return [clock for clock in self.clocks.values() if clock.timing.is_running]

    @property
    def is_worked_on(self) -> bool:
        """Whether steps may fire on the ticket: not on WAITING and CLOSED (SLA rule 24)."""
        return self.ticket.status in WORKED_ON

    def may_go_on(self, clock: SLAClock) -> bool:
        """Whether closing ended this clock, not so long ago that it is over (SLA rule 10)."""
        timing = clock.timing
        is_closed = timing.stopped_reason == CLOSED or (
            clock.metric is Metric.RESOLUTION and timing.met_at is not None
        )
        if timing.is_open or not is_closed:
            return False
        if self._window is None:
            self._window = reopen_window(self.session)
        return is_reopenable(timing.over_at, now=self.at, reopen_window=self._window)

    def begin(
        self, policy: Policy | None, metrics: Iterable[Metric], *, cause: str | None = None
    ) -> None:
        """Start a new cycle of each of these metrics that the policy has a target for."""
        if policy is None:
            return
        promises = promised(self.session, self.ticket.id, {policy.version_id})
        begun: list[tuple[SLAClock, Promise]] = []
        for metric in metrics:
            promise = promises.get((policy.version_id, metric))
            if promise is not None:
                begun.append((self._start(promise, cause), promise))
        # The steps and history name the clocks.
        self.session.flush()
        for clock, _ in begun:
            self._note(Change.STARTED, clock, cause)
        steps.plan(self.session, begun)

    def pause(self, clock: SLAClock) -> None:
        """Stop time for this clock."""
        self._put(Change.PAUSED, clock, sla.pause(clock.timing, self.at, self._measure(clock)))

    def resume(self, clock: SLAClock) -> None:
        """Let time run again for this clock."""
        self._put(Change.RESUMED, clock, sla.resume(clock.timing, self.at, self._measure(clock)))

    def meet(self, clock: SLAClock) -> None:
        """End this clock by its event."""
        self._put(Change.MET, clock, sla.meet(clock.timing, self.at, self._measure(clock)))

    def stop(self, clock: SLAClock, reason: str) -> None:
        """End this clock without its event."""
        timing = sla.stop(clock.timing, self.at, reason, self._measure(clock))
        self._put(Change.STOPPED, clock, timing, reason)

    def reopen(self, clock: SLAClock) -> None:
        """Let an ended clock go on."""
        self._put(Change.REOPENED, clock, sla.reopen(clock.timing, self.at, self._measure(clock)))

    def take_back(self, clock: SLAClock, before: Ended) -> None:
        """Let a clock stand as it did when the ticket was closed, whatever came since."""
        clock.calendar_version = before.calendar_version
        clock.policy_version_id = before.policy_version_id or clock.policy_version_id
        clock.target_priority = before.priority or clock.target_priority
        self._put(Change.TAKEN_BACK, clock, before.timing, THANKS_DISMISSED)
        clock.due_set_by = before.due_set_by if before.timing.is_due_by_hand else None

    def disregard(self, clock: SLAClock) -> None:
        """End a clock that should never have begun; nothing of it counts."""
        timing = sla.disregard(clock.timing, self.at, THANKS_DISMISSED)
        self._put(Change.DISREGARDED, clock, timing, THANKS_DISMISSED)

    def retarget(self, clock: SLAClock, promise: Promise, cause: str) -> None:
        """Give this clock the target and calendar of another promise."""
        becomes = None
        if promise.calendar_version != clock.calendar_version:
            becomes = calendar_of(self.session, promise.calendar_version)
        measure = self._measure(clock)
        before = clock.timing
        timing = sla.retarget(
            before, promise.target_s, self.at, measure, cause=cause, becomes=becomes
        )
        clock.calendar_version = promise.calendar_version
        clock.target_priority = promise.priority
        if timing != before:
            self._put(Change.RETARGETED, clock, timing, cause)
        elif becomes is not None:
            # A paused clock stands as it stood, and goes on by another calendar.
            self._note(Change.RETARGETED, clock, cause)

    def promise(self, clock: SLAClock, due_at: datetime, by: UUID | None) -> None:
        """Let this clock be due when a person has said."""
        timing = sla.promise(clock.timing, due_at, self.at, self._measure(clock))
        if timing.is_open:
            clock.due_set_by = by
        self._put(Change.PROMISED, clock, timing)

    def release(self, clock: SLAClock) -> None:
        """Let this clock be due by its target again."""
        self._put(Change.RELEASED, clock, sla.release(clock.timing, self.at, self._measure(clock)))

    def note_choice(self, policy: Policy | None) -> None:
        """Let history say under which policy the ticket stands now (SLA rule 0)."""
        self._choice = policy.context if policy else {"policy": None}

    def write(self) -> None:
        """Write what happened into history; nothing where nothing happened or was chosen."""
        for entry in self.entries():
            history.record(self.session, entry.ticket_id, entry.action, context=entry.context)

    def entries(self) -> Iterator[history.InternalEntry]:
        """What history is to say of it."""
        for clock in self._breached:
            yield breach_entry(clock)
        yield from self._taken_back
        if self._changes or self._choice:
            action = "sla_policy_chosen" if self._choice else "sla_changed"
            context = {**self._choice, "at": iso(self.at), "clocks": self._changes}
            yield history.InternalEntry(self.ticket.id, action, context)

    def _start(self, promise: Promise, cause: str | None) -> SLAClock:
        previous = self.clocks.get(promise.metric)
        calendar = calendar_of(self.session, promise.calendar_version)
        timing = sla.start(promise.target_s, self.at, calendar, cause=cause)
        clock = SLAClock(
            ticket_id=self.ticket.id,
            metric=promise.metric,
            cycle=previous.cycle + 1 if previous else 1,
            target_priority=promise.priority,
            policy_version_id=promise.version_id,
            calendar_version=promise.calendar_version,
            started_at=self.at,
            quiet_until=self._quiet_until(cause),
        )
        clock.take(timing)
        self.session.add(clock)
        self.clocks[promise.metric] = clock
        return clock

    def _measure(self, clock: SLAClock) -> Calendar:
        """The calendar that this clock is measured with, its pauses too (SLA rule 8)."""
        return calendar_of(self.session, clock.calendar_version)

    def _quiet_until(self, cause: str | None) -> Any:
        if cause == IMPORT:
            # The real time of the transaction, which brought its own now.
            return func.transaction_timestamp()
        quiet = [clock.quiet_until for clock in self.clocks.values() if clock.quiet_until]
        return max(quiet, default=None)

    def _put(
        self, change: Change, clock: SLAClock, timing: Timing, reason: str | None = None
    ) -> None:
        before = clock.timing
        if timing == before:
            return
        if before.breached_at is not None and timing.breached_at is None:
            entry = breach_entry(clock)
            self._taken_back.append(entry._replace(action="sla_breach_taken_back"))
            clock.detected_at = None
        clock.take(timing)
        if timing.breached_at is not None and before.breached_at is None:
            clock.detected_at = now_of(self.session)
            self._breached.append(clock)
        self._note(change, clock, reason)

    def _note(self, change: Change, clock: SLAClock, reason: str | None) -> None:
        noted = {
            "change": change.value,
            "clock": str(clock.id),
            "metric": clock.metric.value,
            "cycle": clock.cycle,
            "priority": clock.target_priority.value,
            "targetS": clock.target_s,
            "dueAt": None if clock.due_at == sla.NEVER else iso(clock.due_at),
            "neverDue": True if clock.due_at == sla.NEVER else None,
            "calendarVersion": clock.calendar_version and str(clock.calendar_version),
            "reason": reason,
        }
        self._changes.append({key: value for key, value in noted.items() if value is not None})


def not_before(clocks: Iterable[SLAClock], at: datetime) -> datetime:
    """The moment, or the latest at which one of these clocks was moved."""
    return max([at, *(clock.moved_at for clock in clocks)])


def breach_entry(clock: SLAClock) -> history.InternalEntry:
    """How history says that a clock's due time passed, once per clock."""
    context = {
        "clock": str(clock.id),
        "metric": clock.metric.value,
        "cycle": clock.cycle,
        "targetS": clock.target_s,
        "dueAt": iso(clock.breached_at),
        "cause": clock.cause,
    }
    return history.InternalEntry(clock.ticket_id, "sla_breached", context)


def write_all(session: Session, clocks: Iterable[SLAClock]) -> None:
    """Store very many clocks that no session minds, as they stand now, with one statement."""
    rows = [_written(clock) for clock in clocks]
    if rows:
        session.execute(_WRITE_ALL, {"clocks": json.dumps(rows, default=str)})


def _written(clock: SLAClock) -> dict[str, Any]:
    """What may change of a clock that is open, as `_WRITE_ALL` takes it."""
    return {
        "id": clock.id,
        "target_s": clock.target_s,
        "running_since": clock.running_since,
        "paused_at": clock.paused_at,
        "consumed_s": clock.consumed_s,
        "due_at": clock.due_at,
        "breached_at": clock.breached_at,
        "stopped_at": clock.stopped_at,
        "stopped_reason": clock.stopped_reason,
        "cause": clock.cause,
        "policy_version_id": clock.policy_version_id,
        "calendar_version": clock.calendar_version,
        "detected_at": clock.detected_at,
        "due_set_by": clock.due_set_by,
        "target_priority": clock.target_priority,
    }


def iso(moment: datetime | None) -> str | None:
    """A moment as history keeps it: UTC, to the microsecond."""
    return None if moment is None else moment.astimezone(UTC).isoformat()
