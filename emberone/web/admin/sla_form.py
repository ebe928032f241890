"""The form of an SLA policy: what was typed, and the promises that it means."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Self
from uuid import UUID

from flask_babel import gettext as _

from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.promises import MAX_TARGET_S, PlannedAlert, Promises, Target
from emberone.queries.paging import parse_id
from emberone.web.admin.choices import Pairs
from emberone.web.admin.params import Values
from emberone.web.admin.setting_fields import span_text
from emberone.web.admin.sla_words import ACTIONS, PRIORITIES

#: More than anybody reads; a limit so that a form stays a page.
MOST_STEPS: Final = 20
#: Of more rows than that nothing is read; up to it what was typed comes back.
_MOST_ROWS: Final = 500

_LENGTHS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_PERCENT: Final = "percent"
_SIDES: Final = {"before": -1, "after": 1}
_WHOLE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]{1,6}([.,][0-9]{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """A number and its unit, as they were typed; without a number it is nothing."""

    amount: str = ""
    unit: str = "h"

    @classmethod
    def of(cls, seconds: int, *, is_always_open: bool) -> Self:
        """In the largest unit without a fraction; in hours at most where days have less than 24."""
        units = [("d", _LENGTHS["d"])] if is_always_open else []
        units += [(unit, _LENGTHS[unit]) for unit in ("h", "min", "s")]
        unit, length = next(found for found in units if seconds % found[1] == 0)
        return cls(str(seconds // length), unit)

    def seconds(self) -> int:
        """How long it is; ValueError with what is wrong with it."""
        if not _WHOLE.fullmatch(self.amount):
            raise ValueError(_("Enter a whole number, or nothing."))
        if self.unit not in _LENGTHS:
            raise ValueError(_("Choose a unit."))
        seconds = int(self.amount) * _LENGTHS[self.unit]
        if not 0 < seconds <= MAX_TARGET_S:
            raise ValueError(_("From 1 second to %(most)s.", most=span_text(MAX_TARGET_S)))
        return seconds


@dataclass(frozen=True, slots=True)
class StepRow:
    """One row of the plan, as it was typed."""

    number: int
    amount: str = ""
    #: A percentage, or a unit and a side of the due time: `min-before`.
    when: str = _PERCENT
    metrics: frozenset[str] = frozenset(Metric)
    priorities: frozenset[str] = frozenset(Priority)
    actions: tuple[str, ...] = ()
    person: str = ""

    @classmethod
    def sent(cls, values: Values, number: int) -> Self:
        """The row of that number as it was sent."""
        name = f"steps-{number}-"
        return cls(
            number=number,
            amount=values.raw(name + "amount").strip(),
            when=values.raw(name + "when"),
            metrics=frozenset(values.words(name + "metric", len(Metric))),
            priorities=frozenset(values.words(name + "priority", len(Priority))),
            actions=tuple(values.words(name + "action", len(StepAction))),
            person=values.raw(name + "person").strip(),
        )

    def alert(self) -> PlannedAlert:
        """The step that it means; ValueError with what is wrong with it."""
        if not self.metrics or not self.priorities:
            raise ValueError(_("Choose for which times and priorities it is."))
        chosen = [action for action in ACTIONS if action.value in self.actions]
        if not chosen:
            raise ValueError(_("Choose what is done."))
        percent, offset_s = self._when()
        return PlannedAlert(percent, tuple(chosen), offset_s, self._person(chosen), self._only())

    def _when(self) -> tuple[Decimal | None, int | None]:
        if self.when == _PERCENT:
            if not _DECIMAL.fullmatch(self.amount):
                raise ValueError(_("Enter a number, such as 75."))
            return Decimal(self.amount.replace(",", ".")), None
        unit, _dash, side = self.when.partition("-")
        if unit not in _LENGTHS or side not in _SIDES:
            raise ValueError(_("Choose when it comes."))
        if not _WHOLE.fullmatch(self.amount):
            raise ValueError(_("Enter a whole number."))
        return None, _SIDES[side] * int(self.amount) * _LENGTHS[unit]

    def _person(self, chosen: Iterable[StepAction]) -> UUID | None:
        if StepAction.NOTIFY_PERSON not in chosen:
            return None
        try:
            return parse_id(self.person)
        except ValueError:
            raise ValueError(_("Choose whom to tell.")) from None

    def _only(self) -> frozenset[Target] | None:
        found = frozenset(
            (metric, priority)
            for metric in Metric
            for priority in Priority
            if metric.value in self.metrics and priority.value in self.priorities
        )
        return None if len(found) == len(Metric) * len(Priority) else found


@dataclass(slots=True)
class Understood:
    """What the form means, as far as it means anything."""

    promises: Promises
    #: The rows of the promises' alerts, in their order.
    rows: list[int] = field(default_factory=list)
    #: Field → what is wrong with it.
    wrong: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyForm:
    """What a person may say about a policy, as it was typed."""

    name: str = ""
    spans: Mapping[Target, Span] = field(default_factory=dict)
    #: Ids; empty is 24×7.
    calendars: Mapping[Priority, str] = field(default_factory=dict)
    closing_is_response: bool = False
    steps: tuple[StepRow, ...] = ()

    @classmethod
    def sent(cls, values: Values) -> Self:
        """The form as it was sent."""
        return cls(
            name=values.raw("name"),
            spans={
                (metric, priority): Span(
                    values.raw(target_field((metric, priority))).strip(),
                    values.raw(target_field((metric, priority), "unit")),
                )
                for priority in PRIORITIES
                for metric in Metric
            },
            calendars={p: values.raw(f"calendar-{p.value}").strip() for p in PRIORITIES},
            closing_is_response=values.has("closing_is_response"),
            steps=tuple(StepRow.sent(values, n) for n in values.parts("steps", _MOST_ROWS)),
        )

    @classmethod
    def of(cls, name: str, promises: Promises) -> Self:
        """The form as these promises fill it."""
        rows = [row for alert in promises.alerts for row in _rows_of(alert, promises.targets)]
        return cls(
            name=name,
            spans={
                target: Span.of(seconds, is_always_open=target[1] not in promises.calendars)
                for target, seconds in promises.targets.items()
            },
            calendars={p: str(found) for p, found in promises.calendars.items()},
            closing_is_response=promises.closing_is_response,
            steps=tuple(replace(row, number=number) for number, row in enumerate(rows)),
        )

    def with_step(self) -> Self:
        """The form with one more row."""
        number = max((row.number for row in self.steps), default=-1) + 1
        return replace(self, steps=(*self.steps, StepRow(number)))

    def without_step(self, number: str) -> Self:
        """The form without that row."""
        return replace(self, steps=tuple(r for r in self.steps if str(r.number) != number))

    def span(self, target: Target) -> Span:
        """What was typed for a target; minutes or hours are what most people count."""
        unit = "h" if target[0] is Metric.RESOLUTION else "min"
        return self.spans.get(target) or Span(unit=unit)

    def read(self, known: Iterable[UUID]) -> Understood:
        """The promises that it means; `known` are the calendars there are."""
        wrong: dict[str, str] = {}
        targets: dict[Target, int] = {}
        for target, span in self.spans.items():
            if not span.amount:
                continue
            try:
                targets[target] = span.seconds()
            except ValueError as error:
                wrong[target_field(target)] = str(error)
        by_text = {str(calendar_id): calendar_id for calendar_id in known}
        calendars = {}
        for priority, text in self.calendars.items():
            if text in by_text:
                calendars[priority] = by_text[text]
            elif text:
                wrong[f"calendar-{priority.value}"] = _("There is no such calendar.")
        understood = Understood(
            Promises(targets, [], self.closing_is_response, calendars), [], wrong
        )
        self._read_steps(understood)
        if not targets and not wrong:
            wrong["targets"] = _("A policy promises something: enter at least one time.")
        return understood

    def _read_steps(self, understood: Understood) -> None:
        alerts = []
        for row in self.steps:
            try:
                alerts.append(row.alert())
                understood.rows.append(row.number)
            except ValueError as error:
                understood.wrong[f"steps-{row.number}"] = str(error)
        if len(self.steps) > MOST_STEPS:
            understood.wrong["steps"] = _("A plan has at most %(most)s steps.", most=MOST_STEPS)
        understood.promises = replace(understood.promises, alerts=alerts)


def target_field(target: Target, kind: str = "target") -> str:
    """The name of a target's field, or of its unit's."""
    metric, priority = target
    return f"{kind}-{metric.value}-{priority.value}"


def whens(rows: Iterable[StepRow]) -> Pairs:
    """When a step can come; seconds are offered where somebody counts them."""
    found = [
        (_PERCENT, _("per cent of the time")),
        ("min-before", _("minutes before due")),
        ("h-before", _("hours before due")),
        ("min-after", _("minutes after due")),
        ("h-after", _("hours after due")),
    ]
    if any(row.when.startswith("s-") for row in rows):
        found += [("s-before", _("seconds before due")), ("s-after", _("seconds after due"))]
    return found


def field_of(details: Mapping[str, Any], understood: Understood) -> str:
    """The form's field that a refusal is about."""
    name = str(details.get("field", ""))
    if name == "alerts" and "alert" in details:
        return f"steps-{understood.rows[details['alert']]}"
    if name == "calendars":
        return f"calendar-{details['of']}" if "of" in details else "targets"
    return "steps" if name == "alerts" else name


