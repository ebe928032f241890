"""What the workers do under load: two of them and a beat, on the machine that also makes the load.

    python -m benchmarks.engines [SECONDS]    each for a minute, or as long as is said

`make bench` does it too, and keeps what came out. Beside each figure stands what it may be at most; exit status 1 where one is more. Times are
PostgreSQL's own: from the moment a row was due, or its transaction began, to the moment at
which the worker's statement wrote what became of it.
"""

import contextlib
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from flask import Flask
from sqlalchemy import text

from benchmarks.stage import environment, migrated
from emberone import jobs
from emberone.cli.up import _POSTGRES_OPTIONS
from emberone.core import create_core
from emberone.db import db, reading, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Role
from emberone.domain.lifecycle import Event
from emberone.embedded import EmbeddedPostgres, EmbeddedValkey
from emberone.jobs import Job
from emberone.processes import end, spawn
from emberone.queries.replanning import replanning
from emberone.services import calendars, comments, sla, tickets
from workers import nudges

#: So long each load lasts; what is filled in is for a minute too.
MINUTE: Final = 60
AGENTS: Final = 50
TICKETS_A_SECOND: Final = 100
STEPS: Final = 10_000
CLOCKS: Final = 100_000
MANY: Final = 1_000_000

_OPEN: Final = text(
    "INSERT INTO tickets (title, description, customer_id)"
    " VALUES ('Printer', 'It does not print.', :id)"
)


@dataclass(frozen=True)
class Figure:
    """One thing that was measured, and what it may be."""

    name: str
    title: str
    value: float
    unit: str
    allowed: float
    note: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether it is no more than it may be."""
        return self.value <= self.allowed


class Engines:
    """Servers, a filled database, and workers that come and go."""

    def __init__(self, folder: Path, core: Flask, environ: dict[str, str], owner: Any) -> None:
        self.folder, self.core, self.environ = folder, core, environ
        self.owner: psycopg.Connection[Any] = owner
        self.customer = self._person(Role.CUSTOMER, "customer@example.org")
        self.admin = self._person(Role.ADMIN, "admin@example.org")
        owner.execute(
            "INSERT INTO profiles (email, full_name, role)"
            " SELECT 'agent' || n || '@example.org', 'Agent ' || n, 'AGENT'"
            f" FROM generate_series(1, {AGENTS}) AS n"
        )
        owner.execute("UPDATE agents SET capacity = 10000")

    def _person(self, role: Role, email: str) -> Actor:
        (profile_id,) = self.value(
            f"INSERT INTO profiles (email, full_name, role) VALUES ('{email}', 'Carla', '{role}')"
            " RETURNING id"
        )
        return Actor(profile_id, role)

    def value(self, statement: str) -> Any:
        """The one row that a statement of the owner returns."""
        return self.owner.execute(statement.encode()).fetchone()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Two workers and a beat at work."""
        commands = (("worker", "--queue", "work"), ("worker", "--queue", "work"), ("beat",))
        processes = []
        with (self.folder / "workers.log").open("ab") as log:
            for command in commands:
                processes.append(
                    spawn(
                        [sys.executable, "-P", "-m", "emberone", *command],
                        when_parent_dies=signal.SIGTERM,
                        environ=self.environ,
                        directory=self.folder,
                        output=log,
                    )
                )
        try:
            self.owner.execute("UPDATE sweep_runs SET last_ok_at = NULL")
            wait_until(self, "SELECT count(*) >= 4 FROM sweep_runs WHERE last_ok_at IS NOT NULL")
            yield
        finally:
            for process in processes:
                end(process, (signal.SIGTERM, 30.0))


def wait_until(engines: Engines, statement: str, seconds: float = 300.0) -> None:
    """Look every tenth of a second until a statement says true."""
    deadline = time.monotonic() + seconds
    while not engines.value(statement)[0]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"It did not come to pass: {statement}")
        time.sleep(0.1)


def assigned(engines: Engines, seconds: int, *, nudged: bool) -> Figure:
    """Tickets come in evenly, each in a transaction of its own, and get their agents."""
    (since,) = engines.value("SELECT clock_timestamp()")
    began, made = time.monotonic(), seconds * TICKETS_A_SECOND

    def open_one(place: int) -> None:
        time.sleep(max(0.0, began + place / TICKETS_A_SECOND - time.monotonic()))
        with engines.core.app_context(), transaction(SYSTEM) as session:
            session.execute(_OPEN, {"id": engines.customer.profile_id})
            if nudged:
                jobs.nudge(session, Job.ASSIGN)

    # Each commit waits for the disk, so several are under way at once.
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_one, range(made)))
    rate = made / (time.monotonic() - began)
    wait_until(engines, "SELECT NOT EXISTS (SELECT FROM tickets WHERE assigned_agent_id IS NULL)")
    took = _percentiles(
        engines,
        "extract(epoch FROM updated_at - created_at)",
        f"tickets WHERE created_at >= '{since}'",
    )
    return Figure(
        "assigned_nudged" if nudged else "assigned_by_beat",
        "Created → assigned, " + ("with the nudge" if nudged else "by beat alone") + ", p99",
        took["p99"],
        "s",
        1.0 if nudged else 6.0,
        f"{made:,} tickets at {rate:.0f} a second; p50 {took['p50']:.2f} s, most {took['most']:.2f} s",
    )


