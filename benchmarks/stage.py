"""What is measured, up and running: a filled database and three web servers over it.

PostgreSQL and Valkey are those of `emberone up`, with its settings: durable commits. The
product's web server is `emberone web`; the floor and stock Flask-Admin are served by the
same gunicorn in the same way, one worker process each. No background worker runs.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select

from benchmarks import filler
from benchmarks.baselines import floor_sql
from benchmarks.client import Client
from emberone.cli.up import _POSTGRES_OPTIONS
from emberone.config import Settings
from emberone.core import create_core
from emberone.db import db, reading
from emberone.domain.actor import SYSTEM
from emberone.embedded import EmbeddedPostgres, EmbeddedValkey, free_port
from emberone.migrating import create_migrator
from emberone.models import Ticket
from emberone.processes import end, spawn
from emberone.queries.paging import Paging, fetch_page
from emberone.queries.views import ACTIVITY

ROOT: Final = Path(__file__).parents[1]

_GUNICORN: Final = (
    "-m",
    "gunicorn",
    *("--workers", "1", "--worker-class", "gthread", "--threads", "8", "--keep-alive", "5"),
    *("--timeout", "120", "--log-level", "warning", "--no-control-socket"),
)
_START_SECONDS: Final = 60


@dataclass(frozen=True)
class Stage:
    """The servers, who talks to them, and what the pages are about."""

    tickets: int
    core: Flask
    owner: psycopg.Connection[Any]
    #: A connection of the floor's own for what is not a page.
    bare: psycopg.Connection[Any]
    ours: Client
    floor: Client
    stock: Client
    facts: Mapping[str, Any]
    #: Page → its address in the product.
    addresses: Mapping[str, str]
    #: Page → its bytes on the wire.
    sizes: Mapping[str, int]


@contextlib.contextmanager
def stage(folder: Path, tickets: int) -> Iterator[Stage]:
    """Set everything up, and take it down again."""
    with contextlib.ExitStack() as stack:
        postgres = EmbeddedPostgres(folder, options=_POSTGRES_OPTIONS, say=_say_nothing)
        stack.enter_context(postgres)
        valkey = stack.enter_context(EmbeddedValkey(folder, say=_say_nothing))
        environ = environment(postgres, valkey, folder)
        settings = migrated(postgres, environ)
        with postgres.connect(database="emberone") as superuser:
            filler.fill(superuser, tickets)
        owner = stack.enter_context(postgres.connect("emberone_owner", "emberone"))
        core = create_core(settings)
        stack.callback(_dispose, core)
        values = _values(owner)
        addresses = _addresses(core, values)
        command = ["-m", "emberone", "web"]
        ours = stack.enter_context(_served(command, settings.port, environ, folder / "web.log"))
        _sign_in(ours)
        dsn = postgres.url().replace("+psycopg", "")
        sizes = _prepare_floor(folder, dsn, values, ours, addresses)
        floor, stock = (
            stack.enter_context(_baseline(name, postgres, folder))
            for name in ("floor", "flask_admin_stock")
        )
        bare = stack.enter_context(psycopg.connect(dsn))
        yield Stage(tickets, core, owner, bare, ours, floor, stock, values, addresses, sizes)


def _say_nothing(line: str) -> None:
    """What the servers tell a person is no news here."""


def migrated(postgres: EmbeddedPostgres, environ: Mapping[str, str]) -> Settings:
    """Make the database; return the settings of a product on it."""
    postgres.create_database()
    settings = Settings.from_env(environ)
    with create_migrator(settings).app_context():
        upgrade()
        db.engine.dispose()
    return settings


def environment(postgres: EmbeddedPostgres, valkey: EmbeddedValkey, folder: Path) -> dict[str, str]:
    """What the product's processes are told."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("EMBERONE_")}
    return {
        **kept,
        "EMBERONE_DATABASE_URL": postgres.url("emberone_app"),
        "EMBERONE_OWNER_URL": postgres.url(),
        "EMBERONE_REDIS_URL": valkey.url(),
        "EMBERONE_SECRET_KEY": "only-for-benchmarks-0123456789",
        "EMBERONE_DATA_DIR": str(folder),
        "EMBERONE_PORT": str(free_port()),
        "WEB_CONCURRENCY": "1",
        "PYTHONPATH": str(ROOT),
    }


def _dispose(core: Flask) -> None:
    with core.app_context():
        db.engine.dispose()


