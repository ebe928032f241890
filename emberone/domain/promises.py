"""What one version of an SLA policy says, as people write it down (SLA rule 20)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.errors import Invalid, Word

#: A year of business seconds; whoever takes longer promises nothing.
MAX_TARGET_S: Final = 365 * 24 * 3600
#: Ten times the target; whoever has not come by then is not called by an alert.
MAX_PERCENT: Final = Decimal(1000)

Target = tuple[Metric, Priority]

#: How a refusal names a target.
WORDS: Final[Mapping[Metric | Priority, Word]] = {
    Metric.FIRST_RESPONSE: Word("First response"),
    Metric.NEXT_RESPONSE: Word("Next response"),
    Metric.RESOLUTION: Word("Resolution"),
    Priority.CRITICAL: Word("Critical"),
    Priority.HIGH: Word("High"),
    Priority.MEDIUM: Word("Medium"),
    Priority.LOW: Word("Low"),
}


@dataclass(frozen=True, slots=True)
class PlannedAlert:
    """What to do at a point of a target: before the due time it warns, from then on it escalates.

    Either at a percentage of the target or so many business seconds from due.
    """

    percent: Decimal | None
    actions: tuple[StepAction, ...]
    #: Negative before the due time.
    offset_s: int | None = None
    #: Whom NOTIFY_PERSON tells.
    person_id: UUID | None = None
    #: The targets it belongs to; None: every one of the policy.
    only: frozenset[Target] | None = None

    def is_of(self, target: Target) -> bool:
        """Whether it belongs to this target."""
        return self.only is None or target in self.only

    def moment(self, target_s: int) -> Decimal:
        """When it comes, in business seconds from the beginning of a clock with this target."""
        if self.offset_s is not None:
            return Decimal(target_s + self.offset_s)
        assert self.percent is not None
        return target_s * self.percent / 100


@dataclass(frozen=True, slots=True)
class Promises:
    """What one version of a policy says; a metric and priority without a target is no promise."""

    #: Business seconds.
    targets: Mapping[Target, int]
    alerts: Sequence[PlannedAlert]
    #: Whether closing without any public reply meets FIRST_RESPONSE (SLA rule 4).
    closing_is_response: bool = False
    #: Which seconds count, by priority; one that is missing counts them all, 24×7.
    calendars: Mapping[Priority, UUID] = field(default_factory=dict)

    def check(self) -> None:
        """Raise Invalid unless somebody could keep this."""
        if not self.targets:
            raise Invalid("A policy promises something.", field="targets")
        for target_s in self.targets.values():
            if not 0 < target_s <= MAX_TARGET_S:
                raise Invalid("A target is between a second and a year.", field="targets")
        for place, alert in enumerate(self.alerts):
            _check_alert(alert, place)
        for target, target_s in self.targets.items():
            self._check_moments(target, target_s)

    def longest(self, priority: Priority) -> float:
        """The most business seconds that a target of this priority or one of its steps takes."""
        moments = [
            moment
            for target, target_s in self.targets.items()
            if target[1] is priority
            for moment in (
                Decimal(target_s),
                *(alert.moment(target_s) for alert in self.alerts if alert.is_of(target)),
            )
        ]
        return float(max(moments, default=Decimal(0)))

    def _check_moments(self, target: Target, target_s: int) -> None:
        taken: set[Decimal] = set()
        for place, alert in enumerate(self.alerts):
            if not alert.is_of(target):
                continue
            where = {
                "field": "alerts",
                "alert": place,
                "metric": WORDS[target[0]],
                "priority": WORDS[target[1]],
            }
            moment = alert.moment(target_s)
            if moment <= 0:
                raise Invalid(
                    "This comes before the time has begun: %(metric)s, %(priority)s.", **where
                )
            if moment in taken:
                raise Invalid("Two steps come at the same time: %(metric)s, %(priority)s.", **where)
            taken.add(moment)

    def says_the_same_as(self, other: "Promises") -> bool:
        """Whether a ticket would be promised the same, however it is written down."""
        return self._said() == other._said()

    def _said(self) -> tuple[object, ...]:
        steps = {
            (target, number): (a.percent, a.offset_s, frozenset(a.actions), a.person_id)
            for target, number, a in self.plan()
        }
        calendars = {target: self.calendars.get(target[1]) for target in self.targets}
        return dict(self.targets), steps, calendars, self.closing_is_response

    def plan(self) -> Iterator[tuple[Target, int, PlannedAlert]]:
        """Every step of every target: its number, from 1 in the order of time, and what it does."""
        for target, target_s in self.targets.items():
            alerts = sorted(self._alerts_of(target), key=lambda alert: alert.moment(target_s))
            for number, alert in enumerate(alerts, start=1):
                yield target, number, alert

    def _alerts_of(self, target: Target) -> Iterator[PlannedAlert]:
        return (alert for alert in self.alerts if alert.is_of(target))


def _check_alert(alert: PlannedAlert, place: int) -> None:
    if (alert.percent is None) == (alert.offset_s is None):
        raise Invalid(
            "An alert comes at a percentage or at a time from due.", field="alerts", alert=place
        )
    if alert.percent is not None and not 0 < alert.percent <= MAX_PERCENT:
        raise Invalid(
            "An alert comes after the beginning, and at %(most)s per cent at the latest.",
            field="alerts",
            alert=place,
            most=int(MAX_PERCENT),
        )
    if alert.offset_s is not None and alert.offset_s > MAX_TARGET_S:
        raise Invalid("An alert comes within a year of the due time.", field="alerts", alert=place)
    if not alert.actions or len(set(alert.actions)) < len(alert.actions):
        raise Invalid("An alert does something, and nothing twice.", field="alerts", alert=place)
    if (StepAction.NOTIFY_PERSON in alert.actions) != (alert.person_id is not None):
        raise Invalid("An alert that tells a person names them.", field="alerts", alert=place)
