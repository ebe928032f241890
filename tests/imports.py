"""What the tests of imports share: the data files, importing them, and comparing databases."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from emberone.core import create_core
from emberone.db import db, end_reading
from emberone.domain.actor import SYSTEM
from emberone.domain.imports.rows import Row
from emberone.embedded import EmbeddedPostgres
from emberone.services.imports.records import Outcome
from emberone.services.imports.servicenow import import_incident
from tests.conftest import OWNER, settings_for

DATA = Path(__file__).parent / "data"
EVENT_LOG = DATA / "servicenow_event_log.csv"
REQUESTS = DATA / "support_requests.csv"

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

#: Every table, row by row, in one order.
_TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    " ORDER BY relname"
)
#: What ids stand for, and what two databases that say the same may differ in.
_NAMES = (
    "SELECT id, email FROM profiles UNION ALL SELECT id, name FROM teams"
    " UNION ALL SELECT id, title FROM tickets"
)
_SAME = {
    "profiles": "to_jsonb(t) - ARRAY['id', 'created_at', 'updated_at']",
    "teams": "to_jsonb(t) - ARRAY['id', 'created_at']",
    "tags": "to_jsonb(t) - 'created_at'::text",
    "agents": "to_jsonb(t) - 'updated_at'::text",
    "team_members": "to_jsonb(t)",
    # A number is lost with a transaction that was interrupted; their order is not.
    "tickets": "to_jsonb(t) - ARRAY['id', 'updated_at', 'number']"
    " || jsonb_build_object('place', row_number() OVER (ORDER BY number))",
    "comments": "to_jsonb(t) - ARRAY['id', 'updated_at']",
    # With its place in the ticket's story instead of the id that gives it this place.
    "history": "to_jsonb(t) - 'id'::text || jsonb_build_object('place', row_number() OVER"
    " (PARTITION BY ticket_id ORDER BY created_at, id))",
    "imported_rows": "to_jsonb(t)",
    "feedback_requests": "to_jsonb(t)",
    "mail_outbox": "to_jsonb(t)",
}


@contextmanager
def product_on(server: EmbeddedPostgres, name: str) -> Iterator[None]:
    """The product's context on a database beside the one of the fixture `database`."""
    with create_core(settings_for(server, name)).app_context():
        yield
        end_reading()
        db.engine.dispose()


def read_log(path: Path = EVENT_LOG) -> list[dict[str, str]]:
    """The rows of an event log, as the standard library reads them."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def incidents(rows: Iterable[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    """The rows of each incident, in file order."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(row["number"], []).append(row)
    return found


def take_in(rows: Iterable[dict[str, str]], **options: Any) -> Outcome:
    """Import an event log's rows through the service, and count what became of them."""
    total = Outcome()
    groups: dict[str, list[Row]] = {}
    for line, row in enumerate(rows, start=2):
        groups.setdefault(row["number"], []).append(Row(line, row))
    for group in groups.values():
        outcome = import_incident(SYSTEM, group, **options)
        total.tickets += outcome.tickets
        total.events += outcome.events
        total.known += outcome.known
        total.rejected += outcome.rejected
    return total


def dump(server: EmbeddedPostgres, name: str) -> dict[str, list[str]]:
    """Everything in a database but when its rows were last touched."""
    with server.connect(OWNER, name) as connection:
        return {
            table: _lines(connection, f"SELECT to_jsonb(t) - 'updated_at'::text FROM \"{table}\" t")
            for (table,) in connection.execute(_TABLES).fetchall()
        }


def story(server: EmbeddedPostgres, name: str, *, without: str = "nothing") -> dict[str, list[str]]:
    """What a database says, with names for ids: equal for two that took in the same.

    `without` is a pattern of the history's actions to leave out.
    """
    with server.connect(OWNER, name) as connection:
        names = {str(id_): text for id_, text in connection.execute(_NAMES).fetchall()}
        return {
            table: sorted(
                _UUID.sub(lambda id_: names.get(id_[0], "?"), line)
                for line in _lines(
                    connection,
                    f"SELECT {columns} FROM {table} AS t"
                    + (" WHERE action !~ %s" if table == "history" else ""),
                    *([without] if table == "history" else []),
                )
            )
            for table, columns in _SAME.items()
        }


def _lines(connection: psycopg.Connection, query: str, *values: str) -> list[str]:
    rows = connection.execute(query, values or None).fetchall()
    return sorted(json.dumps(row, sort_keys=True) for (row,) in rows)
