"""Whether background work moves: measured progress, not processes that seem alive."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kombu.connection import Connection
from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.jobs import Job

#: What every check says when all is well.
OK: Final = "ok"

#: A sweep that beat issues every 5 s and that has not succeeded for so long stands still.
STANDS_STILL_S: Final = 60.0

#: Every job's last run, and how long ago, by the database's clock, it last succeeded.
_PROGRESS = text(
    "SELECT name, last_ok_at, lag_s, done, last_error, last_error_at,"
    " extract(epoch FROM clock_timestamp() - last_ok_at)::float8 AS age_s"
    " FROM sweep_runs WHERE name = ANY (:names)"
)


#: What waits, one count each over a partial index that holds only what waits.
_WAITING = text(
    "SELECT"
    " (SELECT count(*) FROM tickets WHERE assigned_agent_id IS NULL"
    " AND status IN ('OPEN', 'IN_PROGRESS') AND assignment_skipped_at IS NULL) AS unassigned,"
    " (SELECT count(*) FROM tickets WHERE assigned_agent_id IS NULL"
    " AND status IN ('OPEN', 'IN_PROGRESS') AND assignment_skipped_at IS NOT NULL)"
    " AS unassignable,"
    " (SELECT coalesce(sum(open_count), 0) FROM agents) AS assigned"
)
_LETTERS = text(
    "SELECT state, count(*) AS n FROM mail_outbox"
    " WHERE state = 'queued' OR state = 'sending' OR state = 'dead' GROUP BY state"
)
_AGENTS = text("SELECT availability, count(*) AS n FROM agents GROUP BY availability")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity, by the values of one label."""

    name: str
    meaning: str
    label: str
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """What is known of one job's runs; everything is None before the first."""

    job: Job
    last_ok_at: datetime | None = None
    #: Seconds since the last success, by the database's clock.
    age_s: float | None = None
    #: Seconds that the oldest due row had waited when the last run began.
    lag_s: float | None = None
    #: Rows done by the last run that did anything.
    done: int | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None

    @property
    def has_run(self) -> bool:
        """Whether a run has ever ended well."""
        return self.last_ok_at is not None

    @property
    def is_failing(self) -> bool:
        """Whether the newest outcome is an error."""
        return self.last_error_at is not None and (
            self.last_ok_at is None or self.last_error_at > self.last_ok_at
        )

    @property
    def stands_still(self) -> bool:
        """Whether no run has ended well for a minute."""
        return self.age_s is None or self.age_s > STANDS_STILL_S


def sweep_progress(session: Session) -> list[SweepProgress]:
    """Every job's progress, in the order of the jobs; one that never ran is listed too."""
    rows = session.execute(_PROGRESS, {"names": [job.value for job in Job]}).mappings()
    known = {row["name"]: dict(row) for row in rows}
    progress = []
    for job in Job:
        values = known.get(job.value, {})
        values.pop("name", None)
        progress.append(SweepProgress(job=job, **values))
    return progress


def sweep_states(session: Session) -> dict[str, str]:
    """`sweep:<job>` → OK, or that its first run is still to come; for the readiness page."""
    return {
        f"sweep:{progress.job}": OK if progress.has_run else "has not run yet"
        for progress in sweep_progress(session)
    }


def figures(session: Session) -> list[Figure]:
    """What waits and who works, for a monitoring system that asks every few seconds."""
    tickets = session.execute(_WAITING).mappings().one()
    letters = {row.state: float(row.n) for row in session.execute(_LETTERS)}
    agents = {row.availability: float(row.n) for row in session.execute(_AGENTS)}
    return [
        Figure(
            "active_tickets",
            "Tickets that are open or in progress, by who has them.",
            "kind",
            {name: float(count) for name, count in tickets.items()},
        ),
        Figure(
            "letters",
            "Letters that have yet to leave, or never will.",
            "state",
            {state: letters.get(state, 0.0) for state in ("queued", "sending", "dead")},
        ),
        Figure("agents", "Agents by availability.", "availability", agents),
    ]


def broker_problem(url: str, *, seconds: float = 0.5) -> str | None:
    """Why the broker takes no connection, None when it does; no answer is awaited longer."""
    is_redis = url.startswith("redis")
    options = {"socket_timeout": seconds, "socket_connect_timeout": seconds, "max_retries": 0}
    try:
        with Connection(  # type: ignore[no-untyped-call] # kombu has no types
            url, connect_timeout=seconds, transport_options=options if is_redis else {}
        ) as connection:
            # connect() would try a second time after two seconds.
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            if is_redis:
                connection.default_channel.client.ping()
    except Exception as error:
        # Its kind and not its words, which may hold addresses and passwords.
        return type(error).__name__
    return None
