"""`emberone import`: load tickets from another system's files.

A row that cannot be taken in is named on stderr and the rest goes in. What
went in is known by its content, so running again after an interruption, or with
a longer export, adds only what is new.
"""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emberone.config import Settings
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Availability
from emberone.domain.errors import Conflict, Invalid
from emberone.domain.imports import csv as requests
from emberone.domain.imports import servicenow as incidents
from emberone.domain.imports.rows import DayOrder, Rejected, Row, row_key

if TYPE_CHECKING:
    from emberone.services.imports.files import Record, Table
    from emberone.services.imports.records import Outcome
    from emberone.services.imports.spool import Spool

#: What a shell expects of a program that Ctrl-C ended.
INTERRUPTED = 128 + 2
_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group("import")
def command() -> None:
    """Load tickets from another system's files.

    Rows that cannot be taken in are printed with their line and reason. A row
    comes in once, however often it is imported: interrupt and run again as you
    like. No mail is sent for what comes in.
    """


@command.command("servicenow")
@_FILE
@click.option(
    "--agents",
    type=click.Choice([choice.value.lower() for choice in Availability]),
    default=Availability.AWAY.value.lower(),
    show_default=True,
    help="Whether agents who are new here take new tickets at once.",
)
def servicenow(file: Path, agents: str) -> None:
    """Replay a ServiceNow incident event log at its original times (UTC)."""
    with _running("incidents") as report:
        _servicenow(file, Availability(agents.upper()), report)


@command.command("csv")
@_FILE
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=COLUMN",
    help=f"Which column a field is in. Fields: {', '.join(requests.SYNONYMS)}.",
)
@click.option(
    "--dates",
    type=click.Choice([order.value for order in DayOrder]),
    help="How 03/04/2016 is meant; without it such dates are refused.",
)
def csv(file: Path, mapping: tuple[str, ...], dates: str | None) -> None:
    """Load a table of requests, one ticket a row.

    Finds the title (or subject), the description (or body), priority, status,
    customer and creation date by their headings; other columns are ignored.
    """
    with _running("requests") as report:
        _csv(file, _mapping(mapping), DayOrder(dates) if dates else None, report)


def _servicenow(file: Path, availability: Availability, report: "_Report") -> None:
    # Here and not above: `emberone --help` and Ctrl-C come before SQLAlchemy.
    from emberone.services.imports.files import Table
    from emberone.services.imports.servicenow import import_incident
    from emberone.services.imports.spool import Spool

    with _product(), Table(file) as table, Spool() as spool:
        table.require(incidents.REQUIRED_COLUMNS)
        with _bar("Reading", table.size) as advance_to:
            for record in report.readable(table, advance_to):
                _set_aside(table, record, spool, report)
        done = 0
        with _bar("Importing", len(spool)) as advance_to:
            for rows in spool.groups():
                report.take(
                    rows, lambda rows: import_incident(SYSTEM, rows, availability=availability)
                )
                done += len(rows)
                advance_to(done)


def _csv(file: Path, mapping: Mapping[str, str], order: DayOrder | None, report: "_Report") -> None:
    from emberone.services.imports.csv import BATCH, import_requests
    from emberone.services.imports.files import Table
    from emberone.services.imports.spool import Spool

    with _product(), Table(file) as table, Spool() as spool:
        columns = requests.choose_columns(table.header, mapping)
        with _bar("Importing", table.size) as advance_to:
            readable = report.readable(table, advance_to)
            rows = (_row(table, record, spool) for record in readable)
            while batch := list(islice(rows, BATCH)):
                report.take(batch, lambda rows: import_requests(SYSTEM, rows, columns, order=order))


@dataclass(slots=True)
class _Report:
    """What has become of the file so far; each rejected row is printed and only counted."""

    unit: str
    tickets: int = 0
    events: int = 0
    known: int = 0
    rejected: int = 0
    #: Set by Ctrl-C, which Python itself may lose in a callback: looked at between rows.
    is_interrupted: bool = False

    def go_on(self) -> None:
        """End here, between two transactions, where Ctrl-C was pressed."""
        if self.is_interrupted:
            raise KeyboardInterrupt

    def readable(self, table: "Table", advance_to: Callable[[int], None]) -> "Iterator[Record]":
        """The rows that could be read; the others are rejected here."""
        for record in table.records():
            self.go_on()
            advance_to(table.position)
            if isinstance(record, Rejected):
                self.reject(record)
            else:
                yield record

    def take(self, rows: list[Row], importing: "Callable[[list[Row]], Outcome]") -> None:
        """Count in what became of these rows; where all of them are refused, all of them."""
        self.go_on()
        try:
            outcome = importing(rows)
        except (Invalid, Conflict) as error:
            for row in rows:
                self.reject(Rejected(row.line, error.message))
            return
        self.tickets += outcome.tickets
        self.events += outcome.events
        self.known += outcome.known
        for rejected in outcome.rejected:
            self.reject(rejected)

    def reject(self, row: Rejected) -> None:
        """Say which row stays out, and why."""
        self.rejected += 1
        # Over the progress bar, which comes again below.
        start = "\r\033[K" if sys.stderr.isatty() else ""
        click.echo(f"{start}line {row.line}: {row.reason}", err=True)

    def end(self) -> None:
        """The one line that sums it up."""
        events = f"{self.events} events, " if self.unit == "incidents" else ""
        click.echo(
            f"imported {self.tickets} tickets, {events}"
            f"{self.rejected} rejected, {self.known} already there"
        )


@contextmanager
def _running(unit: str) -> Iterator[_Report]:
    """Sum up at the end, and after Ctrl-C say what to do next."""
    report = _Report(unit)

    def interrupt(*_: object) -> None:
        report.is_interrupted = True
        # Whoever presses it twice does not want to wait for the transaction at hand.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield report
    except KeyboardInterrupt:
        report.end()
        click.echo(
            "emberone: interrupted; what came in stays. Run the same command again to go on.",
            err=True,
        )
        sys.exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, before)
    report.end()


@contextmanager
def _product() -> Iterator[None]:
    """The database at hand; one that is not ready refuses here, and not row by row."""
    from emberone.core import create_core
    from emberone.db import reading
    from emberone.services.imports import records

    with create_core(Settings.from_env()).app_context():
        with reading(SYSTEM) as session:
            records.known_keys(session, ())
        yield


@contextmanager
def _bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal's stderr; advances to an absolute position."""
    with click.progressbar(
        length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def advance_to(position: int) -> None:
            if position > bar.pos:
                bar.update(position - bar.pos)

        yield advance_to


def _set_aside(table: "Table", record: "Record", spool: "Spool", report: _Report) -> None:
    """Put an event beside its incident's others, with the columns that are read."""
    values = {
        column: text
        for column, text in zip(table.columns, record.fields, strict=True)
        if column in incidents.COLUMNS
    }
    row = Row(record.line, values)
    try:
        spool.put(incidents.number(row), row.line, values)
    except Invalid as error:
        report.reject(Rejected(row.line, error.message))


def _row(table: "Table", record: "Record", spool: "Spool") -> Row:
    values = dict(zip(table.columns, record.fields, strict=True))
    digest = bytes.fromhex(row_key(requests.SOURCE, requests.content(values), 0))
    return Row(record.line, values, spool.count(digest))


def _mapping(pairs: Iterable[str]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for pair in pairs:
        field, sign, column = pair.partition("=")
        if not sign or not column.strip():
            raise Invalid(f"--map takes FIELD=COLUMN, not {pair!r}.")
        chosen[field.strip()] = column
    return chosen
