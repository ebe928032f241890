"""The story of a clock, told from what history kept of it (SLA rule 25).

Replays the recorded changes through the arithmetic of :mod:`emberone.domain.sla`,
so that what comes out is reckoned and not copied: it must equal the stored clock.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from emberone.domain import sla
from emberone.domain.enums import Metric
from emberone.domain.sla import Calendar, Timing


class Change(StrEnum):
    """What can happen to a clock."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    RETARGETED = "retargeted"
    MET = "met"
    STOPPED = "stopped"
    REOPENED = "reopened"


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


class SegmentKind(StrEnum):
    """What a clock did for a while."""

    RUNNING = "running"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Segment:
    """A while in which a clock did one thing."""

    kind: SegmentKind
    start: datetime
    #: None: until now.
    end: datetime | None
    #: Business seconds consumed in it.
    consumed_s: float
    #: The change that began it.
    began_with: Change
    reason: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """One clock from its start until now."""

    metric: Metric
    cycle: int
    timing: Timing
    segments: tuple[Segment, ...]


def tell(events: Iterable[ClockEvent], now: datetime, calendar: Calendar) -> list[Story]:
    """The story of every clock that these events (in their order) are about."""
    by_clock: dict[tuple[Metric, int], list[ClockEvent]] = {}
    for event in events:
        by_clock.setdefault((event.metric, event.cycle), []).append(event)
    return [
        _story(metric, cycle, of_clock, now, calendar)
        for (metric, cycle), of_clock in by_clock.items()
    ]


def replay(events: Iterable[ClockEvent], calendar: Calendar) -> list[Timing]:
    """The clock after each of its events."""
    timings: list[Timing] = []
    for event in events:
        if event.change is Change.STARTED:
            timings.append(sla.start(event.target_s, event.at, calendar, cause=event.reason))
        else:
            timings.append(_MOVES[event.change](timings[-1], event, calendar))
    return timings


_MOVES: Mapping[Change, Callable[[Timing, ClockEvent, Calendar], Timing]] = {
    Change.PAUSED: lambda timing, event, calendar: sla.pause(timing, event.at, calendar),
    Change.RESUMED: lambda timing, event, calendar: sla.resume(timing, event.at, calendar),
    Change.MET: lambda timing, event, calendar: sla.meet(timing, event.at, calendar),
    Change.STOPPED: lambda timing, event, calendar: sla.stop(
        timing, event.at, event.reason or "", calendar
    ),
    Change.REOPENED: lambda timing, event, calendar: sla.reopen(timing, event.at, calendar),
    Change.RETARGETED: lambda timing, event, calendar: sla.retarget(
        timing, event.target_s, event.at, calendar, cause=event.reason or sla.PRIORITY_CHANGE
    ),
}


def _story(
    metric: Metric, cycle: int, events: list[ClockEvent], now: datetime, calendar: Calendar
) -> Story:
    timings = replay(events, calendar)
    segments = []
    for n, (event, timing) in enumerate(zip(events, timings, strict=True)):
        end = events[n + 1].at if n + 1 < len(events) else None
        if end is None and not timing.is_open:
            # What is over does not last until now.
            continue
        used = calendar.between(event.at, end or now) if timing.is_running else 0.0
        segments.append(
            Segment(_kind(timing), event.at, end, round(used, 6), event.change, event.reason)
        )
    return Story(metric, cycle, sla.settle(timings[-1], now), tuple(segments))


def _kind(timing: Timing) -> SegmentKind:
    if timing.is_running:
        return SegmentKind.RUNNING
    return SegmentKind.PAUSED if timing.paused_at is not None else SegmentKind.CLOSED
