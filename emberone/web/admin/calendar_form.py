"""The form of a business calendar: a line of hours for each day, and the hours that it means."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True, slots=True)
class DateRow:
    """One date that differs, as it was typed."""

    number: int
    date: str = ""
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
            values.raw(name + "name").strip(),
            values.raw(name + "hours").strip(),
        )

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed, which says nothing."""
        return not (self.date or self.name or self.hours)


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
            dates=tuple(
                DateRow(number, entry["date"], entry["name"], line_of(entry["windows"]))
                for number, entry in enumerate(definition["exceptions"])
            ),
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
            if windows is None:
                continue
            entry = {"date": row.date, "name": row.name, "windows": windows}
            if row.date in taken:
                understood.wrong[place] = _("This date stands here twice.")
            elif _holds({"exceptions": [entry]}, place, understood):
                taken.add(row.date)
                understood.definition["exceptions"].append(entry)
        if len(rows) > MOST_EXCEPTIONS:
            understood.wrong["dates"] = _(
                "A calendar takes at most %(most)s dates.", most=MOST_EXCEPTIONS
            )


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
