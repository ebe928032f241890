"""The queue: all tickets, filtered, sorted, searched, as a file, and while it stands open."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Response, flash, make_response, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session
from werkzeug import Response as AnyResponse

from emberone.db import now_of
from emberone.domain.actor import Actor
from emberone.domain.enums import Role
from emberone.queries import tickets, views
from emberone.queries.paging import turned
from emberone.queries.sla import next_due
from emberone.queries.views import View
from emberone.web.admin.base import PanelView
from emberone.web.admin.limits import due_marks
from emberone.web.admin.lists import Column, Listing, worded_count
from emberone.web.admin.params import NotUnderstood, Values, arguments
from emberone.web.admin.ticket import filters, queue_counts
from emberone.web.admin.ticket.export import csv_response
from emberone.web.admin.ticket.place import listing_of, walked_url, walks
from emberone.web.session import current_actor

#: `#1024`, or the bare number, in the search box names that ticket.
_NUMBER = re.compile(r"#?\s*(\d{1,18})")


@expose("/")
def index_view(view: PanelView) -> str | AnyResponse:
    """Show the queue, or jump to the ticket whose number was searched."""
    values, actor, now = arguments(), current_actor(), now_of(view.session)
    number = _NUMBER.fullmatch(values.text("search") or "")
    if number and tickets.id_of(view.session, actor, int(number[1])):
        return redirect(url_for("ticket.page", number=int(number[1])))
    # Before the rows: what is committed in between is news to the page.
    standing = queue_counts.counted_now(view.session, actor)
    return view.render(
        "panel/ticket_list.html",
        **_queue(view.session, values, actor, now, standing),
        tag=queue_counts.tag_of(standing.pulse, standing.pulse),
        filter_choices=filters.offered(view.session, values.identifier("customer")),
    )


def _queue(
    session: Session, values: Values, actor: Actor, now: datetime, standing: views.Standing
) -> dict[str, Any]:
    """What the list shows and its open page asks for again: tabs, count, rows."""
    listing = listing_of(values)
    wanted = filters.wanted(session, actor, values, listing)
    page = tickets.list_tickets(session, actor, wanted, listing.paging)
    return {
        "listing": listing,
        "headings": listing.headings(_columns(listing)),
        "sorts": listing.sorts(_sorts(listing)),
        "rows": page.rows,
        "pages": listing.pages(page),
        "heading": _heading(tickets.count_tickets(session, actor, wanted)),
        "now": now,
        "due": due_marks(next_due(session, [row.id for row in page.rows], now), now),
        "unread": views.unread(session, actor, {row.id: row.activity_no for row in page.rows}),
        "walks": walks(listing, page),
        "view": wanted.view.value,
        "tabs": _tabs(actor, wanted.view, standing.counts),
    }


@expose("/changes/")
def list_changes(view: PanelView) -> Response:
    """Answer an open list: nothing has moved (304, one statement), or its parts drawn again."""
    actor = current_actor()
    # Before the rows: what is committed in between is news to the page.
    pulse = views.pulse(view.session)
    kept = queue_counts.kept_for(pulse)
    tag = queue_counts.tag_of(pulse, kept.pulse if kept else pulse)
    if request.if_none_match.contains_weak(tag):
        response = make_response("", 304)
    else:
        if kept is None:
            standing = queue_counts.counted_now(view.session, actor)
            # Counted after the pulse was taken: the next question finds out.
            tag = queue_counts.tag_of(pulse, standing.pulse)
        else:
            standing = queue_counts.as_seen_by(view.session, actor, kept)
        scene = _queue(view.session, arguments(), actor, now_of(view.session), standing)
        response = make_response(view.render("panel/ticket_list_changes.html", **scene))
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@expose("/walk/")
def walk(view: PanelView) -> AnyResponse:
    """Go to the ticket before or after one, in the list that the person came from."""
    values, actor = arguments(), current_actor()
    listing = listing_of(values)
    place, way = values.text("at", 1000), values.one_of("way", ("next", "previous"))
    cursor = place and (turned(place) if way == "previous" else place)
    found = tickets.neighbour(
        view.session,
        actor,
        filters.wanted(view.session, actor, values, listing),
        replace(listing.paging, cursor=cursor),
    )
    if found is None:
        flash(_("There is no further ticket in this list."), "info")
        return redirect(listing.url())
    return redirect(walked_url(listing, found.number, found.place))


@expose("/export/<export_type>/")
def export(view: PanelView, export_type: str) -> Response:
    """Send every ticket that the list's filters leave, as CSV."""
    if export_type != "csv":
        raise NotUnderstood(_("Tickets are exported as CSV."))
    values, actor = arguments(), current_actor()
    listing = listing_of(values)
    return csv_response(actor, filters.wanted(view.session, actor, values, listing))


def _tabs(actor: Actor, shown: View, counts: dict[View, int]) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "url": url_for("ticket.index_view", view=view.value),
            "count": worded_count(counts[view]),
            "active": view is shown,
        }
        for view, label in _view_names().items()
        # Only agents have tickets; nobody needs to know that nothing is put aside.
        if (view is not View.MINE or actor.role is Role.AGENT)
        and (view is not View.SNOOZED or counts[view] or view is shown)
    ]


def _view_names() -> dict[View, str]:
    return {
        View.MINE: _("My open"),
        View.REPLIED: _("Customer replied"),
        View.UNASSIGNED: _("Unassigned"),
        View.BREACHING: _("Breaching soon"),
        View.WAITING: _("Waiting"),
        View.SNOOZED: _("Snoozed"),
        View.ALL: _("All"),
    }


def _columns(listing: Listing) -> list[Column]:
    """The headings; each sorts where the view can be sorted by it."""
    wanted = [
        Column(_("No."), "number"),
        Column(_("Subject")),
        Column(_("Customer")),
        Column(_("Status"), "status"),
        Column(_("Priority"), "priority" if "priority" in listing.orders else "urgency"),
        Column(_("Agent")),
        Column(_("Next due"), "due"),
        Column(_("Activity"), "activity", "queue__late"),
    ]
    return [
        column if column.order in listing.orders else column._replace(order=None)
        for column in wanted
    ]


def _heading(count: int | None) -> str:
    """How many tickets the list has, in words; nothing where that is not known."""
    if not count:
        return ""
    words = ngettext("%(count)s ticket", "%(count)s tickets", count, count=worded_count(count))
    return str(words)


def _sorts(listing: Listing) -> dict[str, str]:
    words = {
        "due": _("Next due"),
        "wait": _("Longest wait"),
        "urgency": _("Priority"),
        "until": _("Snoozed until"),
        "activity": _("Last activity"),
        "created": _("Created"),
        "number": _("Number"),
        "priority": _("Priority"),
        "status": _("Status"),
    }
    return {name: words[name] for name in listing.orders}
