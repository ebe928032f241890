"""Working days: the dates on which a place works at all, and moments so many of them later."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from emberone.domain.errors import CalendarExhausted

_DAY: Final = timedelta(days=1)
#: Nothing is open for longer than that: a calendar opens within 366 days (SLA rule 13).
_LONGEST_GAP: Final = 400
_FRIDAY: Final = 4


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The working days of a zone."""

    zone: tzinfo
    is_working: Callable[[date], bool]

    def after(self, start: datetime, days: int) -> datetime:
        """The same time of day so many working days later.

        What begins on a free day begins with the next working day: so each of the
        days is there whole. CalendarExhausted where there are not so many.
        """
        local = start.astimezone(self.zone)
        day, clock = local.date(), local.time()
        if not self.is_working(day):
            day, clock = self._next(day), time()
        for _ in range(days):
            day = self._next(day)
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def _next(self, day: date) -> date:
        for _ in range(_LONGEST_GAP):
            day += _DAY
            if self.is_working(day):
                return day
        raise CalendarExhausted


def _is_weekday(day: date) -> bool:
    return day.weekday() <= _FRIDAY


#: Where no calendar says more.
WEEKDAYS: Final = WorkingDays(UTC, _is_weekday)
