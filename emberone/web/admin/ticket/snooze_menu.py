"""What the page of a ticket offers for putting it aside, and how it stands."""

from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from emberone.domain.snoozing import LONGEST, Later, is_asleep, moments
from emberone.queries.tickets import TicketDetails, asleep
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


def woken_words(session: Session, before: set[UUID], *, among: int = 1) -> str:
    """What to say besides of so many tickets, of which some were put aside and no longer are."""
    count = len(before - asleep(session, before)) if before else 0
    if not count:
        return ""
    if among == 1:
        return " " + _("It was put aside, and is back.")
    return " " + ngettext(
        "%(num)s of them was put aside, and is back.",
        "%(num)s of them were put aside, and are back.",
        count,
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
