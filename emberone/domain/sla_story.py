"""The story of a clock, told from what history kept of it (SLA rule 25).

Replays the recorded changes through the arithmetic of :mod:`emberone.domain.sla`,
so that what comes out is reckoned and not copied: it must equal the stored clock.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Final
from uuid import UUID

from emberone.domain import sla
from emberone.domain.enums import Metric, Priority
from emberone.domain.sla import Calendar, Timing

#: The calendars of the versions that events name; None is 24×7.
Calendars = Mapping[UUID | None, Calendar]

#: Into so many openings a running while is taken apart: a month with its lunch breaks.
MOST_OPENINGS: Final = 50


class Change(StrEnum):
    """What can happen to a clock."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    RETARGETED = "retargeted"
    MET = "met"
    STOPPED = "stopped"
    REOPENED = "reopened"
    #: It stands again as it did before it last went on.
    TAKEN_BACK = "taken_back"
    #: It should never have begun.
    DISREGARDED = "disregarded"
    #: Due when a person says, and by its target again.
    PROMISED = "promised"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class ClockEvent:
    """One recorded change of one clock."""

    metric: Metric
    cycle: int
    change: Change
    at: datetime
    #: With STARTED and RETARGETED.
    target_s: int = 0
    #: Why: the cause of a start or another target, the reason of a stop.
    reason: str | None = None
    #: The version of the calendar that measures the clock from then on; None is 24×7.
    calendar: UUID | None = None
    #: With PROMISED.
    due_at: datetime | None = None
    #: Whose target it is; older entries do not say.
    priority: Priority | None = None


class SegmentKind(StrEnum):
    """What a clock did for a while."""

    RUNNING = "running"
    #: Running, but nobody works: nothing is consumed.
    OUTSIDE = "outside hours"
    PAUSED = "paused"
    CLOSED = "closed"
    #: It did run, but what made it run was dismissed.
    UNCOUNTED = "not counted"


