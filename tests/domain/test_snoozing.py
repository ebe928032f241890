"""Which moments a ticket can be put aside until."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from emberone.domain.snoozing import Later, checked, is_asleep, moments
from tests.domain.refusals import refused

BERLIN, AUCKLAND = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Auckland")


def offered(now, zone):
    return {
        later.value: f"{moment.astimezone(zone):%a %d %H:%M}"
        for later, moment in moments(now, zone).items()
    }


def test_what_is_offered_in_the_middle_of_a_working_day():
    now = datetime(2026, 3, 4, 10, 7, 12, tzinfo=BERLIN)  # A Wednesday.
    assert offered(now, BERLIN) == {
        "today": "Wed 04 13:15",
        "tomorrow": "Thu 05 09:00",
        "monday": "Mon 09 09:00",
        "week": "Wed 11 09:00",
    }


def test_the_day_is_the_readers_and_not_greenwichs():
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)  # Sunday here, Monday 01:00 in Auckland.
    assert offered(now, AUCKLAND)["tomorrow"] == "Tue 03 09:00"
    assert offered(now, BERLIN)["tomorrow"] == "Mon 02 09:00"


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [(16, 45, "Wed 04 19:45"), (17, 0, "Wed 04 20:00"), (17, 1, None), (22, 30, None)],
)
def test_in_the_evening_nothing_is_later_today(hour, minute, expected):
    now = datetime(2026, 3, 4, hour, minute, tzinfo=BERLIN)
    assert offered(now, BERLIN).get("today") == expected


@pytest.mark.parametrize(
    ("day", "names"),
    [
        (1, ["today", "tomorrow", "week"]),  # Sunday: tomorrow is Monday.
        (2, ["today", "tomorrow", "monday"]),  # Monday: the next one is in a week.
        (3, ["today", "tomorrow", "monday", "week"]),
    ],
)
def test_no_moment_has_two_names(day, names):
    assert list(offered(datetime(2026, 3, day, 9, tzinfo=BERLIN), BERLIN)) == names


def test_nine_is_nine_also_after_the_clocks_are_put_forward():
    now = datetime(2026, 3, 28, 10, tzinfo=BERLIN)  # The night before they are.
    assert moments(now, BERLIN)[Later.TOMORROW].astimezone(UTC).hour == 7


def test_the_past_and_what_is_more_than_a_year_away_are_refused():
    now = datetime(2026, 3, 4, tzinfo=UTC)
    for until in (now + timedelta(microseconds=1), now + timedelta(days=366)):
        assert checked(until, now) == until
    for wrong, why in (
        (now, "That moment has passed already; choose a later one."),
        (now - timedelta(days=1), "That moment has passed already; choose a later one."),
        (
            now + timedelta(days=366, microseconds=1),
            "Nothing can be put aside for more than a year.",
        ),
    ):
        assert refused(checked, wrong, now) == (why, {"field": "until"})


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("10:00:00", "13:00"),
        ("10:00:00.000001", "13:15"),
        ("10:00:01", "13:15"),
        ("10:07:12.000345", "13:15"),
        ("10:14:59.999999", "13:15"),
        ("10:15:00", "13:15"),
    ],
)
def test_later_today_is_at_a_quarter_of_an_hour_to_the_microsecond(clock, expected):
    now = datetime.fromisoformat(f"2026-03-04 {clock}").replace(tzinfo=UTC)
    assert moments(now, UTC)[Later.TODAY] == datetime.fromisoformat(
        f"2026-03-04 {expected}"
    ).replace(tzinfo=UTC)


def test_at_its_moment_a_ticket_is_back():
    now = datetime(2026, 3, 4, tzinfo=UTC)
    assert is_asleep(now + timedelta(seconds=1), now)
    assert not is_asleep(now, now)
    assert not is_asleep(None, now)
