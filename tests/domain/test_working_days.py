"""So many working days later."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from emberone.domain.errors import CalendarExhausted
from emberone.domain.working_days import WEEKDAYS, WorkingDays

BERLIN = ZoneInfo("Europe/Berlin")


def utc(day, hour=14, minute=30, month=3):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        # 2 March 2026 is a Monday.
        (utc(2), 0, utc(2)),
        (utc(2), 1, utc(3)),
        (utc(2), 3, utc(5)),
        (utc(4), 3, utc(9)),
        (utc(6), 1, utc(9)),
        (utc(2), 7, utc(11)),
        # On a weekend it begins with Monday.
        (utc(7), 1, utc(10, 0, 0)),
        (utc(8), 3, utc(12, 0, 0)),
    ],
)
def test_weekends_do_not_count(start, days, end):
    assert WEEKDAYS.after(start, days) == end


def test_days_are_those_of_the_zone_and_holidays_are_none():
    holidays = {date(2026, 3, 4)}
    days = WorkingDays(BERLIN, lambda day: day.weekday() < 5 and day not in holidays)
    # Half past midnight on Tuesday there.
    assert days.after(utc(2, 23), 1) == utc(4, 23)


def test_a_moment_is_in_utc_wherever_the_machine_stands(in_tokyo):
    assert WEEKDAYS.after(utc(2), 1).tzinfo is UTC


def test_the_time_of_day_stays_when_clocks_change():
    days = WorkingDays(BERLIN, lambda day: True)
    before = datetime(2026, 3, 28, 9, tzinfo=BERLIN)
    assert days.after(before, 1) == datetime(2026, 3, 29, 9, tzinfo=BERLIN)
    # 02:30 is skipped on the 29th: a moment of that day all the same.
    skipped = days.after(datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN), 1)
    assert skipped.astimezone(BERLIN).date() == date(2026, 3, 29)


def test_a_place_that_never_works_is_an_error_and_no_endless_loop():
    with pytest.raises(CalendarExhausted):
        WorkingDays(UTC, lambda day: False).after(utc(2), 1)
