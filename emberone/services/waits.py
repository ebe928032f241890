"""Quiet tickets: reminding the customer who is asked and silent, and closing at last (rule 12).

The tickets themselves are the queue: triggers keep a row for each that waits
(`models/waits.py`). A sweep works out for the rows that are due what is next, by
the patience and the calendar of this moment, and looks again within a day. So a
change of either holds at once or within the day, and nothing is planned ahead.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import CommentType
from emberone.domain.errors import Conflict, NotFound
from emberone.domain.feedback import SkipReason
from emberone.domain.lifecycle import Event
from emberone.domain.waits import Patience, Step, Wait, closing_after, next_step
from emberone.domain.working_days import WorkingDays
from emberone.jobs import Job, nudge
from emberone.models import Comment, Ticket
from emberone.models import Wait as WaitRow
from emberone.policy import JOBS_RETRY, require
from emberone.queries.calendars import working_days
from emberone.services import correspondence, history
from emberone.services.retries import put_off
from emberone.services.transitions import move, status_after

logger = logging.getLogger(__name__)

#: A row is looked at again after so long, whatever was worked out: calendars change.
_LOOK_AGAIN: Final = timedelta(days=1)
#: While a colleague's answer is on its way.
_SOON: Final = timedelta(minutes=1)

_ONE_SWEEP: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended('waits', 0))")

#: What is due, locked with its tickets; whoever is busy with one of them comes again. What a
#: team does not say is as the settings have it.
_DUE: Final = text(
    "SELECT waits.ticket_id, tickets.team_id, quiet_from, reminded_at, closes_at,"
    " coalesce(teams.quiet_reminder_days, settings.quiet_reminder_days) AS reminder_days,"
    " coalesce(teams.quiet_close_days, settings.quiet_close_days) AS close_days,"
    " EXISTS (SELECT FROM drafts WHERE drafts.ticket_id = tickets.id"
    " AND drafts.state = 'waiting') AS is_being_answered"
    " FROM waits JOIN tickets ON tickets.id = waits.ticket_id"
    " LEFT JOIN teams ON teams.id = tickets.team_id CROSS JOIN settings"
    " WHERE waits.dead_at IS NULL AND waits.due_at <= context_now()"
    " ORDER BY waits.due_at, waits.ticket_id LIMIT :limit"
    " FOR UPDATE OF waits SKIP LOCKED FOR NO KEY UPDATE OF tickets SKIP LOCKED"
)

_PUT_OFF: Final = text(
    "UPDATE waits SET due_at = :due_at, attempts = 0, last_error = NULL"
    " WHERE ticket_id = :ticket_id"
)

_REMINDED: Final = text(
    "UPDATE waits SET reminded_at = context_now(), closes_at = :closes_at"
    " WHERE ticket_id = :ticket_id"
)

#: Until the end of the transaction, or until it is set again.
_SET_REASON: Final = text("SELECT set_config('emberone.reason', :reason, true)")

_FAILED: Final = put_off("waits", "ticket_id", "due_at", timedelta(minutes=1))


@service
def sweep_waits(*, limit: int = 100, now: datetime | None = None) -> int:
    """Look at the waits that are due, one batch of them; say how many it looked at.

    0 also where another sweep is at work. One that fails is tried again later and
    never holds up the others.
    """
    with transaction(SYSTEM, now=now) as session:
        if not session.scalar(_ONE_SWEEP):
            return 0
        due = session.execute(_DUE, {"limit": limit}).all()
        calendars: dict[UUID | None, WorkingDays] = {}
        for row in due:
            try:
                with session.begin_nested():
                    if row.team_id not in calendars:
                        calendars[row.team_id] = working_days(session, row.team_id)
                    _look_at(session, row, calendars[row.team_id])
            except Exception as error:
                logger.exception("waits.failed", extra={"ticket_id": row.ticket_id})
                # The name alone: messages may quote addresses and texts.
                failed = {"id": row.ticket_id, "error": type(error).__name__}
                session.execute(_FAILED, failed)
        return len(due)


@service
def retry_wait(actor: Actor, ticket_id: UUID) -> None:
    """Look once more at a ticket that was given up; Conflict where it was not."""
    with transaction(actor) as session:
        require(actor, JOBS_RETRY)
        with as_system(session):
            wait = session.get(WaitRow, ticket_id, with_for_update=True)
            if wait is None:
                raise NotFound
            if wait.dead_at is None:
                raise Conflict("This ticket was not given up.")
            wait.dead_at, wait.last_error, wait.attempts = None, None, 0
            wait.due_at = now_of(session)
        nudge(session, Job.WAITS)


def _look_at(session: Session, row: Any, days: WorkingDays) -> None:
    now = now_of(session)
    wait = Wait(row.quiet_from, row.reminded_at, row.closes_at)
    patience = Patience(row.reminder_days, row.close_days)
    step = next_step(wait, patience, days)
    if step is not None and step[1] <= now:
        if row.is_being_answered:
            _put_off(session, row.ticket_id, now + _SOON)
            return
        _STEPS[step[0]](session, row.ticket_id, wait, patience, days)
        if step[0] is Step.CLOSE:
            return
        wait = Wait(row.quiet_from, now, closing_after(wait, patience, days, now=now))
        step = next_step(wait, patience, days)
    again = now + _LOOK_AGAIN
    _put_off(session, row.ticket_id, again if step is None else min(step[1], again))


def _put_off(session: Session, ticket_id: UUID, due_at: datetime) -> None:
    session.execute(_PUT_OFF, {"ticket_id": ticket_id, "due_at": due_at})


def _remind(
    session: Session, ticket_id: UUID, wait: Wait, patience: Patience, days: WorkingDays
) -> None:
    closes_at = closing_after(wait, patience, days, now=now_of(session))
    ticket = session.get_one(Ticket, ticket_id, populate_existing=True)
    correspondence.reminded(session, ticket, since=wait.quiet_from, closes_at=closes_at)
    session.execute(_REMINDED, {"ticket_id": ticket_id, "closes_at": closes_at})
    context = {"closesAt": None if closes_at is None else closes_at.isoformat()}
    history.record(session, ticket_id, "reminded", context=context)


def _close(
    session: Session, ticket_id: UUID, wait: Wait, patience: Patience, days: WorkingDays
) -> None:
    """Close it, and say why on the ticket, where its customer reads it too; no letter leaves."""
    ticket = session.get_one(Ticket, ticket_id, populate_existing=True)
    after = status_after(session, ticket, Event.CLOSE)
    number = patience.close_days
    unit = "day" if number == 1 else "days"
    session.add(
        Comment(
            ticket_id=ticket_id,
            content=f"Closed because there was no answer for {number} working {unit}.",
            type=CommentType.SYSTEM,
            details={"systemData": {"kind": SkipReason.INACTIVITY.value, "days": number}},
        )
    )
    session.flush()
    session.execute(_SET_REASON, {"reason": SkipReason.INACTIVITY.value})
    move(session, SYSTEM, ticket, after)
    session.flush()
    session.execute(_SET_REASON, {"reason": ""})


_Step = Callable[[Session, UUID, Wait, Patience, WorkingDays], None]

_STEPS: Final[dict[Step, _Step]] = {Step.REMIND: _remind, Step.CLOSE: _close}
