"""The SLA sweep: noticing breaches and firing the steps that are due (SLA rules 22 to 24).

A step that fails takes nothing with it: it is put off, and given up after
:data:`retries.MAX_ATTEMPTS`, visible in the panel with a button to retry.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.db_errors import is_retryable
from emberone.domain import sla
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Status
from emberone.domain.errors import Conflict, NotFound
from emberone.domain.snoozing import Cause
from emberone.jobs import Job, nudge
from emberone.models import SLAClock, SLAStep, Ticket
from emberone.policy import JOBS_RETRY, require
from emberone.services import history
from emberone.services.clock_book import breach_entry
from emberone.services.escalation import DueStep, fire_all
from emberone.services.retries import MAX_ATTEMPTS, pause
from emberone.services.steps import CAUGHT_UP, IMPORTED
from emberone.services.waking import wake

logger = logging.getLogger(__name__)

#: Until the second attempt; each further one waits twice as long.
RETRY_AFTER: Final = timedelta(seconds=10)

#: One sweep at a time; whoever comes second leaves.
_TRY_LOCK: Final = text("SELECT pg_try_advisory_xact_lock(hashtext('emberone.sweep.sla'))")

#: The clocks that something is to be done about, locked together with their tickets: those
#: with a due step on a ticket that somebody works on, and those whose breach nobody has
#: noticed. Each half reads the beginning of a partial index; what another transaction
#: holds is left for the next sweep and does not count.
_PICK: Final = text(
    "WITH due AS ("
    " SELECT clock.id FROM sla_steps AS step"
    " JOIN sla_clocks AS clock ON clock.id = step.clock_id"
    " JOIN tickets ON tickets.id = clock.ticket_id"
    " WHERE step.fire_at <= :now AND step.fired_at IS NULL AND step.cancelled_at IS NULL"
    " AND step.skipped_reason IS NULL AND step.dead_at IS NULL"
    " AND clock.running_since IS NOT NULL AND tickets.status IN ('OPEN', 'IN_PROGRESS')"
    " ORDER BY step.fire_at LIMIT :limit"
    " FOR NO KEY UPDATE OF step, clock, tickets SKIP LOCKED"
    "), late AS ("
    " SELECT clock.id FROM sla_clocks AS clock JOIN tickets ON tickets.id = clock.ticket_id"
    " WHERE clock.due_at < :now AND clock.running_since IS NOT NULL"
    " AND clock.breached_at IS NULL AND tickets.status <> 'CLOSED'"
    " ORDER BY clock.due_at LIMIT :limit"
    " FOR NO KEY UPDATE OF clock, tickets SKIP LOCKED"
    ") SELECT id FROM due UNION SELECT id FROM late"
)


@service
def sweep_sla(*, limit: int = 100, now: datetime | None = None) -> int:
    """Notice breaches and fire due steps, one batch; return how many rows were dealt with.

    0 means that nothing is due, or that another sweep is at it.
    """
    with transaction(SYSTEM, now=now) as session:
        if not session.scalar(_TRY_LOCK):
            return 0
        moment = now_of(session)
        ids = session.scalars(_PICK, {"now": moment, "limit": limit}).all()
        if not ids:
            return 0
        clocks = _clocks(session, ids)
        noticed = _notice_breaches(session, clocks.values(), moment)
        steps = _due_steps(session, clocks, moment)
        latest = list(_latest(clocks, steps))
        # Whoever fails below must not bring back what was passed over here.
        session.flush()
        _fire(session, latest, moment)
        return len(steps) + len(noticed - {step.clock_id for step in steps})


@service
def retry_step(actor: Actor, step_id: UUID, *, now: datetime | None = None) -> None:
    """Give a step that was given up another chance."""
    with transaction(actor, now=now) as session:
        require(actor, JOBS_RETRY)
        with as_system(session):
            clock, ticket, step = _locked_step(session, step_id)
            if step.dead_at is None:
                raise Conflict("This step was not given up.")
            moment = now_of(session)
            step.dead_at, step.last_error, step.attempts = None, None, 0
            if _may_fire(clock, ticket):
                step.fire_at, step.cancelled_at = moment, None
                nudge(session, Job.SLA)
            else:
                step.fire_at, step.cancelled_at = None, moment
            context = {"clock": str(clock.id), "step": str(step.id), "stepNo": step.step_no}
            history.record(session, ticket.id, "sla_step_retried", context=context)


def _clocks(session: Session, ids: Sequence[UUID]) -> dict[UUID, tuple[SLAClock, Ticket]]:
    rows = session.execute(
        select(SLAClock, Ticket)
        .join(Ticket, Ticket.id == SLAClock.ticket_id)
        .where(SLAClock.id.in_(ids))
        .order_by(SLAClock.id)
    )
    return {clock.id: (clock, ticket) for clock, ticket in rows}


def _notice_breaches(
    session: Session, clocks: Iterable[tuple[SLAClock, Ticket]], now: datetime
) -> set[UUID]:
    """Note the breaches of these clocks, at their due times and not at ours (SLA rule 16)."""
    noticed, entries = set(), []
    for clock, ticket in clocks:
        timing = sla.settle(clock.timing, now)
        if timing.breached_at is not None and clock.breached_at is None:
            clock.take(timing)
            clock.detected_at = now
            entries.append(breach_entry(clock))
            # Putting a ticket aside hides no broken promise.
            wake(session, ticket, Cause.TIME_LIMIT)
            noticed.add(clock.id)
    history.record_all(session, entries)
    return noticed


def _due_steps(
    session: Session, clocks: dict[UUID, tuple[SLAClock, Ticket]], now: datetime
) -> Sequence[SLAStep]:
    """Every due step of these clocks, in the order of each clock's plan."""
    # Under the lock once more: WAITING and CLOSED stay untouched (SLA rule 24).
    ids = [clock.id for clock, ticket in clocks.values() if _may_fire(clock, ticket)]
    return session.scalars(
        select(SLAStep)
        .where(
            SLAStep.clock_id.in_(ids),
            SLAStep.fire_at <= now,
            SLAStep.fired_at.is_(None),
            SLAStep.cancelled_at.is_(None),
            SLAStep.skipped_reason.is_(None),
            SLAStep.dead_at.is_(None),
        )
        .order_by(SLAStep.clock_id, SLAStep.step_no)
    ).all()


