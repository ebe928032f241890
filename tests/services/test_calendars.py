"""Calendars: made, changed in versions, and built once for whoever measures with them."""

from uuid import uuid4

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.errors import Conflict, Invalid, NotAllowed, NotFound, StaleWrite
from emberone.queries import calendars as queries
from emberone.services import calendars
from tests.services.sla_play import Statements, after

OFFICE = {"week": {"monday": [["09:00", "12:30"], ["13:30", "17:00"]]}}
#: As it is written: in order, with nothing left out.
WRITTEN = {**OFFICE, "exceptions": []}
LONGER = {"week": {"monday": [["08:00", "18:00"]]}}


def find(calendar_id):
    with reading(SYSTEM) as session:
        return queries.find_calendar(session, calendar_id)


def test_a_calendar_is_written_down_with_its_author(make):
    admin = make.admin("Ada")
    row = find(calendars.create_calendar(admin, " Office  hours ", "Europe/London", OFFICE))
    assert (row.name, row.version, row.zone, row.author_name) == (
        "Office hours",
        1,
        "Europe/London",
        "Ada",
    )
    assert row.definition == WRITTEN
    assert row.policy_names == []


def test_rule_15_a_change_is_a_new_version_and_the_old_one_stays(make):
    admin = make.admin()
    calendar = calendars.create_calendar(admin, "Office", "Europe/London", OFFICE)
    before = find(calendar)
    assert calendars.add_version(admin, calendar, "Europe/Paris", LONGER, version=1) == 2
    with reading(SYSTEM) as session:
        versions = queries.versions_of(session, calendar)
        assert [row.version for row in versions] == [2, 1]
        said = queries.definitions_of(session, [row.id for row in versions])
        assert said[before.version_id] == (1, "Europe/London", WRITTEN)
        # Two hours of a Monday morning from 08:00 in London; nothing before 09:00 counts.
        old = queries.calendar_of(session, before.version_id)
        assert old.between(after(-1), after(1)) == 3600
        new = queries.calendar_of(session, find_in(session, calendar).version_id)
        assert new.between(after(-1), after(1)) == 7200


def find_in(session, calendar_id):
    return queries.find_calendar(session, calendar_id)


def test_the_same_hours_once_more_are_no_version(make):
    admin = make.admin()
    calendar = calendars.create_calendar(admin, "Office", "Europe/London", OFFICE)
    assert calendars.add_version(admin, calendar, "Europe/London", WRITTEN, version=1) == 1
    assert find(calendar).version == 1


def test_whoever_looked_at_an_older_version_is_told_so(make):
    admin = make.admin()
    calendar = calendars.create_calendar(admin, "Office", "Europe/London", OFFICE)
    calendars.add_version(admin, calendar, "Europe/London", LONGER, version=1)
    with pytest.raises(StaleWrite):
        calendars.add_version(admin, calendar, "Europe/Paris", OFFICE, version=1)
    assert find(calendar).zone == "Europe/London"


@pytest.mark.rule("sla 13")
@pytest.mark.parametrize(
    ("zone", "definition"),
    [
        ("Europe/London", {}),
        (
            "Europe/London",
            {"exceptions": [{"date": "2020-01-01", "windows": [["09:00", "10:00"]]}]},
        ),
        ("Nowhere/At_all", OFFICE),
        ("Europe/London", {"week": {"monday": [["09:00", "25:00"]]}}),
    ],
)
def test_a_calendar_that_never_opens_or_says_nonsense_is_refused_on_saving(make, zone, definition):
    admin = make.admin()
    with pytest.raises(Invalid):
        calendars.create_calendar(admin, "Office", zone, definition)
    calendar = calendars.create_calendar(admin, "Office", "Europe/London", OFFICE)
    with pytest.raises(Invalid):
        calendars.add_version(admin, calendar, zone, definition, version=1)
    assert find(calendar).version == 1


def test_a_name_is_taken_once(make):
    admin = make.admin()
    with pytest.raises(Conflict):
        calendars.create_calendar(admin, "business HOURS", "UTC", OFFICE)
    calendar = calendars.create_calendar(admin, "Office", "UTC", OFFICE)
    again = (calendar, "UTC", WRITTEN)
    with pytest.raises(Conflict):
        calendars.add_version(admin, *again, version=1, name="Business hours")
    assert calendars.add_version(admin, *again, version=1, name="OFFICE") == 1
    assert find(calendar).name == "OFFICE"


def test_calendars_are_an_admins_to_make_and_what_is_not_there_is_not_found(make):
    admin, agent = make.admin(), make.agent()
    calendar = calendars.create_calendar(admin, "Office", "UTC", OFFICE)
    with pytest.raises(NotAllowed):
        calendars.add_version(agent, calendar, "UTC", LONGER, version=1)
    with pytest.raises(NotFound):
        calendars.add_version(admin, uuid4(), "UTC", LONGER, version=1)
    with pytest.raises(NotAllowed):
        calendars.create_calendar(agent, "Mine", "UTC", OFFICE)
    assert find(uuid4()) is None


def test_a_version_is_read_once_in_each_process(make):
    calendar = calendars.create_calendar(make.admin(), "Office", "Europe/London", OFFICE)
    version = find(calendar).version_id
    with reading(SYSTEM) as session, Statements() as statements:
        first = queries.calendar_of(session, version)
        assert queries.calendars_of(session, [version, None, version])[version] is first
    assert len([s for s in statements.seen if "calendar_versions" in s]) == 1


def test_a_version_that_is_not_there_fails_loudly(make):
    with reading(SYSTEM) as session, pytest.raises(LookupError):
        queries.calendar_of(session, uuid4())


def test_the_list_is_by_name_and_says_which_policies_count_by_each(make):
    calendars.create_calendar(make.admin(), "Always late", "UTC", OFFICE)
    with reading(SYSTEM) as session:
        rows = queries.list_calendars(session)
        assert queries.calendar_choices(session) == [(row.id, row.name) for row in rows]
    assert [(row.name, row.policy_names) for row in rows] == [
        ("Always late", []),
        ("Business hours", ["Standard"]),
    ]