def _rows_of(alert: PlannedAlert, targets: Mapping[Target, int]) -> list[StepRow]:
    """The rows that say this step: one for each set of times that have the same priorities."""
    amount, when = _when_of(alert)
    row = StepRow(
        number=0,
        amount=amount,
        when=when,
        actions=tuple(action.value for action in alert.actions),
        person=str(alert.person_id or ""),
    )
    if alert.only is None:
        return [row]
    return [
        replace(row, metrics=metrics, priorities=priorities)
        for metrics, priorities in _rectangles(alert.only & targets.keys(), targets)
    ]


def _rectangles(
    only: frozenset[Target], targets: Mapping[Target, int]
) -> list[tuple[frozenset[str], frozenset[str]]]:
    metrics = frozenset(metric for metric, _priority in only)
    priorities = frozenset(priority for _metric, priority in only)
    whole = {(m, p) for m in metrics for p in priorities if (m, p) in targets}
    if whole == only:
        return [(frozenset(metrics), frozenset(priorities))]
    together: dict[frozenset[Priority], set[Metric]] = {}
    for metric in Metric:
        found = frozenset(p for m, p in only if m is metric)
        if found:
            together.setdefault(found, set()).add(metric)
    return [(frozenset(names), frozenset(of)) for of, names in together.items()]


def _when_of(alert: PlannedAlert) -> tuple[str, str]:
    if alert.percent is not None:
        return f"{alert.percent.normalize():f}", _PERCENT
    offset_s = alert.offset_s or 0
    side = "before" if offset_s < 0 else "after"
    span = Span.of(abs(offset_s), is_always_open=False)
    return span.amount, f"{span.unit}-{side}"
