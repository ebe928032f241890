"""What promises would come to on a ticket: when each is due, and what happens on the way.

With the clocks' own arithmetic, so that what is foretold is what would be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from emberone.domain import sla
from emberone.domain.enums import Metric, Priority
from emberone.domain.errors import CalendarExhausted
from emberone.domain.promises import PlannedAlert, Promises
from emberone.domain.sla import ALWAYS_OPEN, Calendar


@dataclass(frozen=True, slots=True)
class ForeseenStep:
    """One step of a plan at the time at which it would come."""

    at: datetime
    alert: PlannedAlert

    @property
    def is_warning(self) -> bool:
        """Whether it comes before the due time."""
        return sla.is_warning(self.alert.percent, self.alert.offset_s)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One promise on a ticket whose clock began at some time and is never stopped."""

    metric: Metric
    priority: Priority
    target_s: int
    began_at: datetime
    due_at: datetime
    #: In the order of time.
    steps: tuple[ForeseenStep, ...]

    @property
    def ends_at(self) -> datetime:
        """When the last of it has come."""
        return max([self.due_at, *(step.at for step in self.steps)])


def foresee(
    promises: Promises, calendars: Mapping[Priority, Calendar], at: datetime
) -> list[Foreseen]:
    """Every promise, on clocks that begin at this time; the most urgent priority first.

    `calendars` are those that the promises name, by priority; 24×7 where one is missing.
    CalendarExhausted where a calendar is not open for so long.
    """
    plans: dict[tuple[Metric, Priority], list[PlannedAlert]] = {}
    for target, _, alert in promises.plan():
        plans.setdefault(target, []).append(alert)
    order = {metric: place for place, metric in enumerate(Metric)}
    targets = sorted(
        promises.targets.items(), key=lambda item: (-item[0][1].rank, order[item[0][0]])
    )
    return [
        _foresee(target, target_s, plans.get(target, []), calendars, at)
        for target, target_s in targets
    ]


def _foresee(
    target: tuple[Metric, Priority],
    target_s: int,
    alerts: list[PlannedAlert],
    calendars: Mapping[Priority, Calendar],
    at: datetime,
) -> Foreseen:
    metric, priority = target
    calendar = calendars.get(priority, ALWAYS_OPEN)
    timing = sla.start(target_s, at, calendar)
    assert timing.due_at is not None
    steps = tuple(
        ForeseenStep(sla.step_time(timing, alert.percent, alert.offset_s, calendar), alert)
        for alert in alerts
    )
    foreseen = Foreseen(metric, priority, target_s, at, timing.due_at, steps)
    if foreseen.ends_at == sla.NEVER:
        raise CalendarExhausted
    return foreseen
