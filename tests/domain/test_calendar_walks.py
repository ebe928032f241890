"""Openings one after the other, and walks past the edges of what is worked out at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.calendar import BusinessCalendar
from emberone.domain.calendar_form import WEEKDAYS
from emberone.domain.errors import CalendarExhausted
from emberone.domain.working_hours import FURTHEST, begins_again

HOUR, MICROSECOND = timedelta(hours=1), timedelta(microseconds=1)
#: Days are worked out 64 at a time from here on, by the calendar of the place.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EDGE = EPOCH + timedelta(days=64 * 320)
HORIZON = EPOCH + timedelta(days=64 * 1312)


def calendar(zone, *windows, days=WEEKDAYS, exceptions=()):
    week = {day: [list(window) for window in windows] for day in days}
    return BusinessCalendar.read(zone, {"week": week, "exceptions": list(exceptions)})


def office(zone="UTC"):
    return calendar(zone, ("09:00", "12:30"), ("13:30", "17:00"), days=WEEKDAYS[:5])


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def opened(place, start, end):
    """2026-03-02 is a Monday."""
    return [
        (f"{begins:%d %H:%M}", f"{ends:%d %H:%M}")
        for begins, ends in place.openings(utc(f"2026-03-{start}"), utc(f"2026-03-{end}"))
    ]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("02 00:00", "03 00:00", [("02 09:00", "02 12:30"), ("02 13:30", "02 17:00")]),
        # Cut at both ends.
        ("02 10:00", "02 14:00", [("02 10:00", "02 12:30"), ("02 13:30", "02 14:00")]),
        ("02 10:00", "02 11:00", [("02 10:00", "02 11:00")]),
        ("02 09:00", "02 12:30", [("02 09:00", "02 12:30")]),
        # What only touches is none of it.
        ("02 12:30", "02 13:30", []),
        ("02 17:00", "03 09:00", []),
        ("06 16:00", "09 10:00", [("06 16:00", "06 17:00"), ("09 09:00", "09 10:00")]),
        ("02 10:00", "02 10:00", []),
        ("02 14:00", "02 10:00", []),
    ],
)
def test_openings_come_one_after_the_other_and_end_where_one_looks(start, end, found):
    assert opened(office(), start, end) == found


def test_what_goes_on_over_midnight_is_two():
    nights = calendar("UTC", ("22:00", "06:00"), days=("monday",))
    assert opened(nights, "01 00:00", "05 00:00") == [
        ("02 22:00", "03 00:00"),
        ("03 00:00", "03 06:00"),
    ]


def test_an_hour_that_is_skipped_is_no_opening():
    place = calendar("Europe/London", ("01:15", "01:45"))
    found = list(place.openings(utc("2026-03-28 00:00"), utc("2026-03-31 00:00")))
    assert [begins.day for begins, _ in found] == [28, 30]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("hours", range(-30, 31, 6))
def test_openings_are_what_is_between(zone, hours):
    """Over the edge, in places where the day begins before and after it."""
    start = EDGE + hours * HOUR
    for end in (start + HOUR, start + 40 * HOUR, start + timedelta(days=70)):
        place = office(zone)
        found = list(place.openings(start, end))
        assert sum((ends - begins).total_seconds() for begins, ends in found) == place.between(
            start, end
        )
        assert found == sorted(found)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("hours", [*range(-30, 31, 3), -14, 11])
def test_no_instant_is_lost_at_an_edge(zone, hours):
    moment = EDGE + hours * HOUR
    for step in (MICROSECOND, HOUR, 24 * HOUR, timedelta(days=200)):
        always = calendar(zone, ("00:00", "24:00"))
        assert always.between(moment, moment + step) == step.total_seconds()
        assert always.between(moment - step, moment) == step.total_seconds()
        assert always.add(moment, step.total_seconds()) == moment + step
        assert always.add(moment, -step.total_seconds()) == moment - step


@pytest.mark.parametrize("order", [1, -1])
def test_each_day_has_its_hours_in_whichever_order_one_asks(order):
    place = office()
    for n in range(200)[::order]:
        day = utc("2026-03-02 00:00") + timedelta(days=n)
        open_s = 7 * 3600 if day.weekday() < 5 else 0
        assert place.between(day, day + 24 * HOUR) == open_s


def test_time_is_reckoned_from_1970_to_the_horizon_and_not_beyond():
    always = calendar("UTC", ("00:00", "24:00"))
    assert always.between(EPOCH, EPOCH + HOUR) == 3600
    assert list(always.openings(EPOCH, EPOCH + HOUR)) == [(EPOCH, EPOCH + HOUR)]
    assert list(always.openings(EPOCH - HOUR, EPOCH + HOUR)) == [(EPOCH, EPOCH + HOUR)]
    with pytest.raises(CalendarExhausted):
        always.between(EPOCH - MICROSECOND, EPOCH)
    late = calendar("UTC", ("00:00", "24:00"))
    assert late.between(HORIZON - HOUR, HORIZON - MICROSECOND) == 3599.999999
    assert list(late.openings(HORIZON - HOUR, HORIZON + HOUR)) == [(HORIZON - HOUR, HORIZON)]
    with pytest.raises(CalendarExhausted):
        late.between(HORIZON, HORIZON + HOUR)


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        ("2026-03-02 08:59:59.999999", "2026-03-02 09:00"),
        ("2026-03-02 09:00", None),
        ("2026-03-02 12:29", None),
        ("2026-03-02 12:30", "2026-03-02 13:30"),
        ("2026-03-06 17:00", "2026-03-09 09:00"),
    ],
)
def test_when_working_hours_begin_again(now, begins):
    assert begins_again(office(), utc(now)) == (utc(begins) if begins else None)


def test_where_nothing_opens_one_looks_again_after_a_year():
    now = utc("2026-03-02 09:00")
    never = calendar("UTC")
    assert begins_again(never, now) == now + FURTHEST == now + timedelta(days=366)
    once = {"name": "", "windows": [["09:00", "10:00"]]}
    late = calendar("UTC", exceptions=[{"date": "2027-03-03", **once}])
    assert begins_again(late, now - HOUR) == utc("2027-03-03 08:00")
    assert begins_again(late, now + HOUR) == utc("2027-03-03 09:00")
