"""Whose a ticket is and what it says: taken, changed beside others, deleted."""

from typing import Any

from flask import url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.domain.errors import EmberOneError, StaleWrite
from emberone.queries import tickets
from emberone.services import tickets as service
from emberone.web.admin.base import (
    PanelView,
    attempt,
    done,
    is_post,
    refused,
)
from emberone.web.admin.params import fields
from emberone.web.admin.ticket.form import TicketForm, form_choices
from emberone.web.admin.ticket.numbered import details_of, id_of, page_url
from emberone.web.admin.ticket.page import show_page
from emberone.web.admin.ticket.snooze_menu import woken_words
from emberone.web.session import current_actor


@expose("/<int:number>/take/", methods=("POST",))
def take(view: PanelView, number: int) -> Response:
    """Assign the ticket to oneself, unless someone changed it meanwhile."""
    actor, ticket_id = current_actor(), id_of(view.session, number)
    before = tickets.asleep(view.session, [ticket_id])
    outcome = attempt(
        service.assign_ticket,
        actor,
        ticket_id,
        actor.profile_id,
        version=fields().version(),
    )
    if isinstance(outcome, EmberOneError):
        return refused(outcome, page_url(number))
    words = woken_words(view.session, before)
    return done(_("The ticket is yours.") + words, page_url(number))


@expose("/<int:number>/change/", methods=("POST",))
def change(view: PanelView, number: int) -> Any:
    """Change the ticket's properties; a stale form comes back with both versions."""
    actor, values = current_actor(), fields()
    ticket = details_of(view.session, number)
    form = TicketForm.sent(values)
    refusal = form.check_agent(view.session, ticket)
    if refusal is None:
        version = values.version()
        changes = form.changes(ticket)
        before = tickets.asleep(view.session, [ticket.id])
        outcome = attempt(service.change_ticket, actor, ticket.id, changes, version=version)
        if not isinstance(outcome, EmberOneError):
            words = woken_words(view.session, before)
            return done(_("The ticket was saved.") + words, page_url(number))
        refusal = outcome
    if isinstance(refusal, StaleWrite):
        return _conflict(view, number, form, values.raw("seen")), refusal.status
    return show_page(view, number, refusal=refusal, form=form)


@expose("/<int:number>/delete/", methods=("GET", "POST"))
def delete_view(view: PanelView, number: int) -> Any:
    """Ask, then delete the ticket with its comments; its history stays."""
    if not is_post():
        return view.render("panel/ticket_delete.html", ticket=details_of(view.session, number))
    outcome = attempt(service.delete_ticket, current_actor(), id_of(view.session, number))
    if isinstance(outcome, EmberOneError):
        return refused(outcome, page_url(number))
    message = _("Ticket #%(number)s was deleted.", number=number)
    return done(message, url_for("ticket.index_view"))


def _conflict(view: PanelView, number: int, form: TicketForm, seen: str) -> str:
    ticket = details_of(view.session, number)
    present = TicketForm.of(ticket)
    return view.render(
        "panel/ticket_conflict.html",
        ticket=ticket,
        form=form.rebased(present, seen),
        present=present,
        form_choices=form_choices(view.session, ticket.assigned_agent_id, ticket.agent_name),
    )
