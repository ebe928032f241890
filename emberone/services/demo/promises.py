"""What the demo's shop promises: calmly for its past, and within two minutes for what is to come."""

from decimal import Decimal
from typing import Final

from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.promises import PlannedAlert, Promises

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

_ESCALATE: Final = (
    StepAction.RAISE_PRIORITY,
    StepAction.COMMENT,
    StepAction.NOTIFY_ASSIGNEE,
    StepAction.NOTIFY_ADMINS,
)


def _promises(
    answers: dict[Priority, int], resolutions: dict[Priority, int], warn_at: int
) -> Promises:
    targets = {}
    for priority in Priority:
        targets[Metric.FIRST_RESPONSE, priority] = answers[priority]
        targets[Metric.NEXT_RESPONSE, priority] = answers[priority]
        targets[Metric.RESOLUTION, priority] = resolutions[priority]
    warning = PlannedAlert(Decimal(warn_at), (StepAction.NOTIFY_ASSIGNEE,))
    return Promises(targets, (warning, PlannedAlert(Decimal(100), _ESCALATE)))


_RESOLUTIONS: Final = {
    Priority.CRITICAL: 8 * _HOUR,
    Priority.HIGH: 2 * _DAY,
    Priority.MEDIUM: 4 * _DAY,
    Priority.LOW: 8 * _DAY,
}

#: What the shop's teams promise.
SHOP: Final = _promises(
    {
        Priority.CRITICAL: 15 * _MINUTE,
        Priority.HIGH: _HOUR,
        Priority.MEDIUM: 4 * _HOUR,
        Priority.LOW: 10 * _HOUR,
    },
    _RESOLUTIONS,
    warn_at=75,
)

#: What holds for a ticket without a team from the first start on, so that one can watch it:
#: a warning halfway, an escalation at the end, both within two minutes of the opening.
QUICK: Final = _promises(
    {
        Priority.CRITICAL: 60,
        Priority.HIGH: 80,
        Priority.MEDIUM: 90,
        Priority.LOW: 110,
    },
    _RESOLUTIONS,
    warn_at=50,
)

#: How long after closing the customer is asked from the first start on.
FEEDBACK_DELAY_S: Final = 60
