"""Putting a ticket aside until a moment: which moments are offered, and which are allowed."""

from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from emberone.domain.errors import Invalid

#: Nobody plans further ahead; what is put aside for longer is forgotten.
LONGEST: Final = timedelta(days=366)
#: When a working day begins, for whoever names a day and no hour.
MORNING: Final = time(9)
#: "Later today" is so much later.
LATER: Final = timedelta(hours=3)
#: After that hour nothing is later today.
EVENING: Final = time(20)


class Later(StrEnum):
    """A moment that is offered by name."""

    TODAY = "today"
    TOMORROW = "tomorrow"
    MONDAY = "monday"
    WEEK = "week"


class Cause(StrEnum):
    """What brought a ticket back before its moment had come."""

    #: Somebody of staff wanted it back.
    BY_HAND = "by_hand"
    CUSTOMER = "customer"
    REPLY = "reply"
    CLOSED = "closed"
    #: It was given to an agent.
    ASSIGNED = "assigned"
    #: A time limit warned, or was broken.
    TIME_LIMIT = "time_limit"


def moments(now: datetime, zone: tzinfo) -> dict[Later, datetime]:
    """What to offer at this time in this zone, the nearest first; names of one moment once."""
    local = now.astimezone(zone)
    found = {
        Later.TOMORROW: _morning(local, 1),
        Later.MONDAY: _morning(local, 7 - local.weekday()),
        Later.WEEK: _morning(local, 7),
    }
    for later in (Later.MONDAY, Later.WEEK):
        # On a Sunday tomorrow is Monday, and on a Monday the next one is in a week.
        if list(found.values()).index(found[later]) != list(found).index(later):
            del found[later]
    today = _quarter(now + LATER).astimezone(zone)
    if today.date() == local.date() and today.time() <= EVENING:
        found = {Later.TODAY: today, **found}
    return found


def checked(until: datetime, now: datetime) -> datetime:
    """The moment, where a ticket can be put aside until then at this time."""
    if until <= now:
        raise Invalid("That moment has passed already; choose a later one.", field="until")
    if until - now > LONGEST:
        raise Invalid("Nothing can be put aside for more than a year.", field="until")
    return until


def is_asleep(until: datetime | None, now: datetime) -> bool:
    """Whether a ticket is put aside at this time; the last instant is none of it any more."""
    return until is not None and until > now


def _morning(local: datetime, days: int) -> datetime:
    return datetime.combine(local.date() + timedelta(days=days), MORNING, local.tzinfo)


def _quarter(moment: datetime) -> datetime:
    """The next quarter of an hour."""
    over = timedelta(
        minutes=moment.minute % 15, seconds=moment.second, microseconds=moment.microsecond
    )
    return moment + (timedelta(minutes=15) - over if over else timedelta())
