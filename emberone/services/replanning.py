"""The re-planning sweep: open clocks follow a changed policy or calendar (SLA rule 15).

A new version is one more row; what stands under an older one is the queue, found by
two partial indexes. Each batch is a transaction of its own that locks its tickets for
less than a second, so that work goes on meanwhile and nothing is lost half way. What
is over keeps its verdict; what is breached stays so.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, load_only

from emberone.db import now_of, service, transaction
from emberone.db_errors import is_retryable
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority
from emberone.domain.sla import CALENDAR_CHANGE, POLICY_CHANGE
from emberone.domain.snoozing import Cause
from emberone.jobs import Job, nudge
from emberone.models import SLAClock, Ticket
from emberone.queries.replanning import STALE, WAITING_FOR_CALENDAR, WAITING_FOR_POLICY
from emberone.services import history, step_batches, steps
from emberone.services.clock_book import NO_TARGET, ClockBook, not_before, write_all
from emberone.services.promises import Promise, all_promised, newest_of
from emberone.services.step_batches import Replanned
from emberone.services.waking import wake

logger = logging.getLogger(__name__)

#: The tickets of so many clocks are locked at a time.
BATCH: Final = 500

#: One sweep at a time; whoever comes second leaves.
_TRY_LOCK: Final = text("SELECT pg_try_advisory_xact_lock(hashtext('emberone.sweep.replan'))")

#: Tickets with a clock under an old version; what another transaction holds comes later.
_PICK: Final = text(
    "SELECT tickets.id FROM tickets WHERE id IN (SELECT ticket_id FROM"  # noqa: S608 - ours
    f" ({STALE}) AS stale CROSS JOIN LATERAL ("
    f"  ({WAITING_FOR_POLICY.format('stale.policy_version_id')} LIMIT :limit)"
    "   UNION ALL"
    f"  ({WAITING_FOR_CALENDAR.format('stale.calendar_version')} LIMIT :limit)"
    " ) AS clock LIMIT :limit)"
    " FOR NO KEY UPDATE OF tickets SKIP LOCKED"
)

#: The newest version of a calendar of which one has another.
_SAME_CALENDAR: Final = text(
    "SELECT newest.id FROM calendar_versions AS mine JOIN calendar_versions AS newest"
    " USING (calendar_id) WHERE mine.id = :version ORDER BY newest.version DESC LIMIT 1"
)


@service
def sweep_replanning(*, limit: int = BATCH, now: datetime | None = None) -> int:
    """Plan the open clocks of some tickets by the newest versions; return how many tickets.

    0 means that everything follows the newest versions, or that another sweep is at it.
    """
    with transaction(SYSTEM, now=now) as session:
        if not session.scalar(_TRY_LOCK):
            return 0
        ids = session.scalars(_PICK, {"limit": limit}).all()
        if not ids:
            return 0
        done, errors = _replan_apart(session, ids, now_of(session))
        if not done and errors:
            raise errors[0]
        # Whoever is free goes on, should this one stop here so that other sweeps have their turn.
        nudge(session, Job.REPLAN)
        return done


def _replan_apart(
    session: Session, ids: Sequence[UUID], at: datetime
) -> tuple[int, list[Exception]]:
    """All at once; where that fails, by halves, until the ticket at fault stays behind alone."""
    try:
        with session.begin_nested():
            _replan(session, ids, at)
        return len(ids), []
    except Exception as error:
        if isinstance(error, DBAPIError) and (error.connection_invalidated or is_retryable(error)):
            raise
        if len(ids) == 1:
            logger.exception("sla.replan_failed", extra={"ticket_id": str(ids[0])})
            return 0, [error]
    half = len(ids) // 2
    done, errors = _replan_apart(session, ids[:half], at)
    more, others = _replan_apart(session, ids[half:], at)
    return done + more, errors + others


def _replan(session: Session, ids: Sequence[UUID], at: datetime) -> None:
    tickets = _tickets(session, ids)
    clocks = _open_clocks(session, ids)
    policies = newest_of(session, {clock.policy_version_id for clock in clocks})
    promises = all_promised(session, {policy.version_id for policy in policies.values()})
    entries: list[history.InternalEntry] = []
    kept: list[Replanned] = []
    bound: list[SLAClock] = []
    dropped: list[SLAClock] = []
    for ticket_id, found in groupby(clocks, key=lambda clock: clock.ticket_id):
        ticket, of_ticket = tickets[ticket_id], list(found)
        book = ClockBook(session, ticket, not_before(of_ticket, at))
        for clock in of_ticket:
            policy = policies[clock.policy_version_id]
            is_another = clock.policy_version_id != policy.version_id
            priority = ticket.sla_priority or ticket.priority
            promise = promises.get((policy.version_id, clock.metric, priority))
            if is_another:
                book.note_choice(policy)
                clock.policy_version_id = policy.version_id
            if promise is None and clock.timing.is_due_by_hand:
                # What a person has promised stands (SLA rule 19), and its steps with it.
                book.retarget(clock, _as_it_is(session, clock, priority), CALENDAR_CHANGE)
                bound.append(clock)
            elif promise is None:
                book.stop(clock, NO_TARGET)
                dropped.append(clock)
            elif is_another or clock.calendar_version != promise.calendar_version:
                book.retarget(clock, promise, POLICY_CHANGE if is_another else CALENDAR_CHANGE)
                may_fire = book.is_worked_on and clock.running_since is not None
                kept.append(Replanned(clock, promise, may_fire))
        if book.breached:
            # Putting a ticket aside hides no broken promise.
            wake(session, ticket, Cause.TIME_LIMIT)
        entries += book.entries()
    write_all(session, [*dropped, *bound, *(clock for clock, _, _ in kept)])
    steps.cancel(session, dropped, at)
    step_batches.replan(session, kept, at)
    history.record_all(session, entries)


def _as_it_is(session: Session, clock: SLAClock, priority: Priority) -> Promise:
    """The target that the clock has, measured by its calendar's newest version."""
    calendar = session.scalar(_SAME_CALENDAR, {"version": clock.calendar_version})
    return Promise(
        clock.policy_version_id, clock.metric, priority, clock.target_s, calendar, steps=()
    )


def _tickets(session: Session, ids: Sequence[UUID]) -> dict[UUID, Ticket]:
    columns = load_only(Ticket.status, Ticket.priority, Ticket.sla_priority, Ticket.snoozed_until)
    found = session.scalars(select(Ticket).where(Ticket.id.in_(ids)).options(columns))
    return {ticket.id: ticket for ticket in found}


def _open_clocks(session: Session, ids: Sequence[UUID]) -> Sequence[SLAClock]:
    clocks = session.scalars(
        select(SLAClock)
        .where(
            SLAClock.ticket_id.in_(ids), SLAClock.met_at.is_(None), SLAClock.stopped_at.is_(None)
        )
        .order_by(SLAClock.ticket_id, SLAClock.metric)
    ).all()
    for clock in clocks:
        # They are written all at once, and not by the session one by one.
        session.expunge(clock)
    return clocks