def fired(engines: Engines, seconds: int) -> Figure:
    """Steps of as many clocks fall due within the time; each fires once."""
    steps = STEPS * seconds // MINUTE
    engines.owner.execute(
        "WITH made AS (INSERT INTO tickets (title, description, customer_id, assigned_agent_id,"
        " status, priority) SELECT 'Due', 'Soon.', customer.id, agent.id, 'IN_PROGRESS', 'LOW'"
        f" FROM generate_series(1, {steps}) AS i, (SELECT id FROM profiles WHERE role = 'CUSTOMER'"
        " LIMIT 1) AS customer, (SELECT array_agg(profile_id) AS ids FROM agents) AS agents,"
        f" LATERAL (SELECT ids[1 + i % {AGENTS}] AS id) AS agent RETURNING id),"
        " clock AS (INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, target_s,"
        " started_at, running_since, due_at) SELECT id, 'RESOLUTION', (SELECT id FROM"
        " sla_policy_versions LIMIT 1), 3600, now(), now(), now() + interval '1 hour' FROM made"
        " RETURNING id) INSERT INTO sla_steps (clock_id, step_no, percent, actions, fire_at)"
        " SELECT id, 1, 75, '{NOTIFY_ASSIGNEE,COMMENT}', clock_timestamp() + interval '3 seconds'"
        f" + {seconds} * interval '1 second' * row_number() OVER () / {steps} FROM clock"
    )
    wait_until(engines, "SELECT NOT EXISTS (SELECT FROM sla_steps WHERE fired_at IS NULL)")
    (once,) = engines.value("SELECT count(*) FROM history WHERE action = 'sla_warned'")
    assert once == steps, f"{once} of {steps} steps are in history"
    took = _percentiles(engines, "extract(epoch FROM fired_at - fire_at)", "sla_steps")
    note = f"{steps:,} steps within {seconds} s, each once; p50 {took['p50']:.2f} s"
    return Figure("fired", "Step due → fired, p99", took["p99"], "s", 15.0, note)


def _percentiles(engines: Engines, what: str, where: str) -> dict[str, float]:
    row = engines.value(
        f"SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {what}),"
        f" percentile_cont(0.99) WITHIN GROUP (ORDER BY {what}), max({what}) FROM {where}"
    )
    return dict(zip(("p50", "p99", "most"), map(float, row), strict=True))


def replanned(engines: Engines, clocks: int) -> list[Figure]:
    """A calendar changes under running clocks, while tickets are opened and answered."""
    calendar = calendars.create_calendar(engines.admin, "Desk", "Europe/London", _HOURS)
    _run_clocks(engines, clocks)
    took: list[float] = []
    begun = time.monotonic()
    calendars.add_version(engines.admin, calendar, "Europe/London", _OTHER_HOURS, version=1)
    while True:
        began = time.monotonic()
        agent = Actor(engines.value("SELECT profile_id FROM agents LIMIT 1")[0], Role.AGENT)
        assert engines.customer.profile_id is not None
        ticket = tickets.open_ticket(
            agent, engines.customer.profile_id, f"Printer {began}", "It does not print."
        )
        took.append((time.monotonic() - began) * 1000)
        began = time.monotonic()
        comments.reply(agent, ticket, "Have you switched it on?", Event.STAFF_REPLY)
        took.append((time.monotonic() - began) * 1000)
        with reading(SYSTEM) as session:
            if not replanning(session):
                break
        time.sleep(0.1)
    seconds = time.monotonic() - begun
    p95 = statistics.quantiles(took, n=20)[-1]
    return [
        Figure(
            "replanned",
            "A calendar's change has reached all its running clocks after",
            seconds,
            "s",
            60.0,
            f"{clocks:,} clocks",
        ),
        Figure(
            "written_meanwhile",
            "Opening or answering a ticket meanwhile, p95",
            p95,
            "ms",
            100.0,
            f"{len(took)} of them, median {statistics.median(took):.0f} ms",
        ),
    ]


_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday")
_HOURS: Final = {"week": {day: [["09:00", "17:00"]] for day in _DAYS}}
_OTHER_HOURS: Final = {"week": {day: [["08:00", "12:00"], ["13:00", "18:00"]] for day in _DAYS}}


