"""What promises would come to on a ticket opened at some time: in words, and as a picture.

The picture of a clock is a lane from the beginning to the last thing that happens. Its
places are percentages of the lane's width, so that it is as wide as its page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import to_user_timezone

from emberone.domain.enums import Metric, Priority
from emberone.domain.errors import CalendarExhausted, EmberOneError
from emberone.domain.forecast import Foreseen, ForeseenStep, foresee
from emberone.domain.promises import Promises
from emberone.domain.sla import ALWAYS_OPEN, Calendar
from emberone.web.admin.sla_words import (
    PRIORITIES,
    Names,
    actions_text,
    calendar_name,
    metric_name,
    priority_name,
    target_brief,
    when_text,
)
from emberone.web.theme.formats import time_hour, time_with_day

#: Of longer lanes nobody could tell the days apart.
_SHADED: Final = timedelta(days=45)

#: Where a lane begins and how wide it is, in per cent: marks at its ends need room.
_LEFT, _WIDTH = 1.5, 97.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When something comes, and what it is."""

    #: `warning`, `due` or `escalation`.
    kind: str
    text: str
    #: In full, with what happens.
    title: str
    #: Its place in the lane, in per cent.
    place: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One clock from its beginning to the last thing that happens."""

    name: str
    target: str
    due: Moment
    warnings: list[Moment]
    escalations: list[Moment]
    #: Place and width of what is open, in per cent; the whole lane where it is too long to tell.
    open_parts: list[tuple[str, str]]
    #: The picture in words.
    description: str


@dataclass(slots=True)
class Outlook:
    """What a ticket of one priority would be promised."""

    priority: Priority
    name: str
    calendar: str
    lanes: list[Lane] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a ticket opened then would be promised, whatever its priority."""

    opened_at: datetime
    outlooks: list[Outlook]
    #: Why some of it cannot be told.
    wrong: list[Any]
    has_next_response: bool


def preview_of(
    promises: Promises,
    calendars: Mapping[Priority, Calendar],
    at: datetime,
    *,
    calendar_names: Names,
    people: Names,
    wrong: Iterable[Any] = (),
) -> Preview:
    """The promises on a ticket opened at this time."""
    found = list(wrong)
    outlooks = []
    for priority in PRIORITIES:
        of_priority = _only(promises, priority)
        name = calendar_name(promises.calendars.get(priority), calendar_names)
        outlook = Outlook(priority, priority_name(priority), name)
        calendar = calendars.get(priority, ALWAYS_OPEN)
        try:
            foreseen = foresee(of_priority, {priority: calendar}, at)
            outlook.lanes = [_lane(same, calendar, people) for same in _together(foreseen)]
        except CalendarExhausted as refusal:
            found.append(refusal)
        outlooks.append(outlook)
    has_next = any(metric is Metric.NEXT_RESPONSE for metric, _priority in promises.targets)
    return Preview(at, outlooks, found, has_next)


def refusal_of(promises: Promises) -> EmberOneError | None:
    """Why these promises would not be taken; None where they would."""
    try:
        promises.check()
    except EmberOneError as refusal:
        return refusal
    return None


def _only(promises: Promises, priority: Priority) -> Promises:
    targets = {target: s for target, s in promises.targets.items() if target[1] is priority}
    return Promises(targets, promises.alerts, promises.closing_is_response, promises.calendars)


def _together(foreseen: Iterable[Foreseen]) -> list[list[Foreseen]]:
    """What comes at the very same times is shown once."""
    found: dict[Any, list[Foreseen]] = {}
    for each in foreseen:
        found.setdefault((each.target_s, each.due_at, each.steps), []).append(each)
    return list(found.values())


def _lane(same: list[Foreseen], calendar: Calendar, people: Names) -> Lane:
    foreseen = same[0]
    scale = _Scale(foreseen.began_at, foreseen.ends_at)
    due_text = time_with_day(foreseen.due_at)
    due = Moment("due", due_text, _("due %(time)s", time=due_text), scale.place(foreseen.due_at))
    steps = [(step, _moment(step, foreseen, scale, people)) for step in foreseen.steps]
    name = " · ".join(metric_name(each.metric) for each in same)
    said = [due.title, *(moment.title for _step, moment in steps)]
    return Lane(
        name=name,
        target=target_brief(foreseen.target_s, is_always_open=calendar is ALWAYS_OPEN),
        due=due,
        warnings=[moment for step, moment in steps if step.is_warning],
        escalations=[moment for step, moment in steps if not step.is_warning],
        open_parts=scale.open_parts(calendar),
        description=f"{name}: {'; '.join(said)}",
    )


def _moment(step: ForeseenStep, foreseen: Foreseen, scale: "_Scale", people: Names) -> Moment:
    time = time_with_day(step.at)
    day = to_user_timezone(step.at).date()
    is_same_day = day == to_user_timezone(foreseen.due_at).date()
    title = _(
        "%(time)s, %(when)s: %(what)s",
        time=time,
        when=when_text(step.alert),
        what=actions_text(step.alert, people),
    )
    kind = "warning" if step.is_warning else "escalation"
    text = time_hour(step.at) if is_same_day else time
    return Moment(kind, text, title, scale.place(step.at))


class _Scale:
    """Times as places in a lane."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        self.begin = begin
        self.end = end

    def place(self, moment: datetime) -> str:
        """Where a time is."""
        return f"{_LEFT + _WIDTH * self._share(moment - self.begin):.2f}%"

    def open_parts(self, calendar: Calendar) -> list[tuple[str, str]]:
        """What is open, as place and width."""
        if self.end - self.begin > _SHADED:
            parts = [(self.begin, self.end)]
        else:
            parts = calendar.openings(self.begin, self.end)
        return [
            (self.place(begin), f"{_WIDTH * self._share(end - begin):.2f}%") for begin, end in parts
        ]

    def _share(self, length: timedelta) -> float:
        # What would come before the beginning is drawn there; a form may be half typed.
        return min(1.0, max(0.0, length / (self.end - self.begin)))
