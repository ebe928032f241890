"""A customer's own tickets."""

from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext as _l

from emberone.db import db
from emberone.domain.enums import Status
from emberone.queries.portal import own_tickets
from emberone.web.session import current_actor

blueprint = Blueprint("portal", __name__, url_prefix="/portal")

#: A status in a customer's words.
STATUS_WORDS = {
    Status.OPEN: _l("We have received it"),
    Status.IN_PROGRESS: _l("We are on it"),
    Status.WAITING: _l("Waiting for your answer"),
    Status.CLOSED: _l("Resolved"),
}


@blueprint.get("/")
def tickets() -> str:
    """List the customer's own tickets, the last one with news first."""
    page = own_tickets(db.session(), current_actor(), request.args.get("cursor"))
    return render_template("portal/ticket_list.html", page=page, status_words=STATUS_WORDS)