def _run_clocks(engines: Engines, clocks: int) -> None:
    """So many tickets with a clock by that calendar and two steps each, as if by policy."""
    for statement in (
        "SET session_replication_role = replica",
        "INSERT INTO tickets (title, description, customer_id, assigned_agent_id, status)"
        " SELECT 'Runs', 'On.', (SELECT id FROM profiles WHERE role = 'CUSTOMER' LIMIT 1),"
        " (SELECT profile_id FROM agents LIMIT 1), 'IN_PROGRESS'"
        f" FROM generate_series(1, {clocks})",
        "UPDATE sla_targets SET calendar_id = (SELECT id FROM calendars WHERE name = 'Desk')",
        "INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, calendar_version, target_s,"
        " started_at, running_since, due_at) SELECT id, 'RESOLUTION', (SELECT id FROM"
        " sla_policy_versions LIMIT 1), (SELECT version.id FROM calendar_versions AS version"
        " JOIN calendars ON calendars.id = calendar_id WHERE name = 'Desk'), 86400, now(), now(),"
        " now() + interval '9 days' FROM tickets WHERE title = 'Runs'",
        "INSERT INTO sla_steps (clock_id, step_no, percent, actions, fire_at)"
        " SELECT clock.id, no, no * 50, '{COMMENT}', now() + interval '7 days' * no"
        " FROM sla_clocks AS clock JOIN tickets ON tickets.id = ticket_id,"
        " generate_series(1, 2) AS no WHERE title = 'Runs'",
        "SET session_replication_role = origin",
        "ANALYZE",
    ):
        engines.owner.execute(statement.encode())


def idle(engines: Engines, many: int) -> Figure:
    """A sweep that finds nothing due among very many tickets; two clocks run on each open one."""
    engines.owner.execute(b"SET session_replication_role = replica")
    engines.owner.execute(
        "INSERT INTO tickets (title, description, customer_id, assigned_agent_id, status,"
        " closed_at) SELECT 'Many', 'Old.', (SELECT id FROM profiles WHERE role = 'CUSTOMER'"
        " LIMIT 1), (SELECT profile_id FROM agents LIMIT 1), CASE WHEN i % 10 = 0 THEN"
        " 'IN_PROGRESS' ELSE 'CLOSED' END::ticket_status, CASE WHEN i % 10 > 0 THEN now() END"
        f" FROM generate_series(1, {many}) AS i".encode()
    )
    engines.owner.execute(
        b"WITH clock AS (INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, target_s,"
        b" started_at, running_since, due_at) SELECT id, metric, (SELECT id FROM"
        b" sla_policy_versions LIMIT 1), 86400, now(), now(), now() + interval '9 days'"
        b" FROM tickets, (VALUES ('FIRST_RESPONSE'), ('RESOLUTION')) AS m (metric)"
        b" WHERE title = 'Many' AND status <> 'CLOSED' RETURNING id)"
        b" INSERT INTO sla_steps (clock_id, step_no, percent, actions, fire_at)"
        b" SELECT id, 1, 75, '{COMMENT}', now() + interval '7 days' FROM clock"
    )
    engines.owner.execute(b"SET session_replication_role = origin")
    engines.owner.execute(b"VACUUM ANALYZE")
    took = []
    for _ in range(40):
        began = time.perf_counter()
        assert sla.sweep_sla() == 0
        took.append((time.perf_counter() - began) * 1000)
    return Figure(
        "idle",
        "SLA sweep, nothing due",
        statistics.median(took),
        "ms",
        2.0,
        f"{many:,} tickets, every tenth open with two clocks",
    )


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Engines]:
    """PostgreSQL with durable commits, Valkey, and the product in this process."""
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres(folder, options=_POSTGRES_OPTIONS))
        valkey = stack.enter_context(EmbeddedValkey(folder))
        environ = environment(postgres, valkey, folder)
        core = create_core(migrated(postgres, environ))
        # Nudges read where the broker is from the environment, as every process does.
        os.environ.update({k: v for k, v in environ.items() if k.startswith("EMBERONE_")})
        owner = stack.enter_context(postgres.connect(database="emberone"))
        stack.enter_context(core.app_context())
        stack.callback(db.engine.dispose)
        jobs.send_nudges_with(nudges.send)
        stack.callback(nudges.forget_broker)
        yield Engines(folder, core, environ, owner)


def measure(seconds: int) -> Iterator[Figure]:
    """Everything, one after the other, each on fresh servers."""
    share = seconds / MINUTE
    for nudged in (True, False):
        with fresh() as engines, engines.working():
            yield assigned(engines, seconds, nudged=nudged)
    with fresh() as engines, engines.working():
        yield fired(engines, seconds)
    with fresh() as engines, engines.working():
        yield from replanned(engines, int(CLOCKS * share))
    with fresh() as engines:
        yield idle(engines, int(MANY * share))


@contextlib.contextmanager
def fresh() -> Iterator[Engines]:
    """Servers of its own for what is measured."""
    with (
        tempfile.TemporaryDirectory(prefix="emberone-bench-", ignore_cleanup_errors=True) as name,
        running(Path(name)) as engines,
    ):
        yield engines


def worded(figure: Figure) -> str:
    """A figure in a line."""
    sign = "≤" if figure.is_kept else "above"
    kept = f"{figure.value:.2f} {figure.unit}, {sign} {figure.allowed:g} {figure.unit}"
    return f"{figure.title}: {kept} ({figure.note})"


def main(arguments: list[str]) -> int:
    """Measure, say, and judge."""
    is_kept = True
    for figure in measure(int(arguments[0]) if arguments else MINUTE):
        print(worded(figure), flush=True)
        is_kept &= figure.is_kept
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
