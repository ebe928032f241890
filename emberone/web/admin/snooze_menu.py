"""What the page of a ticket offers for putting it aside, and how it stands."""

from datetime import datetime
from typing import Final, NamedTuple

from flask_babel import gettext as _

from emberone.domain.snoozing import LONGEST, Later, is_asleep, moments
from emberone.queries.tickets import TicketDetails
from emberone.web.zone import reader_zone

#: How `<input type="datetime-local">` writes a moment.
_LOCAL: Final = "%Y-%m-%dT%H:%M"


class Offer(NamedTuple):
    """One moment in the menu."""

    name: str
    label: str
    moment: datetime


class Snooze(NamedTuple):
    """How a ticket stands between being put aside and being back, and what can be chosen."""

    #: Put aside still.
    until: datetime | None
    #: Its moment has come, and nothing has happened since.
    back_at: datetime | None
    offers: list[Offer]
    #: The bounds of a moment of one's own, as the browser's field writes them.
    earliest: str
    latest: str
    zone: str


def snooze_of(ticket: TicketDetails, now: datetime) -> Snooze:
    """How the ticket stands at this time, and what can be chosen then."""
    zone = reader_zone()
    asleep, local = is_asleep(ticket.snoozed_until, now), now.astimezone(zone)
    return Snooze(
        until=ticket.snoozed_until if asleep else None,
        back_at=None if asleep else ticket.snoozed_until,
        offers=offers_at(now),
        earliest=local.strftime(_LOCAL),
        latest=(local + LONGEST).strftime(_LOCAL),
        zone=zone.key,
    )


def offers_at(now: datetime) -> list[Offer]:
    """What can be chosen at this time."""
    names = _names()
    return [
        Offer(later.value, names[later], moment)
        for later, moment in moments(now, reader_zone()).items()
    ]


def _names() -> dict[Later, str]:
    return {
        Later.TODAY: _("Later today"),
        Later.TOMORROW: _("Tomorrow morning"),
        Later.MONDAY: _("Next Monday"),
        Later.WEEK: _("In a week"),
    }
