"""Tickets as a CSV file: written while it is sent, harmless in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from flask import Response, stream_with_context

from emberone.db import db, end_reading, open_reading
from emberone.domain.actor import Actor
from emberone.queries.tickets import ExportRow, TicketFilters, export_tickets

#: So many tickets are in memory at a time.
BATCH_SIZE = 500

HEADINGS: Final = (
    "number",
    "title",
    "description",
    "status",
    "priority",
    "customer",
    "customer_email",
    "agent",
    "team",
    "tags",
    "created_at",
    "updated_at",
    "closed_at",
    "feedback_rating",
    "feedback_text",
)

#: What a spreadsheet takes for a formula, also behind blanks and quotes (OWASP, "CSV
#: Injection"); the wide signs are what East Asian keyboards type.
_FORMULA = re.compile(r"[\s\"'\ufeff]*[=+\-@＝＋－＠]|[\t\r\n]")


def safe_cell(value: Any) -> str:
    """A cell's text; one that would be computed begins with an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def csv_response(actor: Actor, filters: TicketFilters) -> Response:
    """The file as a download that begins at once, however many tickets there are."""
    response = Response(
        stream_with_context(_lines(actor, filters)), content_type="text/csv; charset=utf-8"
    )
    response.headers["Content-Disposition"] = 'attachment; filename="tickets.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _lines(actor: Actor, filters: TicketFilters) -> Iterator[str]:
    # Spreadsheets take a file for UTF-8 only with this mark.
    yield "\ufeff" + _line(HEADINGS)
    after = None
    while True:
        # A transaction for each batch: a slow reader must not hold one open.
        open_reading(actor)
        rows = export_tickets(db.session(), actor, filters, after=after, size=BATCH_SIZE)
        end_reading()
        if rows:
            yield "".join(_line(_cells(row)) for row in rows)
        if len(rows) < BATCH_SIZE:
            return
        after = rows[-1].id


def _cells(row: ExportRow) -> Sequence[str]:
    return [safe_cell(", ".join(row.tags) if cell is row.tags else cell) for cell in row[1:]]


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerow(cells)
    return buffer.getvalue()
