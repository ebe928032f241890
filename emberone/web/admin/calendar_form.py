"""The form of a business calendar: a line of hours for each day, and the hours that it means.

A row of the dates that differ may stand for several days; the calendar has each of them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final, Self

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from emberone.domain.calendar_form import MOST_EXCEPTIONS, WEEKDAYS, parse
from emberone.domain.errors import Invalid
from emberone.web.admin.params import Values

DAY_NAMES: Final[Mapping[str, Any]] = {
    "monday": _l("Monday"),
    "tuesday": _l("Tuesday"),
    "wednesday": _l("Wednesday"),
    "thursday": _l("Thursday"),
    "friday": _l("Friday"),
    "saturday": _l("Saturday"),
    "sunday": _l("Sunday"),
}

_TIME: Final = r"([0-9]{1,2})(?:[:.]([0-9]{2}))?(?::([0-9]{2}))?"
_WINDOW: Final = re.compile(rf"{_TIME}\s*[-‐‑–—]\s*{_TIME}", re.ASCII)
#: How a day is said to be closed.
_CLOSED: Final = frozenset({"", "-", "–"})
#: So much of what was typed is said back.
_QUOTED: Final = 40
#: So many days one row may stand for.
_MOST_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class DateRow:
    """One date that differs, or several days from one to another, as it was typed."""

    number: int
    date: str = ""
    #: The last of several days; empty is one day.
    until: str = ""
    name: str = ""
    #: As of a weekday; empty is closed all day.
    hours: str = ""

    @classmethod
    def sent(cls, values: Values, number: int) -> Self:
        """The row of that number as it was sent."""
        name = f"dates-{number}-"
        return cls(
            number,
            values.raw(name + "date").strip(),
            values.raw(name + "until").strip(),
            values.raw(name + "name").strip(),
            values.raw(name + "hours").strip(),
        )

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed, which says nothing."""
        return not (self.date or self.until or self.name or self.hours)


@dataclass(slots=True)
class Understood:
    """What the form means, as far as it means anything."""

    zone: str
    definition: dict[str, Any]
    #: Field → what is wrong with it.
    wrong: dict[str, str | Invalid] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CalendarForm:
    """What a person may say about a calendar, as it was typed."""

    name: str = ""
    zone: str = ""
    #: Weekday → a line of hours.
    week: Mapping[str, str] = field(default_factory=dict)
    dates: tuple[DateRow, ...] = ()

    @classmethod
    def sent(cls, values: Values) -> Self:
        """The form as it was sent."""
        return cls(
            name=values.raw("name"),
            zone=values.raw("zone").strip(),
            week={day: values.raw(f"day-{day}").strip() for day in WEEKDAYS},
            dates=tuple(
                DateRow.sent(values, number)
                for number in values.parts("dates", MOST_EXCEPTIONS + 1)
            ),
        )

    @classmethod
    def of(cls, name: str, zone: str, definition: Mapping[str, Any]) -> Self:
        """The form as a stored calendar fills it."""
        return cls(
            name=name,
            zone=zone,
            week={day: line_of(definition["week"].get(day, [])) for day in WEEKDAYS},
            dates=_rows_of(definition["exceptions"]),
        )

    def with_date(self) -> Self:
        """The form with one more row."""
        number = max((row.number for row in self.dates), default=-1) + 1
        return replace(self, dates=(*self.dates, DateRow(number)))

    def without_date(self, number: str) -> Self:
        """The form without that row."""
        return replace(self, dates=tuple(r for r in self.dates if str(r.number) != number))

    def read(self) -> Understood:
        """The calendar that it means; each thing that is wrong is found by itself."""
        understood = Understood(self.zone, {"week": {}, "exceptions": []})
        try:
            parse(self.zone, {})
        except Invalid:
            understood.zone = "UTC"
            understood.wrong["zone"] = _("Choose a time zone.")
        for day in WEEKDAYS:
            windows = _windows(self.week.get(day, ""), f"day-{day}", understood)
            if windows and _holds({"week": {day: windows}}, f"day-{day}", understood):
                understood.definition["week"][day] = windows
        self._read_dates(understood)
        return understood

    def _read_dates(self, understood: Understood) -> None:
        taken: set[str] = set()
        rows = [row for row in self.dates if not row.is_blank]
        for row in rows[:MOST_EXCEPTIONS]:
            place = f"dates-{row.number}"
            windows = _windows(row.hours, place, understood)
            for day in [] if windows is None else _days(row, place, understood):
                entry = {"date": day, "name": row.name, "windows": windows}
                if day in taken:
                    understood.wrong[place] = _("This date stands here twice.")
                elif _holds({"exceptions": [entry]}, place, understood):
                    taken.add(day)
                    understood.definition["exceptions"].append(entry)
                if place in understood.wrong or len(taken) > MOST_EXCEPTIONS:
                    break
        if max(len(rows), len(taken)) > MOST_EXCEPTIONS:
            understood.wrong["dates"] = _(
                "A calendar takes at most %(most)s dates.", most=MOST_EXCEPTIONS
            )


