"""An incident's rows in a ServiceNow event log, and what they make of a ticket.

Each row is the incident as it was after one update. Rows are taken in the
order of their time, file order deciding ties; the first makes the ticket in
the state it names, each later one changes what differs from the row before it.

Who is who: `caller_id` is the customer; `assigned_to` and `sys_updated_by` are
agents, since both work on incidents, though the anonymised log names the same
person differently in the two columns. `opened_by` and `resolved_by` did nothing
that another column does not record, so they stay words in a comment.

What a ticket may lack (agent, team, tags), an unknown value takes away; what
it must have (customer, priority), an unknown value leaves as it was. What has
no column here goes into internal comments.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from emberone.domain import texts
from emberone.domain.enums import Priority, Status
from emberone.domain.errors import Invalid
from emberone.domain.imports.rows import (
    SOMEONE,
    BadRow,
    Person,
    Rejected,
    Row,
    customer,
    member_of_staff,
    moment,
    priority,
    require_past,
    row_key,
    shown,
)

SOURCE: Final = "servicenow"

#: Without one of these a file is not an event log.
REQUIRED_COLUMNS: Final = (
    "number",
    "incident_state",
    "priority",
    "caller_id",
    "assigned_to",
    "sys_updated_by",
    "sys_updated_at",
)
#: What identifies an update. A later export fills `closed_at`, `resolved_by` and
#: their like into the rows it has had before, so they cannot be part of it.
KEY_COLUMNS: Final = (
    *REQUIRED_COLUMNS,
    "sys_mod_count",
    "reassignment_count",
    "reopen_count",
    "impact",
    "urgency",
    "assignment_group",
)
#: Columns that no ticket has, by what comments call them.
FACTS: Final[Mapping[str, str]] = {
    "Subcategory": "subcategory",
    "Symptom": "u_symptom",
    "Configuration item": "cmdb_ci",
    "Location": "location",
    "Impact": "impact",
    "Urgency": "urgency",
    "Problem": "problem_id",
    "Change": "rfc",
    "Caused by": "caused_by",
    "Vendor": "vendor",
    "SLA kept": "made_sla",
    "Times reopened": "reopen_count",
}
_DESCRIBED: Final[Mapping[str, str]] = {
    "Category": "category",
    "Subcategory": "subcategory",
    "Symptom": "u_symptom",
    "Configuration item": "cmdb_ci",
    "Location": "location",
}
_ARRIVAL: Final[Mapping[str, str]] = {
    "Opened at": "opened_at",
    "Opened by": "opened_by",
    "Contact": "contact_type",
    "Impact": "impact",
    "Urgency": "urgency",
}
_CLOSING: Final[Mapping[str, str]] = {
    "Closed code": "closed_code",
    "Resolved by": "resolved_by",
}
#: Every column that is read; the others need not be kept.
COLUMNS: Final = frozenset(
    {
        *KEY_COLUMNS,
        *FACTS.values(),
        *_DESCRIBED.values(),
        *_ARRIVAL.values(),
        *_CLOSING.values(),
        "short_description",
        "description",
    }
)

_STATES: Final[Mapping[str, Status]] = {
    "new": Status.OPEN,
    "active": Status.IN_PROGRESS,
    "awaiting user info": Status.WAITING,
    "resolved": Status.CLOSED,
    "closed": Status.CLOSED,
}
_MAX_NUMBER: Final = 100
_MAX_TEAM: Final = 100


@dataclass(frozen=True, slots=True)
class Event:
    """One update of an incident, in the words of tickets."""

    row: Row
    key: str
    at: datetime
    #: Who made the update.
    actor: Person | None
    status: Status
    priority: Priority
    customer: Person
    agent: Person | None
    team: str | None
    tags: tuple[str, ...]


#: The fields of an event that are columns of a ticket.
FIELDS: Final = frozenset({"status", "priority", "customer", "agent", "team", "tags"})


@dataclass(frozen=True, slots=True)
class Step:
    """What one event changes."""

    event: Event
    #: Of FIELDS; all of them where the file does not say what was before.
    changed: frozenset[str]
    #: What to say in an internal comment, or None.
    note: str | None


def status(text: str) -> Status:
    """The status that an incident's state means; raises BadRow for one it does not know."""
    word = " ".join(text.lower().split())
    found = _STATES.get(word)
    if found is None and word.startswith("awaiting "):
        return Status.IN_PROGRESS
    if found is None:
        raise BadRow(f"the state {shown(text)} is unknown")
    return found


