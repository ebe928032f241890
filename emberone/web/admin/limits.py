"""SLA clocks as marks: how they stand, in how long or since when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from babel.dates import format_timedelta
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from emberone.domain.enums import Metric
from emberone.domain.lifecycle import THANKS_DISMISSED
from emberone.domain.sla import Standing, is_due_soon
from emberone.queries.sla import ClockView, NextDue
from emberone.web.theme.formats import time_full

#: Why a clock became so.
CAUSES: Final[Mapping[str, Any]] = {
    "closed": _l("the ticket was closed"),
    "came_closed": _l("it came closed"),
    THANKS_DISMISSED: _l("the customer had only said thank you"),
    "no_target": _l("nothing is promised"),
    "comment_deleted": _l("what the customer said was deleted"),
    "import": _l("it was imported"),
    "team_change": _l("the team changed"),
    "priority_change": _l("the priority changed"),
    "policy_change": _l("the policy changed"),
    "calendar_change": _l("the calendar changed"),
}

#: Each metric, worded.
METRIC_NAMES: Final[Mapping[Metric, Any]] = {
    Metric.FIRST_RESPONSE: _l("First response"),
    Metric.NEXT_RESPONSE: _l("Next response"),
    Metric.RESOLUTION: _l("Resolution"),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One clock as the theme's badge takes it."""

    name: str
    #: on_track, due_soon, breached, met, paused or neutral.
    state: str
    text: str
    title: str
    #: Whether it stands in the head of the ticket's page.
    is_shown: bool = False


def due_marks(due: Mapping[UUID, NextDue], now: datetime) -> dict[UUID, Mark]:
    """The next due time of each ticket of a list."""
    return {ticket_id: _due_mark(next_due, now) for ticket_id, next_due in due.items()}


def _due_mark(due: NextDue, now: datetime) -> Mark:
    name = str(METRIC_NAMES[due.metric])
    return Mark(
        name=name,
        state=_running_state(is_late=due.is_breached, is_soon=due.is_soon),
        text=_distance(due.due_at - now),
        title=_("%(name)s due %(time)s", name=name, time=time_full(due.due_at)),
    )


def clock_marks(clocks: Iterable[ClockView], now: datetime) -> list[Mark]:
    """The newest cycle of each clock of a ticket."""
    newest: dict[Metric, ClockView] = {}
    for clock in clocks:
        newest.setdefault(clock.metric, clock)
    return [_clock_mark(clock, now) for clock in newest.values()]


def _clock_mark(clock: ClockView, now: datetime) -> Mark:
    name = str(METRIC_NAMES[clock.metric])
    if clock.is_open and clock.due_at is not None:
        state = _running_state(
            is_late=clock.breached_at is not None or clock.due_at < now,
            is_soon=is_due_soon(clock.due_at, clock.target_s, now),
        )
        title = _("%(name)s due %(time)s", name=name, time=time_full(clock.due_at))
        text = _distance(clock.due_at - now)
        return Mark(name, state, text, title, is_shown=True)
    if clock.standing is Standing.RUNNING:
        why = _("never due: its calendar does not open for so long")
        return Mark(name, "paused", _("never due"), f"{name} {why}", is_shown=True)
    if clock.standing is Standing.PAUSED:
        left = length_text(timedelta(seconds=max(0.0, clock.remaining_s)))
        return Mark(name, "paused", _("paused, %(left)s left", left=left), name, is_shown=True)
    state, text = {
        Standing.MET: ("met", _("met")),
        Standing.BREACHED: ("breached", _("breached")),
    }.get(clock.standing, ("neutral", _("stopped")))
    return Mark(name, state, text, str(CAUSES.get(clock.stopped_reason or "", name)))


def _running_state(*, is_late: bool, is_soon: bool) -> str:
    if is_late:
        return "breached"
    return "due_soon" if is_soon else "on_track"


def _distance(left: timedelta) -> str:
    if left < timedelta():
        return _("%(time)s late", time=length_text(-left))
    return length_text(left)


def length_text(length: timedelta) -> str:
    """A span as people say it, to the minute."""
    locale = get_locale() or "en"
    return str(format_timedelta(length, granularity="minute", format="short", locale=locale))
