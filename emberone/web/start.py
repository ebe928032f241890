"""The address without a path: everyone is sent to where they work."""

from flask import Blueprint, redirect, url_for
from werkzeug import Response

from emberone.domain.actor import Actor
from emberone.web.session import actor_or_none

blueprint = Blueprint("start", __name__)


@blueprint.get("/")
def index() -> Response:
    """Send staff to the panel, customers to the portal and everyone else to the sign-in."""
    return redirect(home_of(actor_or_none()))


def home_of(actor: Actor | None) -> str:
    """The address of the first page that this person works on."""
    if actor is None:
        return url_for("security.login")
    return "/admin/" if actor.is_staff else url_for("portal.tickets")
