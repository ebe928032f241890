"""The marks of status, priority and time limits: an icon and a word, never colour alone."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from flask_babel import lazy_gettext


@dataclass(frozen=True)
class Badge:
    """What one kind of badge looks like: its icon, its word and its CSS modifier."""

    icon: str
    label: Any
    modifier: str


_l = lazy_gettext

BADGES = {
    "open": Badge("circle-dot", _l("Open"), "open"),
    "in_progress": Badge("progress", _l("In progress"), "in-progress"),
    "waiting": Badge("hourglass", _l("Waiting"), "waiting"),
    "closed": Badge("circle-check", _l("Closed"), "closed"),
    "snoozed": Badge("calendar-time", _l("Snoozed"), "neutral"),
    "returned": Badge("bell", _l("Back from snooze"), "info"),
    "low": Badge("arrow-down", _l("Low"), "low"),
    "medium": Badge("equal", _l("Medium"), "medium"),
    "high": Badge("arrow-up", _l("High"), "high"),
    "critical": Badge("flame", _l("Critical"), "critical"),
    "on_track": Badge("clock", _l("On track"), "neutral"),
    "due_soon": Badge("clock-exclamation", _l("Due soon"), "warning"),
    "breached": Badge("alarm", _l("Breached"), "danger"),
    "met": Badge("circle-check", _l("Met"), "success"),
    "paused": Badge("clock-pause", _l("Paused"), "neutral"),
    "internal": Badge("lock", _l("Internal note"), "internal"),
    "admin": Badge("shield-check", _l("Admin"), "info"),
    "agent": Badge("user-check", _l("Agent"), "neutral"),
    "customer": Badge("user", _l("Customer"), "neutral"),
    "neutral": Badge("circle-dashed", "", "neutral"),
    "info": Badge("info-circle", _l("Info"), "info"),
    "success": Badge("circle-check", _l("Done"), "success"),
    "warning": Badge("alert-triangle", _l("Attention"), "warning"),
    "danger": Badge("alert-circle", _l("Error"), "danger"),
}


def badge_of(kind: str | Enum) -> Badge:
    """Return the badge of a status, a priority or a kind, whatever its case; `neutral` if unknown."""
    value = kind.value if isinstance(kind, Enum) else kind
    return BADGES.get(str(value).lower().replace(" ", "_"), BADGES["neutral"])
