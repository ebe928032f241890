"""SLA clocks that count business hours: the default policy as it is delivered, and others."""

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority, Status
from emberone.domain.sla_story import SegmentKind
from emberone.queries.calendars import list_calendars
from emberone.queries.sla import clocks_of, stories
from emberone.services import calendars
from emberone.services.sla import sweep_sla
from tests.services.sla_play import FIRST, RESOLUTION, Play, Statements, after, context

#: Monday to Friday from 09:00 to 17:00 UTC, and a play begins on a Monday at 09:00.
DAY = 24
#: Three mornings a week.
SHORTER = {
    "week": {day: [["09:00", "13:00"]] for day in ("monday", "tuesday", "wednesday")},
}


@pytest.fixture
def play(make):
    return Play(make, is_as_delivered=True)


def business_hours():
    with reading(SYSTEM) as session:
        [row] = [row for row in list_calendars(session) if row.name == "Business hours"]
        return row


def told(ticket, now):
    with reading(SYSTEM) as session:
        return {story.metric: story for story in stories(session, ticket, now)}


@pytest.mark.rule("sla 9")
@pytest.mark.rule("sla 12")
def test_a_target_is_counted_in_business_hours(play):
    # Monday 15:00: two hours today, two tomorrow; 24 hours are three days of eight.
    ticket = play.open(after(6))
    assert play.clock(ticket, FIRST).due_at == after(DAY + 2)
    assert play.clock(ticket, RESOLUTION).due_at == after(3 * DAY + 6)
    assert [step.fire_at for step in play.steps(ticket, FIRST)] == [
        after(DAY + 1),
        after(DAY + 2),
        after(DAY + 4),
    ]


@pytest.mark.rule("sla 20")
def test_what_is_critical_is_counted_around_the_clock(play):
    ticket = play.open(after(12), priority=Priority.CRITICAL)
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.due_at, clock.calendar_version) == (after(16), None)


@pytest.mark.rule("sla 8")
@pytest.mark.rule("sla 9")
def test_a_pause_is_measured_by_the_calendar_of_the_target(play):
    ticket = play.open(after(6))
    # From an hour after closing time to Thursday morning: the two hours of Monday have run.
    play.reply(ticket, after(9), Status.WAITING)
    paused = play.clock(ticket, RESOLUTION)
    assert (paused.consumed_s, paused.due_at) == (2 * 3600, None)
    play.speak(ticket, after(3 * DAY - 2), Status.IN_PROGRESS)
    # 22 hours are left: Thursday, Friday, and six hours of the next Monday.
    assert play.clock(ticket, RESOLUTION).due_at == after(7 * DAY + 6)


@pytest.mark.rule("sla 17")
def test_another_priority_keeps_what_was_consumed_and_counts_on_by_its_own_calendar(play):
    ticket = play.open()
    play.prioritise(ticket, Priority.CRITICAL, after(3))
    # Three of four hours are used up; the last one runs around the clock.
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.consumed_s, clock.due_at, clock.calendar_version) == (3 * 3600, after(4), None)
    play.prioritise(ticket, Priority.MEDIUM, after(3.5))
    clock = play.clock(ticket, RESOLUTION)
    # 20.5 hours of 24: four and a half today, eight and eight.
    assert clock.due_at == after(2 * DAY + 8)
    assert clock.consumed_s == 3.5 * 3600


@pytest.mark.rule("sla 16")
def test_who_answers_after_closing_time_is_late_by_the_calendar_and_not_before(play):
    # Due at closing time, not the next morning.
    late, punctual = play.open(after(4)), play.open(after(4.001))
    play.reply(late, after(9))
    play.reply(punctual, after(9))
    assert play.clock(late, FIRST).breached_at == after(8)
    assert play.clock(punctual, FIRST).breached_at is None


@pytest.mark.rule("sla 16")
def test_a_breach_outside_hours_is_noticed_at_its_due_time(play):
    ticket = play.open(after(4))
    sweep_sla(now=after(8))
    assert play.clock(ticket, FIRST).breached_at is None
    sweep_sla(now=after(14))
    assert play.clock(ticket, FIRST).breached_at == after(8)


