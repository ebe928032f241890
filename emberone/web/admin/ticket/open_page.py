"""How the open page of a ticket hears of what others do, and tells how far it was read."""

from typing import Any

from flask import Response, make_response, request, url_for
from flask_admin import expose
from flask_babel import gettext as _

from emberone.queries import timeline
from emberone.services import reads
from emberone.web.admin.base import PanelView, carry_out, found
from emberone.web.admin.params import fields, row_number
from emberone.web.admin.ticket.numbered import details_of, id_of
from emberone.web.admin.ticket.page import scene
from emberone.web.admin.ticket.place import ticket_walk
from emberone.web.session import current_actor


@expose("/<int:number>/changes/")
def changes(view: PanelView, number: int) -> Response:
    """Answer an open page: nothing new (304, one statement), or its parts drawn again."""
    # As for the page: the tag first, so that nothing is missed.
    pulse = found(timeline.pulse(view.session, current_actor(), row_number(number)))
    if request.if_none_match.contains_weak(pulse.tag):
        response = make_response("", 304)
    else:
        parts = scene(view.session, details_of(view.session, number))
        response = make_response(view.render("panel/ticket_changes.html", **parts))
    response.set_etag(pulse.tag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@expose("/<int:number>/seen/", methods=("POST",))
def seen(view: PanelView, number: int) -> Response:
    """Hear from an open page: that it is there, how far it was read, or that it goes."""
    actor, ticket_id, values = current_actor(), id_of(view.session, number), fields()
    if values.has("away"):
        reads.look_away(actor, ticket_id)
    else:
        reads.look_at(actor, ticket_id, values.count("activity"))
    return make_response("", 204)


@expose("/<int:number>/unread/", methods=("POST",))
def unread(view: PanelView, number: int) -> Any:
    """Let the ticket look new again, and go back to the list: its page would read it."""
    walk = ticket_walk()
    address = walk["list"] if walk else url_for("ticket.index_view", status="ACTIVE")
    message = _("Ticket #%(number)s is unread again.", number=number)
    return carry_out(
        message, address, reads.mark_unread, current_actor(), id_of(view.session, number)
    )
