"""Promises in words: spans, steps, and what one version says otherwise than another."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from flask_babel import format_decimal
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from emberone.domain import sla
from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.promises import PlannedAlert, Promises, Target
from emberone.web.admin.choices import Pairs
from emberone.web.admin.limits import METRIC_NAMES
from emberone.web.admin.setting_fields import span_text
from emberone.web.theme.badges import badge_of

#: The most urgent first, as everywhere.
PRIORITIES: Final = tuple(reversed(Priority))

#: What a step can do, in the order in which it is done: letters and notes tell of the raised
#: priority, and whoever loses the ticket hears of it before.
ACTIONS: Final[Mapping[StepAction, Any]] = {
    StepAction.RAISE_PRIORITY: _l("Raise the priority one level"),
    StepAction.COMMENT: _l("Write a note on the ticket"),
    StepAction.NOTIFY_ASSIGNEE: _l("Tell the agent"),
    StepAction.NOTIFY_ADMINS: _l("Tell the admins"),
    StepAction.NOTIFY_PERSON: _l("Tell somebody else"),
    StepAction.REASSIGN: _l("Give the ticket to another agent"),
}

#: Names of calendars, and of people whom steps tell, by their ids.
Names = Mapping[UUID, str]

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR


def priority_name(priority: Priority) -> str:
    """A priority as a word."""
    return str(badge_of(priority).label)


def metric_name(metric: Metric) -> str:
    """A metric as a word."""
    return str(METRIC_NAMES[metric])


def target_text(target_s: int, *, is_always_open: bool) -> str:
    """A target in words; in hours at most where a day of its calendar has not 24 of them."""
    unit = "h" if not is_always_open and target_s % _DAY == 0 else None
    return span_text(target_s, unit)


def target_brief(target_s: int, *, is_always_open: bool) -> str:
    """A target for a narrow column: `4 h`."""
    units: list[tuple[int, Callable[[str], str]]] = [
        (_HOUR, lambda n: _("%(n)s h", n=n)),
        (60, lambda n: _("%(n)s min", n=n)),
        (1, lambda n: _("%(n)s s", n=n)),
    ]
    if is_always_open:
        units.insert(0, (_DAY, lambda n: _("%(n)s d", n=n)))
    length, word = next(unit for unit in units if target_s % unit[0] == 0)
    return word(format_decimal(target_s // length))


def calendar_name(calendar_id: UUID | None, calendars: Names) -> str:
    """How a calendar is called; none is 24×7."""
    if calendar_id is None:
        return _("24×7")
    return calendars.get(calendar_id, _("a calendar that is gone"))


def when_text(alert: PlannedAlert) -> str:
    """When a step comes."""
    if alert.percent is not None:
        if alert.percent == 100:
            return _("when it is due")
        return _("at %(percent)s %% of the time", percent=format_decimal(alert.percent))
    offset_s = alert.offset_s or 0
    if offset_s == 0:
        return _("when it is due")
    # A day here would be 24 hours of the calendar, which nobody reads into it.
    span = target_text(abs(offset_s), is_always_open=False)
    return _("%(span)s before due", span=span) if offset_s < 0 else _("%(span)s late", span=span)


def action_text(action: StepAction, alert: PlannedAlert, people: Names) -> str:
    """One thing that a step does."""
    if action is StepAction.NOTIFY_PERSON and alert.person_id is not None:
        return _("Tell %(name)s", name=people.get(alert.person_id, _("somebody who is gone")))
    return str(ACTIONS[action])


def action_texts(alert: PlannedAlert, people: Names) -> list[str]:
    """All that a step does, always in the same order."""
    return [action_text(action, alert, people) for action in ACTIONS if action in alert.actions]


def actions_text(alert: PlannedAlert, people: Names) -> str:
    """All that a step does, in one line."""
    return ", ".join(action_texts(alert, people))


def scope_text(alert: PlannedAlert, targets: Mapping[Target, int]) -> str:
    """Of which targets a step is that is not of all."""
    of_metric: dict[Metric, list[Priority]] = {}
    for metric in Metric:
        found = [p for p in PRIORITIES if (metric, p) in targets and alert.is_of((metric, p))]
        if found:
            of_metric[metric] = found
    # Metrics of the same priorities are said together.
    together: dict[tuple[Priority, ...], list[Metric]] = {}
    for metric, priorities in of_metric.items():
        together.setdefault(tuple(priorities), []).append(metric)
    return "; ".join(
        _scope_part(metrics, priorities, targets) for priorities, metrics in together.items()
    )


def _scope_part(
    metrics: list[Metric], priorities: tuple[Priority, ...], targets: Mapping[Target, int]
) -> str:
    names = ", ".join(metric_name(metric) for metric in metrics)
    every = {priority for metric, priority in targets if metric in metrics}
    if set(priorities) == every:
        return names
    words = ", ".join(priority_name(priority) for priority in priorities)
    if {metric for metric, _priority in targets} == set(metrics):
        return words
    return _("%(metrics)s (%(priorities)s)", metrics=names, priorities=words)


def step_text(alert: PlannedAlert, promises: Promises, people: Names) -> str:
    """A whole step in one line."""
    line = _("%(when)s: %(what)s", when=when_text(alert), what=actions_text(alert, people))
    if alert.only is None:
        return line
    return _("%(step)s – %(scope)s", step=line, scope=scope_text(alert, promises.targets))


def version_words(promises: Promises, calendars: Names, people: Names) -> dict[str, list[str]]:
    """Everything a version says: what it is about → the words for it, none where it says nothing."""
    said: dict[str, list[str]] = {}
    for priority in PRIORITIES:
        targets = {m: s for (m, of), s in promises.targets.items() if of is priority}
        for metric in Metric:
            # In hours at most, whatever the calendar: another one is not another time.
            span = target_text(targets[metric], is_always_open=False) if metric in targets else ""
            said[_about(metric_name(metric), priority)] = [span] if span else []
        calendar = calendar_name(promises.calendars.get(priority), calendars)
        said[_about(_("Calendar"), priority)] = [calendar] if targets else []
    said[_("Closing counts as a response")] = (
        [_("yes")] if promises.closing_is_response else [_("no")]
    )
    said[_("Step")] = [step_text(alert, promises, people) for alert in promises.alerts]
    return said


def _about(what: str, priority: Priority) -> str:
    return _("%(what)s, %(priority)s", what=what, priority=priority_name(priority))


def differences(
    before: dict[str, list[str]], after: dict[str, list[str]]
) -> list[tuple[str, str, str]]:
    """What is said otherwise: what it is about, before, after; nothing is a dash."""
    nothing = "–"
    found = []
    for label in after | before:
        old, new = before.get(label, []), after.get(label, [])
        gone = [words for words in old if words not in new]
        come = [words for words in new if words not in old]
        if len(old) <= 1 and len(new) <= 1:
            if old != new:
                found.append((label, "".join(old) or nothing, "".join(new) or nothing))
            continue
        found += [(label, words, nothing) for words in gone]
        found += [(label, nothing, words) for words in come]
    return found


def is_warning(alert: PlannedAlert) -> bool:
    """Whether a step comes before the due time; the others escalate."""
    return sla.is_warning(alert.percent, alert.offset_s)


def short_units() -> Pairs:
    """What a target can be counted in, for a narrow field."""
    return [("s", _("s")), ("min", _("min")), ("h", _("h")), ("d", _("d"))]
