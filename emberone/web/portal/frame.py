"""What every page of the portal shares: its blueprint, and how refusals come back."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from sqlalchemy.orm import Session

from emberone.db import db
from emberone.domain.errors import Conflict, EmberOneError, Invalid, NotAllowed, NotFound
from emberone.queries import portal
from emberone.web.admin.params import row_number
from emberone.web.errors import refusal_text
from emberone.web.portal.menu import portal_account_links, portal_menu
from emberone.web.session import current_actor

P = ParamSpec("P")
R = TypeVar("R")

blueprint = Blueprint("portal", __name__, url_prefix="/portal")
blueprint.add_app_template_global(portal_menu)
blueprint.add_app_template_global(portal_account_links)


def session() -> Session:
    """The request's reading."""
    return db.session()


def own_ticket(number: int) -> portal.OwnTicketPage:
    """The customer's own ticket; another's and one that never was are the same 404."""
    found = portal.own_ticket(session(), current_actor(), row_number(number))
    if found is None:
        raise NotFound
    return found


def attempt(act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | EmberOneError:
    """What the service returned, or why it refused where the page can say so beside the text."""
    try:
        return act(*args, **kwargs)
    except (Invalid, Conflict, NotAllowed) as refusal:
        return refusal


def page(template: str, *, refusal: EmberOneError | None = None, **values: Any) -> Response:
    """Draw a page; with a refusal it has that status, and says what is wrong."""
    wrong = None if refusal is None else refusal_text(refusal)
    where = None if refusal is None else refusal.details.get("field")
    html = render_template(template, wrong=wrong, wrong_field=where, **values)
    return make_response(html, refusal.status if refusal else 200)


def to_ticket(number: int, anchor: str | None = None) -> Response:
    """Go on to the ticket's page after a change."""
    address = url_for("portal.ticket", number=number, _anchor=anchor)
    return redirect(address, 303)  # type: ignore[return-value]