@dataclass(frozen=True, slots=True)
class Segment:
    """A while in which a clock did one thing."""

    kind: SegmentKind
    start: datetime
    #: None: until now.
    end: datetime | None
    #: Business seconds consumed in it.
    consumed_s: float
    #: The change that began it; None: hours began or ended.
    began_with: Change | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One clock from its start until now."""

    metric: Metric
    cycle: int
    timing: Timing
    #: The version of the calendar that measures it now; None is 24×7.
    calendar: UUID | None
    #: Business seconds of the target that are left; negative once it is overrun.
    remaining_s: float
    segments: tuple[Segment, ...]


def tell(events: Iterable[ClockEvent], now: datetime, calendars: Calendars) -> list[Story]:
    """The story of every clock that these events (in their order) are about."""
    by_clock: dict[tuple[Metric, int], list[ClockEvent]] = {}
    for event in events:
        by_clock.setdefault((event.metric, event.cycle), []).append(event)
    return [
        _story(metric, cycle, of_clock, now, calendars)
        for (metric, cycle), of_clock in by_clock.items()
    ]


def replay(events: Iterable[ClockEvent], calendars: Calendars) -> list[Timing]:
    """The clock after each of its events."""
    timings: list[Timing] = []
    version = None
    as_closed: Timing | None = None
    for event in events:
        calendar = calendars[version]
        if event.change is Change.REOPENED and not timings[-1].is_open:
            as_closed = timings[-1]
        if event.change is Change.TAKEN_BACK:
            timings.append(as_closed or timings[-1])
        elif event.change is Change.STARTED:
            calendar = calendars[event.calendar]
            timings.append(sla.start(event.target_s, event.at, calendar, cause=event.reason))
        elif event.change is Change.RETARGETED:
            becomes = None if event.calendar == version else calendars[event.calendar]
            timings.append(_retarget(timings[-1], event, calendar, becomes))
        else:
            timings.append(_MOVES[event.change](timings[-1], event, calendar))
        version = event.calendar
    return timings


def _retarget(
    timing: Timing, event: ClockEvent, calendar: Calendar, becomes: Calendar | None
) -> Timing:
    cause = event.reason or sla.PRIORITY_CHANGE
    return sla.retarget(timing, event.target_s, event.at, calendar, cause=cause, becomes=becomes)


_MOVES: Mapping[Change, Callable[[Timing, ClockEvent, Calendar], Timing]] = {
    Change.PAUSED: lambda timing, event, calendar: sla.pause(timing, event.at, calendar),
    Change.RESUMED: lambda timing, event, calendar: sla.resume(timing, event.at, calendar),
    Change.MET: lambda timing, event, calendar: sla.meet(timing, event.at, calendar),
    Change.STOPPED: lambda timing, event, calendar: sla.stop(
        timing, event.at, event.reason or "", calendar
    ),
    Change.REOPENED: lambda timing, event, calendar: sla.reopen(timing, event.at, calendar),
    Change.DISREGARDED: lambda timing, event, _: sla.disregard(
        timing, event.at, event.reason or ""
    ),
    Change.PROMISED: lambda timing, event, calendar: sla.promise(
        timing, event.due_at or event.at, event.at, calendar
    ),
    Change.RELEASED: lambda timing, event, calendar: sla.release(timing, event.at, calendar),
}


def _story(
    metric: Metric, cycle: int, events: list[ClockEvent], now: datetime, calendars: Calendars
) -> Story:
    timings = replay(events, calendars)
    segments: list[Segment] = []
    uncounted = _uncounted(events, timings)
    for n, (event, timing) in enumerate(zip(events, timings, strict=True)):
        end = events[n + 1].at if n + 1 < len(events) else None
        if end is None and not timing.is_open:
            # What is over does not last until now.
            continue
        if n in uncounted:
            kind = SegmentKind.UNCOUNTED
            segments.append(Segment(kind, event.at, end, 0.0, event.change, event.reason))
        elif timing.is_running:
            segments += _running(event, end, now, calendars[event.calendar])
        else:
            segments.append(Segment(_kind(timing), event.at, end, 0.0, event.change, event.reason))
    timing, version = sla.settle(timings[-1], now), events[-1].calendar
    # Of what was consumed, whichever calendars counted it.
    left = round(timing.target_s - sla.consumed(timing, now, calendars[version]), 6)
    return Story(metric, cycle, timing, version, left, tuple(segments))


def _uncounted(events: Sequence[ClockEvent], timings: Sequence[Timing]) -> set[int]:
    """Which of the events came of something that was dismissed later."""
    found: set[int] = set()
    began = 0
    for n, event in enumerate(events):
        if event.change is Change.REOPENED and not timings[n - 1].is_open:
            began = n
        elif event.change in {Change.TAKEN_BACK, Change.DISREGARDED}:
            found.update(range(began, n))
    return found


def _running(
    event: ClockEvent, end: datetime | None, now: datetime, calendar: Calendar
) -> list[Segment]:
    """What ran, hours and the time between them apart, where they are few enough to read."""
    until = end or now
    used = round(calendar.between(event.at, until), 6)
    whole = Segment(SegmentKind.RUNNING, event.at, end, used, event.change, event.reason)
    openings = list(islice(_joined(calendar.openings(event.at, until)), MOST_OPENINGS + 1))
    if len(openings) > MOST_OPENINGS or openings == [(event.at, until)] or event.at >= until:
        return [whole]
    found: list[Segment] = []
    moment = event.at
    for begin, close in openings:
        if begin > moment:
            found.append(Segment(SegmentKind.OUTSIDE, moment, begin, 0.0, None))
        open_s = round((close - begin).total_seconds(), 6)
        found.append(Segment(SegmentKind.RUNNING, begin, close, open_s, None))
        moment = close
    if moment < until:
        found.append(Segment(SegmentKind.OUTSIDE, moment, until, 0.0, None))
    # The first is what the change began, the last lasts as long as the whole.
    found[0] = replace(found[0], began_with=event.change, reason=event.reason)
    found[-1] = replace(found[-1], end=end)
    return found


def _joined(
    openings: Iterable[tuple[datetime, datetime]],
) -> Iterator[tuple[datetime, datetime]]:
    """Openings that follow each other at once, as over midnight, are one."""
    last: tuple[datetime, datetime] | None = None
    for begin, close in openings:
        if last is not None and begin == last[1]:
            last = (last[0], close)
            continue
        if last is not None:
            yield last
        last = (begin, close)
    if last is not None:
        yield last


def _kind(timing: Timing) -> SegmentKind:
    return SegmentKind.PAUSED if timing.paused_at is not None else SegmentKind.CLOSED
