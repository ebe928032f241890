"""A calendar of dates alone runs out one day: tickets open all the same, and nothing is lost."""

from datetime import date

import pytest

from emberone.db import reading, transaction
from emberone.domain import sla
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority, Status
from emberone.domain.lifecycle import Event
from emberone.domain.sla import NEVER, Standing
from emberone.models import Calendar, CalendarVersion, HistoryEntry, SLAClock, Ticket
from emberone.queries.calendars import running_out, working_days
from emberone.queries.sla import clocks_of, next_due, stories
from emberone.services import comments, tickets
from emberone.services.replanning import sweep_replanning
from emberone.services.sla import sweep_sla
from emberone.services.waits import sweep_waits
from tests.services.sla_play import FIRST, NEXT, RESOLUTION, START, Play, after

#: Two days of a fair, and a play begins on the first of them.
FAIR = {
    "week": {},
    "exceptions": [
        {"date": "2026-03-02", "name": "Fair", "windows": [["09:00", "17:00"]]},
        {"date": "2026-03-03", "name": "Fair", "windows": [["09:00", "17:00"]]},
    ],
}
NEXT_FAIR = {"date": "2026-03-20", "name": "Fair", "windows": [["09:00", "17:00"]]}
HOUR = 3600
DAY = 24
PLAN = {
    1: {"percent": 75, "actions": ["NOTIFY_ASSIGNEE"]},
    2: {"percent": 100, "actions": ["NOTIFY_ADMINS"]},
}
pytestmark = pytest.mark.rule("sla 13")


class Fair(Play):
    """Answers within one hour of the fair, solutions within four."""

    def __init__(self, make):
        super().__init__(make)
        self.calendar_id = self.version(1, FAIR)
        targets = {
            (priority, metric): hours * HOUR
            for priority in Priority
            for metric, hours in ((FIRST, 1), (NEXT, 1), (RESOLUTION, 4))
        }
        policy = self.policy(targets=targets, steps=PLAN, calendar=self.calendar_id)
        self.sql(
            "UPDATE sla_policies SET is_default = false;"
            f"UPDATE sla_policies SET is_default = true WHERE id = '{policy}'"
        )

    def version(self, number, definition):
        with transaction(SYSTEM) as session:
            if number == 1:
                calendar = Calendar(name="Fair")
                session.add(calendar)
                session.flush()
                self.calendar_id = calendar.id
            row = CalendarVersion(
                calendar_id=self.calendar_id, version=number, zone="UTC", definition=definition
            )
            session.add(row)
        return self.calendar_id

    def opened(self, now):
        return tickets.open_ticket(
            self.customer, self.customer.profile_id, "No stand", "It is gone.", now=now
        )


@pytest.fixture
def fair(make):
    return Fair(make)


def assert_history_tells(ticket_id, now):
    with reading(SYSTEM) as session:
        told = {(s.metric, s.cycle): s.timing for s in stories(session, ticket_id, now)}
        for clock in session.query(SLAClock).filter_by(ticket_id=ticket_id):
            assert told[clock.metric, clock.cycle] == sla.settle(clock.timing, now)


def test_a_ticket_that_comes_afterwards_opens_and_is_never_late(fair):
    later = after(5 * DAY)
    ticket = fair.opened(later)
    clock = fair.clock(ticket, FIRST)
    assert (clock.due_at, clock.running_since) == (NEVER, later)
    assert {step.fire_at for step in fair.steps(ticket, FIRST)} == {NEVER}
    assert sweep_sla(now=after(3000 * DAY)) == 0
    with reading(SYSTEM) as session:
        views = clocks_of(session, ticket, after(30 * DAY))
        assert [(v.standing, v.due_at, v.consumed_s) for v in views] == [
            (Standing.RUNNING, None, 0)
        ] * 2
        assert views[0].remaining_s == HOUR
        assert next_due(session, [ticket], later) == {}
    assert_history_tells(ticket, after(30 * DAY))


def test_history_says_that_it_is_never_due(fair):
    ticket = fair.opened(after(5 * DAY))
    with reading(SYSTEM) as session:
        entry = session.query(HistoryEntry).filter_by(ticket_id=ticket, action="sla_policy_chosen")
        clocks = entry.one().details["additionalContext"]["clocks"]
    assert all(clock["neverDue"] and "dueAt" not in clock for clock in clocks)