@pytest.mark.rule("sla 10")
@pytest.mark.rule("sla 15")
def test_reopened_under_other_hours_the_clock_goes_on_by_the_new_ones(play):
    ticket = play.open()
    play.reply(ticket, after(1), Status.CLOSED)
    hours = business_hours()
    calendars.add_version(play.make.admin(), hours.id, "UTC", SHORTER, version=1)
    # Closed, it stays what it was.
    assert play.clock(ticket, RESOLUTION).calendar_version == hours.version_id
    play.move(ticket, Status.IN_PROGRESS, after(DAY))
    clock = play.clock(ticket, RESOLUTION)
    assert clock.calendar_version == business_hours().version_id
    # 23 hours in mornings of four: five of them this and the next week, three in the third.
    assert clock.due_at == after(14 * DAY + 3)


@pytest.mark.rule("sla 25")
def test_history_names_the_calendar_by_its_version_and_tells_the_story_with_it(play):
    ticket = play.open(after(6))
    version = str(business_hours().version_id)
    [entry] = play.history(ticket, "sla_policy_chosen")
    assert [clock["calendarVersion"] for clock in context(entry)["clocks"]] == [version] * 2
    story = told(ticket, after(DAY + 0.5))[FIRST]
    assert str(story.calendar) == version
    assert story.timing == play.clock(ticket, FIRST).timing
    assert story.remaining_s == 1.5 * 3600


@pytest.mark.rule("sla 25")
def test_a_story_says_what_lies_outside_hours(play):
    ticket = play.open(after(6))
    play.reply(ticket, after(9), Status.WAITING)
    play.speak(ticket, after(DAY - 1), Status.IN_PROGRESS)
    segments = told(ticket, after(DAY + 1))[RESOLUTION].segments
    assert [(s.kind, s.start, s.end, s.consumed_s) for s in segments] == [
        (SegmentKind.RUNNING, after(6), after(8), 2 * 3600),
        (SegmentKind.OUTSIDE, after(8), after(9), 0),
        (SegmentKind.PAUSED, after(9), after(DAY - 1), 0),
        (SegmentKind.OUTSIDE, after(DAY - 1), after(DAY), 0),
        (SegmentKind.RUNNING, after(DAY), None, 3600),
    ]
    assert [s.began_with is None for s in segments] == [False, True, False, False, True]


def test_a_while_of_too_many_days_stays_one_segment(play):
    ticket = play.open()
    now = after(100 * DAY)
    [segment] = told(ticket, now)[FIRST].segments
    assert (segment.kind, segment.start, segment.end) == (SegmentKind.RUNNING, after(0), None)
    assert segment.consumed_s == 8 * 3600 * 72


@pytest.mark.rule("sla 25")
def test_a_page_shows_what_was_consumed_by_the_clocks_own_calendar(play):
    ticket = play.open(after(6))
    with reading(SYSTEM) as session, Statements() as statements:
        first, _ = clocks_of(session, ticket, after(DAY))
    assert (first.consumed_s, first.remaining_s) == (2 * 3600, 2 * 3600)
    # The calendar was built when the ticket was opened.
    assert not [s for s in statements.seen if "calendar_versions" in s]


def test_opening_a_ticket_reads_each_calendar_once_in_a_process(play):
    play.open()
    with Statements() as statements:
        play.open(after(1))
    assert len([s for s in statements.seen if "definition" in s]) == 0


@pytest.mark.rule("sla 19")
def test_other_hours_leave_a_due_time_set_by_hand_alone(play):
    ticket = play.open()
    play.sql(
        "UPDATE sla_clocks SET due_at = :due, due_set_by = :who WHERE metric = 'RESOLUTION'",
        due=after(50),
        who=play.agent.profile_id,
    )
    play.prioritise(ticket, Priority.CRITICAL, after(10))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.due_at, clock.due_set_by) == (after(50), play.agent.profile_id)
    # What it consumes is counted by the new priority's calendar all the same.
    assert (clock.consumed_s, clock.running_since) == (8 * 3600, after(10))
