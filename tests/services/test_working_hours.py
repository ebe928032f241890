"""An agent's working hours: outside them no tickets, and at their beginning what waited."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text

from emberone.db import db, reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Status
from emberone.domain.errors import Invalid
from emberone.domain.sla import ALWAYS_OPEN
from emberone.domain.working_hours import FURTHEST, begins_again
from emberone.services import agents, calendars, comments
from emberone.services.assignment import sweep_assignments

#: A Monday, nine o'clock in Berlin.
MONDAY = datetime(2027, 3, 1, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
WEEK = {
    day: [["09:00", "17:00"]] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
}


def rows(statement: str, **values):
    with reading(SYSTEM) as session:
        return [tuple(row) for row in session.execute(text(statement), values)]


def agent_of(ticket):
    return rows("SELECT assigned_agent_id FROM tickets WHERE id = :id", id=ticket)[0][0]


def drain(moment) -> int:
    return sum(iter(lambda: sweep_assignments(now=moment), 0))


@pytest.fixture
def admin(make):
    return make.admin()


@pytest.fixture
def office(admin):
    """Monday to Friday from nine to five in Berlin."""
    return calendars.create_calendar(admin, "Berlin", "Europe/Berlin", {"week": WEEK})


@pytest.fixture
def ana(make, admin, office):
    agent = make.agent("Ana")
    work(admin, agent, office)
    return agent


def work(admin, agent, calendar_id, *, version=1, **more):
    agents.change_agent(
        admin,
        agent.profile_id,
        **{"capacity": 20, "skills": [], "team_ids": [], **more},
        calendar_id=calendar_id,
        version=version,
    )


@pytest.mark.rule("assignment 3")
@pytest.mark.parametrize(
    ("moment", "gets_it"),
    [
        (MONDAY - SECOND, False),
        (MONDAY, True),
        (MONDAY + 8 * HOUR - SECOND, True),
        (MONDAY + 8 * HOUR, False),
        (MONDAY - DAY + HOUR, False),
    ],
)
def test_an_agent_gets_tickets_within_their_hours_only(make, ana, moment, gets_it):
    ticket = make.ticket()
    drain(moment)
    assert agent_of(ticket) == (ana.profile_id if gets_it else None)
    out = rows(
        "SELECT metadata #> '{additionalContext,out}' FROM history"
        " WHERE action = 'assignment_skipped'"
    )
    assert out == ([] if gets_it else [({"off_hours": 1},)])


@pytest.mark.rule("assignment 1")
@pytest.mark.rule("assignment 3")
def test_what_came_overnight_is_looked_at_again_when_somebodys_hours_begin(make, ana):
    ticket = make.ticket()
    evening = MONDAY + 12 * HOUR
    assert drain(evening) == 1
    statements: list[str] = []

    def note(connection, cursor, statement, *more):
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    assert sweep_assignments(now=MONDAY + DAY - SECOND) == 0
    event.remove(db.engine, "before_cursor_execute", note)
    # A night of sweeps asks nothing.
    assert len(statements) == 2
    assert drain(MONDAY + DAY) == 1
    assert agent_of(ticket) == ana.profile_id


def test_whoever_gets_room_at_night_is_looked_for_in_the_morning(make, admin, office):
    ana = make.agent("Ana")
    work(admin, ana, office, capacity=1)
    held = make.ticket(assigned_agent_id=ana.profile_id)
    waiting = make.ticket()
    drain(MONDAY + HOUR)
    with db.engine.begin() as connection:
        connection.execute(text("SELECT set_config('role', 'emberone_system', true)"))
        connection.execute(text("UPDATE tickets SET status = 'CLOSED' WHERE id = :h"), {"h": held})
    assert drain(MONDAY + 12 * HOUR) == 0
    # The mark of it is gone, so that nobody looks every few seconds.
    assert rows("SELECT reviews_skipped, review_at FROM agents") == [(False, MONDAY + DAY)]
    assert drain(MONDAY + DAY) == 1
    assert agent_of(waiting) == ana.profile_id


@pytest.mark.parametrize("change", ["other hours", "no hours"])
def test_a_change_of_hours_is_looked_at_at_once(make, admin, office, ana, change):
    ticket = make.ticket()
    night = MONDAY + 12 * HOUR
    drain(night)
    if change == "other hours":
        nights = {"week": {day: [["00:00", "24:00"]] for day in WEEK}}
        calendars.add_version(admin, office, "Europe/Berlin", nights, version=1)
    else:
        work(admin, ana, None, version=2)
    assert drain(night) == 1
    assert agent_of(ticket) == ana.profile_id


def test_who_is_at_work_takes_what_others_would_only_take_tomorrow(make, ana):
    night_shift, ticket = make.agent("Ben"), make.ticket()
    drain(MONDAY + 12 * HOUR)
    assert agent_of(ticket) == night_shift.profile_id


@pytest.mark.rule("assignment 7")
@pytest.mark.parametrize(("moment", "keeps"), [(MONDAY + HOUR, True), (MONDAY + 12 * HOUR, False)])
def test_a_ticket_that_is_reopened_stays_with_an_agent_who_is_at_work(make, ana, moment, keeps):
    customer = make.customer()
    ticket = make.ticket(
        customer, assigned_agent_id=ana.profile_id, status=Status.CLOSED, now=moment
    )
    comments.comment_as_customer(customer, ticket, "It is broken again.", now=moment)
    assert agent_of(ticket) == (ana.profile_id if keeps else None)
    # Where nobody else was at work, it is theirs again in the morning.
    make.agent("Ben", capacity=0)
    drain(moment)
    drain(MONDAY + DAY)
    assert agent_of(ticket) == ana.profile_id


def test_hours_are_a_calendar_that_there_is(make, admin):
    agent = make.agent()
    with pytest.raises(Invalid):
        work(admin, agent, agent.profile_id)


def test_without_a_calendar_it_is_always_working_time():
    assert begins_again(ALWAYS_OPEN, MONDAY) is None


def test_a_calendar_that_has_closed_for_good_is_looked_at_again_in_a_year():
    class Closed:
        def openings(self, start, end):
            return iter(())

    assert begins_again(Closed(), MONDAY) == MONDAY + FURTHEST
