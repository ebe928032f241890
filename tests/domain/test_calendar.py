"""Business calendars, by tables of cases; the random ones are in test_calendar_oracle."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.calendar import BusinessCalendar, make_calendar
from emberone.domain.errors import CalendarExhausted, Invalid
from emberone.domain.sla import pause, resume, start, step_time
from tests.domain.refusals import refused

HOUR = 3600
WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
EVERY_DAY = (*WORKDAYS, "saturday", "sunday")
LUNCH = [["09:00", "12:30"], ["13:30", "17:00"]]


def every(days, *windows):
    return {day: [list(window) for window in windows] for day in days}


def calendar(zone="UTC", week=None, exceptions=()):
    definition = {"week": week or {}, "exceptions": list(exceptions)}
    return BusinessCalendar.read(zone, definition)


def dated(day, *windows, name=""):
    return {"date": day, "name": name, "windows": [list(window) for window in windows]}


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def office():
    """Hours around 2026-03-02, which is a Monday."""
    return calendar(week=every(WORKDAYS, *LUNCH))


@pytest.mark.rule("sla 11")
@pytest.mark.parametrize(
    ("start_at", "hours", "end_at"),
    [
        ("2026-03-02 09:00", 1, "2026-03-02 10:00"),
        # Over lunch, and to its very beginning.
        ("2026-03-02 12:00", 1, "2026-03-02 14:00"),
        ("2026-03-02 12:00", 0.5, "2026-03-02 12:30"),
        ("2026-03-02 13:00", 1, "2026-03-02 14:30"),
        # A full day ends at closing time, not on the next morning.
        ("2026-03-02 09:00", 7, "2026-03-02 17:00"),
        ("2026-03-02 09:00", 7.5, "2026-03-03 09:30"),
        # Before opening, and over a weekend.
        ("2026-03-02 03:00", 1, "2026-03-02 10:00"),
        ("2026-03-06 16:00", 2, "2026-03-09 10:00"),
        ("2026-03-07 12:00", 35, "2026-03-13 17:00"),
    ],
)
def test_office_hours_count_without_lunch_nights_and_weekends(start_at, hours, end_at):
    assert office().add(utc(start_at), hours * HOUR) == utc(end_at)
    assert office().between(utc(start_at), utc(end_at)) == hours * HOUR
    assert office().between(utc(end_at), utc(start_at)) == -hours * HOUR


@pytest.mark.rule("sla 14")
@pytest.mark.parametrize(
    ("start_at", "hours", "end_at"),
    [
        ("2026-03-02 10:00", 1, "2026-03-02 09:00"),
        ("2026-03-02 14:00", 1, "2026-03-02 12:00"),
        # To the last moment from which so much is left.
        ("2026-03-02 14:00", 0.5, "2026-03-02 13:30"),
        ("2026-03-09 09:00", 1, "2026-03-06 16:00"),
        ("2026-03-08 12:00", 8, "2026-03-05 16:00"),
    ],
)
def test_one_can_reckon_backwards(start_at, hours, end_at):
    assert office().add(utc(start_at), -hours * HOUR) == utc(end_at)
    assert office().between(utc(end_at), utc(start_at)) == hours * HOUR


@pytest.mark.parametrize("moment", ["2026-03-02 10:00", "2026-03-02 13:00", "2026-03-07 10:00"])
def test_no_time_later_is_the_same_moment_open_or_closed(moment):
    assert office().add(utc(moment), 0) == utc(moment)
    assert office().between(utc(moment), utc(moment)) == 0


def test_a_microsecond_is_not_lost():
    last = utc("2026-03-02 16:59:59.999999")
    assert office().add(last, 0.000001) == utc("2026-03-02 17:00")
    assert office().add(last, 0.000002) == utc("2026-03-03 09:00:00.000001")
    assert office().between(last, utc("2026-03-03 09:00:00.000001")) == 0.000002
    assert office().add(utc("2026-03-03 09:00:00.000001"), -0.000002) == last


def nights():
    return calendar(week=every(("monday", "friday"), ("22:00", "06:00")))


@pytest.mark.rule("sla 11")
@pytest.mark.parametrize(
    ("start_at", "hours", "end_at"),
    [
        ("2026-03-02 22:00", 8, "2026-03-03 06:00"),
        ("2026-03-02 12:00", 3, "2026-03-03 01:00"),
        ("2026-03-03 05:00", 2, "2026-03-06 23:00"),
        ("2026-03-06 23:30", 7, "2026-03-09 22:30"),
    ],
)
def test_a_night_shift_belongs_to_the_evening_it_begins(start_at, hours, end_at):
    assert nights().add(utc(start_at), hours * HOUR) == utc(end_at)
    assert nights().between(utc(start_at), utc(end_at)) == hours * HOUR


@pytest.mark.rule("sla 11")
@pytest.mark.parametrize("midnight", ["24:00", "00:00"])
def test_a_day_can_end_at_midnight_and_the_next_begin_there(midnight):
    around_midnight = calendar(
        week={"monday": [["18:00", midnight]], "tuesday": [["00:00", "02:00"]]}
    )
    assert around_midnight.add(utc("2026-03-02 23:00"), 2 * HOUR) == utc("2026-03-03 01:00")
    assert around_midnight.between(utc("2026-03-01 00:00"), utc("2026-03-08 00:00")) == 8 * HOUR


@pytest.mark.rule("sla 11")
def test_whole_days_are_every_second():
    always = calendar("Europe/Berlin", every(EVERY_DAY, ("00:00", "24:00")))
    start_at = utc("2024-02-29 13:14:15.000016")
    for days in (1, 400, 3_000):
        end_at = start_at + timedelta(days=days)
        assert always.between(start_at, end_at) == days * 24 * HOUR
        assert always.add(start_at, days * 24 * HOUR) == end_at
        assert always.add(end_at, -days * 24 * HOUR) == start_at


def test_windows_that_overlap_or_touch_count_once():
    merged = calendar(
        week={
            "monday": [["09:00", "12:00"], ["11:00", "13:00"], ["13:00", "14:00"]],
            # Into Wednesday, which begins before that ends.
            "tuesday": [["20:00", "06:00"], ["22:00", "02:00"]],
            "wednesday": [["05:00", "07:00"]],
        }
    )
    assert merged.between(utc("2026-03-02 00:00"), utc("2026-03-03 00:00")) == 5 * HOUR
    assert merged.between(utc("2026-03-03 00:00"), utc("2026-03-05 00:00")) == 11 * HOUR


@pytest.mark.rule("sla 11")
def test_a_date_stands_instead_of_its_weekday():
    dates = calendar(
        week=every(WORKDAYS, *LUNCH),
        exceptions=[
            dated("2026-12-24", ("09:00", "12:00"), name="Christmas Eve"),
            dated("2026-12-25", name="Christmas Day"),
            dated("2026-12-26", ("10:00", "14:00"), name="Open once"),
        ],
    )
    # Half a day on Thursday, none on Friday, an extra Saturday.
    assert dates.add(utc("2026-12-24 11:00"), 2 * HOUR) == utc("2026-12-26 11:00")
    assert dates.add(utc("2026-12-26 13:00"), 2 * HOUR) == utc("2026-12-28 10:00")
    assert dates.between(utc("2026-12-24 00:00"), utc("2026-12-27 00:00")) == 7 * HOUR


def test_last_nights_shift_runs_to_its_end_on_a_holiday():
    shifts = calendar(week=every(EVERY_DAY, ("22:00", "06:00")), exceptions=[dated("2026-12-25")])
    assert shifts.between(utc("2026-12-25 00:00"), utc("2026-12-25 12:00")) == 6 * HOUR
    assert shifts.between(utc("2026-12-25 12:00"), utc("2026-12-26 12:00")) == 0


@pytest.mark.rule("sla 12")
@pytest.mark.parametrize(
    ("zone", "windows", "start_at", "end_at", "hours"),
    [
        # In UTC an office opens an hour earlier in summer.
        ("Europe/London", ("09:00", "17:00"), "2026-03-27 09:00", "2026-03-27 17:00", 8),
        ("Europe/London", ("09:00", "17:00"), "2026-03-30 08:00", "2026-03-30 16:00", 8),
        # 2026-03-29 01:00 → 02:00, and 2026-10-25 02:00 → 01:00.
        ("Europe/London", ("22:00", "06:00"), "2026-03-28 22:00", "2026-03-29 05:00", 7),
        ("Europe/London", ("22:00", "06:00"), "2026-10-24 21:00", "2026-10-25 06:00", 9),
        ("Europe/London", ("00:00", "24:00"), "2026-03-29 00:00", "2026-03-29 23:00", 23),
        ("Europe/London", ("00:00", "24:00"), "2026-10-24 23:00", "2026-10-26 00:00", 25),
        # Beginning, ending and lying in the hour that is skipped.
        ("Europe/London", ("01:30", "03:00"), "2026-03-29 01:00", "2026-03-29 02:00", 1),
        ("Europe/London", ("00:30", "01:30"), "2026-03-29 00:30", "2026-03-29 01:00", 0.5),
        ("Europe/London", ("01:15", "01:45"), "2026-03-29 00:00", "2026-03-29 12:00", 0),
        # Beginning, ending and lying in the hour that comes twice: the first time.
        ("Europe/London", ("01:30", "03:00"), "2026-10-25 00:30", "2026-10-25 03:00", 2.5),
        ("Europe/London", ("00:30", "01:30"), "2026-10-24 23:30", "2026-10-25 00:30", 1),
        ("Europe/London", ("01:15", "01:45"), "2026-10-25 00:15", "2026-10-25 00:45", 0.5),
        # 2026-03-08 and 2026-11-01, at 02:00.
        ("America/New_York", ("00:00", "12:00"), "2026-03-08 05:00", "2026-03-08 16:00", 11),
        ("America/New_York", ("00:00", "12:00"), "2026-11-01 04:00", "2026-11-01 17:00", 13),
        # Half an hour: +11 from 2026-04-05 02:00 (+10:30 then), back on 2026-10-04.
        ("Australia/Lord_Howe", ("00:00", "06:00"), "2026-04-04 13:00", "2026-04-04 19:30", 6.5),
        ("Australia/Lord_Howe", ("00:00", "06:00"), "2026-10-03 13:30", "2026-10-03 19:00", 5.5),
        ("Australia/Lord_Howe", ("02:10", "02:40"), "2026-10-03 15:30", "2026-10-03 15:40", 1 / 6),
        # Summer time stands still for Ramadan: +00 from 2025-02-23 03:00 to 2025-04-06 02:00.
        ("Africa/Casablanca", ("00:00", "06:00"), "2025-02-22 23:00", "2025-02-23 06:00", 7),
        ("Africa/Casablanca", ("09:00", "17:00"), "2025-03-03 09:00", "2025-03-03 17:00", 8),
        ("Africa/Casablanca", ("00:00", "06:00"), "2025-04-06 00:00", "2025-04-06 05:00", 5),
        ("Africa/Casablanca", ("09:00", "17:00"), "2025-04-07 08:00", "2025-04-07 16:00", 8),
        # Samoa had no 2011-12-30: -10 before, +14 after.
        ("Pacific/Apia", ("09:00", "17:00"), "2011-12-29 19:00", "2011-12-30 03:00", 8),
        ("Pacific/Apia", ("09:00", "17:00"), "2011-12-30 19:00", "2011-12-31 03:00", 8),
        ("Pacific/Apia", ("00:00", "24:00"), "2011-12-29 10:00", "2011-12-31 10:00", 48),
        # The evening of the 29th goes on into the 31st.
        ("Pacific/Apia", ("22:00", "06:00"), "2011-12-30 08:00", "2011-12-30 16:00", 8),
        # Clocks that change at midnight.
        ("America/Havana", ("00:00", "24:00"), "2026-11-01 04:00", "2026-11-02 05:00", 25),
        ("America/Santiago", ("23:00", "01:00"), "2026-09-06 03:00", "2026-09-06 04:00", 1),
    ],
)
def test_clocks_that_change_change_the_hours(zone, windows, start_at, end_at, hours):
    place = calendar(zone, every(EVERY_DAY, windows))
    first, last = utc(start_at), utc(end_at)
    assert place.between(first, last) == pytest.approx(hours * HOUR, abs=0)
    if hours:
        # The times named are the first and the last that are open.
        assert place.add(first, hours * HOUR) == last
        assert place.add(last, -hours * HOUR) == first


@pytest.mark.rule("sla 12")
def test_a_skipped_date_is_no_day():
    apia = calendar("Pacific/Apia", every(EVERY_DAY, ("09:00", "17:00")))
    only_then = calendar("Pacific/Apia", exceptions=[dated("2011-12-30", ("00:00", "24:00"))])
    assert apia.between(utc("2011-12-26 10:00"), utc("2012-01-02 10:00")) == 7 * 8 * HOUR
    assert only_then.between(utc("2011-12-01 00:00"), utc("2012-01-31 00:00")) == 0


@pytest.mark.rule("sla 8")
def test_a_clock_is_measured_paused_and_warned_of_by_the_calendar():
    clock = start(8 * HOUR, utc("2026-03-02 15:00"), office())
    assert clock.due_at == utc("2026-03-03 16:00")
    assert step_time(clock, None, -2 * HOUR, office()) == utc("2026-03-03 14:00")
    paused = pause(clock, utc("2026-03-02 20:00"), office())
    assert paused.consumed_s == 2 * HOUR
    assert resume(paused, utc("2026-03-07 12:00"), office()).due_at == utc("2026-03-09 16:00")


@pytest.mark.rule("sla 13")
def test_a_calendar_that_does_not_open_within_a_year_is_refused():
    now = utc("2026-11-28 12:00")
    assert refused(make_calendar, "UTC", {}, now) == (
        "Nothing is open in the next 366 days; add opening hours.",
        {"field": "definition", "days": 366},
    )
    for day, opens in (("2026-11-27", False), ("2027-11-29", True), ("2027-11-30", False)):
        once = {"exceptions": [dated(day, ("00:00", "12:00"))]}
        if opens:
            assert make_calendar("UTC", once, now).definition["exceptions"] == once["exceptions"]
        else:
            with pytest.raises(Invalid):
                make_calendar("UTC", once, now)


@pytest.mark.rule("sla 13")
def test_a_walk_ends_loudly_where_nothing_opens_any_more():
    once = calendar(exceptions=[dated("2026-12-01", ("09:00", "10:00"))])
    inside = utc("2026-12-01 09:30")
    assert once.add(inside, 1800) == utc("2026-12-01 10:00")
    assert once.add(inside, -1800) == utc("2026-12-01 09:00")
    for seconds in (1801, -1801):
        with pytest.raises(CalendarExhausted):
            once.add(inside, seconds)
    for year in (1, 1969, 2200, 9999):
        with pytest.raises(CalendarExhausted):
            once.between(datetime(year, 6, 1, tzinfo=UTC), inside)
    # And what could be answered before, still can.
    assert once.between(utc("2026-12-01 00:00"), utc("2026-12-02 00:00")) == HOUR


@pytest.mark.rule("sla 14")
def test_days_are_worked_out_once_however_old_the_ticket(monkeypatch):
    place = calendar("Europe/London", every(WORKDAYS, *LUNCH))
    opened, due = utc("2023-11-28 10:00"), utc("2026-11-27 10:00")
    consumed = place.between(opened, due)
    # What is known now needs no day of them again.
    monkeypatch.setattr(BusinessCalendar, "_work_out", None)
    assert place.between(opened, due) == consumed
    assert place.add(opened, consumed) == due
    assert place.add(due, -consumed) == opened


@pytest.mark.rule("sla 14")
def test_thirty_years_cost_as_many_look_ups_as_a_day(monkeypatch):
    place = calendar("Europe/London", every(WORKDAYS, *LUNCH))
    now = utc("2026-11-27 10:00")
    # Both ends and all between are known.
    place.between(utc("1996-11-27 10:00"), utc("2027-11-27 10:00"))
    seen, look_up = [], BusinessCalendar._block

    def counted(self, index):
        seen.append(index)
        return look_up(self, index)

    monkeypatch.setattr(BusinessCalendar, "_block", counted)

    def look_ups(since):
        seen.clear()
        consumed = place.between(since, now)
        assert place.add(since, consumed) == now
        return len(seen)

    day, years = look_ups(utc("2026-11-26 10:00")), look_ups(utc("1996-11-27 10:00"))
    assert day == years <= 12


def test_threads_may_share_a_calendar():
    shared = calendar("Europe/London", every(WORKDAYS, *LUNCH))
    moments = [datetime(1990 + year, 6, 3, 12, tzinfo=UTC) for year in range(40)]
    expected = [
        calendar(week=every(WORKDAYS, *LUNCH), zone="Europe/London").add(moment, 90_000)
        for moment in moments
    ]
    wrong = []

    def ask(order):
        for position in order:
            if shared.add(moments[position], 90_000) != expected[position]:
                wrong.append(position)

    middle = sorted(range(40), key=lambda position: abs(position - 20))
    orders = (range(40), range(39, -1, -1), middle)
    threads = [threading.Thread(target=ask, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
