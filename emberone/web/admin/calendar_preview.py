"""Hours as pictures: a week as it is written down, and the next days as they will really be.

A picture is a lane for each day; its places are percentages of the day, so that it is as
wide as its page. The hours stand beside it in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from babel.dates import get_day_names
from flask_babel import format_decimal, get_locale
from flask_babel import gettext as _

from emberone.domain.calendar import BusinessCalendar, make_calendar
from emberone.domain.calendar_form import DAY_S, DatedException
from emberone.domain.errors import Invalid
from emberone.web.admin.calendar_form import DAY_NAMES
from emberone.web.theme.formats import day_with_weekday

#: So many days are shown as they will be.
DAYS_SHOWN: Final = 14
#: So many of the dates that differ are shown after those.
LATER_SHOWN: Final = 14
#: So far ahead the next change of clocks is looked for.
_LOOKED: Final = 366

_HOUR: Final = 3600

Parts = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Weekday:
    """One day of the week."""

    name: str
    short: str
    #: Place and width of what is open, in per cent of the day.
    parts: Parts
    #: The same of what is left of the evening before.
    rest: Parts
    #: Each window that begins on it; none where it is closed.
    hours: list[str]


@dataclass(frozen=True, slots=True)
class Day:
    """One date as it will really be."""

    name: str
    is_weekend: bool
    parts: Parts
    #: When it is open, by the clock on the wall.
    hours: list[str]
    #: How long it is open.
    length: str
    #: What the exception is called; None where it is an ordinary day.
    exception: str | None
    #: What clocks do on that day; None on ordinary days.
    change: str | None


@dataclass(slots=True)
class Preview:
    """A calendar as it can be looked at."""

    week: list[Weekday]
    days: list[Day]
    #: The next dates after them that differ, and how many more there are.
    later: list[Day]
    further: int
    #: The time there, whether it is open, and when that changes.
    now_there: str
    is_open: bool
    #: When clocks change next, in words; None where they never do.
    next_change: str | None
    #: What a week without exceptions comes to.
    week_length: str
    wrong: list[Any] = field(default_factory=list)


def preview_of(
    zone: str, definition: Mapping[str, Any], now: datetime, wrong: list[Any] | None = None
) -> Preview:
    """The hours as they are at this time.

    With a list of what is wrong already, empty or not, they are looked through for more.
    """
    calendar = BusinessCalendar.read(zone, definition)
    found = list(wrong or [])
    if wrong is not None and not found:
        try:
            make_calendar(zone, definition, now)
        except Invalid as refusal:
            found.append(refusal)
    today = now.astimezone(calendar.zone).date()
    dates = [today + timedelta(days=number) for number in range(DAYS_SHOWN)]
    later = [day for day, _hours in exceptions_ahead(calendar, dates[-1])[0] if day > dates[-1]]
    change = _next_change(calendar, today)
    week_s = sum(_covered(windows) for windows in calendar.hours.week)
    return Preview(
        week=_week(calendar),
        days=[_day(calendar, day) for day in dates],
        later=[_day(calendar, day, with_year=True) for day in later[:LATER_SHOWN]],
        further=len(later[LATER_SHOWN:]),
        now_there=f"{now.astimezone(calendar.zone):%H:%M}",
        is_open=next(iter(calendar.openings(now, now + timedelta(seconds=1))), None) is not None,
        next_change=None if change is None else _change_text(calendar, change),
        week_length=_length(week_s),
        wrong=found,
    )


def exceptions_ahead(
    calendar: BusinessCalendar, today: date
) -> tuple[list[tuple[date, DatedException]], list[tuple[date, DatedException]]]:
    """The dates that differ: those to come, the next one first, and those behind, the last one first."""
    dates = sorted(calendar.hours.exceptions.items())
    ahead = [item for item in dates if item[0] >= today]
    return ahead, [item for item in reversed(dates) if item[0] < today]


def _week(calendar: BusinessCalendar) -> list[Weekday]:
    week = calendar.hours.week
    return [
        Weekday(
            name=str(name),
            short=str(get_day_names("abbreviated", locale=_locale())[number]),
            parts=[_part(start, min(end, DAY_S)) for start, end in week[number]],
            rest=[_part(0, end - DAY_S) for _start, end in week[number - 1] if end > DAY_S],
            hours=[_window(start, end) for start, end in week[number]],
        )
        for number, name in enumerate(DAY_NAMES.values())
    ]


def _day(calendar: BusinessCalendar, day: date, *, with_year: bool = False) -> Day:
    begin, end = _midnight(calendar, day), _midnight(calendar, day + timedelta(days=1))
    openings = list(calendar.openings(begin, end))
    whole = (end - begin).total_seconds() or 1.0
    open_s = sum((close - start).total_seconds() for start, close in openings)
    exception = calendar.hours.exceptions.get(day)
    return Day(
        name=day_with_weekday(day, with_year=with_year),
        is_weekend=day.weekday() >= 5,
        parts=[
            (
                _percent((start - begin).total_seconds() / whole),
                _percent((close - start).total_seconds() / whole),
            )
            for start, close in openings
        ],
        hours=[
            f"{_clock(start.astimezone(calendar.zone))}–{_closing(close, end, calendar)}"
            for start, close in openings
        ],
        length=_length(open_s) if openings else "",
        exception=None if exception is None else exception.name or _("differs"),
        change=_shift_text(whole - DAY_S) if whole != DAY_S else None,
    )


def _closing(close: datetime, end_of_day: datetime, calendar: BusinessCalendar) -> str:
    return "24:00" if close == end_of_day else _clock(close.astimezone(calendar.zone))


def _next_change(calendar: BusinessCalendar, today: date) -> date | None:
    """The next date on which clocks change."""
    midnight = _midnight(calendar, today)
    for number in range(1, _LOOKED + 1):
        day = today + timedelta(days=number)
        following = _midnight(calendar, day)
        if following - midnight != timedelta(days=1):
            return day - timedelta(days=1)
        midnight = following
    return None


def _change_text(calendar: BusinessCalendar, day: date) -> str:
    length = _midnight(calendar, day + timedelta(days=1)) - _midnight(calendar, day)
    return _(
        "%(day)s: %(what)s",
        day=day_with_weekday(day, with_year=True),
        what=_shift_text(length.total_seconds() - DAY_S),
    )


def _shift_text(longer_s: float) -> str:
    span = _length(abs(longer_s))
    if longer_s < 0:
        return _("clocks go forward by %(span)s", span=span)
    return _("clocks go back by %(span)s", span=span)


def _midnight(calendar: BusinessCalendar, day: date) -> datetime:
    """The first instant of a day, in UTC terms: differences are real."""
    local = datetime.combine(day, time(), calendar.zone)
    return datetime.fromtimestamp(local.timestamp(), tz=UTC)


def _covered(windows: tuple[tuple[int, int], ...]) -> int:
    """How long the windows of a day are, together."""
    total = reached = 0
    for start, end in sorted(windows):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _window(start: int, end: int) -> str:
    shown = end if end <= DAY_S else end - DAY_S
    return f"{_hour(start)}–{_hour(shown)}"


def _hour(second: int) -> str:
    minutes, seconds = divmod(second, 60)
    shown = f"{minutes // 60:02}:{minutes % 60:02}"
    return f"{shown}:{seconds:02}" if seconds else shown


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S" if moment.second else "%H:%M")


def _length(seconds: float) -> str:
    hours = format_decimal(round(seconds / _HOUR, 2))
    return _("%(n)s h", n=hours)


def _part(start: int, end: int) -> tuple[str, str]:
    return _percent(start / DAY_S), _percent((end - start) / DAY_S)


def _percent(share: float) -> str:
    return f"{share * 100:.2f}%"


def _locale() -> Any:
    return get_locale() or "en"