def read_events(rows: Sequence[Row], *, now: datetime) -> tuple[list[Event], list[Rejected]]:
    """The events of one incident in the order they happened, and the rows that are none."""
    events: list[Event] = []
    rejected: list[Rejected] = []
    seen: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        content = tuple(row.get(column) or "" for column in KEY_COLUMNS)
        seen[content] += 1
        try:
            event = _event(row, row_key(SOURCE, content, seen[content]), events)
            require_past(event.at, now)
        except Invalid as error:
            rejected.append(Rejected(row.line, error.message))
        else:
            events.append(event)
    # Stable: file order decides ties.
    return sorted(events, key=lambda event: event.at), rejected


def steps(events: Sequence[Event]) -> Iterator[Step]:
    """What each event changes against the one before it."""
    before: Event | None = None
    for event in events:
        if before is None:
            yield Step(event, FIELDS, None)
        else:
            changed = frozenset(
                name for name in FIELDS if getattr(event, name) != getattr(before, name)
            )
            yield Step(event, changed, _note(before, event))
        before = event


def number(row: Row) -> str:
    """What the source calls the incident; raises BadRow where it has no name."""
    name = row.get("number")
    if name is None:
        raise BadRow("the incident's number is missing")
    if len(name) > _MAX_NUMBER:
        raise BadRow(f"the incident's number {shown(name)} is too long")
    return name


def title(event: Event) -> str:
    """What the ticket is called: the source's number, and what it is about."""
    row = event.row
    about = row.get("short_description") or " / ".join(
        text for text in (row.get("category"), row.get("subcategory")) if text
    )
    whole = f"{number(row)}: {about}" if about else number(row)
    return texts.title(whole[: texts.MAX_TITLE])


def description(event: Event) -> str:
    """What the customer reads on the ticket."""
    lines = _lines(event.row, _DESCRIBED)
    parts = [event.row.get("description"), "\n".join(lines)]
    return texts.description("\n\n".join(part for part in parts if part))


def arrival_note(event: Event) -> str:
    """What the first comment says of where the ticket comes from."""
    lines = [f"Imported from ServiceNow: {number(event.row)}.", *_lines(event.row, _ARRIVAL)]
    if event.status is Status.CLOSED:
        lines += _lines(event.row, _CLOSING)
    return "\n".join(lines)


def _event(row: Row, key: str, earlier: Sequence[Event]) -> Event:
    number(row)
    changed_at = row.get("sys_updated_at")
    if changed_at is None:
        raise BadRow("the time of the update is missing")
    state, rank, caller = row.get("incident_state"), row.get("priority"), row.get("caller_id")
    if state is None:
        raise BadRow("the state is missing")
    group, category = row.get("assignment_group"), row.get("category")
    actor, agent = row.get("sys_updated_by"), row.get("assigned_to")
    before = earlier[-1] if earlier else None
    event = Event(
        row=row,
        key=key,
        at=moment(changed_at),
        actor=member_of_staff(actor) if actor else None,
        status=status(state),
        priority=priority(rank) if rank else before.priority if before else Priority.MEDIUM,
        customer=customer(caller) if caller else before.customer if before else SOMEONE,
        agent=member_of_staff(agent) if agent else None,
        team=_team(group) if group else None,
        tags=tuple(texts.tags([category.replace(",", " ")])) if category else (),
    )
    # Refuse here what would be refused when it is written.
    title(event), description(event)
    return event


def _team(group: str) -> str:
    name = texts.person_name(group)
    if len(name) > _MAX_TEAM:
        raise BadRow(f"the assignment group's name has more than {_MAX_TEAM} characters")
    return name


def _note(before: Event, event: Event) -> str | None:
    lines = []
    for label, column in FACTS.items():
        old, new = before.row.get(column), event.row.get(column)
        if old != new:
            lines.append(f"{label}: {old or 'unknown'} → {new or 'unknown'}")
    if event.status is Status.CLOSED and before.status is not Status.CLOSED:
        lines += _lines(event.row, _CLOSING)
    return "\n".join(lines) or None


def _lines(row: Row, columns: Mapping[str, str]) -> list[str]:
    return [f"{label}: {text}" for label, column in columns.items() if (text := row.get(column))]
