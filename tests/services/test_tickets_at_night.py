"""What comes at night waits for somebody's working hours, and admins may sleep (rule 8)."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from emberone.db import db
from emberone.domain.enums import Availability, Priority
from emberone.services import calendars
from tests.services.test_working_hours import (
    DAY,
    HOUR,
    MONDAY,
    SECOND,
    admin,
    agent_of,
    ana,
    drain,
    office,
    rows,
    work,
)

__all__ = ["admin", "ana", "office"]

pytestmark = pytest.mark.rule("assignment 8")

NIGHT, MORNING = MONDAY + 12 * HOUR, MONDAY + DAY


def told():
    return rows("SELECT count(*) FROM mail_outbox WHERE letter = 'unassignable'")[0][0]


def skipped():
    """Of each entry of history: who was out, and until when it waits."""
    return rows(
        "SELECT metadata #> '{additionalContext,out}',"
        " (metadata #>> '{additionalContext,waitsUntil}')::timestamptz FROM history"
        " WHERE action = 'assignment_skipped' ORDER BY created_at, id"
    )


def awaited():
    return rows("SELECT ticket_id, begin_at FROM hours_awaited")


def write(statement, **values):
    with db.engine.begin() as connection:
        connection.execute(text("SELECT set_config('role', 'emberone_system', true)"))
        connection.execute(text(statement), values)


def test_it_waits_and_says_for_what_and_nobody_is_told(make, ana):
    ticket = make.ticket()
    assert drain(NIGHT) == 1
    assert skipped() == [({"off_hours": 1}, MORNING)]
    assert awaited() == [(ticket, MORNING)]
    assert drain(MORNING - SECOND) == 0
    assert drain(MORNING) == 1
    assert agent_of(ticket) == ana.profile_id
    assert (told(), awaited(), len(skipped())) == (0, [], 1)


def test_of_a_critical_one_admins_hear_at_once_and_once(make, ana):
    make.ticket(priority=Priority.CRITICAL)
    drain(NIGHT)
    assert (told(), awaited()) == (1, [])
    assert skipped() == [({"off_hours": 1}, MORNING)]


def test_one_that_becomes_critical_in_the_night_is_told_of(make, ana):
    ticket = make.ticket()
    drain(NIGHT)
    write("UPDATE tickets SET priority = 'CRITICAL' WHERE id = :id", id=ticket)
    drain(NIGHT + HOUR)
    assert (told(), awaited()) == (1, [])


def test_what_nobody_can_take_even_then_is_told_of_when_hours_have_begun(make, ana, admin):
    make.ticket()
    drain(NIGHT)
    write("UPDATE agents SET availability = 'AWAY'")
    assert drain(MORNING - SECOND) == 0
    assert told() == 0
    assert drain(MORNING) == 1
    assert (told(), awaited()) == (1, [])
    assert skipped() == [({"off_hours": 1}, MORNING), ({"away": 1}, None)]
    assert drain(MORNING + HOUR) == 0


def test_where_only_some_have_room_in_the_morning_the_others_are_told_of(make, admin, office):
    ana = make.agent("Ana")
    work(admin, ana, office, capacity=2)
    for _ in range(3):
        make.ticket()
    drain(NIGHT)
    assert told() == 0
    drain(MORNING)
    assert told() == 1


@pytest.mark.parametrize(
    ("more", "asked", "out"),
    [
        ({"capacity": 0}, {}, "off_hours"),
        ({}, {"tags": ["vpn"]}, "off_hours"),
    ],
)
def test_whoever_could_not_take_it_even_then_is_not_waited_for(
    make, admin, office, more, asked, out
):
    make.skill("vpn")
    work(admin, make.agent("Ana"), office, **more)
    make.ticket(**asked)
    drain(NIGHT)
    assert skipped() == [({out: 1}, None)]
    assert (told(), awaited()) == (1, [])


def test_whoever_is_away_is_not_waited_for(make, ana):
    write("UPDATE agents SET availability = :away", away=Availability.AWAY.value)
    make.ticket()
    drain(NIGHT)
    assert (skipped(), told()) == ([({"away": 1}, None)], 1)


def test_whoever_gave_it_away_is_not_waited_for(make, ana):
    make.ticket(handed_off_by=ana.profile_id)
    drain(NIGHT)
    assert (skipped()[0][1], told()) == (None, 1)


@pytest.mark.parametrize(("days", "is_told"), [(4, False), (5, True)])
def test_nobody_waits_for_longer_than_a_long_weekend(make, admin, days, is_told):
    day = (NIGHT + timedelta(days=days)).date()
    exceptions = [{"date": str(day), "name": "Fair", "windows": [["00:00", "08:00"]]}]
    season = {"week": {"sunday": [["09:00", "10:00"]]}, "exceptions": exceptions}
    work(admin, make.agent("Ana"), calendars.create_calendar(admin, "Fair", "UTC", season))
    make.ticket()
    drain(NIGHT)
    assert told() == is_told


def test_the_first_whose_hours_begin_is_waited_for(make, admin, ana):
    early = {"week": {"tuesday": [["06:00", "07:00"]]}}
    ben = make.agent("Ben")
    work(admin, ben, calendars.create_calendar(admin, "Early", "UTC", early))
    ticket = make.ticket()
    drain(NIGHT)
    six = (MONDAY + DAY).replace(hour=6)
    assert skipped() == [({"off_hours": 2}, six)]
    drain(six)
    assert agent_of(ticket) == ben.profile_id


def test_a_ticket_that_is_assigned_by_then_is_left_as_it_is(make, ana):
    ticket = make.ticket()
    drain(NIGHT)
    write(
        "UPDATE tickets SET assigned_agent_id = :ana WHERE id = :id", ana=ana.profile_id, id=ticket
    )
    assert drain(MORNING) == 0
    assert (awaited(), len(skipped())) == ([], 1)
