"""The written form of a business calendar, as a column holds it and people send it.

    {"week": {"monday": [["09:00", "12:30"], ["13:30", "17:00"]],
              "friday": [["22:00", "06:00"]]},
     "exceptions": [{"date": "2026-12-25", "name": "Christmas Day", "windows": []}]}

A weekday that is missing is closed. A window that ends before it begins, or at 00:00,
runs past midnight and belongs to the day on which it begins. A date in `exceptions`
stands instead of its weekday: without windows it is a holiday, with fewer a half-day,
with more an extra opening. What began the evening before runs to its end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from emberone.domain.errors import Invalid, Word

#: Seconds in a day of 24 hours.
DAY_S: Final = 86_400
#: More than anybody needs; a limit so that a definition stays a page.
MOST_WINDOWS: Final = 48
MOST_EXCEPTIONS: Final = 2_000
LONGEST_NAME: Final = 100

WEEKDAYS: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)

#: [start, end) in seconds from 00:00 of the day it begins; past midnight, the end is over DAY_S.
Windows = tuple[tuple[int, int], ...]

_TIME: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DatedException:
    """A date that differs from its weekday; no windows: a holiday."""

    windows: Windows
    name: str = ""


@dataclass(frozen=True, slots=True)
class Hours:
    """What is open on which days, in local time."""

    #: Monday first.
    week: tuple[Windows, ...]
    exceptions: Mapping[date, DatedException] = field(default_factory=dict)

    def of(self, day: date) -> Windows:
        """The windows that begin on this date."""
        exception = self.exceptions.get(day)
        return self.week[day.weekday()] if exception is None else exception.windows


def parse(zone: str, definition: Any) -> tuple[ZoneInfo, Hours]:
    """The zone and hours of a written calendar; Invalid with the day that is wrong."""
    found = _zone(zone)
    _check_keys(definition, {"week", "exceptions"}, Word("A calendar"))
    week = definition.get("week", {})
    _check_keys(week, set(WEEKDAYS), Word("The week"))
    by_weekday = tuple(_windows(week.get(day, []), Word(day.capitalize())) for day in WEEKDAYS)
    return found, Hours(by_weekday, _exceptions(definition.get("exceptions", [])))


def render(hours: Hours) -> dict[str, Any]:
    """The written form of these hours, in order."""
    return {
        "week": {
            day: _render_windows(windows)
            for day, windows in zip(WEEKDAYS, hours.week, strict=True)
            if windows
        },
        "exceptions": [
            {
                "date": day.isoformat(),
                "name": exception.name,
                "windows": _render_windows(exception.windows),
            }
            for day, exception in sorted(hours.exceptions.items())
        ],
    }


def _zone(name: Any) -> ZoneInfo:
    if not isinstance(name, str) or name not in _known_zones():
        raise Invalid("There is no time zone %(zone)s.", field="zone", zone=repr(name))
    return ZoneInfo(name)


@cache
def _known_zones() -> frozenset[str]:
    # The host's own zone is another one elsewhere.
    return frozenset(available_timezones() - {"localtime"})


def _exceptions(written: Any) -> dict[date, DatedException]:
    if not isinstance(written, list):
        raise Invalid("The exceptions are a list.", field="definition")
    if len(written) > MOST_EXCEPTIONS:
        raise Invalid(
            "A calendar takes at most %(most)s exceptions.",
            field="definition",
            most=MOST_EXCEPTIONS,
        )
    found: dict[date, DatedException] = {}
    for entry in written:
        _check_keys(entry, {"date", "name", "windows"}, Word("An exception"))
        day = _date(entry.get("date"))
        if day in found:
            raise Invalid(
                "%(day)s stands in the exceptions twice.", field="definition", day=str(day)
            )
        name = entry.get("name", "")
        if not isinstance(name, str) or len(name) > LONGEST_NAME or not name.isprintable():
            raise Invalid(
                "%(day)s: a name is one line of at most %(most)s characters.",
                field="definition",
                day=day,
                most=LONGEST_NAME,
            )
        if "windows" not in entry:
            raise Invalid(
                "%(day)s: its windows are missing; an empty list is a holiday.",
                field="definition",
                day=day,
            )
        found[day] = DatedException(_windows(entry["windows"], str(day)), name)
    return found


def _windows(written: Any, day: str) -> Windows:
    if not isinstance(written, list):
        raise Invalid("%(day)s: the windows are a list.", field="definition", day=day)
    if len(written) > MOST_WINDOWS:
        raise Invalid(
            "%(day)s: a day takes at most %(most)s windows.",
            field="definition",
            day=day,
            most=MOST_WINDOWS,
        )
    return tuple(sorted({_window(window, day) for window in written}))


def _window(written: Any, day: str) -> tuple[int, int]:
    if not isinstance(written, list | tuple) or len(written) != 2:
        raise Invalid(
            "%(day)s: a window is two times, its start and its end.", field="definition", day=day
        )
    start, end = (_seconds(time, day) for time in written)
    if start == DAY_S:
        raise Invalid(
            "%(day)s: a window can end at 24:00 but not start there.", field="definition", day=day
        )
    if start == end:
        raise Invalid(
            "%(day)s: the window at %(time)s is empty; a whole day is 00:00 to 24:00.",
            field="definition",
            day=day,
            time=written[0],
        )
    return start, end if end > start else end + DAY_S


def _seconds(written: Any, day: str) -> int:
    match = _TIME.fullmatch(written) if isinstance(written, str) else None
    if match is not None:
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        found = hours * 3600 + minutes * 60 + seconds
        if found <= DAY_S:
            return found
    raise Invalid(
        "%(day)s: %(time)s is no time; write it like 09:00, the latest is 24:00.",
        field="definition",
        day=day,
        time=repr(written),
    )


def _date(written: Any) -> date:
    if isinstance(written, str) and _DATE.fullmatch(written):
        try:
            return date.fromisoformat(written)
        except ValueError:
            pass
    raise Invalid(
        "%(date)s is no date; write it like 2026-12-25.", field="definition", date=repr(written)
    )


def _check_keys(written: Any, known: set[str], what: Word) -> None:
    keys = ", ".join(sorted(known))
    if not isinstance(written, dict):
        raise Invalid(
            "%(what)s is an object with %(keys)s.", field="definition", what=what, keys=keys
        )
    unknown = sorted(str(key) for key in written if key not in known)
    if unknown:
        raise Invalid(
            "%(what)s has no %(key)s, only %(keys)s.",
            field="definition",
            what=what,
            key=repr(unknown[0]),
            keys=keys,
        )


def _render_windows(windows: Windows) -> list[list[str]]:
    return [[_render_time(start), _render_end(end)] for start, end in windows]


def _render_end(second: int) -> str:
    return _render_time(second - DAY_S if second > DAY_S else second)


def _render_time(second: int) -> str:
    minutes, seconds = divmod(second, 60)
    shown = f"{minutes // 60:02}:{minutes % 60:02}"
    return f"{shown}:{seconds:02}" if seconds else shown