def _days(row: DateRow, place: str, understood: Understood) -> list[str]:
    """Every day of the row; none where that says nothing, which is noted."""
    if not row.until:
        return [row.date]
    try:
        first, last = date.fromisoformat(row.date), date.fromisoformat(row.until)
    except ValueError:
        understood.wrong[place] = _("Choose the first and the last day.")
        return []
    length = (last - first).days + 1
    if length < 1:
        understood.wrong[place] = _("The last day is before the first.")
    elif length > _MOST_DAYS:
        understood.wrong[place] = _("At most %(most)s days in one row.", most=_MOST_DAYS)
    else:
        return [(first + timedelta(days=number)).isoformat() for number in range(length)]
    return []


def _rows_of(exceptions: Iterable[Mapping[str, Any]]) -> tuple[DateRow, ...]:
    """The dates as rows: days that follow one another and are alike stand in one."""
    rows: list[DateRow] = []
    for entry in exceptions:
        row = DateRow(len(rows), entry["date"], "", entry["name"], line_of(entry["windows"]))
        if rows and _goes_on(rows[-1], row):
            rows[-1] = replace(rows[-1], until=row.date)
        else:
            rows.append(row)
    return tuple(rows)


def _goes_on(before: DateRow, row: DateRow) -> bool:
    """Whether the row is the next day of the one before, and within what one row may hold."""
    if (before.name, before.hours) != (row.name, row.hours):
        return False
    first, last = date.fromisoformat(before.date), date.fromisoformat(before.until or before.date)
    day = date.fromisoformat(row.date)
    return day == last + timedelta(days=1) and (day - first).days < _MOST_DAYS


def line_of(windows: Iterable[Iterable[str]]) -> str:
    """A day's windows in one line."""
    return ", ".join("–".join(window) for window in windows)


def hours_text(windows: Iterable[Iterable[str]]) -> str:
    """A day's windows in words."""
    return line_of(windows) or _("closed")


def _windows(line: str, place: str, understood: Understood) -> list[list[str]] | None:
    """The windows of a line such as `9–12:30, 13:30–17`; None where it is none, which is noted."""
    if line in _CLOSED:
        return []
    found = []
    for part in re.split(r"[,;]", line):
        match = _WINDOW.fullmatch(part.strip())
        if match is None:
            understood.wrong[place] = _(
                "“%(text)s” is no span of hours; write it like 09:00–17:00.",
                text=part.strip()[:_QUOTED],
            )
            return None
        times = match.groups()
        found.append([_time(*times[:3]), _time(*times[3:])])
    return found


def _time(hours: str, minutes: str | None, seconds: str | None) -> str:
    shown = f"{int(hours):02}:{minutes or '00'}"
    return f"{shown}:{seconds}" if seconds and seconds != "00" else shown


def _holds(written: dict[str, Any], place: str, understood: Understood) -> bool:
    """Whether the domain takes this; otherwise why not is noted at its place."""
    try:
        parse("UTC", written)
    except Invalid as refusal:
        understood.wrong[place] = refusal
        return False
    return True
