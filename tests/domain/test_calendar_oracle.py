"""Random business calendars against an oracle that walks the time line (SLA rule 25).

`EMBERONE_CALENDAR_CASES=100000` tries as many cases of each property as it says.
"""

import os
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emberone.domain.calendar import BusinessCalendar
from emberone.domain.calendar_form import WEEKDAYS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
DAY = 86_400
#: Years in which zones have done what zones do, and some to come.
FIRST, LAST = 2 * 365 * DAY, 67 * 365 * DAY
#: The oracle looks at the clock so many seconds apart, where nothing opens or closes between.
STRIDES = (900, 60)
#: The oracle walks no further than so much, or a case would take seconds.
FARTHEST = timedelta(hours=24)

CURIOUS_ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Dublin",
    "America/New_York",
    "America/Havana",
    "America/Santiago",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
)

thorough = settings(
    max_examples=int(os.environ.get("EMBERONE_CALENDAR_CASES", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def seconds(time):
    """Those of a day since its beginning, at a time such as "08:30" or "08:30:15"."""
    parts = zip(time.split(":"), (3600, 60, 1), strict=False)
    return sum(int(part) * unit for part, unit in parts)


class Oracle:
    """Says of one second after another whether it is open, by looking at the wall's clock."""

    def __init__(self, zone, definition):
        self.zone = ZoneInfo(zone)
        self.week = definition["week"]
        self.dates = {entry["date"]: entry["windows"] for entry in definition["exceptions"]}
        self.windows = cache(self._windows)
        every = [*self.week.values(), *self.dates.values()]
        times = {seconds(time) for windows in every for window in windows for time in window}
        #: stride → those of a day in which something opens or closes between their ends.
        self.odd = {
            stride: {time // stride for time in times if time % stride} for stride in STRIDES
        }

    def between(self, start, end):
        """The open seconds from `start` to `end`, by strides where they are one thing."""
        second = start.replace(microsecond=0)
        shown = self.shown_first(second)
        total = 0
        while second < end:
            for stride in STRIDES:
                whole = second >= start and self.whole(second, end, stride, shown)
                if whole:
                    is_open, shown = whole
                    total += stride * 1_000_000 * is_open
                    second += stride * SECOND
                    break
            else:
                shown = self.next_shown(second, shown)
                if self.shows_open(shown):
                    total += (min(second + SECOND, end) - max(second, start)) // MICROSECOND
                second += SECOND
        return total / 1_000_000

    def is_open(self, moment):
        second = moment.replace(microsecond=0)
        return self.shows_open(self.shown_first(second))

    def whole(self, second, end, stride, shown):
        """Whether this stride is open, and what is shown last; None where it is not one thing."""
        length = (stride - 1) * SECOND
        if second.second or second + length + SECOND > end:
            return None
        first, last = (moment.astimezone(self.zone) for moment in (second, second + length))
        if first.fold and last.fold and first.utcoffset() == last.utcoffset():
            return self.shows_open(shown), shown
        local = first.replace(tzinfo=None)
        # No zone changes its clocks and changes them back within a quarter of an hour.
        if first.fold or last.fold or last.replace(tzinfo=None) - local != length:
            return None
        number, rest = divmod((local.hour * 60 + local.minute) * 60 + local.second, stride)
        if rest or number in self.odd[stride]:
            return None
        return self.shows_open(local), last.replace(tzinfo=None)

    def next_shown(self, second, shown):
        local = second.astimezone(self.zone)
        return shown if local.fold else local.replace(tzinfo=None)

    def shown_first(self, second):
        """What the clock shows; in a time that comes twice, the last that it showed before."""
        while (local := second.astimezone(self.zone)).fold:
            second -= SECOND
        return local.replace(tzinfo=None)

    def shows_open(self, local):
        time = (local.hour * 60 + local.minute) * 60 + local.second
        return any(
            start <= time + since < end
            for since, windows in self.windows(local.date())
            for start, end in windows
        )

    def _windows(self, day):
        return tuple((since * DAY, tuple(self._of(day - timedelta(since)))) for since in (0, 1))

    def _of(self, day):
        for window in self.dates.get(str(day), self.week.get(WEEKDAYS[day.weekday()], [])):
            start, end = map(seconds, window)
            yield start, end if end > start else end + DAY


@cache
def changes(zone):
    """The seconds at which clocks change in a zone; of two within days perhaps neither."""
    place, step = ZoneInfo(zone), 5 * DAY

    def offset(second):
        return datetime.fromtimestamp(second, place).utcoffset()

    return [
        day + bisect_left(range(day, day + step), True, key=lambda s: offset(s) != offset(day))
        for day in range(FIRST, LAST, step)
        if offset(day) != offset(day + step)
    ]


def clock(second):
    hours, minutes, seconds = second // 3600, second // 60 % 60, second % 60
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


def some_time(random):
    # Full hours and quarters meet one another and the changes of clocks; some seconds are odd.
    return random.choice(
        (random.randrange(24) * 3600, random.randrange(96) * 900, random.randrange(DAY))
    )


def some_windows(random, most):
    for _ in range(random.randint(0, most)):
        start = end = some_time(random)
        while start == end:
            end = random.choice((some_time(random), some_time(random), DAY))
        yield [clock(start), clock(end)]


zones = st.sampled_from(CURIOUS_ZONES) | st.sampled_from(
    sorted(available_timezones() - {"localtime"})
)


windows, seeds = st.integers(0, 3), st.integers(0, 2**32)


@st.composite
def cases(draw, zones=zones):
    """A zone, a definition that opens sometimes, and a moment worth looking at."""
    zone = draw(zones)
    moment = draw(st.integers(FIRST, LAST))
    if changes(zone) and draw(st.integers(0, 3)):
        moment = draw(st.sampled_from(changes(zone))) + draw(st.integers(-DAY, DAY))
    if draw(st.booleans()):
        moment -= moment % 900
    near = date.fromordinal(date(1970, 1, 1).toordinal() + moment // DAY)
    # One number for all windows: drawing each of them would take longer than all the rest.
    most, dates, random = draw(windows), draw(st.integers(0, 2)), Random(draw(seeds))
    definition = {
        "week": {day: list(some_windows(random, most)) for day in WEEKDAYS},
        "exceptions": [
            {"date": str(near + timedelta(day)), "windows": list(some_windows(random, most))}
            for day in random.sample(range(-3, 4), dates)
        ],
    }
    # Opens enough for every amount that is tried, far from the horizon.
    definition["week"]["sunday"] = [*definition["week"]["sunday"], ["08:00", "20:00"]]
    start = EPOCH + timedelta(seconds=moment, microseconds=draw(st.sampled_from((0, 1, 999_999))))
    return zone, definition, start


spans = st.integers(0, 36 * 4).map(lambda q: q * 900.0) | st.integers(0, 36 * 3_600_000_000).map(
    lambda us: us / 1_000_000
)
long_spans = spans | st.integers(0, 300 * 3600).map(float)


@pytest.mark.rule("sla 12")
@pytest.mark.rule("sla 25")
@given(cases(), spans)
@thorough
def test_what_is_between_two_moments_is_what_a_walk_counts(case, span):
    zone, definition, start = case
    end = start + timedelta(seconds=span)
    calendar, oracle = BusinessCalendar.read(zone, definition), Oracle(zone, definition)
    assert calendar.between(start, end) == oracle.between(start, end)


@pytest.mark.rule("sla 12")
@pytest.mark.rule("sla 25")
@given(cases(), spans.filter(bool))
@thorough
def test_a_walk_comes_to_the_same_moment_and_not_earlier(case, amount):
    zone, definition, start = case
    calendar, oracle = BusinessCalendar.read(zone, definition), Oracle(zone, definition)
    later, earlier = calendar.add(start, amount), calendar.add(start, -amount)
    # What comes last before one and first after the other is open: both are the nearest.
    assert oracle.is_open(later - MICROSECOND)
    assert oracle.is_open(earlier)
    if later - start <= FARTHEST:
        assert oracle.between(start, later) == amount
    if start - earlier <= FARTHEST:
        assert oracle.between(earlier, start) == amount


@given(cases(), long_spans, long_spans)
@thorough
def test_both_directions_undo_each_other_and_sums_are_sums(case, one, other):
    zone, definition, start = case
    calendar = BusinessCalendar.read(zone, definition)
    less, more = sorted((one, other))
    both = round(one + other, 6)
    for sign in (1, -1):
        first, second = calendar.add(start, sign * less), calendar.add(start, sign * more)
        assert calendar.between(start, first) == sign * less
        assert calendar.between(first, start) == -sign * less
        assert (second - first) * sign >= timedelta(0)
        assert calendar.add(first, sign * more) == calendar.add(start, sign * both)
        assert calendar.between(first, second) == round(sign * (more - less), 6)


@given(cases())
@thorough
def test_the_written_form_says_everything(case):
    zone, definition, _ = case
    calendar = BusinessCalendar.read(zone, definition)
    again = BusinessCalendar.read(zone, calendar.definition)
    assert again.definition == calendar.definition
    assert again.hours == calendar.hours
