"""One ticket: its page, and what one does with it without writing anything."""

from typing import Any

from flask import redirect, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.domain.errors import EmberOneError, StaleWrite
from emberone.queries import tickets
from emberone.services import tickets as service
from emberone.services.thanks import dismiss_thanks
from emberone.web.admin.base import Undo, attempt, carry_out, done, found, is_post, refused
from emberone.web.admin.params import asked_row, fields
from emberone.web.admin.snooze_menu import woken_words
from emberone.web.admin.ticket_form import TicketForm
from emberone.web.admin.ticket_macros import TicketMacros
from emberone.web.session import current_actor


class TicketPages(TicketMacros):
    """The queue and the page of each ticket in it; `TicketView` adds the form for a new one."""

    @expose("/<int:number>/")
    def page(self, number: int) -> str:
        """Show one ticket."""
        html: str = self._page(number)
        return html

    @expose("/details/")
    def details_view(self) -> Response:
        """Go to the ticket that `id` names, as other pages and letters know it."""
        number = found(tickets.number_of(self.session, current_actor(), asked_row()))
        return redirect(url_for("ticket.page", number=number))  # type: ignore[return-value]

    @expose("/<int:number>/close/", methods=("POST",))
    def close(self, number: int) -> Response:
        """Close the ticket without a reply."""
        outcome = attempt(service.close_ticket, current_actor(), self._id(number))
        if isinstance(outcome, EmberOneError):
            return refused(outcome, self._url(number))
        # Not called undone: whatever it was before, it is worked on again then.
        undo = Undo(_("Reopen"), url_for("ticket.reopen", number=number))
        return done(_("The ticket was closed."), self._url(number), undo=undo)

    @expose("/<int:number>/reopen/", methods=("POST",))
    def reopen(self, number: int) -> Response:
        """Bring the ticket back without a reply."""
        ticket_id = self._id(number)
        return carry_out(
            _("The ticket was reopened."),
            self._url(number),
            service.reopen_ticket,
            current_actor(),
            ticket_id,
        )

    @expose("/<int:number>/dismiss/", methods=("POST",))
    def dismiss(self, number: int) -> Response:
        """Close the ticket again that a bare thank-you has reopened."""
        return carry_out(
            _("The thank-you was dismissed: the ticket is closed as before."),
            self._url(number),
            dismiss_thanks,
            current_actor(),
            self._id(number),
            seen=fields().count("seen"),
        )

    @expose("/<int:number>/take/", methods=("POST",))
    def take(self, number: int) -> Response:
        """Assign the ticket to oneself, unless someone changed it meanwhile."""
        actor, ticket_id = current_actor(), self._id(number)
        before = tickets.asleep(self.session, [ticket_id])
        outcome = attempt(
            service.assign_ticket,
            actor,
            ticket_id,
            actor.profile_id,
            version=fields().version(),
        )
        if isinstance(outcome, EmberOneError):
            return refused(outcome, self._url(number))
        words = woken_words(self.session, before)
        return done(_("The ticket is yours.") + words, self._url(number))

    @expose("/<int:number>/change/", methods=("POST",))
    def change(self, number: int) -> Any:
        """Change the ticket's properties; a stale form comes back with both versions."""
        actor, values = current_actor(), fields()
        ticket = self._ticket(number)
        form = TicketForm.sent(values)
        refusal = form.check_agent(self.session, ticket)
        if refusal is None:
            version = values.version()
            changes = form.changes(ticket)
            before = tickets.asleep(self.session, [ticket.id])
            outcome = attempt(service.change_ticket, actor, ticket.id, changes, version=version)
            if not isinstance(outcome, EmberOneError):
                words = woken_words(self.session, before)
                return done(_("The ticket was saved.") + words, self._url(number))
            refusal = outcome
        if isinstance(refusal, StaleWrite):
            return self._conflict(number, form, values.raw("seen")), refusal.status
        return self._page(number, refusal=refusal, form=form)

    @expose("/<int:number>/delete/", methods=("GET", "POST"))
    def delete_view(self, number: int) -> Any:
        """Ask, then delete the ticket with its comments; its history stays."""
        if not is_post():
            return self.render("panel/ticket_delete.html", ticket=self._ticket(number))
        outcome = attempt(service.delete_ticket, current_actor(), self._id(number))
        if isinstance(outcome, EmberOneError):
            return refused(outcome, self._url(number))
        message = _("Ticket #%(number)s was deleted.", number=number)
        return done(message, url_for("ticket.index_view"))

    def _conflict(self, number: int, form: TicketForm, seen: str) -> str:
        ticket = self._ticket(number)
        present = TicketForm.of(ticket)
        form_choices = self.form_choices(ticket.assigned_agent_id, ticket.agent_name)
        return self.render(
            "panel/ticket_conflict.html",
            ticket=ticket,
            form=form.rebased(present, seen),
            present=present,
            form_choices=form_choices,
        )
