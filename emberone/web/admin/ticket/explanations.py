"""Why a ticket's clocks stand as they do, told from history, for its page (SLA rule 25)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from emberone.domain.enums import Metric
from emberone.domain.sla import CHANGES, NEVER, Timing
from emberone.domain.sla_story import Change, Segment, SegmentKind, Story
from emberone.queries.calendars import Measuring, names_of
from emberone.queries.sla import stories
from emberone.web.admin.limits import CAUSES, METRIC_NAMES
from emberone.web.theme.formats import time_full

#: What a clock did, worded, with its sign.
_KINDS: Final[Mapping[SegmentKind, tuple[Any, str]]] = {
    SegmentKind.RUNNING: (_l("Counted"), "clock"),
    SegmentKind.OUTSIDE: (_l("Outside hours"), "moon"),
    SegmentKind.PAUSED: (_l("Paused"), "player-pause"),
    SegmentKind.CLOSED: (_l("Closed"), "circle-check"),
    SegmentKind.UNCOUNTED: (_l("Does not count"), "history"),
}

#: What began it.
_BEGINNINGS: Final[Mapping[Change, Any]] = {
    Change.STARTED: _l("It began"),
    Change.PAUSED: _l("It waits for the customer"),
    Change.RESUMED: _l("It waits for the customer no longer"),
    Change.RETARGETED: _l("Something else is promised"),
    Change.MET: _l("It was met"),
    Change.STOPPED: _l("It was stopped"),
    Change.REOPENED: _l("The ticket was reopened"),
    Change.TAKEN_BACK: _l("It stands as it did at the closing"),
    Change.DISREGARDED: _l("It counts for nothing"),
    Change.PROMISED: _l("A time was promised by hand"),
    Change.RELEASED: _l("It is due by its target again"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One while of a clock."""

    kind: str
    icon: str
    start: datetime
    #: None: until now.
    end: datetime | None
    #: Counted in it; empty where nothing was.
    counted: str
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One clock: what was promised, what is used up, by which hours, and how it came so."""

    metric: Metric
    name: str
    #: Whether a time may be promised for it.
    is_open: bool
    #: Whether one was.
    is_by_hand: bool
    verdict: str
    figures: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


def explanations(session: Session, ticket_id: UUID, now: datetime) -> list[Explanation]:
    """Every clock of a ticket, reckoned anew from its history."""
    told = stories(session, ticket_id, now)
    measures = names_of(session, {s.calendar for s in told if s.calendar is not None})
    return [_explanation(story, measures) for story in told]


def _explanation(story: Story, measures: Mapping[UUID, Measuring]) -> Explanation:
    name = str(METRIC_NAMES[story.metric])
    if story.cycle > 1:
        name = _("%(name)s, round %(number)s", name=name, number=story.cycle)
    lines = tuple(_line(segment) for segment in story.segments)
    return Explanation(
        metric=story.metric,
        name=name,
        is_open=story.timing.is_open,
        is_by_hand=story.timing.is_due_by_hand,
        verdict=_verdict(story.timing),
        figures=tuple(_figures(story, measures)),
        lines=lines,
    )


def _figures(story: Story, measures: Mapping[UUID, Measuring]) -> Iterable[tuple[str, str]]:
    timing = story.timing
    used = sum(segment.consumed_s for segment in story.segments)
    yield _("Target"), _span(timing.target_s)
    yield _("Used up"), _span(used)
    if timing.is_open and story.remaining_s >= 0:
        yield _("Left"), _span(story.remaining_s)
    elif timing.is_open:
        yield _("Overdue by"), _span(-story.remaining_s)
    if timing.due_at == NEVER:
        yield _("Due"), _("never: its calendar does not open for so long")
    elif timing.due_at is not None:
        due = time_full(timing.due_at)
        yield _("Due"), _("%(time)s, promised by hand", time=due) if timing.is_due_by_hand else due
    if story.calendar is None:
        yield _("Hours"), _("around the clock")
    else:
        measure = measures[story.calendar]
        counted = _("%(name)s, version %(version)s", name=measure.name, version=measure.version)
        yield _("Hours"), f"{counted} ({measure.zone})"


def _verdict(timing: Timing) -> str:
    if timing.breached_at is not None:
        verdict = _("Breached at %(time)s", time=time_full(timing.breached_at))
        if timing.cause in CHANGES:
            verdict += f" ({CAUSES[timing.cause]})"
        return verdict
    if timing.met_at is not None:
        return _("Met at %(time)s", time=time_full(timing.met_at))
    if timing.stopped_at is not None:
        reason = CAUSES.get(timing.stopped_reason or "", timing.stopped_reason)
        return _("Stopped at %(time)s: %(why)s", time=time_full(timing.stopped_at), why=reason)
    return _("Runs") if timing.is_running else _("Paused")


def _line(segment: Segment) -> Line:
    kind, icon = _KINDS[segment.kind]
    counted = _span(segment.consumed_s) if segment.kind is SegmentKind.RUNNING else ""
    return Line(str(kind), icon, segment.start, segment.end, counted, _why(segment))


def _why(segment: Segment) -> str:
    if segment.began_with is None:
        is_running = segment.kind is SegmentKind.RUNNING
        return _("Hours began") if is_running else _("Hours ended")
    why = str(_BEGINNINGS[segment.began_with])
    if segment.reason:
        why += f" ({CAUSES.get(segment.reason, segment.reason)})"
    return why


def _span(seconds: float) -> str:
    """Never in days, of which a calendar's have fewer hours."""
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    if hours and left:
        return _("%(hours)s h %(minutes)s min", hours=hours, minutes=left)
    if hours:
        return _("%(hours)s h", hours=hours)
    if minutes and rest:
        return _("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=rest)
    return _("%(minutes)s min", minutes=minutes) if minutes else _("%(seconds)s s", seconds=rest)
