"""Promising when a time limit ends, and taking the promise back (SLA rule 19)."""

from flask import url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.db import now_of
from emberone.domain.enums import Metric
from emberone.domain.errors import EmberOneError
from emberone.services.due_times import promise_due, release_due
from emberone.web.admin.base import PanelView, attempt, carry_out, done, refused
from emberone.web.admin.params import NotUnderstood, fields
from emberone.web.admin.ticket.numbered import id_of
from emberone.web.admin.ticket.snoozing import typed_moment
from emberone.web.session import current_actor
from emberone.web.theme.formats import time_short
from emberone.web.zone import reader_zone


@expose("/<int:number>/promise/", methods=("POST",))
def promise(view: PanelView, number: int) -> Response:
    """Let a time limit end when the form says."""
    ticket_id, values, metric = id_of(view.session, number), fields(), _metric()
    due_at = attempt(typed_moment, values, "due_at", reader_zone())
    if isinstance(due_at, EmberOneError):
        return refused(due_at, _limits_url(number))
    now = now_of(view.session)
    outcome = attempt(promise_due, current_actor(), ticket_id, metric, due_at)
    if isinstance(outcome, EmberOneError):
        return refused(outcome, _limits_url(number))
    message = _("Promised for %(time)s.", time=time_short(due_at, now=now))
    return done(message, _limits_url(number))


@expose("/<int:number>/unpromise/", methods=("POST",))
def unpromise(view: PanelView, number: int) -> Response:
    """Let it end by its target again."""
    ticket_id, metric = id_of(view.session, number), _metric()
    message, url = _("It is due by its target again."), _limits_url(number)
    return carry_out(message, url, release_due, current_actor(), ticket_id, metric)


def _limits_url(number: int) -> str:
    return url_for("ticket.page", number=number, tab="limits")


def _metric() -> Metric:
    metric = fields().choice("metric", Metric)
    if metric is None:
        raise NotUnderstood(_("“%(name)s” has no such value.", name="metric"))
    return metric
