"""Any table of requests: which column is what, and what a row makes of a ticket."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from emberone.domain import texts
from emberone.domain.enums import Priority, Role, Status
from emberone.domain.errors import Invalid
from emberone.domain.imports.rows import (
    SOMEONE,
    BadRow,
    DayOrder,
    Person,
    Row,
    customer,
    moment,
    priority,
    row_key,
    shown,
)

SOURCE: Final = "csv"

#: Field → the headings that mean it, the first found winning. Headings are compared
#: in lower case with `_` for what is no letter or digit. `team` and `tags` have no
#: heading of their own: categories of other systems are rarely wanted as they are.
SYNONYMS: Final[Mapping[str, Sequence[str]]] = {
    "title": ("title", "subject", "summary", "short_description"),
    "description": ("description", "body", "text", "message", "content"),
    "priority": ("priority",),
    "status": ("status", "state"),
    "customer": (
        "customer",
        "customer_email",
        "customer_e_mail",
        "requester",
        "requester_email",
        "requester_e_mail",
        "email",
        "e_mail",
        "email_address",
        "from",
    ),
    "customer_name": ("customer_name", "requester_name"),
    "created_at": ("created_at", "created", "created_on", "creation_date", "date"),
    "team": (),
    "tags": (),
}

_STATUSES: Final[Mapping[str, Status]] = {
    "open": Status.OPEN,
    "new": Status.OPEN,
    "in progress": Status.IN_PROGRESS,
    "active": Status.IN_PROGRESS,
    "assigned": Status.IN_PROGRESS,
    "waiting": Status.WAITING,
    "pending": Status.WAITING,
    "on hold": Status.WAITING,
    "waiting for customer": Status.WAITING,
    "waiting on customer": Status.WAITING,
    "awaiting user info": Status.WAITING,
    "closed": Status.CLOSED,
    "resolved": Status.CLOSED,
    "solved": Status.CLOSED,
    "done": Status.CLOSED,
}
_FIRST_WORDS: Final = 80
_NAMED_ADDRESS = re.compile(r'\s*"?([^"<]*?)"?\s*<\s*([^<>\s]+@[^<>\s]+)\s*>\s*')


@dataclass(frozen=True, slots=True)
class Request:
    """One row in the words of tickets."""

    line: int
    key: str
    title: str
    description: str
    priority: Priority
    status: Status
    customer: Person
    #: None: now.
    created_at: datetime | None
    team: str | None
    tags: tuple[str, ...]


def choose_columns(header: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Field → column: as `chosen` says (by `--map`), else by the heading; raises Invalid."""
    names = {_heading(column): column for column in reversed(header) if column.strip()}
    columns: dict[str, str] = {}
    for field, column in chosen.items():
        if field not in SYNONYMS:
            raise Invalid(f"There is no field {shown(field)}; there are {_listed(SYNONYMS)}.")
        if _heading(column) not in names:
            raise Invalid(f"The file has no column {shown(column)}; it has {_listed(header)}.")
        columns[field] = names[_heading(column)]
    for field, headings in SYNONYMS.items():
        found = [names[heading] for heading in headings if heading in names]
        if field not in columns and found:
            columns[field] = found[0]
    if not columns.keys() & {"title", "description"}:
        raise Invalid(
            "The file has no column for a title or a description;"
            f" say which with --map title=COLUMN. It has {_listed(header)}."
        )
    for column in columns.values():
        if sum(_heading(other) == _heading(column) for other in header) > 1:
            raise Invalid(f"The column {shown(column)} occurs twice.")
    return columns


def read_request(row: Row, columns: Mapping[str, str], *, order: DayOrder | None = None) -> Request:
    """What a row asks for; raises Invalid where it makes no ticket."""
    title, description = _title_and_description(
        _whole(row, columns.get("title")), _whole(row, columns.get("description"))
    )
    rank, state = row.get(columns.get("priority")), row.get(columns.get("status"))
    created_at = row.get(columns.get("created_at"))
    team, tags = row.get(columns.get("team")), row.get(columns.get("tags"))
    return Request(
        line=row.line,
        key=row_key(SOURCE, content(row.values), row.occurrence),
        title=title,
        description=description,
        priority=priority(rank) if rank else Priority.MEDIUM,
        status=_status(state) if state else Status.OPEN,
        customer=_customer(row.get(columns.get("customer")), row.get(columns.get("customer_name"))),
        created_at=moment(created_at, order) if created_at else None,
        team=_team(team) if team else None,
        tags=tuple(texts.tags(re.split(r"[,;]", tags))) if tags else (),
    )


def content(values: Mapping[str, str]) -> list[str]:
    """What a row says, ignored columns too: an id that only they carry makes rows differ."""
    parts: list[str] = []
    for column in sorted(values):
        text = values[column].replace("\r\n", "\n").strip()
        if text:
            parts += (column.strip(), text)
    return parts


def _whole(row: Row, column: str | None) -> str:
    """A text as it stands, a lone question mark too; a column without a heading is none of ours."""
    return row.values.get(column, "") if column else ""


def _title_and_description(title: str, body: str) -> tuple[str, str]:
    title, body = " ".join(title.split()), body.strip()
    if not title:
        if not body:
            raise BadRow("title and description are both empty")
        title = _first_words(body)
    elif len(title) > texts.MAX_TITLE:
        body = f"{title}\n\n{body}".strip()
        title = f"{title[: texts.MAX_TITLE - 1]}…"
    return texts.title(title), texts.description(body)


def _first_words(body: str) -> str:
    words = " ".join(body.split())
    if len(words) <= _FIRST_WORDS:
        return words
    cut = words[:_FIRST_WORDS].rsplit(" ", 1)[0]
    return f"{cut}…"


def _status(text: str) -> Status:
    found = _STATUSES.get(" ".join(text.lower().replace("_", " ").replace("-", " ").split()))
    if found is None:
        raise BadRow(f"the status {shown(text)} is unknown")
    return found


def _customer(text: str | None, name: str | None) -> Person:
    """Someone with an address of their own, or only a name, or nobody in particular."""
    if text is None:
        return customer(name) if name else SOMEONE
    named = _NAMED_ADDRESS.fullmatch(text)
    address = named[2] if named else text
    if "@" not in address:
        return customer(text)
    name = name or (named[1] if named else None) or address
    return Person(texts.address(address), texts.person_name(name), Role.CUSTOMER)


def _team(text: str) -> str:
    name = texts.person_name(text)
    if len(name) > 100:
        raise BadRow("the team's name has more than 100 characters")
    return name


def _heading(column: str) -> str:
    return re.sub(r"[\W_]+", "_", column.strip().lower()).strip("_")


def _listed(names: Iterable[str]) -> str:
    shown_names = [shown(name) for name in names if name.strip()]
    more = len(shown_names) - 20
    return ", ".join(shown_names[:20]) + (f" and {more} more" if more > 0 else "")
