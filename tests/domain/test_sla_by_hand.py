"""Due times that a person set: what binds them, and what does not."""

from dataclasses import replace

import pytest

from emberone.domain.sla import (
    ALWAYS_OPEN,
    meet,
    pause,
    promise,
    release,
    remaining,
    reopen,
    retarget,
    start,
)
from tests.domain.clocks import HOUR, MICROSECOND, MIDNIGHT, START, Nights, at, by_hand, hours


def test_a_due_time_set_by_hand_is_neither_retargeted_nor_paused():
    clock = by_hand(start(60, START, ALWAYS_OPEN), at(500))
    assert retarget(clock, 5, at(10), ALWAYS_OPEN) is clock
    assert pause(clock, at(10), ALWAYS_OPEN) is clock
    assert remaining(clock, at(10), ALWAYS_OPEN) == 490
    assert meet(clock, at(501), ALWAYS_OPEN).breached_at == at(500)


def test_a_date_that_lies_behind_does_not_bind_a_reopened_clock():
    clock = meet(by_hand(start(60, START, ALWAYS_OPEN), at(50)), at(40), ALWAYS_OPEN)
    assert reopen(clock, at(45), ALWAYS_OPEN).due_at == at(50)
    again = reopen(clock, at(1000), ALWAYS_OPEN)
    assert (again.due_at, again.is_due_by_hand) == (at(1020), False)


def test_a_date_by_hand_binds_a_reopened_clock_until_it_has_come():
    clock = meet(by_hand(start(60, START, ALWAYS_OPEN), at(50)), at(40), ALWAYS_OPEN)
    bound = reopen(clock, at(50) - MICROSECOND, ALWAYS_OPEN)
    assert (bound.running_since, bound.is_due_by_hand) == (at(50) - MICROSECOND, True)
    free = reopen(clock, at(50), ALWAYS_OPEN)
    assert (free.running_since, free.due_at, free.is_due_by_hand) == (at(50), at(70), False)


@pytest.mark.rule("sla 19")
def test_a_promised_date_runs_through_a_pause_and_is_the_due_time():
    running = start(60, START, ALWAYS_OPEN)
    promised = promise(running, at(500), at(10), ALWAYS_OPEN)
    assert promised == replace(running, due_at=at(500), is_due_by_hand=True)
    paused = pause(running, at(10), ALWAYS_OPEN)
    promised = promise(paused, at(500), at(30), ALWAYS_OPEN)
    assert (promised.due_at, promised.is_due_by_hand) == (at(500), True)
    assert (promised.running_since, promised.paused_at, promised.consumed_s) == (at(30), None, 10)


@pytest.mark.rule("sla 19")
def test_a_date_that_is_taken_back_leaves_what_is_left_of_the_target():
    promised = promise(start(60, START, ALWAYS_OPEN), at(500), at(10), ALWAYS_OPEN)
    for moment, due_at in ((at(30), at(60)), (at(60), at(60)), (at(61.5), at(61.5))):
        released = release(promised, moment, ALWAYS_OPEN)
        assert (released.due_at, released.is_due_by_hand) == (due_at, False)
        assert released.running_since == START
    nightly = promise(start(9 * HOUR, MIDNIGHT, Nights()), hours(99), MIDNIGHT, Nights())
    assert release(nightly, hours(12), Nights()).due_at == hours(25)


@pytest.mark.rule("sla 19")
def test_a_breach_stays_whatever_date_is_promised_or_taken_back():
    late = promise(start(60, START, ALWAYS_OPEN), at(500), at(61), ALWAYS_OPEN)
    assert (late.breached_at, late.due_at) == (at(60), at(500))
    assert release(late, at(501), ALWAYS_OPEN).breached_at == at(60)
    broken = promise(start(600, START, ALWAYS_OPEN), at(50), at(10), ALWAYS_OPEN)
    assert release(broken, at(51), ALWAYS_OPEN).breached_at == at(50)


def test_there_is_no_date_to_promise_or_take_back_where_nothing_runs():
    running = start(60, START, ALWAYS_OPEN)
    over = meet(running, at(10), ALWAYS_OPEN)
    assert promise(over, at(500), at(20), ALWAYS_OPEN) is over
    by_date = meet(by_hand(running, at(500)), at(10), ALWAYS_OPEN)
    for clock in (running, over, by_date, pause(running, at(10), ALWAYS_OPEN)):
        assert release(clock, at(20), ALWAYS_OPEN) is clock
