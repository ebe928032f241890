"""A ticket's place in the list that led to it, carried along in the address."""

from typing import Any, Final
from uuid import UUID

from flask import request

from emberone.queries import tickets, views
from emberone.queries.paging import Page
from emberone.queries.views import View
from emberone.web.admin.lists import Listing
from emberone.web.admin.params import Values, arguments

_FILTERS = ("search", "status", "priority", "agent", "team", "tag", "customer", "from", "to")


def view_of(values: Values) -> View:
    """Which tab of the queue the address names."""
    return values.choice("view", View) or View.ALL


def listing_of(values: Values) -> Listing:
    """The queue's address: its view, order, filters and page."""
    return Listing("ticket.index_view", views.orders_of(view_of(values)), values, _FILTERS)


def walked_url(listing: Listing, number: int, place: str) -> str:
    """A ticket's page, with the way on through the list and back to it."""
    return listing.url("ticket.page", number=str(number), at=place)


def walks(listing: Listing, page: Page[tickets.TicketRow]) -> dict[UUID, str]:
    """For each row of the list the address of its ticket, with the way on from there."""
    return {
        row.id: walked_url(listing, row.number, place)
        for row, place in zip(page.rows, page.places, strict=True)
    }


def ticket_walk() -> dict[str, str] | None:
    """The addresses of a ticket's neighbours in the list that led to its page, if one did."""
    values = arguments()
    place = values.text("at", 1000)
    if place is None:
        return None
    listing = listing_of(values)
    return {
        "list": listing.url(),
        "next": listing.url("ticket.walk", at=place, way="next"),
        "previous": listing.url("ticket.walk", at=place, way="previous"),
    }


#: What a list's address carries, and a ticket's page after it.
_CARRIED: Final = (*_FILTERS, "view", "sort", "desc", "size", "at")


def keep_place(endpoint: str, values: dict[str, Any]) -> None:
    """Let every address of the same ticket keep the place in the list that led to it."""
    if not endpoint.startswith("ticket.") or "at" not in request.args or "number" not in values:
        return
    if values["number"] == (request.view_args or {}).get("number"):
        for name in _CARRIED:
            if request.args.get(name):
                values.setdefault(name, request.args[name])
