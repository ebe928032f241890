"""The story of a clock, told from what history kept of it."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from emberone.domain.calendar import BusinessCalendar
from emberone.domain.calendar_form import WEEKDAYS
from emberone.domain.enums import Metric
from emberone.domain.sla import ALWAYS_OPEN
from emberone.domain.sla_story import (
    MOST_OPENINGS,
    Change,
    ClockEvent,
    SegmentKind,
    replay,
    tell,
)
from tests.domain.clocks import START, at

AROUND_THE_CLOCK = {None: ALWAYS_OPEN}


def event(change, seconds, target_s=60, reason=None, cycle=1):
    return ClockEvent(Metric.RESOLUTION, cycle, change, at(seconds), target_s, reason)


def test_a_story_has_a_segment_for_every_while():
    [story] = tell(
        [
            event(Change.STARTED, 0),
            event(Change.PAUSED, 10),
            event(Change.RESUMED, 30),
            event(Change.RETARGETED, 35, target_s=90, reason="priority_change"),
            event(Change.MET, 40),
            event(Change.REOPENED, 100),
        ],
        at(110),
        AROUND_THE_CLOCK,
    )
    assert [(s.kind, s.start, s.end, s.consumed_s) for s in story.segments] == [
        (SegmentKind.RUNNING, at(0), at(10), 10),
        (SegmentKind.PAUSED, at(10), at(30), 0),
        (SegmentKind.RUNNING, at(30), at(35), 5),
        (SegmentKind.RUNNING, at(35), at(40), 5),
        (SegmentKind.CLOSED, at(40), at(100), 0),
        (SegmentKind.RUNNING, at(100), None, 10),
    ]
    assert story.timing.due_at == at(100 + 90 - 20)


def test_what_is_over_has_no_segment_until_now():
    [story] = tell([event(Change.STARTED, 0), event(Change.MET, 61)], at(900), AROUND_THE_CLOCK)
    assert [segment.end for segment in story.segments] == [at(61)]
    assert story.timing.breached_at == at(60)


def test_every_cycle_has_a_story_of_its_own():
    stories = tell(
        [event(Change.STARTED, 0), event(Change.STOPPED, 5), event(Change.STARTED, 9, cycle=2)],
        at(10),
        AROUND_THE_CLOCK,
    )
    assert [(story.cycle, story.timing.is_open) for story in stories] == [(1, False), (2, True)]


def test_a_replay_gives_the_clock_after_each_event():
    timings = replay([event(Change.STARTED, 0), event(Change.PAUSED, 5)], AROUND_THE_CLOCK)
    assert [timing.is_running for timing in timings] == [True, False]


def test_a_segment_knows_what_began_it_and_why():
    [story] = tell(
        [
            event(Change.STARTED, 0, reason="opened"),
            event(Change.PAUSED, 10, reason="waiting"),
            event(Change.RESUMED, 20),
            event(Change.STOPPED, 30, reason="closed"),
            event(Change.REOPENED, 40, reason="again"),
        ],
        at(50),
        AROUND_THE_CLOCK,
    )
    assert [(s.began_with, s.reason) for s in story.segments] == [
        (Change.STARTED, "opened"),
        (Change.PAUSED, "waiting"),
        (Change.RESUMED, None),
        (Change.STOPPED, "closed"),
        (Change.REOPENED, "again"),
    ]
    assert story.timing.cause == "opened"


def test_a_story_says_of_which_clock_it_is_and_what_is_left():
    events = [
        event(Change.STARTED, 0),
        ClockEvent(Metric.FIRST_RESPONSE, 2, Change.STARTED, at(5), 90),
    ]
    first, second = tell(events, at(70), AROUND_THE_CLOCK)
    assert (first.metric, first.cycle, first.calendar) == (Metric.RESOLUTION, 1, None)
    assert (first.remaining_s, first.timing.breached_at) == (-10, at(60))
    assert (second.metric, second.cycle, second.remaining_s) == (Metric.FIRST_RESPONSE, 2, 25)


def test_a_replay_keeps_the_reasons():
    timings = replay(
        [
            event(Change.STARTED, 0, reason="opened"),
            event(Change.RETARGETED, 30, target_s=20, reason="team_change"),
            event(Change.STOPPED, 40, reason="closed"),
        ],
        AROUND_THE_CLOCK,
    )
    assert [timing.cause for timing in timings] == ["opened", "team_change", "team_change"]
    assert timings[-1].stopped_reason == "closed"
    [_, changed, stopped] = replay(
        [
            event(Change.STARTED, 0),
            event(Change.RETARGETED, 30, target_s=20),
            event(Change.STOPPED, 40),
        ],
        AROUND_THE_CLOCK,
    )
    assert (changed.cause, stopped.stopped_reason) == ("priority_change", "")


@pytest.mark.rule("sla 19")
def test_a_promised_date_is_the_due_time_until_it_is_taken_back():
    promised = replace(event(Change.PROMISED, 20), due_at=at(500))
    events = [event(Change.STARTED, 0), event(Change.PAUSED, 10), promised]
    events.append(event(Change.RELEASED, 30))
    timings = replay(events, AROUND_THE_CLOCK)
    assert [timing.due_at for timing in timings] == [at(60), None, at(500), at(70)]
    assert [timing.is_due_by_hand for timing in timings] == [False, False, True, False]
    [story] = tell(events[:3], at(25), AROUND_THE_CLOCK)
    # What is left of the target, whatever was promised.
    assert (story.timing.due_at, story.remaining_s) == (at(500), 45)


@pytest.mark.parametrize("again", [[], [event(Change.REOPENED, 90)]], ids=["once", "twice"])
def test_what_is_taken_back_stands_as_it_did_at_the_closing(again):
    """Going on once more changes nothing of a clock that goes on."""
    events = [event(Change.STARTED, 0), event(Change.MET, 40), event(Change.REOPENED, 80), *again]
    events.append(event(Change.TAKEN_BACK, 100))
    [story] = tell(events, at(900), AROUND_THE_CLOCK)
    assert story.timing == replay(events[:2], AROUND_THE_CLOCK)[-1]
    told = [(s.kind, s.start, s.consumed_s) for s in story.segments]
    assert told[:3] == [
        (SegmentKind.RUNNING, at(0), 40),
        (SegmentKind.CLOSED, at(40), 0),
        (SegmentKind.UNCOUNTED, at(80), 0),
    ]
    assert {kind for kind, *_ in told[3:]} <= {SegmentKind.UNCOUNTED}


def test_what_was_begun_for_nothing_counts_for_nothing():
    events = [event(Change.STARTED, 0), event(Change.DISREGARDED, 30)]
    [story] = tell(events, at(900), AROUND_THE_CLOCK)
    assert [(s.kind, s.consumed_s) for s in story.segments] == [(SegmentKind.UNCOUNTED, 0)]


# Hours and the time between them.

OFFICE, NIGHTS = UUID(int=1), UUID(int=2)
HOUR = 3600


def calendars():
    """The day of START is a Monday; the office opens at 9 and has lunch from 12 to 13."""
    shifts = [["09:00", "12:00"], ["13:00", "17:00"]]
    every = {
        OFFICE: {"week": dict.fromkeys(WEEKDAYS[:5], shifts)},
        NIGHTS: {"week": {day: [["22:00", "06:00"]] for day in WEEKDAYS}},
    }
    return AROUND_THE_CLOCK | {
        version: BusinessCalendar.read("UTC", written) for version, written in every.items()
    }


def measured(change, hours, version, target_h=10, reason=None):
    return ClockEvent(
        Metric.RESOLUTION, 1, change, at(hours * HOUR), target_h * HOUR, reason, version
    )


def told(now_h, *events):
    """Of each segment the kind, its hours from START, and how many it consumed."""
    [story] = tell(events, at(now_h * HOUR), calendars())
    return story, [
        (
            segment.kind.name,
            (segment.start - START) / timedelta(hours=1),
            segment.end and (segment.end - START) / timedelta(hours=1),
            segment.consumed_s / HOUR,
        )
        for segment in story.segments
    ]


def test_a_running_while_is_hours_and_the_time_between_them():
    story, segments = told(30, measured(Change.STARTED, -1, OFFICE, reason="opened"))
    assert segments == [
        ("OUTSIDE", -1, 0, 0),
        ("RUNNING", 0, 3, 3),
        ("OUTSIDE", 3, 4, 0),
        ("RUNNING", 4, 8, 4),
        ("OUTSIDE", 8, 24, 0),
        ("RUNNING", 24, 27, 3),
        ("OUTSIDE", 27, 28, 0),
        ("RUNNING", 28, None, 2),
    ]
    assert [(s.began_with, s.reason) for s in story.segments] == [
        (Change.STARTED, "opened"),
        *[(None, None)] * 7,
    ]
    assert (story.calendar, story.remaining_s) == (OFFICE, -2 * HOUR)


def test_what_ends_outside_of_hours_ends_there():
    _, segments = told(
        20, measured(Change.STARTED, 1, OFFICE), measured(Change.PAUSED, 9.5, OFFICE)
    )
    assert segments == [
        ("RUNNING", 1, 3, 2),
        ("OUTSIDE", 3, 4, 0),
        ("RUNNING", 4, 8, 4),
        ("OUTSIDE", 8, 9.5, 0),
        ("PAUSED", 9.5, None, 0),
    ]
    _, segments = told(3, measured(Change.STARTED, 0, OFFICE))
    assert segments == [("RUNNING", 0, None, 3)]
    _, segments = told(3.5, measured(Change.STARTED, 3.25, OFFICE))
    assert segments == [("OUTSIDE", 3.25, None, 0)]


def test_fractions_of_a_second_are_consumed_too():
    [story] = tell(
        [
            ClockEvent(Metric.RESOLUTION, 1, Change.STARTED, at(0.25), 60, calendar=OFFICE),
            ClockEvent(Metric.RESOLUTION, 1, Change.PAUSED, at(5 * HOUR + 0.5), calendar=OFFICE),
        ],
        at(9 * HOUR),
        calendars(),
    )
    assert [segment.consumed_s for segment in story.segments] == [
        3 * HOUR - 0.25,
        0,
        HOUR + 0.5,
        0,
    ]


def test_fractions_are_consumed_and_left_where_every_second_counts():
    [story] = tell([event(Change.STARTED, 0.25)], at(10.75), AROUND_THE_CLOCK)
    assert [segment.consumed_s for segment in story.segments] == [10.5]
    assert story.remaining_s == 49.5


def test_hours_that_go_on_over_midnight_are_one_while():
    _, segments = told(39, measured(Change.STARTED, 0, NIGHTS))
    assert segments == [
        ("OUTSIDE", 0, 13, 0),
        ("RUNNING", 13, 21, 8),
        ("OUTSIDE", 21, 37, 0),
        ("RUNNING", 37, None, 2),
    ]


def test_a_change_at_one_moment_with_the_next_is_a_while_of_no_length():
    _, segments = told(
        5,
        measured(Change.STARTED, 1, OFFICE),
        measured(Change.RETARGETED, 1, OFFICE, 20),
        measured(Change.MET, 2, OFFICE),
    )
    assert segments == [("RUNNING", 1, 1, 0), ("RUNNING", 1, 2, 1)]


@pytest.mark.parametrize(("days", "whiles"), [(25, 2 * 25 * 2 - 1), (26, 1)])
def test_a_while_of_more_openings_than_one_reads_stays_whole(days, whiles):
    """Two openings a day, of working days alone."""
    assert MOST_OPENINGS == 2 * 25
    weeks, rest = divmod(days - 1, 5)
    story, segments = told((weeks * 7 + rest) * 24 + 8, measured(Change.STARTED, 0, OFFICE, 999))
    assert len(segments) == whiles
    assert sum(segment[-1] for segment in segments) == days * 7
    assert story.segments[0].began_with is Change.STARTED


def test_other_hours_measure_from_their_change_on():
    story, segments = told(
        20,
        measured(Change.STARTED, 0, OFFICE),
        measured(Change.RETARGETED, 2, NIGHTS, reason="calendar_change"),
        measured(Change.MET, 15, NIGHTS),
    )
    assert segments == [
        ("RUNNING", 0, 2, 2),
        ("OUTSIDE", 2, 13, 0),
        ("RUNNING", 13, 15, 2),
    ]
    assert (story.timing.consumed_s, story.calendar) == (4 * HOUR, NIGHTS)
    # Of ten hours eight were left, and they pass tonight.
    assert story.timing.due_at == at(21 * HOUR)


def test_the_same_hours_again_leave_an_overdue_clock_as_it_was():
    changes = [measured(Change.STARTED, 0, OFFICE, 2)]
    changes += [measured(Change.RETARGETED, 5, version, 2) for version in (OFFICE, None, OFFICE)]
    timings = replay(changes, calendars())
    assert [timing.due_at for timing in timings] == [at(2 * HOUR)] * 4
    assert [timing.running_since for timing in timings] == [at(0), at(0), *[at(5 * HOUR)] * 2]
