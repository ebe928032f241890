"""The arithmetic of SLA clocks, by tables of cases."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberone.domain.sla import (
    ALWAYS_OPEN,
    Standing,
    consumed,
    is_due_soon,
    is_warning,
    meet,
    pause,
    remaining,
    reopen,
    resume,
    retarget,
    settle,
    standing,
    start,
    step_time,
    stop,
)
from tests.domain.clocks import HOUR, MICROSECOND, MIDNIGHT, START, Nights, at, by_hand, hours


def test_a_clock_is_due_when_its_target_is_used_up():
    clock = start(60, START, ALWAYS_OPEN)
    assert (clock.due_at, clock.running_since, clock.consumed_s) == (at(60), START, 0)
    assert clock.started_at == START
    assert clock.is_running
    assert clock.is_open


@pytest.mark.parametrize(
    ("moment", "how"),
    [
        (at(0), Standing.RUNNING),
        (at(60) - MICROSECOND, Standing.RUNNING),
        (at(60), Standing.RUNNING),
        (at(60) + MICROSECOND, Standing.BREACHED),
    ],
)
def test_it_is_breached_once_the_due_time_has_passed(moment, how):
    assert standing(start(60, START, ALWAYS_OPEN), moment) is how


@pytest.mark.parametrize(
    ("event", "breached_at", "how"),
    [
        (at(59), None, Standing.MET),
        (at(60), None, Standing.MET),
        (at(60) + MICROSECOND, at(60), Standing.BREACHED),
        (at(9999), at(60), Standing.BREACHED),
    ],
)
def test_the_verdict_goes_by_the_time_of_the_event(event, breached_at, how):
    clock = meet(start(60, START, ALWAYS_OPEN), event, ALWAYS_OPEN)
    assert (clock.met_at, clock.breached_at) == (event, breached_at)
    assert standing(clock, at(99999)) is how
    assert not clock.is_open


def test_a_breach_is_at_its_due_time_and_noted_once():
    clock = settle(start(60, START, ALWAYS_OPEN), at(100))
    assert clock.breached_at == at(60)
    assert settle(clock, at(200)) is clock


@pytest.mark.parametrize(
    ("paused_at", "resumed_at", "due_at"),
    [
        (at(10), at(100), at(150)),
        (at(10), at(10), at(60)),
        (at(60), at(100), at(100)),
        (at(10) + MICROSECOND, at(100), at(150) - MICROSECOND),
        # Overrun before the pause: by as much after it.
        (at(70), at(100), at(90)),
    ],
)
def test_resuming_gives_what_is_left_of_the_target(paused_at, resumed_at, due_at):
    paused = pause(start(60, START, ALWAYS_OPEN), paused_at, ALWAYS_OPEN)
    assert (paused.due_at, paused.running_since, paused.paused_at) == (None, None, paused_at)
    assert resume(paused, resumed_at, ALWAYS_OPEN).due_at == due_at


def test_a_paused_clock_consumes_nothing():
    clock = pause(start(60, START, ALWAYS_OPEN), at(10), ALWAYS_OPEN)
    assert consumed(clock, at(5000), ALWAYS_OPEN) == 10
    assert remaining(clock, at(5000), ALWAYS_OPEN) == 50
    assert standing(clock, at(5000)) is Standing.PAUSED


@pytest.mark.parametrize("change", [pause, meet])
def test_noticing_late_is_a_breach_whatever_comes_then(change):
    assert change(start(60, START, ALWAYS_OPEN), at(61), ALWAYS_OPEN).breached_at == at(60)
    assert change(start(60, START, ALWAYS_OPEN), at(60), ALWAYS_OPEN).breached_at is None


def test_what_does_not_fit_changes_nothing():
    running = start(60, START, ALWAYS_OPEN)
    paused = pause(running, at(10), ALWAYS_OPEN)
    over = meet(running, at(10), ALWAYS_OPEN)
    assert resume(running, at(20), ALWAYS_OPEN) is running
    assert reopen(running, at(20), ALWAYS_OPEN) is running
    assert pause(paused, at(20), ALWAYS_OPEN) is paused
    assert reopen(paused, at(20), ALWAYS_OPEN) is paused
    for change in (pause, resume, meet):
        assert change(over, at(20), ALWAYS_OPEN) is over
    assert stop(over, at(20), "closed", ALWAYS_OPEN) is over
    assert retarget(over, 5, at(20), ALWAYS_OPEN) is over


def test_stopping_is_no_verdict_unless_the_due_time_had_passed():
    in_time = stop(start(60, START, ALWAYS_OPEN), at(60), "closed", ALWAYS_OPEN)
    assert (in_time.stopped_at, in_time.stopped_reason) == (at(60), "closed")
    assert standing(in_time, at(999)) is Standing.STOPPED
    late = stop(start(60, START, ALWAYS_OPEN), at(61), "closed", ALWAYS_OPEN)
    assert standing(late, at(999)) is Standing.BREACHED


def test_ending_from_a_pause_is_in_time_however_long_the_pause_was():
    paused = pause(start(60, START, ALWAYS_OPEN), at(10), ALWAYS_OPEN)
    clock = meet(paused, at(5000), ALWAYS_OPEN)
    assert (clock.breached_at, clock.consumed_s, clock.due_at) == (None, 10, at(5050))


def test_reopening_does_not_count_the_time_between():
    clock = meet(start(60, START, ALWAYS_OPEN), at(10), ALWAYS_OPEN)
    again = reopen(clock, at(1000), ALWAYS_OPEN)
    assert (again.met_at, again.due_at, again.consumed_s) == (None, at(1050), 10)
    stopped = stop(start(60, START, ALWAYS_OPEN), at(10), "closed", ALWAYS_OPEN)
    again = reopen(stopped, at(1000), ALWAYS_OPEN)
    assert (again.stopped_at, again.stopped_reason, again.due_at) == (None, None, at(1050))


@pytest.mark.parametrize(
    ("target_s", "moment", "due_at", "breached_at", "cause"),
    [
        (30, at(10), at(30), None, None),
        (90, at(10), at(90), None, None),
        (10, at(10), at(10), None, None),
        (9, at(10), at(10), at(10), "priority_change"),
        # Already breached: neither again nor undone.
        (90, at(61), at(90), at(60), None),
        (9, at(61), at(61), at(60), None),
    ],
)
def test_another_target_keeps_what_was_consumed(target_s, moment, due_at, breached_at, cause):
    clock = retarget(start(60, START, ALWAYS_OPEN), target_s, moment, ALWAYS_OPEN)
    assert (clock.target_s, clock.due_at) == (target_s, due_at)
    assert (clock.breached_at, clock.cause) == (breached_at, cause)


def test_another_target_while_paused_waits_for_the_resumption():
    paused = pause(start(60, START, ALWAYS_OPEN), at(20), ALWAYS_OPEN)
    longer = retarget(paused, 90, at(30), ALWAYS_OPEN)
    assert (longer.due_at, longer.paused_at) == (None, at(20))
    assert resume(longer, at(100), ALWAYS_OPEN).due_at == at(170)
    shorter = retarget(paused, 10, at(30), ALWAYS_OPEN, cause="team_change")
    assert (shorter.breached_at, shorter.cause) == (at(30), "team_change")


@pytest.mark.parametrize(
    ("percent", "offset_s", "moment"),
    [
        (Decimal(75), None, at(75)),
        (Decimal(100), None, at(100)),
        (Decimal(150), None, at(150)),
        (Decimal("33.33"), None, at(33.33)),
        (None, -10, at(90)),
        (None, 0, at(100)),
        (None, 10, at(110)),
    ],
)
def test_steps_fall_due_by_percentage_or_distance(percent, offset_s, moment):
    clock = start(100, START, ALWAYS_OPEN)
    assert step_time(clock, percent, offset_s, ALWAYS_OPEN) == moment


def test_steps_move_with_a_pause_and_with_the_target():
    clock = resume(pause(start(100, START, ALWAYS_OPEN), at(50), ALWAYS_OPEN), at(200), ALWAYS_OPEN)
    assert step_time(clock, Decimal(75), None, ALWAYS_OPEN) == at(225)
    clock = retarget(clock, 200, at(210), ALWAYS_OPEN)
    assert step_time(clock, Decimal(75), None, ALWAYS_OPEN) == at(300)


@pytest.mark.parametrize(
    ("percent", "offset_s", "warns"),
    [
        (Decimal("99.99"), None, True),
        (Decimal(100), None, False),
        (Decimal(150), None, False),
        (None, -1, True),
        (None, 0, False),
        (None, 1, False),
    ],
)
def test_what_comes_before_the_due_time_warns(percent, offset_s, warns):
    assert is_warning(percent, offset_s) is warns


@pytest.mark.rule("sla 8")
def test_rule_8_a_pause_is_measured_by_the_calendar_of_the_target():
    # 9 h of business time from midnight: eight today, one tomorrow.
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    clock = start(9 * 3600, midnight, Nights())
    assert clock.due_at == midnight + timedelta(hours=25)
    # Paused at noon, when nothing passes any more, resumed the next day at 3.
    clock = pause(clock, midnight + timedelta(hours=12), Nights())
    assert clock.consumed_s == 8 * 3600
    clock = resume(clock, midnight + timedelta(hours=27), Nights())
    assert clock.due_at == midnight + timedelta(hours=28)
    assert step_time(clock, Decimal(50), None, Nights()) == midnight + timedelta(hours=7.5)


MOMENTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=30).map(sorted)


@pytest.mark.rule("sla 9")
@given(MOMENTS, st.integers(1, 10**6), st.data())
def test_no_sequence_of_pauses_loses_a_microsecond(offsets, target_s, data):
    clock = start(target_s, START, ALWAYS_OPEN)
    moment, ran = START, timedelta(0)
    for offset in offsets:
        then = START + timedelta(microseconds=offset)
        ran += (then - moment) if clock.is_running else timedelta(0)
        moment = then
        change = data.draw(st.sampled_from([pause, resume]))
        clock = change(clock, then, ALWAYS_OPEN)
        assert timedelta(seconds=consumed(clock, then, ALWAYS_OPEN)) == ran
        if clock.is_running:
            assert clock.due_at == then + timedelta(seconds=target_s) - ran
        is_breached = settle(clock, then).breached_at is not None
        assert is_breached == (ran > timedelta(seconds=target_s))


def test_a_clock_knows_why_it_began():
    assert start(60, START, ALWAYS_OPEN, cause="customer_reply").cause == "customer_reply"
    assert start(60, START, ALWAYS_OPEN).cause is None


def test_always_open_is_one_opening_or_none():
    assert list(ALWAYS_OPEN.openings(at(0), at(60))) == [(at(0), at(60))]
    assert list(ALWAYS_OPEN.openings(at(0), at(0))) == []
    assert list(ALWAYS_OPEN.openings(at(60), at(0))) == []


@pytest.mark.parametrize(("moment", "left"), [(at(0), 60), (at(9.5), 50.5), (at(70.25), -10.25)])
def test_what_is_left_of_a_running_clock_is_what_is_before_its_due_time(moment, left):
    assert remaining(start(60, START, ALWAYS_OPEN), moment, ALWAYS_OPEN) == left


def test_what_is_left_of_a_clock_that_stands_still_does_not_change():
    running = start(60, START, ALWAYS_OPEN)
    for still in (pause, meet):
        clock = still(running, at(9.5), ALWAYS_OPEN)
        assert [remaining(clock, at(s), ALWAYS_OPEN) for s in (10, 5000)] == [50.5, 50.5]


def test_when_a_clock_was_over():
    running = start(60, START, ALWAYS_OPEN)
    assert running.over_at is None
    assert meet(running, at(10), ALWAYS_OPEN).over_at == at(10)
    assert stop(running, at(11), "closed", ALWAYS_OPEN).over_at == at(11)


@pytest.mark.rule("sla 17")
def test_other_hours_measure_a_clock_from_now_on():
    clock = start(10 * HOUR, MIDNIGHT, ALWAYS_OPEN)
    changed = retarget(
        clock, 10 * HOUR, hours(4), ALWAYS_OPEN, cause="calendar_change", becomes=Nights()
    )
    # Four hours are used up; of the six that are left four pass tonight.
    assert (changed.consumed_s, changed.running_since) == (4 * HOUR, hours(4))
    assert (changed.due_at, changed.breached_at, changed.cause) == (hours(26), None, None)
    assert consumed(changed, hours(20), Nights()) == 8 * HOUR


@pytest.mark.rule("sla 17")
def test_what_is_overdue_stays_due_when_it_was_under_other_hours():
    clock = start(2 * HOUR, MIDNIGHT, ALWAYS_OPEN)
    changed = retarget(clock, 2 * HOUR, hours(3), ALWAYS_OPEN, becomes=Nights())
    assert (changed.due_at, changed.breached_at, changed.cause) == (hours(2), hours(2), None)
    # Unless something else is promised with them.
    changed = retarget(clock, 5 * HOUR, hours(3), ALWAYS_OPEN, becomes=Nights())
    assert (changed.due_at, changed.breached_at) == (hours(5), hours(2))


@pytest.mark.rule("sla 17")
def test_other_hours_leave_a_paused_clock_and_a_date_by_hand_alone():
    paused = pause(start(2 * HOUR, MIDNIGHT, ALWAYS_OPEN), hours(1), ALWAYS_OPEN)
    assert retarget(paused, 2 * HOUR, hours(3), ALWAYS_OPEN, becomes=Nights()) == paused
    promised = by_hand(start(2 * HOUR, MIDNIGHT, ALWAYS_OPEN), hours(9))
    changed = retarget(promised, 2 * HOUR, hours(1), ALWAYS_OPEN, becomes=Nights())
    assert (changed.due_at, changed.is_due_by_hand) == (hours(9), True)
    assert (changed.consumed_s, changed.running_since) == (HOUR, hours(1))


@pytest.mark.parametrize(
    ("target_s", "left_s", "is_soon"),
    [
        # An hour, whatever the target, …
        (60, HOUR, True),
        (60, HOUR + 1, False),
        (5 * HOUR, HOUR, True),
        # … or a fifth of it, …
        (10 * HOUR, 2 * HOUR, True),
        (10 * HOUR, 2 * HOUR + 1, False),
        # … but nothing that is more than a day away.
        (120 * HOUR, 24 * HOUR, True),
        (500 * HOUR, 24 * HOUR, True),
        (500 * HOUR, 24 * HOUR + 1, False),
        (60, -1, True),
    ],
)
def test_what_is_due_soon(target_s, left_s, is_soon):
    assert is_due_soon(at(left_s), target_s, START) is is_soon
