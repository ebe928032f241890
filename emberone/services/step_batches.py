"""The steps of very many clocks, planned anew in three statements; `steps.py` has the rules."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.domain.sla import Calendar, Timing, step_time
from emberone.models import SLAClock
from emberone.queries.calendars import calendars_of
from emberone.services.promises import Promise
from emberone.services.steps import add, follow, may_fire_yet, resume_one, row_of

_READ: Final = text(
    "SELECT id, clock_id, step_no, percent, offset_s, actions, person_id, fire_at, fired_at,"
    " cancelled_at, skipped_reason, dead_at FROM sla_steps WHERE clock_id = ANY (:clock_ids)"
)

_WRITE: Final = text(
    "UPDATE sla_steps SET percent = new.percent, offset_s = new.offset_s, actions = new.actions,"
    " person_id = new.person_id, fire_at = new.fire_at, cancelled_at = new.cancelled_at,"
    " skipped_reason = new.skipped_reason"
    " FROM jsonb_to_recordset(cast(:steps AS jsonb)) AS new (id uuid, percent numeric,"
    " offset_s integer, actions text[], person_id uuid, fire_at timestamptz,"
    " cancelled_at timestamptz, skipped_reason text) WHERE sla_steps.id = new.id"
)


class Replanned(NamedTuple):
    """A clock that has been given another promise."""

    clock: SLAClock
    promise: Promise
    #: Whether it runs, on a ticket on which steps may fire.
    may_fire: bool


@dataclass(slots=True)
class _Step:
    """A row of `sla_steps`, light enough to have thousands of."""

    id: UUID
    clock_id: UUID
    step_no: int
    percent: Decimal | None
    offset_s: int | None
    actions: list[str]
    person_id: UUID | None
    fire_at: datetime | None
    fired_at: datetime | None
    cancelled_at: datetime | None
    skipped_reason: str | None
    dead_at: datetime | None

    @property
    def written(self) -> dict[str, Any]:
        """What planning may change, as `_WRITE` takes it."""
        return {
            "id": self.id,
            "percent": self.percent,
            "offset_s": self.offset_s,
            "actions": self.actions,
            "person_id": self.person_id,
            "fire_at": self.fire_at,
            "cancelled_at": self.cancelled_at,
            "skipped_reason": self.skipped_reason,
        }


@dataclass(slots=True)
class _Plan:
    """One clock's promise, with what its steps are reckoned from."""

    clock: SLAClock
    promise: Promise
    may_fire: bool
    timing: Timing
    calendar: Calendar
    #: The numbers of the steps that it has.
    known: set[int]

    def fire_at(self, percent: Decimal | None, offset_s: int | None) -> datetime:
        """When such a step falls due."""
        return step_time(self.timing, percent, offset_s, self.calendar)


def replan(session: Session, replanned: Sequence[Replanned], at: datetime) -> None:
    """Let what has not fired of these clocks follow their promises, and give it its time."""
    if not replanned:
        return
    calendars = calendars_of(session, {clock.calendar_version for clock, _, _ in replanned})
    plans = {
        clock.id: _Plan(*item, clock.timing, calendars[clock.calendar_version], set())
        for item in replanned
        for clock in (item.clock,)
    }
    changed = list(_changed(session, plans, at))
    if changed:
        session.execute(_WRITE, {"steps": json.dumps(changed, default=str)})
    add(session, list(_new(plans.values(), at)))


def _changed(session: Session, plans: dict[UUID, _Plan], at: datetime) -> Iterator[dict[str, Any]]:
    for row in session.execute(_READ, {"clock_ids": list(plans)}):
        step, plan = _Step(*row), plans[row.clock_id]
        plan.known.add(step.step_no)
        if not may_fire_yet(step):
            continue
        before = step.written
        follow(step, plan.promise)
        if plan.may_fire:
            resume_one(step, plan.fire_at(step.percent, step.offset_s), at)
        if step.written != before:
            yield step.written


def _new(plans: Iterable[_Plan], at: datetime) -> Iterator[dict[str, Any]]:
    for plan in plans:
        for step in plan.promise.steps:
            if step.step_no in plan.known:
                continue
            if plan.may_fire:
                fire_at = max(at, plan.fire_at(step.percent, step.offset_s))
                yield row_of(plan.clock, step, fire_at=fire_at)
            else:
                yield row_of(plan.clock, step, fire_at=None, cancelled_at=at)
