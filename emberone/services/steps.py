"""The rows of SLA steps: planning, cancelling and planning them again (SLA rule 21).

Called with the clocks' rows locked. A pending step belongs to a running clock
on a ticket that somebody works on; everything else is cancelled.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from emberone.domain.sla import Calendar, step_time
from emberone.models import SLAClock, SLAStep
from emberone.queries.calendars import calendars_of
from emberone.services.promises import PlannedStep, Promise

Calendars = Mapping[UUID | None, Calendar]

#: A later step of the clock was due as well, and fired alone (SLA rule 23).
CAUGHT_UP: Final = "caught_up"
#: Its time had passed when the ticket was reopened (SLA rule 10).
REOPENED: Final = "reopened"
#: It fell due in what was imported.
IMPORTED: Final = "imported"
#: The plan of the ticket's new priority or policy has no such step.
NOT_PLANNED: Final = "not_planned"


_INSERT: Final = text(
    "INSERT INTO sla_steps (clock_id, step_no, percent, offset_s, actions, person_id, fire_at,"
    " cancelled_at) SELECT clock_id, step_no, percent, offset_s, actions, person_id, fire_at,"
    " cancelled_at FROM jsonb_to_recordset(cast(:steps AS jsonb)) AS new (clock_id uuid,"
    " step_no integer, percent numeric, offset_s integer, actions text[], person_id uuid,"
    " fire_at timestamptz, cancelled_at timestamptz)"
)


class Planned(Protocol):
    """What planning reads and writes of a step, whether or not the session minds its row."""

    step_no: Any
    percent: Any
    offset_s: Any
    actions: Any
    person_id: Any
    fire_at: Any
    fired_at: Any
    cancelled_at: Any
    skipped_reason: Any
    dead_at: Any


#: Reasons that another change may undo; the others are final.
_REVOCABLE: Final = frozenset({None, IMPORTED, NOT_PLANNED})


def plan(session: Session, clocks: Sequence[tuple[SLAClock, Promise]]) -> None:
    """Write the steps of clocks that have just begun."""
    calendars = _calendars(session, (clock for clock, _ in clocks))
    rows = [
        row_of(clock, step, fire_at=_fire_at(calendars, clock, step))
        for clock, promise in clocks
        for step in promise.steps
    ]
    add(session, rows)


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store new steps, however many, with one statement; `row_of` makes their rows."""
    if rows:
        session.execute(_INSERT, {"steps": json.dumps(rows, default=str)})


def cancel(session: Session, clocks: Iterable[SLAClock], at: datetime) -> None:
    """Call off whatever has not fired yet of these clocks."""
    ids = [clock.id for clock in clocks]
    if not ids:
        return
    session.execute(
        update(SLAStep)
        .where(
            SLAStep.clock_id.in_(ids),
            SLAStep.fired_at.is_(None),
            SLAStep.cancelled_at.is_(None),
            SLAStep.skipped_reason.is_(None),
            SLAStep.dead_at.is_(None),
        )
        .values(cancelled_at=at, fire_at=None)
        .execution_options(synchronize_session=False)
    )


def resume(session: Session, clocks: Iterable[SLAClock], at: datetime) -> None:
    """Plan anew what has not fired of these running clocks; what is overdue fires next."""
    clocks = list(clocks)
    calendars = _calendars(session, clocks)
    for clock, step in _unfired(session, clocks):
        resume_one(step, _fire_at(calendars, clock, step), at)


def reopen(session: Session, clocks: Iterable[SLAClock], at: datetime) -> None:
    """Plan anew what lies ahead of these clocks; what lies behind does not alert any more."""
    clocks = list(clocks)
    calendars = _calendars(session, clocks)
    for clock, step in _unfired(session, clocks):
        fire_at = _fire_at(calendars, clock, step)
        if step.skipped_reason == NOT_PLANNED:
            continue
        step.cancelled_at = None
        if fire_at > at:
            step.fire_at, step.skipped_reason = fire_at, None
        else:
            step.fire_at, step.skipped_reason = None, REOPENED


def redefine(session: Session, clocks: Sequence[tuple[SLAClock, Promise]], at: datetime) -> None:
    """Let what has not fired follow another plan; `resume` then gives it its time."""
    promises = {clock.id: promise for clock, promise in clocks}
    every = _every(session, (clock for clock, _ in clocks))
    for clock, step in every:
        if may_fire_yet(step):
            follow(step, promises[clock.id])
    known = {(clock.id, step.step_no) for clock, step in every}
    new = [
        row_of(clock, step, fire_at=None, cancelled_at=at)
        for clock, promise in clocks
        for step in promise.steps
        if (clock.id, step.step_no) not in known
    ]
    add(session, new)


def resume_one(step: Planned, fire_at: datetime, at: datetime) -> None:
    """Give a step its time; what is overdue fires next."""
    if step.skipped_reason is None or (step.skipped_reason == IMPORTED and fire_at > at):
        step.skipped_reason = None
        step.cancelled_at = None
        step.fire_at = max(at, fire_at)


def follow(step: Planned, promise: Promise) -> None:
    """Let a step be what another plan says of its number."""
    planned = next((p for p in promise.steps if p.step_no == step.step_no), None)
    if planned is None:
        if step.skipped_reason is None:
            step.skipped_reason, step.fire_at = NOT_PLANNED, None
        return
    if step.skipped_reason == NOT_PLANNED:
        step.skipped_reason = None
    step.percent, step.offset_s = planned.percent, planned.offset_s
    step.actions, step.person_id = list(planned.actions), planned.person_id


def _unfired(session: Session, clocks: Iterable[SLAClock]) -> Iterable[tuple[SLAClock, SLAStep]]:
    """The steps that may yet fire, each with its clock."""
    return [(clock, step) for clock, step in _every(session, clocks) if may_fire_yet(step)]


def may_fire_yet(step: Planned) -> bool:
    """Whether nothing final has become of a step."""
    return step.fired_at is None and step.dead_at is None and step.skipped_reason in _REVOCABLE


def _every(session: Session, clocks: Iterable[SLAClock]) -> list[tuple[SLAClock, SLAStep]]:
    by_id = {clock.id: clock for clock in clocks}
    if not by_id:
        return []
    # Statements of ours have changed rows that the session may hold.
    steps = session.scalars(
        select(SLAStep)
        .where(SLAStep.clock_id.in_(by_id))
        .order_by(SLAStep.clock_id, SLAStep.step_no)
        .execution_options(populate_existing=True)
    )
    return [(by_id[step.clock_id], step) for step in steps]


def _calendars(session: Session, clocks: Iterable[SLAClock]) -> Calendars:
    return calendars_of(session, {clock.calendar_version for clock in clocks})


def _fire_at(calendars: Calendars, clock: SLAClock, step: SLAStep | PlannedStep) -> datetime:
    calendar = calendars[clock.calendar_version]
    return step_time(clock.timing, step.percent, step.offset_s, calendar)


def row_of(
    clock: SLAClock,
    step: PlannedStep,
    *,
    fire_at: datetime | None,
    cancelled_at: datetime | None = None,
) -> dict[str, Any]:
    """A new step of a clock, as an INSERT takes it."""
    return {
        "clock_id": clock.id,
        "step_no": step.step_no,
        "percent": step.percent,
        "offset_s": step.offset_s,
        "actions": list(step.actions),
        "person_id": step.person_id,
        "fire_at": fire_at,
        "cancelled_at": cancelled_at,
    }