def test_every_verb_is_taken_while_nothing_is_open(fair):
    now = after(5 * DAY)
    ticket = fair.opened(now)
    comments.reply(fair.agent, ticket, "We look.", Event.STAFF_REPLY_AND_WAIT, now=now)
    comments.comment_as_customer(fair.customer, ticket, "And?", now=after(6 * DAY))
    assert fair.clock(ticket, NEXT).due_at == NEVER
    fair.prioritise(ticket, Priority.HIGH, after(7 * DAY))
    comments.reply(fair.agent, ticket, "Found.", Event.STAFF_REPLY_AND_CLOSE, now=after(8 * DAY))
    comments.comment_as_customer(fair.customer, ticket, "No.", now=after(9 * DAY))
    tickets.close_ticket(fair.agent, ticket, now=after(10 * DAY))
    resolution = fair.clock(ticket, RESOLUTION)
    assert (resolution.met_at, resolution.breached_at) == (after(10 * DAY), None)
    assert resolution.consumed_s == 0
    assert_history_tells(ticket, after(11 * DAY))


@pytest.mark.rule("sla 15")
def test_new_openings_let_it_be_due_from_what_was_used_up(fair):
    # Two hours of the fair are left; two of four are used up when it ends.
    ticket = fair.opened(after(DAY + 6))
    fair.reply(ticket, after(DAY + 6))
    assert fair.clock(ticket, RESOLUTION).due_at == NEVER
    fair.version(2, {**FAIR, "exceptions": [*FAIR["exceptions"], NEXT_FAIR]})
    assert sweep_replanning(now=after(5 * DAY)) == 1
    clock = fair.clock(ticket, RESOLUTION)
    assert clock.consumed_s == 2 * HOUR
    assert clock.due_at == after(18 * DAY + 2)
    assert [step.fire_at for step in fair.steps(ticket, RESOLUTION)] == [
        after(18 * DAY + 1),
        after(18 * DAY + 2),
    ]
    assert sweep_sla(now=after(18 * DAY + 2, us=1)) > 0
    assert fair.clock(ticket, RESOLUTION).breached_at == after(18 * DAY + 2)
    assert_history_tells(ticket, after(19 * DAY))


def test_a_warning_for_which_too_little_lies_behind_is_overdue_and_no_error(fair):
    # Three of four hours used up by the old version; the new one has no day behind it.
    ticket = fair.opened(after(DAY + 4))
    fair.reply(ticket, after(DAY + 4))
    fair.version(2, {**FAIR, "exceptions": [NEXT_FAIR]})
    assert sweep_replanning(now=after(DAY + 7.5)) == 1
    clock = fair.clock(ticket, RESOLUTION)
    assert clock.due_at == after(18 * DAY, minutes=30)
    warning, _ = fair.steps(ticket, RESOLUTION)
    assert warning.fire_at <= after(DAY + 7.5)


@pytest.mark.rule("feedback 12")
def test_whoever_waits_for_a_customer_counts_weekdays_once_no_day_is_left(fair):
    with reading(SYSTEM) as session:
        days = working_days(session, None)
    assert days.after(START, 1) == after(DAY)
    # Friday, then Monday.
    assert days.after(START, 4) == after(4 * DAY)
    assert days.after(START, 5) == after(7 * DAY)
    ticket = fair.opened(after(5 * DAY))
    comments.reply(fair.agent, ticket, "And?", Event.STAFF_REPLY_AND_WAIT, now=after(5 * DAY))
    while sweep_waits(now=after(40 * DAY)):
        pass
    while sweep_waits(now=after(80 * DAY)):
        pass
    with reading(SYSTEM) as session:
        assert session.get_one(Ticket, ticket).status is Status.CLOSED


def test_admins_hear_of_a_calendar_in_use_before_its_last_day(fair):
    with reading(SYSTEM) as session:
        assert [(c.name, c.last_opening) for c in running_out(session, START)] == [
            ("Fair", date(2026, 3, 3))
        ]
        assert running_out(session, after(-40 * DAY)) == []
        assert len(running_out(session, after(400 * DAY))) == 1
    fair.version(2, {"week": {"monday": [["09:00", "17:00"]]}})
    with reading(SYSTEM) as session:
        assert running_out(session, START) == []
    fair.version(3, FAIR)
    fair.sql("UPDATE sla_targets SET calendar_id = NULL")
    with reading(SYSTEM) as session:
        assert running_out(session, START) == []
