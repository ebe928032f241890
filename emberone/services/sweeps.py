"""The frame of all background work: run a job's sweep until nothing is due.

A sweep is a service of one transaction that deals with a bounded batch and says
how many rows it dealt with. It leaves at once when another process is at the
same job, and running it twice does nothing the second time, so any number of
workers, hosts and command lines may call :func:`run` at any time.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import text

from emberone.db import reading, service, transaction
from emberone.domain.actor import SYSTEM
from emberone.jobs import Job
from emberone.queries import replanning as replanning_queue
from emberone.services import (
    assignment,
    assignment_sql,
    delivery,
    feedback,
    publishing,
    replanning,
    sla,
    waits,
)

logger = logging.getLogger(__name__)

#: Job → its sweep: one batch, and how many rows that was.
SWEEPS: Final[dict[Job, Callable[[], int]]] = {
    Job.PUBLISH: publishing.publish_due,
    Job.ASSIGN: assignment.sweep_assignments,
    Job.SLA: sla.sweep_sla,
    Job.REPLAN: replanning.sweep_replanning,
    Job.WAITS: waits.sweep_waits,
    Job.FEEDBACK: feedback.sweep_feedback,
    Job.MAIL: delivery.deliver_due,
}

#: Job → the time since when its oldest due row has been waiting; NULL: nothing is due.
#: Each reads one end of a partial index.
OLDEST_DUE: Final[dict[Job, str]] = {
    Job.PUBLISH: "SELECT min(publish_after) FROM drafts WHERE state = 'waiting'",
    Job.ASSIGN: assignment_sql.OLDEST_DUE,
    Job.SLA: (
        "SELECT min(fire_at) FROM sla_steps WHERE fired_at IS NULL AND cancelled_at IS NULL"
        " AND skipped_reason IS NULL AND dead_at IS NULL"
    ),
    Job.REPLAN: replanning_queue.OLDEST_DUE,
    Job.WAITS: "SELECT min(due_at) FROM waits WHERE dead_at IS NULL",
    Job.FEEDBACK: (
        "SELECT min(send_after) FROM feedback_requests WHERE state = 'PENDING' AND dead_at IS NULL"
    ),
    Job.MAIL: (
        "SELECT least((SELECT min(send_after) FROM mail_outbox WHERE state = 'queued'),"
        " (SELECT min(leased_until) FROM mail_outbox WHERE state = 'sending'))"
    ),
}

#: How long a job's measured progress may stand still while nothing is due, in seconds:
#: an idle sweep that ran a moment ago writes nothing.
RECORD_EVERY: Final = 1.0

#: What is known before a run: its beginning by the database's clock, how long the oldest
#: due row has waited, and whether a run that finds nothing to do should be recorded.
_BEGIN = (
    "SELECT clock_timestamp() AS started_at,"
    " greatest(0, extract(epoch FROM clock_timestamp() - ({oldest})))::float8 AS lag_s,"
    " NOT EXISTS (SELECT FROM sweep_runs WHERE name = :name"
    " AND last_ok_at > clock_timestamp() - make_interval(secs => :record_every)"
    " AND (last_error_at IS NULL OR last_error_at <= last_ok_at)) AS is_recorded_when_idle"
)

#: Losing the last second's record in a crash of the server costs nothing.
_NOT_WORTH_A_DISK_WRITE = text("SET LOCAL synchronous_commit = off")

_RECORD_SUCCESS = text(
    "INSERT INTO sweep_runs AS run (name, last_started_at, last_ok_at, lag_s, done)"
    " VALUES (:name, :started_at, clock_timestamp(), :lag_s, :done)"
    " ON CONFLICT (name) DO UPDATE SET"
    " last_started_at = greatest(run.last_started_at, excluded.last_started_at),"
    " last_ok_at = excluded.last_ok_at, lag_s = excluded.lag_s,"
    " done = CASE excluded.done WHEN 0 THEN run.done ELSE excluded.done END"
)

_RECORD_FAILURE = text(
    "INSERT INTO sweep_runs AS run (name, last_started_at, lag_s, last_error, last_error_at)"
    " VALUES (:name, :started_at, :lag_s, :error, clock_timestamp())"
    " ON CONFLICT (name) DO UPDATE SET last_started_at = excluded.last_started_at,"
    " lag_s = excluded.lag_s, last_error = excluded.last_error,"
    " last_error_at = excluded.last_error_at"
)


def run(job: Job, *, seconds: float = 10.0) -> int:
    """Run a job's sweep until nothing is due or the time is up; return the rows dealt with.

    Its progress goes to `sweep_runs`, a failure too, which is then raised.
    """
    deadline = time.monotonic() + seconds
    done = 0
    started_at, lag_s, is_recorded_when_idle = _begin(job)
    try:
        while (count := SWEEPS[job]()) > 0:
            done += count
            if time.monotonic() >= deadline:
                break
    except Exception as error:
        logger.exception("sweep.failed", extra={"job": job.value, "done": done})
        _record_failure(job, started_at, lag_s, error)
        raise
    if done or is_recorded_when_idle:
        _record_success(job, started_at, lag_s, done)
    if done:
        logger.info("sweep.done", extra={"job": job.value, "done": done, "lag_s": lag_s})
    return done


def _begin(job: Job) -> tuple[datetime, float, bool]:
    statement = text(_BEGIN.format(oldest=OLDEST_DUE[job]))
    with reading(SYSTEM) as session:
        row = session.execute(statement, {"name": job.value, "record_every": RECORD_EVERY}).one()
    return row.started_at, row.lag_s, row.is_recorded_when_idle


@service
def _record_success(job: Job, started_at: datetime, lag_s: float, done: int) -> None:
    with transaction(SYSTEM) as session:
        session.execute(_NOT_WORTH_A_DISK_WRITE)
        session.execute(
            _RECORD_SUCCESS,
            {"name": job.value, "started_at": started_at, "lag_s": lag_s, "done": done},
        )


def _record_failure(job: Job, started_at: datetime, lag_s: float, error: Exception) -> None:
    said = (str(error).strip() or "no reason given").splitlines()[0]
    try:
        _write_failure(job, started_at, lag_s, f"{type(error).__name__}: {said}"[:500])
    except Exception:
        # Most often the very reason of the failure: the database is gone.
        logger.warning("sweep.failure_not_recorded", extra={"job": job.value}, exc_info=True)


@service
def _write_failure(job: Job, started_at: datetime, lag_s: float, error: str) -> None:
    with transaction(SYSTEM) as session:
        session.execute(
            _RECORD_FAILURE,
            {"name": job.value, "started_at": started_at, "lag_s": lag_s, "error": error},
        )
