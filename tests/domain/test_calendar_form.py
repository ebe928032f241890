"""How a business calendar is written down, and what people read where that is wrong."""

import json
from datetime import date, timedelta

import pytest

from emberone.domain.calendar import BusinessCalendar
from emberone.domain.errors import Invalid
from tests.domain.refusals import refused


def calendar(week=None, exceptions=()):
    return BusinessCalendar.read("UTC", {"week": week or {}, "exceptions": list(exceptions)})


def dated(day, *windows, name=""):
    return {"date": day, "name": name, "windows": [list(window) for window in windows]}


def test_the_written_form_comes_back_in_order():
    written = {
        "week": {
            "sunday": [["22:00", "06:00"], ["00:00", "24:00"]],
            "monday": [["13:30", "17:00:30"], ["09:00", "12:30"], ["09:00", "12:30"]],
            "tuesday": [],
        },
        "exceptions": [
            dated("2027-01-01", name="New Year"),
            dated("2026-12-24", ("09:00", "12:00")),
        ],
    }
    definition = BusinessCalendar.read("Europe/London", json.loads(json.dumps(written))).definition
    assert definition == {
        "week": {
            "monday": [["09:00", "12:30"], ["13:30", "17:00:30"]],
            "sunday": [["00:00", "24:00"], ["22:00", "06:00"]],
        },
        "exceptions": [
            {"date": "2026-12-24", "name": "", "windows": [["09:00", "12:00"]]},
            {"date": "2027-01-01", "name": "New Year", "windows": []},
        ],
    }
    assert BusinessCalendar.read("Europe/London", definition).definition == definition


def test_evenings_until_midnight_are_written_as_24():
    week = {"monday": [["18:00", "00:00"]]}
    assert calendar(week=week).definition["week"] == {"monday": [["18:00", "24:00"]]}


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "right/UTC", None, 3, []])
def test_an_unknown_zone_is_refused(zone):
    assert refused(BusinessCalendar.read, zone, {}) == (
        f"There is no time zone {zone!r}.",
        {"field": "zone", "zone": repr(zone)},
    )


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (None, "A calendar is an object with exceptions, week."),
        ([], "A calendar is an object"),
        ({"weeks": {}}, "A calendar has no 'weeks'"),
        ({"week": []}, "The week is an object with friday, monday"),
        ({"week": {"Monday": []}}, "The week has no 'Monday'"),
        ({"week": {"monday": "09:00"}}, "Monday: the windows are a list."),
        ({"week": {"monday": None}}, "Monday: the windows are a list."),
        ({"week": {"monday": ["09:00"]}}, "Monday: a window is two times"),
        ({"week": {"monday": [["09:00"]]}}, "Monday: a window is two times"),
        ({"week": {"friday": [["9:00", "17:00"]]}}, "Friday: '9:00' is no time"),
        ({"week": {"friday": [["09:00", "24:01"]]}}, "Friday: '24:01' is no time"),
        ({"week": {"friday": [["09:00", "25:00"]]}}, "Friday: '25:00' is no time"),
        ({"week": {"friday": [["09:60", "17:00"]]}}, "Friday: '09:60' is no time"),
        ({"week": {"friday": [["09:00\n", "17:00"]]}}, "Friday: '09:00.n' is no time"),
        ({"week": {"friday": [["٠٩:00", "17:00"]]}}, "Friday: '٠٩:00' is no time"),
        ({"week": {"friday": [[9, 17]]}}, "Friday: 9 is no time"),
        ({"week": {"sunday": [["24:00", "06:00"]]}}, "Sunday: a window can end at 24:00 but not"),
        ({"week": {"sunday": [["09:00", "09:00"]]}}, "Sunday: the window at 09:00 is empty"),
        ({"week": {"sunday": [["09:00", "10:00"]] * 49}}, "Sunday: a day takes at most 48"),
        ({"exceptions": {}}, "The exceptions are a list."),
        ({"exceptions": ["2026-12-25"]}, "An exception is an object"),
        ({"exceptions": [{"day": "2026-12-25"}]}, "An exception has no 'day'"),
        ({"exceptions": [{"windows": []}]}, "None is no date"),
        ({"exceptions": [dated("2026-02-30")]}, "'2026-02-30' is no date"),
        ({"exceptions": [dated("20261225")]}, "'20261225' is no date"),
        ({"exceptions": [{"date": "2026-12-25"}]}, "2026-12-25: its windows are missing"),
        ({"exceptions": [dated("2026-12-25")] * 2}, "2026-12-25 stands in the exceptions twice."),
        ({"exceptions": [dated("2026-12-25", name="a\nb")]}, "2026-12-25: a name is one line"),
        ({"exceptions": [dated("2026-12-25", name="a" * 101)]}, "2026-12-25: a name is one line"),
        ({"exceptions": [dated("2026-12-25", name=7)]}, "2026-12-25: a name is one line"),
        ({"exceptions": [dated("2026-12-25", ("8", "9"))]}, "2026-12-25: '8' is no time"),
        ({"exceptions": [{}] * 2001}, "A calendar takes at most 2,000 exceptions."),
    ],
)
def test_what_is_wrong_is_named_with_its_day(definition, message):
    with pytest.raises(Invalid, match=message) as refusal:
        BusinessCalendar.read("UTC", definition)
    assert refusal.value.details["field"] == "definition"


