"""Business calendars: which seconds of a place's week and year count (SLA rules 11 to 14).

What is written down is local: windows of a weekday, and dates that differ. What is
reckoned with are UTC instants, to the microsecond. Between the two stands one rule:

    A local time means the first instant at which the clock on that wall shows it, or
    a later time.

So where clocks go forward, a window that begins or ends in the hour that is skipped
begins or ends at the change, and one that lies in it whole has no time at all; the
same holds for a whole day that a place skips. Where clocks go back, a window that
begins or ends in the hour that comes twice does so the first time. Everything between
its ends counts: a night shift over either change is an hour shorter or longer, and a
day from 00:00 to 24:00 has 23 or 25 hours. Later local times never come earlier, so
windows keep their order, and nothing counts twice.

Windows that overlap or touch are one: a second is open or it is not.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from threading import Lock
from typing import Any, Final
from zoneinfo import ZoneInfo

from emberone.domain.calendar_form import DAY_S, Hours, Windows, parse, render
from emberone.domain.errors import CalendarExhausted, Invalid

#: A calendar opens within this time, or it is refused (SLA rule 13).
OPENS_WITHIN: Final = timedelta(days=366)
#: So long before a calendar of dates alone opens for the last time admins are warned.
WARNED_BEFORE: Final = timedelta(days=30)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = _EPOCH.toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
#: Microseconds in a second.
_US: Final = 1_000_000
#: How many days are worked out at a time.
_BLOCK_DAYS: Final = 64
_BLOCK_US: Final = _BLOCK_DAYS * DAY_S * _US
#: The horizon of every walk: nothing is reckoned before 1970, nor after so many blocks, in 2199.
_BLOCKS: Final = 1_312


def make_calendar(zone: str, definition: Any, now: datetime) -> "BusinessCalendar":
    """The calendar somebody wants to save at this time; Invalid where it cannot be used."""
    calendar = BusinessCalendar.read(zone, definition)
    if calendar.between(now, now + OPENS_WITHIN) == 0:
        raise Invalid(
            "Nothing is open in the next %(days)s days; add opening hours.",
            field="definition",
            days=OPENS_WITHIN.days,
        )
    return calendar


class BusinessCalendar:
    """Opening hours in one zone: the `Calendar` that SLA clocks are measured with.

    It never changes, and may be kept and shared between threads: days are worked
    out once, a block at a time when they are first asked for, with the open time
    summed up, so that both directions are look-ups by bisection (SLA rule 14).
    """

    def __init__(self, zone: ZoneInfo, hours: Hours) -> None:
        self.zone = zone
        self.hours = hours
        # Neighbours without a gap, and the open time from the first ever asked for to each.
        self._blocks: dict[int, _Block] = {}
        self._before: dict[int, int] = {}
        self._known = range(0)
        self._lock = Lock()

    @classmethod
    def read(cls, zone: str, definition: Any) -> "BusinessCalendar":
        """The calendar of a zone's name and a stored definition; Invalid where it is none."""
        return cls(*parse(zone, definition))

    @property
    def definition(self) -> dict[str, Any]:
        """What `read` takes, windows and dates in order."""
        return render(self.hours)

    @property
    def last_opening(self) -> date | None:
        """The date on which it opens for the last time; None where it opens every week."""
        if any(self.hours.week):
            return None
        dated = self.hours.exceptions.items()
        return max((day for day, exception in dated if exception.windows), default=None)

    def runs_out(self, now: datetime) -> date | None:
        """When it opens for the last time, where that is near or behind."""
        last = self.last_opening
        is_near = last is not None and last < (now + WARNED_BEFORE).astimezone(self.zone).date()
        return last if is_near else None

    def add(self, start: datetime, seconds: float) -> datetime:
        """The instant that many business seconds after `start`; before it where negative.

        The nearest such instant: after a full day's work it is closing time, not the
        next morning. CalendarExhausted where the horizon comes first.
        """
        amount = round(seconds * _US)
        goal = self._open_until(_to_us(start)) + amount
        if amount > 0:
            return _to_datetime(self._first_with(goal))
        if amount < 0:
            return _to_datetime(self._last_with(goal))
        return start

    def between(self, start: datetime, end: datetime) -> float:
        """The business seconds from `start` to `end`, negative where the end comes first."""
        return (self._open_until(_to_us(end)) - self._open_until(_to_us(start))) / _US

    def openings(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """When it is open between `start` and `end`, one opening after the other.

        What goes on over midnight is two.
        """
        if start >= end:
            return
        first, last = _to_us(start), _to_us(end)
        # Blocks are days of the zone, so the right ones may be neighbours.
        for index in range(first // _BLOCK_US - 1, last // _BLOCK_US + 2):
            if 0 <= index < _BLOCKS:
                for begin, close in self._block(index).parts():
                    if begin < last and close > first:
                        yield _to_datetime(max(begin, first)), _to_datetime(min(close, last))

    def _open_until(self, moment: int) -> int:
        """The open microseconds up to this one, from some time that is always the same."""
        index = moment // _BLOCK_US
        # Blocks are days of the zone, so the right one may be a neighbour.
        if moment < self._block(index).begin:
            index -= 1
        elif moment >= self._block(index).end:
            index += 1
        return self._block(index).open_until(moment) + self._before[index]

    def _first_with(self, goal: int) -> int:
        while self._sum_at_end() < goal:
            self._block(self._known.stop)
        # The range may grow meanwhile in another thread; this one stays.
        known = self._known
        index = known[bisect_left(known, goal, key=self._before.__getitem__) - 1]
        return self._blocks[index].first_with(goal - self._before[index])

    def _last_with(self, goal: int) -> int:
        while self._before[self._known.start] > goal:
            self._block(self._known.start - 1)
        known = self._known
        index = known[bisect_right(known, goal, key=self._before.__getitem__) - 1]
        return self._blocks[index].last_with(goal - self._before[index])

    def _sum_at_end(self) -> int:
        last = self._known[-1]
        return self._before[last] + self._blocks[last].total

    def _block(self, index: int) -> "_Block":
        if index not in self._known:
            with self._lock:
                self._reach(index)
        return self._blocks[index]

    def _reach(self, index: int) -> None:
        """Work out this block and all that lie between it and those that are known."""
        if not 0 <= index < _BLOCKS:
            raise CalendarExhausted
        if not self._known:
            self._learn(index, 0)
            self._known = range(index, index + 1)
        # A block is known once it stands in both tables: who reads does not lock.
        while index >= self._known.stop:
            self._learn(self._known.stop, self._sum_at_end())
            self._known = range(self._known.start, self._known.stop + 1)
        while index < self._known.start:
            first = self._known.start
            block = self._work_out(first - 1)
            self._blocks[first - 1] = block
            self._before[first - 1] = self._before[first] - block.total
            self._known = range(first - 1, self._known.stop)

    def _learn(self, index: int, before: int) -> None:
        self._blocks[index] = self._work_out(index)
        self._before[index] = before

    def _work_out(self, index: int) -> "_Block":
        first = _EPOCH_ORDINAL + index * _BLOCK_DAYS
        last = first + _BLOCK_DAYS
        parts = [
            (begin, end)
            for ordinal in range(first, last)
            for begin, end in self._open_parts(ordinal)
            if begin < end
        ]
        return _Block(_instant(self.zone, first, 0), _instant(self.zone, last, 0), parts)

    def _open_parts(self, ordinal: int) -> Iterator[tuple[int, int]]:
        day = date.fromordinal(ordinal)
        eve = date.fromordinal(ordinal - 1)
        for start, end in _parts_of_day(self.hours.of(eve), self.hours.of(day)):
            yield _instant(self.zone, ordinal, start), _instant(self.zone, ordinal, end)


class _Block:
    """Some days: when they are open, and how much until each opening, in microseconds."""

    __slots__ = ("_before", "_begins", "_ends", "begin", "end", "total")

    def __init__(self, begin: int, end: int, parts: list[tuple[int, int]]) -> None:
        self.begin = begin
        self.end = end
        self._begins = [part[0] for part in parts]
        self._ends = [part[1] for part in parts]
        *self._before, self.total = accumulate((part[1] - part[0] for part in parts), initial=0)

    def parts(self) -> Iterator[tuple[int, int]]:
        """Its openings."""
        return zip(self._begins, self._ends, strict=True)

    def open_until(self, moment: int) -> int:
        """What is open of this block before a moment."""
        part = bisect_right(self._begins, moment) - 1
        if part < 0:
            return 0
        return self._before[part] + min(moment, self._ends[part]) - self._begins[part]

    def first_with(self, amount: int) -> int:
        """The first moment before which so much is open; more than nothing, at most all."""
        part = bisect_left(self._before, amount) - 1
        return self._begins[part] + amount - self._before[part]

    def last_with(self, amount: int) -> int:
        """The last moment before which so much is open; less than all."""
        part = bisect_right(self._before, amount) - 1
        return self._begins[part] + amount - self._before[part]


@lru_cache(maxsize=1024)
def _parts_of_day(eve: Windows, day: Windows) -> Windows:
    """What is open of a day, in seconds from its 00:00, each second once.

    A window belongs to the day on which it begins: the rest of last night's counts,
    whatever today says, and tonight's ends at 24:00 here.
    """
    found: list[tuple[int, int]] = []
    nights = [(0, end - DAY_S) for _, end in eve if end > DAY_S]
    for start, end in sorted(nights + [(start, min(end, DAY_S)) for start, end in day]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def _instant(zone: ZoneInfo, ordinal: int, second: int) -> int:
    """The first instant at which a wall's clock shows this local time, or a later one."""
    shown = (ordinal - _EPOCH_ORDINAL) * DAY_S + second
    local = (_EPOCH + timedelta(seconds=shown)).replace(tzinfo=zone)
    before, after = _offset(local), _offset(local.replace(fold=1))
    if before >= after:
        # Shown once; or twice, and this is the first time.
        return (shown - before) * _US
    # Never shown: clocks jump over it between these two instants.
    candidates = range(shown - after, shown - before + 1)
    return candidates[bisect_left(candidates, shown, key=_wall(zone))] * _US


def _wall(zone: ZoneInfo) -> Callable[[int], int]:
    return lambda second: second + _offset(datetime.fromtimestamp(second, zone))


def _offset(local: datetime) -> int:
    offset = local.utcoffset()
    assert offset is not None
    return offset // _SECOND


def _to_us(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _to_datetime(moment: int) -> datetime:
    return _EPOCH + timedelta(microseconds=moment)
