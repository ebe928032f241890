"""The arithmetic of SLA clocks: running, pausing, priority changes, verdicts and steps.

Pure: nothing here knows a database or the time. A clock is a :class:`Timing`,
and each function returns the next one. Seconds are business seconds of the
clock's :class:`Calendar`, kept to the microsecond.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from emberone.domain.errors import CalendarExhausted


class Calendar(Protocol):
    """When business time passes; 24×7 is a calendar too (SLA rule 11)."""

    def add(self, start: datetime, seconds: float) -> datetime:
        """The instant that many business seconds after `start`; before it where negative."""
        ...

    def between(self, start: datetime, end: datetime) -> float:
        """The business seconds from `start` to `end`, to the microsecond."""
        ...

    def openings(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """When business time passes between `start` and `end`, one opening after the other."""
        ...


@dataclass(frozen=True, slots=True)
class AlwaysOpen:
    """24×7: every second is a business second."""

    def add(self, start: datetime, seconds: float) -> datetime:
        """The instant that many seconds after `start`; before it where negative."""
        return start + timedelta(seconds=seconds)

    def between(self, start: datetime, end: datetime) -> float:
        """The seconds from `start` to `end`."""
        return (end - start).total_seconds()

    def openings(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The whole time from `start` to `end`."""
        if start < end:
            yield start, end


ALWAYS_OPEN = AlwaysOpen()

#: When a clock is due whose calendar does not open for so long: later than everything, and
#: before the horizon of calendars. With a calendar that does, it is due then (SLA rule 13).
NEVER = datetime(2199, 1, 1, tzinfo=UTC)

#: What is due within this time is due soon, whatever its target.
SOON = timedelta(hours=1)
#: So is what has used up all but this share of its target, …
SOON_SHARE = 0.2
#: … but nothing that is due later than that.
SOON_AT_MOST = timedelta(days=1)

#: The causes of a breach that a change alone made: another target, on the ticket or by its
#: policy, or other hours.
PRIORITY_CHANGE = "priority_change"
TEAM_CHANGE = "team_change"
POLICY_CHANGE = "policy_change"
CALENDAR_CHANGE = "calendar_change"
CHANGES = frozenset({PRIORITY_CHANGE, TEAM_CHANGE, POLICY_CHANGE, CALENDAR_CHANGE})


class Standing(StrEnum):
    """How a clock stands: the verdict where there is one, else whether it runs."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    MET = "MET"
    BREACHED = "BREACHED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class Timing:
    """What arithmetic needs of a clock; the fields are named as the columns are.

    Running: `running_since` and `due_at` set. Paused: `paused_at` set. Over:
    `met_at` or `stopped_at` set.
    """

    target_s: int
    started_at: datetime
    running_since: datetime | None = None
    paused_at: datetime | None = None
    #: Of the running intervals that are over.
    consumed_s: float = 0.0
    due_at: datetime | None = None
    #: Whether a person set the due time, which then stands as it is (SLA rule 19).
    is_due_by_hand: bool = False
    met_at: datetime | None = None
    breached_at: datetime | None = None
    stopped_at: datetime | None = None
    stopped_reason: str | None = None
    cause: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether time is being consumed."""
        return self.running_since is not None

    @property
    def is_open(self) -> bool:
        """Whether the event that this clock waits for may still come."""
        return self.running_since is not None or self.paused_at is not None

    @property
    def over_at(self) -> datetime | None:
        """When the clock ended, met or stopped; None while it is open."""
        return self.met_at or self.stopped_at


def start(target_s: int, at: datetime, calendar: Calendar, *, cause: str | None = None) -> Timing:
    """A clock that begins to run."""
    return Timing(
        target_s=target_s,
        started_at=at,
        running_since=at,
        due_at=_after(calendar, at, target_s),
        cause=cause,
    )


