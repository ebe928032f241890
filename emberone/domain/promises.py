"""What one version of an SLA policy says, as people write it down (SLA rule 20)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.errors import Invalid

#: A year of business seconds; whoever takes longer promises nothing.
MAX_TARGET_S: Final = 365 * 24 * 3600
#: Ten times the target; whoever has not come by then is not called by an alert.
MAX_PERCENT: Final = Decimal(1000)

Target = tuple[Metric, Priority]


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
        for alert in self.alerts:
            _check_alert(alert)
        for target, target_s in self.targets.items():
            moments = [alert.moment(target_s) for alert in self._alerts_of(target)]
            if any(moment <= 0 for moment in moments):
                raise Invalid("An alert comes after the beginning.", field="alerts")
            if len(set(moments)) < len(moments):
                raise Invalid("Two alerts come at the same time.", field="alerts")

    def plan(self) -> Iterator[tuple[Target, int, PlannedAlert]]:
        """Every step of every target: its number, from 1 in the order of time, and what it does."""
        for target, target_s in self.targets.items():
            alerts = sorted(self._alerts_of(target), key=lambda alert: alert.moment(target_s))
            for number, alert in enumerate(alerts, start=1):
                yield target, number, alert

    def _alerts_of(self, target: Target) -> Iterator[PlannedAlert]:
        return (alert for alert in self.alerts if alert.only is None or target in alert.only)


def _check_alert(alert: PlannedAlert) -> None:
    if (alert.percent is None) == (alert.offset_s is None):
        raise Invalid("An alert comes at a percentage or at a time from due.", field="alerts")
    if alert.percent is not None and not 0 < alert.percent <= MAX_PERCENT:
        raise Invalid(
            "An alert comes after the beginning, and at %(most)s per cent at the latest.",
            field="alerts",
            most=int(MAX_PERCENT),
        )
    if alert.offset_s is not None and alert.offset_s > MAX_TARGET_S:
        raise Invalid("An alert comes within a year of the due time.", field="alerts")
    if not alert.actions or len(set(alert.actions)) < len(alert.actions):
        raise Invalid("An alert does something, and nothing twice.", field="alerts")
    if (StepAction.NOTIFY_PERSON in alert.actions) != (alert.person_id is not None):
        raise Invalid("An alert that tells a person names them.", field="alerts")
