"""Working hours: whether an agent is at work by their calendar, and when they are again."""

from datetime import datetime, timedelta
from typing import Final

from emberone.domain.sla import Calendar

#: So far ahead is looked. A calendar that does not open within it is looked at again then.
FURTHEST: Final = timedelta(days=366)


def begins_again(calendar: Calendar, now: datetime) -> datetime | None:
    """When the next working hours begin; None: they have begun."""
    for begins, _ends in calendar.openings(now, now + FURTHEST):
        return None if begins == now else begins
    return now + FURTHEST