def consumed(timing: Timing, at: datetime, calendar: Calendar) -> float:
    """The business seconds that the clock has run until `at`, measured by its calendar."""
    if timing.running_since is None:
        return timing.consumed_s
    # To the microsecond, so that sums stay comparable with targets.
    return round(timing.consumed_s + calendar.between(timing.running_since, at), 6)


def remaining(timing: Timing, at: datetime, calendar: Calendar) -> float:
    """The business seconds left until the due time; negative once it has passed."""
    if timing.is_running and timing.due_at == NEVER:
        return round(timing.target_s - consumed(timing, at, calendar), 6)
    if timing.is_running and timing.due_at is not None:
        return round(calendar.between(at, timing.due_at), 6)
    return round(timing.target_s - timing.consumed_s, 6)


def settle(timing: Timing, at: datetime) -> Timing:
    """The clock with its breach noted, if the due time has passed without the event.

    Breached is later than due; at the very due time it is not (SLA rule 16).
    """
    if timing.is_running and timing.breached_at is None and at > _due(timing):
        return replace(timing, breached_at=timing.due_at)
    return timing


def pause(timing: Timing, at: datetime, calendar: Calendar) -> Timing:
    """The clock standing still. A due time set by hand is a promise and runs on (rule 19)."""
    timing = settle(timing, at)
    if not timing.is_running or timing.is_due_by_hand:
        return timing
    return replace(
        timing,
        consumed_s=consumed(timing, at, calendar),
        running_since=None,
        paused_at=at,
        due_at=None,
    )


def resume(timing: Timing, at: datetime, calendar: Calendar) -> Timing:
    """The clock running again after a pause, due when the rest of its target is used up.

    Always from what was consumed, never by moving the old due time (SLA rule 9).
    """
    if timing.paused_at is None:
        return timing
    return _run(replace(timing, paused_at=None), at, calendar)


def meet(timing: Timing, at: datetime, calendar: Calendar) -> Timing:
    """The clock ended by its event, met or breached by the event's own time (SLA rule 16)."""
    return _end(timing, at, calendar, lambda ended: replace(ended, met_at=at))


def stop(timing: Timing, at: datetime, reason: str, calendar: Calendar) -> Timing:
    """The clock ended without its event; a due time that had passed stays a breach."""
    return _end(
        timing, at, calendar, lambda ended: replace(ended, stopped_at=at, stopped_reason=reason)
    )


def reopen(timing: Timing, at: datetime, calendar: Calendar) -> Timing:
    """An ended clock going on; the time between does not count (SLA rule 10)."""
    if timing.is_open:
        return timing
    again = replace(timing, met_at=None, stopped_at=None, stopped_reason=None)
    return _run(again, at, calendar)


def disregard(timing: Timing, at: datetime, reason: str) -> Timing:
    """The clock ended as one that should never have begun: nothing of it counts, no verdict."""
    if timing.is_open:
        timing = replace(timing, running_since=None, paused_at=None, stopped_at=at)
        timing = replace(timing, stopped_reason=reason)
    return replace(timing, consumed_s=0.0, breached_at=None, cause=None)


def retarget(
    timing: Timing,
    target_s: int,
    at: datetime,
    calendar: Calendar,
    *,
    cause: str = PRIORITY_CHANGE,
    becomes: Calendar | None = None,
) -> Timing:
    """The clock with another target, or measured by another calendar from now on (SLA rule 17).

    What was consumed is kept, as the old calendar counted it. A breach stays the one
    breach it was. A target that is overrun by the change alone is breached at that
    moment, with the change as its cause.
    """
    timing = settle(timing, at)
    if not timing.is_open:
        return timing
    used = consumed(timing, at, calendar)
    if becomes is not None and timing.is_running:
        timing = replace(timing, consumed_s=used, running_since=at)
    if timing.is_due_by_hand:
        return timing
    is_another = target_s != timing.target_s
    changed = replace(timing, target_s=target_s)
    # What is overdue stays due when it was, unless something else is promised.
    if timing.is_running and (is_another or (becomes and timing.breached_at is None)):
        due_at = _after(becomes or calendar, at, max(0.0, target_s - used))
        changed = replace(changed, due_at=due_at)
    if used > target_s and timing.breached_at is None:
        changed = replace(changed, breached_at=at, cause=cause)
    return changed