def test_the_most_that_a_definition_takes():
    first = date(2026, 1, 1)
    hours = [
        [f"{n // 2:02}:{n % 2 * 30:02}", f"{n // 2:02}:{n % 2 * 30 + 10:02}"] for n in range(48)
    ]
    days = [dated(str(first + timedelta(n)), name="n" * 100) for n in range(2000)]
    definition = calendar(week={"monday": hours}, exceptions=days).definition
    assert definition == {"week": {"monday": hours}, "exceptions": days}


def test_a_date_without_a_name_has_none():
    [written] = calendar(exceptions=[{"date": "2026-12-25", "windows": []}]).definition[
        "exceptions"
    ]
    assert written == dated("2026-12-25")


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (
            {"week": {"monday": [["24:00", "24:00"]]}},
            "Monday: a window can end at 24:00 but not start there.",
        ),
        (
            {"week": {"monday": [["09:00", "09:00:00"]]}},
            "Monday: the window at 09:00 is empty; a whole day is 00:00 to 24:00.",
        ),
        ({"week": {"monday": [[]]}}, "Monday: a window is two times, its start and its end."),
        (
            {"week": {"monday": [["9", "10"]]}},
            "Monday: '9' is no time; write it like 09:00, the latest is 24:00.",
        ),
        (
            {"week": {"monday": [["09:00", "10:00"]] * 49}},
            "Monday: a day takes at most 48 windows.",
        ),
        ({"week": {"monday": "09:00"}}, "Monday: the windows are a list."),
        ({"exceptions": {}}, "The exceptions are a list."),
        (
            {"exceptions": [dated("2026-12-25")] * 2},
            "2026-12-25 stands in the exceptions twice.",
        ),
        ({"exceptions": [{}] * 2001}, "A calendar takes at most 2,000 exceptions."),
        ({"exceptions": [{}]}, "None is no date; write it like 2026-12-25."),
        (
            {"exceptions": [{"date": "2026-12-25"}]},
            "2026-12-25: its windows are missing; an empty list is a holiday.",
        ),
        (
            {"exceptions": [dated("2026-12-25", name="a" * 101)]},
            "2026-12-25: a name is one line of at most 100 characters.",
        ),
        (
            {"weeks": {}, "calendars": {}},
            "A calendar has no 'calendars', only exceptions, week.",
        ),
        ({"exceptions": [7]}, "An exception is an object with date, name, windows."),
    ],
)
def test_what_people_read_about_a_definition(definition, message):
    said, details = refused(BusinessCalendar.read, "UTC", definition)
    assert (said, details["field"]) == (message, "definition")
