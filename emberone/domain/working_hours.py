"""Working hours: whether an agent is at work by their calendar, and when they are again."""

from datetime import datetime, timedelta
from typing import Final

from emberone.domain.sla import Calendar

#: So far ahead is looked. A calendar that does not open within it is looked at again then.
FURTHEST: Final = timedelta(days=366)


#: So long a ticket waits for somebody's hours before anyone else is told: a long weekend.
WORTH_WAITING: Final = timedelta(days=4)


def is_near(begins_at: datetime | None, now: datetime) -> bool:
    """Whether hours begin so soon that nobody else need be asked meanwhile."""
    return begins_at is not None and begins_at <= now + WORTH_WAITING


def begins_again(calendar: Calendar, now: datetime) -> datetime | None:
    """When the next working hours begin; None: they have begun."""
    for begins, _ends in calendar.openings(now, now + FURTHEST):
        return None if begins == now else begins
    return now + FURTHEST