def _may_fire(clock: SLAClock, ticket: Ticket) -> bool:
    return clock.running_since is not None and ticket.status in {Status.OPEN, Status.IN_PROGRESS}


def _latest(
    clocks: dict[UUID, tuple[SLAClock, Ticket]], steps: Iterable[SLAStep]
) -> Iterable[DueStep]:
    """The last due step of each clock; the others are passed over (SLA rule 23)."""
    for clock_id, of_clock in groupby(steps, key=lambda step: step.clock_id):
        clock, ticket = clocks[clock_id]
        due = []
        for step in of_clock:
            if clock.quiet_until and step.fire_at and step.fire_at <= clock.quiet_until:
                step.skipped_reason = IMPORTED
            else:
                due.append(step)
        for step in due[:-1]:
            step.skipped_reason = CAUGHT_UP
        if due:
            yield DueStep(ticket, clock, due[-1], tuple(step.step_no for step in due[:-1]))


def _fire(session: Session, due: Sequence[DueStep], now: datetime) -> None:
    """Fire them all at once; where that fails, by halves, until the one at fault is alone."""
    if not due:
        return
    try:
        with session.begin_nested():
            fire_all(session, due, now)
    except Exception as error:
        if isinstance(error, DBAPIError) and (error.connection_invalidated or is_retryable(error)):
            raise
        if len(due) == 1:
            _put_off(due[0].step, error, now)
            return
        half = len(due) // 2
        _fire(session, due[:half], now)
        _fire(session, due[half:], now)


def _put_off(step: SLAStep, error: Exception, now: datetime) -> None:
    step.attempts += 1
    # Without the statement and its values, which may be what a person wrote.
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip() or "no reason given"
    step.last_error = f"{type(error).__name__}: {said.splitlines()[0]}"[:500]
    if step.attempts >= MAX_ATTEMPTS:
        step.dead_at = now
    else:
        step.fire_at = now + pause(RETRY_AFTER, step.attempts)
    logger.error(
        "sla.step_failed",
        extra={"step_id": str(step.id), "attempts": step.attempts},
        exc_info=error,
    )


def _locked_step(session: Session, step_id: UUID) -> tuple[SLAClock, Ticket, SLAStep]:
    row = session.execute(
        select(SLAClock, Ticket, SLAStep)
        .join(Ticket, Ticket.id == SLAClock.ticket_id)
        .join(SLAStep, SLAStep.clock_id == SLAClock.id)
        .where(SLAStep.id == step_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise NotFound
    clock, ticket, step = row
    return clock, ticket, step
