"""The settings an admin may choose, and which values each of them takes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from emberone.domain.enums import AssignmentStrategy, Priority
from emberone.domain.errors import Invalid

_DAY: Final = 86_400

#: Whole numbers → the least and the most; PostgreSQL checks the same.
LIMITS: Final[Mapping[str, tuple[int, int]]] = {
    "reopen_days": (0, 365),
    "feedback_delay_s": (0, 30 * _DAY),
    "feedback_expiry_days": (1, 365),
    "feedback_throttle_days": (0, 365),
    "quiet_reminder_days": (0, 90),
    "quiet_close_days": (0, 365),
    "pace_tickets": (0, 1000),
    "pace_window_s": (60, _DAY),
    "reply_delay_s": (0, 300),
    "attachment_limit_mb": (1, 25),
    "digest_above": (1, 1000),
}

CHOICES: Final[Mapping[str, type[StrEnum]]] = {
    "customer_max_priority": Priority,
    "assignment_strategy": AssignmentStrategy,
}

SWITCHES: Final = frozenset({"allows_registration", "weighs_priority"})


def check(name: str, value: Any) -> None:
    """Raise Invalid unless the setting takes this value."""
    if name in LIMITS:
        least, most = LIMITS[name]
        if type(value) is int and least <= value <= most:
            return
        raise Invalid(
            "%(field)s is a whole number from %(least)s to %(most)s.",
            field=name,
            least=least,
            most=most,
        )
    if name in CHOICES:
        if value in list(CHOICES[name]):
            return
        raise Invalid("%(field)s has no such choice.", field=name)
    if name not in SWITCHES:
        raise Invalid("There is no setting %(field)s.", field=name)
    if not isinstance(value, bool):
        raise Invalid("%(field)s is yes or no.", field=name)