def _baseline(
    name: str, postgres: EmbeddedPostgres, folder: Path
) -> contextlib.AbstractContextManager[Client]:
    port = free_port()
    application = f"benchmarks.baselines.{name}:create_app()"
    environ = {
        **os.environ,
        "EMBERONE_BENCH_FLOOR": str(folder),
        "EMBERONE_BENCH_DSN": postgres.url(),
        "PYTHONPATH": str(ROOT),
    }
    command = [*_GUNICORN, "--bind", f"127.0.0.1:{port}", application]
    return _served(command, port, environ, folder / f"{name}.log")


@contextlib.contextmanager
def _served(
    command: list[str], port: int, environ: Mapping[str, str], log: Path
) -> Iterator[Client]:
    client = Client(port)
    with log.open("wb") as output:
        process = spawn(
            [sys.executable, "-P", *command],
            when_parent_dies=signal.SIGTERM,
            environ=environ,
            directory=ROOT,
            output=output,
        )
    try:
        _wait_for(client, process)
        yield client
    except RuntimeError:
        sys.stderr.write(log.read_text()[-5000:])
        raise
    finally:
        client.close()
        end(process, (signal.SIGTERM, 20.0))


def _wait_for(client: Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("A web server did not start.")
        with contextlib.suppress(OSError):
            client.get("/healthz")
            return
        time.sleep(0.1)


def _sign_in(client: Client) -> None:
    token = client.token("/login")
    answer = client.post("/login", email=filler.EMAIL, password=filler.PASSWORD, csrf_token=token)
    assert answer.status == 302, f"signing in was answered with {answer.status}"


def _values(owner: psycopg.Connection[Any]) -> dict[str, Any]:
    """What the pages are about: whose view, which ticket, where the deep page begins."""
    (admin,) = _one(owner, "SELECT id FROM profiles WHERE role = 'ADMIN' LIMIT 1")
    (me,) = _one(owner, "SELECT id FROM profiles WHERE email = %s", filler.EMAIL)
    number, ticket, customer = _one(
        owner,
        "SELECT number, id, customer_id FROM tickets WHERE status <> 'CLOSED'"
        " ORDER BY abs(activity_no - 8), number DESC LIMIT 1",
    )
    deep_at, deep_id = _one(
        owner,
        "SELECT last_activity_at, id FROM tickets ORDER BY last_activity_at DESC, id DESC"
        " LIMIT 1 OFFSET (SELECT count(*) * 9 / 10 FROM tickets)",
    )
    found = {"admin": admin, "me": me, "number": number, "ticket": ticket, "customer": customer}
    found |= {"deep_at": deep_at.isoformat(), "deep_id": deep_id}
    found |= {"common": filler.COMMON, "rare": filler.SERIAL.format(number=5)}
    return {name: value if isinstance(value, int) else str(value) for name, value in found.items()}


def _one(owner: psycopg.Connection[Any], statement: str, *values: Any) -> Any:
    return owner.execute(statement.encode(), values).fetchone()


def _addresses(core: Flask, values: Mapping[str, Any]) -> dict[str, str]:
    queue = "/admin/ticket/?view=all"
    return {
        "queue_first": queue,
        "queue_deep": f"{queue}&cursor={_deep_cursor(core, values)}",
        "queue_mine": "/admin/ticket/?view=mine",
        "ticket": f"/admin/ticket/{values['number']}/",
        "search_common": f"{queue}&search={values['common']}",
        "search_rare": f"{queue}&search={values['rare']}",
    }


def _deep_cursor(core: Flask, values: Mapping[str, Any]) -> str:
    here = select(Ticket.id).where(Ticket.id == values["deep_id"])
    with core.app_context(), reading(SYSTEM) as session:
        return fetch_page(session, here, lambda found: found, Paging(ACTIVITY, True)).places[0]


def _prepare_floor(
    folder: Path, dsn: str, values: Mapping[str, Any], ours: Client, addresses: Mapping[str, str]
) -> dict[str, int]:
    """Put what the product answers into the floor's folder; return the sizes."""
    headers, sizes = {}, {}
    for name in floor_sql.PAGES:
        answer = ours.get(addresses[name])
        assert answer.status == 200, f"{addresses[name]} was answered with {answer.status}"
        (folder / f"{name}.bin").write_bytes(answer.body)
        sizes[name] = len(answer.body)
        sent = ("content-type", "content-encoding", "cache-control", "vary")
        headers[name] = [(key, answer.headers[key]) for key in sent if key in answer.headers]
    facts = {"dsn": dsn, "values": values, "headers": headers}
    (folder / "facts.json").write_text(json.dumps(facts))
    return sizes
