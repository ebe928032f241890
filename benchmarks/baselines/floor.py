"""The floor beneath our pages: what any program would have to do for the same answer.

A WSGI application without a framework, which gunicorn runs as it runs the product. For a
page it asks the least SQL that knows what the page shows, reads every row, and sends the
very bytes that the product sent for it: nothing is rendered. For opening a ticket it reads
the form, writes with one statement and redirects.

What it needs lies in the folder that EMBERONE_BENCH_FLOOR names: `facts.json` (the
connection string and the statements' values) and, for each page, the product's answer:
`PAGE.bin` and its headers in `facts.json`.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import psycopg

from benchmarks.baselines import floor_sql

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Floor:
    """The application; each of gunicorn's threads keeps a connection."""

    def __init__(self, folder: Path) -> None:
        self.facts = json.loads((folder / "facts.json").read_text())
        self.pages = {name: (folder / f"{name}.bin").read_bytes() for name in self.facts["headers"]}
        self._local = threading.local()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a page by its name, or open a ticket."""
        name = environ["PATH_INFO"].strip("/")
        if environ["REQUEST_METHOD"] == "POST":
            number = self._open(environ)
            start_response("303 See Other", [("Location", f"/{number}"), ("Content-Length", "0")])
            return [b""]
        if name not in self.pages:
            start_response("204 No Content", [])
            return []
        body, headers = self.pages[name], self.facts["headers"][name]
        self._read(name)
        start_response("200 OK", [*map(tuple, headers), ("Content-Length", str(len(body)))])
        return [body]

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """This thread's connection."""
        if not hasattr(self._local, "connection"):
            self._local.connection = psycopg.connect(self.facts["dsn"])
        connection: psycopg.Connection[Any] = self._local.connection
        return connection

    def _read(self, name: str) -> None:
        with self.connection.transaction():
            for statement in floor_sql.PAGES[name]:
                self.connection.execute(statement, self.facts["values"]).fetchall()

    def _open(self, environ: Environ) -> int:
        form = parse_qs(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
        values = {name: form[name][0] for name in ("title", "description", "customer")}
        with self.connection.transaction():
            row = self.connection.execute(floor_sql.OPEN, values).fetchone()
        assert row is not None
        return int(row[0])


def create_app() -> Floor:
    """The application over the folder in the environment."""
    return Floor(Path(os.environ["EMBERONE_BENCH_FLOOR"]))