def promise(timing: Timing, due_at: datetime, at: datetime, calendar: Calendar) -> Timing:
    """The clock due when a person has said, which nothing but a person moves (SLA rule 19).

    A paused clock runs for it: a date that was promised does not wait.
    """
    timing = settle(timing, at)
    if not timing.is_open:
        return timing
    return replace(resume(timing, at, calendar), due_at=due_at, is_due_by_hand=True)


def release(timing: Timing, at: datetime, calendar: Calendar) -> Timing:
    """The clock due by its target again."""
    timing = settle(timing, at)
    if not timing.is_running or not timing.is_due_by_hand:
        return timing
    left = max(0.0, timing.target_s - consumed(timing, at, calendar))
    return replace(timing, due_at=_after(calendar, at, left), is_due_by_hand=False)


def standing(timing: Timing, now: datetime) -> Standing:
    """How the clock stands now, whether or not anyone has noticed."""
    if settle(timing, now).breached_at is not None:
        return Standing.BREACHED
    if timing.met_at is not None:
        return Standing.MET
    if timing.stopped_at is not None:
        return Standing.STOPPED
    return Standing.RUNNING if timing.is_running else Standing.PAUSED


def step_time(
    timing: Timing, percent: Decimal | None, offset_s: int | None, calendar: Calendar
) -> datetime:
    """When a step of a running clock falls due: a percentage of the target, or ± from due.

    Both are reckoned from the due time, so that one set by hand is followed too. Where
    hours run out on the way, what is to come never does, and what lies behind is overdue.
    """
    due_at = _due(timing)
    if due_at == NEVER:
        return NEVER
    seconds: float
    if offset_s is not None:
        seconds = offset_s
    else:
        assert percent is not None
        seconds = -float(timing.target_s * (100 - percent) / 100)
    if seconds >= 0:
        return _after(calendar, due_at, seconds)
    try:
        return calendar.add(due_at, seconds)
    except CalendarExhausted:
        return timing.started_at


def is_due_soon(due_at: datetime, target_s: int, now: datetime) -> bool:
    """Whether so little time is left that someone should look at it now."""
    share = timedelta(seconds=target_s * SOON_SHARE)
    return due_at - now <= min(max(SOON, share), SOON_AT_MOST)


def is_warning(percent: Decimal | None, offset_s: int | None) -> bool:
    """Whether a step comes before the due time; the others escalate."""
    return offset_s < 0 if offset_s is not None else percent is not None and percent < 100


def _run(timing: Timing, at: datetime, calendar: Calendar) -> Timing:
    if timing.is_due_by_hand and timing.due_at is not None and timing.due_at > at:
        return replace(timing, running_since=at)
    # A promised date that lies behind says nothing about what is to come.
    left = round(timing.target_s - timing.consumed_s, 6)
    due_at = _after(calendar, at, left)
    return replace(timing, running_since=at, due_at=due_at, is_due_by_hand=False)


def _end(
    timing: Timing, at: datetime, calendar: Calendar, note: Callable[[Timing], Timing]
) -> Timing:
    if not timing.is_open:
        return timing
    # A paused clock runs for no time at all, which gives it the due time it would have had.
    running = settle(resume(timing, at, calendar), at)
    return note(replace(running, consumed_s=consumed(running, at, calendar), running_since=None))


def _after(calendar: Calendar, at: datetime, seconds: float) -> datetime:
    """That many business seconds later; NEVER where the calendar does not open for so long."""
    try:
        return calendar.add(at, seconds)
    except CalendarExhausted:
        return NEVER


def _due(timing: Timing) -> datetime:
    assert timing.due_at is not None
    return timing.due_at
