"""How fast assignment is, and what it costs when nothing is due.

    python -m benchmarks.assignment [TICKETS [AGENTS]]

On a throw-away PostgreSQL. The floor: 1,000 tickets a second, an idle sweep below 2 ms.
Server-side times are printed too, since they do not depend on who else is at the machine.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy import text

from emberone.config import Settings
from emberone.core import create_core
from emberone.db import db, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.embedded import THROW_AWAY, EmbeddedPostgres
from emberone.jobs import Job
from emberone.services import assignment, sweeps


def write(statement: str, **values: object) -> None:
    """One statement in a transaction of its own."""
    with transaction(SYSTEM) as session:
        session.execute(text(statement), values)


def tickets(count: int, tags: str = "{}") -> None:
    """Tickets of all priorities for the one customer."""
    write(
        "INSERT INTO tickets (title, description, customer_id, priority, tags)"
        " SELECT 'Ticket', '', (SELECT id FROM profiles WHERE role = 'CUSTOMER'),"
        " (enum_range(NULL::ticket_priority))[1 + i % 4], cast(:tags AS text[])"
        " FROM generate_series(1, :count) AS i",
        count=count,
        tags=tags,
    )


def drain(what: str) -> None:
    """Sweep until nothing is due and say how fast that was."""
    began, cpu, done = time.perf_counter(), time.process_time(), 0
    while count := assignment.sweep_assignments():
        done += count
    took = max(time.perf_counter() - began, 1e-9)
    cpu = time.process_time() - cpu
    print(
        f"{what:<34} {done:>7} tickets {done / took:>8.0f}/s  {cpu / max(done, 1) * 1e6:.0f} µs CPU each"
    )


def idle(what: str) -> None:
    """Say what a sweep costs that finds nothing."""
    took = []
    sweeps.run(Job.ASSIGN)
    cpu = time.process_time()
    for _ in range(200):
        began = time.perf_counter()
        sweeps.run(Job.ASSIGN)
        took.append((time.perf_counter() - began) * 1000)
    cpu = (time.process_time() - cpu) / 200 * 1000
    print(
        f"{what:<34} min {min(took):.2f} ms  median {statistics.median(took):.2f} ms  {cpu:.2f} ms CPU"
    )


def main(count: int = 5000, agents: int = 50) -> None:
    """Assign, park, review and idle."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder), options=THROW_AWAY) as server,
    ):
        server.create_database()
        environ = {"EMBERONE_SECRET_KEY": "only-for-benchmarks"}
        environ["EMBERONE_DATABASE_URL"] = server.url("emberone_app")
        environ["EMBERONE_OWNER_URL"] = server.url()
        with create_core(Settings.from_env(environ)).app_context():
            upgrade()
            write(
                "INSERT INTO profiles (email, full_name, role)"
                " SELECT 'a' || i || '@example.org', 'Agent', 'AGENT'"
                " FROM generate_series(1, :n) AS i",
                n=agents,
            )
            write(
                "INSERT INTO profiles (email, full_name, role)"
                " VALUES ('c@example.org', 'Customer', 'CUSTOMER')"
            )
            write("UPDATE agents SET capacity = 10000")
            write("INSERT INTO tags (name, is_skill) VALUES ('klingon', true)")
            tickets(count)
            drain("assigned")
            with reading(SYSTEM) as session:
                spread = session.scalar(
                    text("SELECT max(open_count) - min(open_count) FROM agents")
                )
            print(
                f"spread between agents: {spread}, counters wrong: {assignment.reconcile_counts()}"
            )
            idle("idle")
            tickets(count, "{klingon}")
            drain("found to be for nobody")
            drain("looked through once more")
            idle(f"idle beside {count} for nobody")
            write("UPDATE agents SET skills = '{klingon}'")
            drain("assigned after agents learned")
            db.engine.dispose()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
