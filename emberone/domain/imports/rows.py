"""What every importer shares: rows and their keys, people, words for priorities, dates."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from emberone.domain import texts
from emberone.domain.enums import Priority, Role
from emberone.domain.errors import Invalid

#: People who are only names in the file get an address here; RFC 6761 keeps mail away from it.
DOMAIN: Final = "import.invalid"
#: What exports write where they know nothing.
_UNKNOWN: Final = frozenset({"", "?"})

_PRIORITIES: Final[Mapping[str, Priority]] = {
    "1": Priority.CRITICAL,
    "critical": Priority.CRITICAL,
    "urgent": Priority.CRITICAL,
    "2": Priority.HIGH,
    "high": Priority.HIGH,
    "3": Priority.MEDIUM,
    "medium": Priority.MEDIUM,
    "moderate": Priority.MEDIUM,
    "normal": Priority.MEDIUM,
    "4": Priority.LOW,
    "low": Priority.LOW,
}
#: The number decides; what a system calls it is its own affair.
_NUMBERED = re.compile(r"([1-4])\s*-.*")

_TIME = r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}){_TIME}")


class BadRow(Invalid):
    """This row cannot be imported."""


class DayOrder(StrEnum):
    """How `03/04/2016` is meant where a file writes dates like that."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: its values by column."""

    #: Where it begins in the file; the header is usually line 1.
    line: int
    values: Mapping[str, str]
    #: Which of the rows with this very content it is in its file, from 1.
    occurrence: int = 1

    def get(self, column: str | None) -> str | None:
        """The trimmed value, or None where the file knows nothing."""
        text = self.values.get(column, "").strip() if column else ""
        return None if text in _UNKNOWN else text


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that stays out, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Person:
    """Someone a file names; the address is who they are."""

    email: str
    full_name: str
    role: Role


def row_key(source: str, content: Iterable[str], occurrence: int) -> str:
    """What makes a row the same row in the next run: source, content and occurrence."""
    digest = hashlib.sha256()
    for part in (source, *content, str(occurrence)):
        # With its length, so that no two lists of parts read the same.
        digest.update(f"{len(part)}:{part};".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def customer(name: str) -> Person:
    """The customer of that name."""
    full_name = texts.person_name(name)
    return Person(f"{_local_part(full_name)}@{DOMAIN}", full_name, Role.CUSTOMER)


def member_of_staff(name: str) -> Person:
    """The agent of that name; a customer of the same name is another profile.

    A profile has one role, and a name in a file must not turn a customer into
    an agent.
    """
    full_name = texts.person_name(name)
    return Person(f"staff.{_local_part(full_name)}@{DOMAIN}", full_name, Role.AGENT)


#: Whose tickets they are where the file does not say.
SOMEONE: Final = Person(f"requests@{DOMAIN}", "Imported requests", Role.CUSTOMER)


def _local_part(name: str) -> str:
    """A readable local part; two names share one only if they differ in case alone."""
    lower = name.lower()
    slug = re.sub(r"[^a-z0-9]+", "-", lower).strip("-")[:40]
    if slug.replace("-", " ") == lower and slug != "requests":
        return slug
    digest = hashlib.sha256(lower.encode()).hexdigest()[:10]
    return f"{slug}-{digest}" if slug else digest


def priority(text: str) -> Priority:
    """`1`, `1 - Critical` or `critical` to `4`, `4 - Low` or `low`; raises BadRow."""
    word = text.strip().lower()
    numbered = _NUMBERED.fullmatch(word)
    found = _PRIORITIES.get(numbered[1] if numbered else word)
    if found is None:
        raise BadRow(f"the priority {shown(text)} is unknown")
    return found


def moment(text: str, order: DayOrder | None = DayOrder.DAY_FIRST) -> datetime:
    """`2016-02-29 01:16`, ISO 8601 or `29-02-2016 01:16`; UTC unless it says otherwise.

    Without an order a date that could be two different days is refused. Raises
    BadRow.
    """
    text = text.strip()
    try:
        if found := _YEAR_FIRST.fullmatch(text):
            return _utc(found[1], found[3], found[4], *found.groups()[4:])
        if found := _YEAR_LAST.fullmatch(text):
            first, second = found[1], found[3]
            if _is_month_first(first, second, order, text):
                first, second = second, first
            return _utc(found[4], second, first, *found.groups()[4:])
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRow(f"the time {shown(text)} cannot be read") from None


def require_past(at: datetime, now: datetime) -> None:
    """Raise BadRow for a time that has not come yet."""
    if at > now:
        raise BadRow(f"the time {at:%Y-%m-%d %H:%M} lies in the future")


def shown(text: str) -> str:
    """A value as a message quotes it: short, on one line, nothing invisible."""
    short = text if len(text) <= 60 else f"{text[:59]}…"
    return "'" + "".join(c if c.isprintable() else "\ufffd" for c in short) + "'"


def _is_month_first(first: str, second: str, order: DayOrder | None, text: str) -> bool:
    if order is not None:
        return order is DayOrder.MONTH_FIRST
    if int(first) <= 12 and int(second) <= 12 and first != second:
        raise BadRow(f"the date {shown(text)} could be two different days; say which with --dates")
    return int(second) > 12


def _utc(year: str, month: str, day: str, *clock: str | None) -> datetime:
    hour, minute, second = (int(part or 0) for part in clock)
    return datetime(int(year), int(month), int(day), hour, minute, second, tzinfo=UTC)
