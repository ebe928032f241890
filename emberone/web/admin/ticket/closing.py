"""Closing a ticket without a reply, and bringing it back."""

from flask import url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.domain.errors import EmberOneError
from emberone.services import tickets as service
from emberone.services.thanks import dismiss_thanks
from emberone.web.admin.base import PanelView, Undo, attempt, carry_out, done, refused
from emberone.web.admin.params import fields
from emberone.web.admin.ticket.numbered import id_of, page_url
from emberone.web.session import current_actor


@expose("/<int:number>/close/", methods=("POST",))
def close(view: PanelView, number: int) -> Response:
    """Close the ticket without a reply."""
    outcome = attempt(service.close_ticket, current_actor(), id_of(view.session, number))
    if isinstance(outcome, EmberOneError):
        return refused(outcome, page_url(number))
    # Not called undone: whatever it was before, it is worked on again then.
    undo = Undo(_("Reopen"), url_for("ticket.reopen", number=number))
    return done(_("The ticket was closed."), page_url(number), undo=undo)


@expose("/<int:number>/reopen/", methods=("POST",))
def reopen(view: PanelView, number: int) -> Response:
    """Bring the ticket back without a reply."""
    ticket_id = id_of(view.session, number)
    return carry_out(
        _("The ticket was reopened."),
        page_url(number),
        service.reopen_ticket,
        current_actor(),
        ticket_id,
    )


@expose("/<int:number>/dismiss/", methods=("POST",))
def dismiss(view: PanelView, number: int) -> Response:
    """Close the ticket again that a bare thank-you has reopened."""
    return carry_out(
        _("The thank-you was dismissed: the ticket is closed as before."),
        page_url(number),
        dismiss_thanks,
        current_actor(),
        id_of(view.session, number),
        seen=fields().count("seen"),
    )
