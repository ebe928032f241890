"""Putting a ticket aside until a moment, and taking it up again."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.db import now_of
from emberone.domain import snoozing
from emberone.domain.errors import EmberOneError, Invalid
from emberone.domain.snoozing import Later
from emberone.queries.sla import next_due
from emberone.services.snoozing import snooze_ticket, wake_ticket
from emberone.web.admin.base import PanelView, Undo, attempt, carry_out, done, refused
from emberone.web.admin.params import NotUnderstood, Values, fields
from emberone.web.admin.ticket.numbered import id_of, page_url
from emberone.web.session import current_actor
from emberone.web.theme.formats import time_short
from emberone.web.zone import reader_zone

#: The choice of a day and an hour of one's own.
_OTHER = "at"


@expose("/<int:number>/snooze/", methods=("POST",))
def snooze(view: PanelView, number: int) -> Response:
    """Put the ticket aside until the moment that was chosen."""
    actor, ticket_id = current_actor(), id_of(view.session, number)
    values, now = fields(), now_of(view.session)
    until = attempt(_chosen, values, now)
    if isinstance(until, EmberOneError):
        return refused(until, page_url(number))
    due = next_due(view.session, [ticket_id], now).get(ticket_id)
    drawn = drawn_at(values)
    outcome = attempt(snooze_ticket, actor, ticket_id, until, seen_at=drawn)
    if isinstance(outcome, EmberOneError):
        return refused(outcome, page_url(number))
    time = time_short(until, now=now)
    message = _("Snoozed until %(time)s.", time=time)
    if due is not None and now < due.due_at < until:
        early = time_short(due.due_at, now=now)
        message += " " + _("A time limit ends on %(time)s and brings it back before.", time=early)
    undo = Undo(_("Undo"), url_for("ticket.wake", number=number))
    return done(message, page_url(number), undo=undo)


@expose("/<int:number>/wake/", methods=("POST",))
def wake(view: PanelView, number: int) -> Response:
    """Take the ticket up again."""
    ticket_id = id_of(view.session, number)
    return carry_out(
        _("The ticket is back."), page_url(number), wake_ticket, current_actor(), ticket_id
    )


def _chosen(values: Values, now: datetime) -> datetime:
    """The moment that a form names."""
    zone = reader_zone()
    name = values.one_of("when", (*Later, _OTHER)) or _OTHER
    if name != _OTHER:
        return moment_of(Later(name), now)
    return typed_moment(values, "until", zone)


def moment_of(later: Later, now: datetime) -> datetime:
    """When that will be, in the reader's zone; Invalid where it is over for today."""
    offered = snoozing.moments(now, reader_zone())
    if later not in offered:
        raise Invalid("That moment has passed already; choose a later one.", field="until")
    return offered[later]


def typed_moment(values: Values, name: str, zone: ZoneInfo) -> datetime:
    """A day and a time as somebody typed them, in their zone; Invalid where they are none."""
    words = values.text(name)
    if words is None:
        raise Invalid("Say until when: a day and a time.", field=name)
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise Invalid("That is no day and time.", field=name) from None
    if not 1900 <= moment.year <= 2999:
        raise Invalid("That is no day and time.", field=name)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def drawn_at(values: Values) -> datetime | None:
    """When the page was made that the form stands on."""
    words = values.text("drawn")
    if words is None:
        return None
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not 1900 <= moment.year <= 2999:
        raise NotUnderstood(_("“%(name)s” has no such value.", name="drawn"))
    return moment
