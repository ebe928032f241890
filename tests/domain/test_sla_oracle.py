"""Random lives of SLA clocks on random calendars, against an oracle that walks the time line.

The oracle knows no due times and no arithmetic of calendars: it looks at the wall's clock
over and over and adds up what was open while the clock ran (SLA rule 25).
`EMBERONE_CALENDAR_CASES=100000` tries as many lives as it says.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberone.domain import sla
from emberone.domain.calendar import BusinessCalendar
from emberone.domain.enums import Metric
from emberone.domain.sla import ALWAYS_OPEN
from emberone.domain.sla_story import Change, ClockEvent, SegmentKind, tell
from tests.domain.test_calendar_oracle import MICROSECOND, Oracle, cases, thorough

#: Where clocks change by an hour, by half an hour, and for one month of the year.
ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")
#: Further than so much the oracle does not look for a due time.
FARTHEST = timedelta(hours=12)


class AroundTheClock:
    """The oracle of 24×7."""

    def between(self, start, end):
        return (end - start) / timedelta(seconds=1)

    def is_open(self, moment):
        return True


@dataclass
class Walker:
    """A clock that is told what happens and counts on its fingers."""

    oracle: object
    target: float
    since: object
    is_running: bool = True
    is_over: bool = False
    #: Of the whiles that are over, in seconds.
    ran: float = 0.0
    breached_at: object = None
    cause: str | None = None
    #: The promise that counts now has been in force since then.
    promised_at: object = None
    #: Whiles that it has walked already.
    walked: dict = field(default_factory=dict)
    #: As it stood before it last went on.
    as_closed: dict | None = None

    def used(self, at):
        if not self.is_running:
            return self.ran
        way = (id(self.oracle), self.since, at)
        if way not in self.walked:
            self.walked[way] = self.oracle.between(self.since, at)
        return round(self.ran + self.walked[way], 6)

    def look(self, at, due_at):
        """Note a breach, if it has come to one before `at`: due is not late, what is later is."""
        if not self.is_running or self.breached_at is not None or at <= self.since:
            return
        last = 1e-6 if self.oracle.is_open(at - MICROSECOND) else 0.0
        if round(self.used(at) - last, 6) >= self.target:
            self.assert_is_due(due_at)
            self.breached_at = due_at

    def assert_is_due(self, due_at):
        """The first moment of the promise at which no more is left."""
        begin = max(self.since, self.promised_at)
        assert due_at >= begin
        if due_at - self.since > FARTHEST:
            return
        assert self.used(due_at) == max(self.target, self.used(begin))
        assert due_at == begin or self.oracle.is_open(due_at - MICROSECOND)

    def count(self, at):
        self.ran, self.since = self.used(at), at

    def pause(self, at):
        if not self.is_over:
            self.count(at)
            self.is_running = False

    def resume(self, at):
        if not self.is_over and not self.is_running:
            self.is_running, self.since = True, at
            self.promised_at = at

    def end(self, at):
        if not self.is_over:
            self.count(at)
            self.is_running, self.is_over = False, True

    def reopen(self, at):
        if self.is_over:
            self.as_closed = {name: getattr(self, name) for name in self.VERDICT}
            self.is_over = False
            self.resume(at)

    VERDICT = (
        "oracle", "target", "since", "is_running", "is_over", "ran", "breached_at", "cause",
        "promised_at",
    )  # fmt: skip

    def take_back(self):
        for name, value in self.as_closed.items():
            setattr(self, name, value)

    def retarget(self, at, target, oracle):
        if self.is_over:
            return
        self.count(at)
        if self.ran > target and self.breached_at is None and target != self.target:
            self.breached_at, self.cause = at, "priority_change"
        self.target, self.oracle, self.promised_at = target, oracle, at


gaps = st.integers(0, 40).map(lambda q: q * 900.0) | st.integers(0, 36_000_000_000).map(
    lambda us: us / 1_000_000
)
targets = st.integers(1, 48).map(lambda q: q * 900) | st.integers(1, 12 * 3600)
moves = st.sampled_from(
    [
        Change.PAUSED,
        Change.RESUMED,
        Change.RETARGETED,
        Change.MET,
        Change.STOPPED,
        Change.REOPENED,
        Change.TAKEN_BACK,
    ]
)
lives = st.lists(st.tuples(gaps, moves, targets, st.integers(0, 2)), max_size=6)


@pytest.mark.rule("sla 8")
@pytest.mark.rule("sla 9")
@pytest.mark.rule("sla 12")
@pytest.mark.rule("sla 16")
@pytest.mark.rule("sla 17")
@pytest.mark.rule("sla 25")
@given(
    cases(zones=st.sampled_from(ZONES)),
    cases(zones=st.sampled_from(ZONES)),
    targets,
    lives,
    gaps,
)
@thorough
def test_every_life_of_a_clock_comes_out_as_a_walk_counts_it(case, other, target, life, last):
    zone, definition, at = case
    calendars = [
        BusinessCalendar.read(zone, definition),
        BusinessCalendar.read(*other[:2]),
        ALWAYS_OPEN,
    ]
    oracles = [Oracle(zone, definition), Oracle(*other[:2]), AroundTheClock()]
    clock, which, as_closed = sla.start(target, at, calendars[0]), 0, None
    walker = Walker(oracles[0], target, at, promised_at=at)
    events = [ClockEvent(Metric.RESOLUTION, 1, Change.STARTED, at, target, None, 0)]
    for gap, move, new_target, new_calendar in life:
        at += timedelta(seconds=gap)
        walker.look(at, clock.due_at)
        if move is Change.RETARGETED and clock.is_open:
            becomes = None if new_calendar == which else calendars[new_calendar]
            clock = sla.retarget(clock, new_target, at, calendars[which], becomes=becomes)
            walker.retarget(at, new_target, oracles[new_calendar])
            which = new_calendar
        elif move is Change.PAUSED:
            clock = sla.pause(clock, at, calendars[which])
            walker.pause(at)
        elif move is Change.RESUMED:
            clock = sla.resume(clock, at, calendars[which])
            walker.resume(at)
        elif move is Change.MET:
            clock = sla.meet(clock, at, calendars[which])
            walker.end(at)
        elif move is Change.STOPPED:
            clock = sla.stop(clock, at, "closed", calendars[which])
            walker.end(at)
        elif move is Change.REOPENED:
            if not clock.is_open:
                as_closed = clock, which
            clock = sla.reopen(clock, at, calendars[which])
            walker.reopen(at)
        elif move is Change.TAKEN_BACK:
            if as_closed is None:
                continue
            (clock, which), as_closed = as_closed, None
            walker.take_back()
        events.append(
            ClockEvent(Metric.RESOLUTION, 1, move, at, clock.target_s, _reason(move), which)
        )
        assert_agrees(clock, walker, at, calendars[which])
    at += timedelta(seconds=last)
    walker.look(at, clock.due_at)
    clock = sla.settle(clock, at)
    assert_agrees(clock, walker, at, calendars[which])
    assert_steps_lie_before_due(clock, walker, calendars[which])
    assert_history_tells_it(events, clock, walker, at, calendars)


def _reason(move):
    return "closed" if move is Change.STOPPED else None


def assert_agrees(clock, walker, at, calendar):
    # A breach is noted with the next thing that happens to the clock.
    clock = sla.settle(clock, at)
    assert sla.consumed(clock, at, calendar) == walker.used(at)
    assert (clock.is_running, clock.is_open) == (walker.is_running, not walker.is_over)
    assert (clock.breached_at, clock.cause) == (walker.breached_at, walker.cause)
    assert clock.target_s == walker.target
    if clock.is_running and clock.breached_at is None:
        walker.assert_is_due(clock.due_at)


def assert_steps_lie_before_due(clock, walker, calendar):
    if clock.is_running and clock.breached_at is None:
        moment = sla.step_time(clock, Decimal(75), None, calendar)
        if clock.due_at - moment <= FARTHEST:
            assert walker.oracle.between(moment, clock.due_at) == clock.target_s / 4


def assert_history_tells_it(events, clock, walker, at, calendars):
    [story] = tell(events, at, {**dict(enumerate(calendars)), None: ALWAYS_OPEN})
    assert story.timing == clock
    told = sum(segment.consumed_s for segment in story.segments)
    assert told == pytest.approx(walker.used(at), abs=1e-5)
    for segment in story.segments:
        if segment.kind in {SegmentKind.OUTSIDE, SegmentKind.UNCOUNTED}:
            assert segment.consumed_s == 0
    for one, following in zip(story.segments, story.segments[1:], strict=False):
        assert one.end == following.start
