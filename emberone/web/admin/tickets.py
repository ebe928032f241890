"""The queue: all tickets, filtered, sorted, searched, and as a file."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flask import Response, flash, jsonify, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response as AnyResponse

from emberone.db import now_of
from emberone.domain.actor import Actor
from emberone.domain.enums import Priority, Role, Status
from emberone.queries import agents, profiles, search, tickets, views
from emberone.queries.mentions import find_colleagues
from emberone.queries.paging import Page, turned
from emberone.queries.sla import next_due
from emberone.queries.views import View
from emberone.services import bulk
from emberone.web.admin import choices, queue_counts
from emberone.web.admin.base import PanelView
from emberone.web.admin.export import csv_response
from emberone.web.admin.limits import due_marks
from emberone.web.admin.lists import Chip, Column, Listing, worded_count
from emberone.web.admin.params import NotUnderstood, Values, arguments
from emberone.web.admin.snooze_menu import offers_at
from emberone.web.session import current_actor

#: `#1024`, or the bare number, in the search box names that ticket.
_NUMBER = re.compile(r"#?\s*(\d{1,18})")

#: Tickets that someone at work has to do something about.
ACTIVE: Final = "ACTIVE"
#: Those, and what waits for its customer.
NOT_CLOSED: Final = "NOT_CLOSED"
_STATUSES: Final = {
    ACTIVE: (Status.OPEN, Status.IN_PROGRESS),
    NOT_CLOSED: (Status.OPEN, Status.IN_PROGRESS, Status.WAITING),
    **{status.value: (status,) for status in Status},
}

_FILTERS = ("search", "status", "priority", "agent", "team", "tag", "customer", "from", "to")

#: People that a lookup may offer, by its name.
_LOOKUPS: Final = {
    "customer": (Role.CUSTOMER,),
    "agent": (Role.AGENT,),
    "staff": (Role.AGENT, Role.ADMIN),
}


class TicketList(PanelView):
    """What the list of tickets does; the page of one is added by `TicketPages`."""

    @expose("/")
    def index_view(self) -> str | AnyResponse:
        """Show the queue, or jump to the ticket whose number was searched."""
        values, actor, now = arguments(), current_actor(), now_of(self.session)
        number = _NUMBER.fullmatch(values.text("search") or "")
        if number and tickets.id_of(self.session, actor, int(number[1])):
            return redirect(url_for("ticket.page", number=int(number[1])))
        # Before the rows: what is committed in between is news to the page.
        standing = queue_counts.counted_now(self.session, actor)
        return self.render(
            "panel/ticket_list.html",
            **self._queue(values, actor, now, standing),
            tag=queue_counts.tag_of(standing.pulse, standing.pulse),
            filter_choices=self._choices(values.identifier("customer")),
        )

    def _queue(
        self, values: Values, actor: Actor, now: datetime, standing: views.Standing
    ) -> dict[str, Any]:
        """What the list shows and its open page asks for again: tabs, count, rows."""
        listing = listing_of(values)
        filters = self._wanted(actor, values, listing)
        page = tickets.list_tickets(self.session, actor, filters, listing.paging)
        return {
            "listing": listing,
            "headings": listing.headings(_columns(listing)),
            "sorts": listing.sorts(_sorts(listing)),
            "rows": page.rows,
            "pages": listing.pages(page),
            "heading": _heading(tickets.count_tickets(self.session, actor, filters)),
            "now": now,
            "due": due_marks(next_due(self.session, [row.id for row in page.rows], now), now),
            "unread": views.unread(
                self.session, actor, {row.id: row.activity_no for row in page.rows}
            ),
            "walks": _walks(listing, page),
            "view": filters.view.value,
            "tabs": _tabs(actor, filters.view, standing.counts),
        }

    def _wanted(self, actor: Actor, values: Values, listing: Listing) -> tickets.TicketFilters:
        words = values.text("search")
        status = values.one_of("status", tuple(_STATUSES))
        agent = values.text("agent")
        filters = tickets.TicketFilters(
            statuses=_STATUSES[status] if status else (),
            priority=values.choice("priority", Priority),
            agent=self._agent(actor, values),
            team_id=values.identifier("team"),
            tag=values.text("tag", 50),
            customer_id=values.identifier("customer"),
            created_from=values.day_begins("from"),
            created_before=values.day_ends("to"),
            hits=search.find_tickets(self.session, words) if words else None,
            view=_view(values),
        )
        listing.chips = self._chips(filters, listing, agent)
        return filters

    def _agent(self, actor: Actor, values: Values) -> Any:
        wanted = values.text("agent")
        if wanted == "me":
            return actor.profile_id
        return tickets.Nobody.NOBODY if wanted == "none" else values.identifier("agent")

    def _chips(
        self, filters: tickets.TicketFilters, listing: Listing, agent: str | None
    ) -> list[Chip]:
        shown = listing.filters()
        chips = []
        if "search" in shown:
            chips.append(Chip(("search",), _("Search"), shown["search"]))
        if "status" in shown:
            chips.append(Chip(("status",), _("Status"), dict(_statuses())[shown["status"]]))
        if filters.priority:
            label = dict(choices.priorities())[filters.priority.value]
            chips.append(Chip(("priority",), _("Priority"), label))
        if agent:
            chips.append(Chip(("agent",), _("Agent"), self._agent_name(agent)))
        if filters.team_id:
            team = agents.team_details(self.session, filters.team_id)
            chips.append(Chip(("team",), _("Team"), team.name if team else _("unknown")))
        if filters.tag:
            chips.append(Chip(("tag",), _("Tag"), filters.tag))
        if filters.customer_id:
            customer = profiles.profile_details(self.session, filters.customer_id)
            name = customer.full_name if customer else _("unknown")
            chips.append(Chip(("customer",), _("Customer"), name))
        if "from" in shown or "to" in shown:
            days = f"{shown.get('from', '…')} – {shown.get('to', '…')}"
            chips.append(Chip(("from", "to"), _("Created"), days))
        return chips

    def _agent_name(self, agent: str) -> str:
        if agent in {"me", "none"}:
            return _("me") if agent == "me" else _("nobody")
        person = profiles.profile_details(self.session, UUID(agent))
        return person.full_name if person else _("unknown")

    def _choices(self, customer_id: UUID | None) -> dict[str, Any]:
        people = agents.agent_choices(self.session)
        has_more = len(people) > agents.CHOICES_LIMIT
        people = people[: agents.CHOICES_LIMIT]
        # Only the one who is chosen: the others are found by typing.
        customer = customer_id and profiles.person(self.session, customer_id, Role)
        return {
            "customers": [(str(customer.id), customer.label)] if customer else [],
            "statuses": _statuses(),
            "priorities": choices.priorities(),
            "agents": [
                ("me", _("Me")),
                ("none", _("Nobody")),
                *((str(person.id), person.label) for person in people),
            ],
            "teams": [(str(team.id), team.label) for team in agents.team_choices(self.session)],
            "working": [(str(person.id), person.label) for person in people if person.is_working],
            "agent_lookup": url_for("ticket.ajax_lookup", name="agent") if has_more else None,
            "most": bulk.MOST,
            "moments": offers_at(now_of(self.session)),
        }

    @expose("/walk/")
    def walk(self) -> AnyResponse:
        """Go to the ticket before or after one, in the list that the person came from."""
        values, actor = arguments(), current_actor()
        listing = listing_of(values)
        place, way = values.text("at", 1000), values.one_of("way", ("next", "previous"))
        cursor = place and (turned(place) if way == "previous" else place)
        found = tickets.neighbour(
            self.session,
            actor,
            self._wanted(actor, values, listing),
            replace(listing.paging, cursor=cursor),
        )
        if found is None:
            flash(_("There is no further ticket in this list."), "info")
            return redirect(listing.url())
        return redirect(_page_url(listing, found.number, found.place))

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> Response:
        """Send every ticket that the list's filters leave, as CSV."""
        if export_type != "csv":
            raise NotUnderstood(_("Tickets are exported as CSV."))
        values, actor = arguments(), current_actor()
        listing = listing_of(values)
        return csv_response(actor, self._wanted(actor, values, listing))

    @expose("/ajax/lookup/")
    def ajax_lookup(self) -> Response:
        """Answer a few typed letters with the first people, or tags, that contain them."""
        values = arguments()
        name = values.one_of("name", (*_LOOKUPS, "colleague", "tag"))
        words = values.text("query", 100) or ""
        if name == "colleague":
            found = find_colleagues(self.session, words, profiles.LOOKUP_LIMIT)
            return jsonify([[each, each] for each in found])
        if name == "tag":
            found = agents.find_tags(self.session, words, profiles.LOOKUP_LIMIT)
            return jsonify([[word, word] for word in found])
        if name is None:
            raise NotUnderstood(_("“name” is missing."))
        if name == "agent":
            working = agents.find_working(self.session, words, profiles.LOOKUP_LIMIT)
            return jsonify([list(pair) for pair in choices.working_agents(working)])
        people = profiles.find_people(self.session, words, _LOOKUPS[name])
        return jsonify([[str(person.id), person.label] for person in people])


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


def _view(values: Values) -> View:
    return values.choice("view", View) or View.ALL


def listing_of(values: Values) -> Listing:
    """The queue's address: its view, order, filters and page."""
    return Listing("ticket.index_view", views.orders_of(_view(values)), values, _FILTERS)


def _page_url(listing: Listing, number: int, place: str) -> str:
    """A ticket's page, with the way on through the list and back to it."""
    return listing.url("ticket.page", number=str(number), at=place)


def _walks(listing: Listing, page: Page[tickets.TicketRow]) -> dict[UUID, str]:
    return {
        row.id: _page_url(listing, row.number, place)
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


def _statuses() -> choices.Pairs:
    return [(ACTIVE, _("Active")), (NOT_CLOSED, _("Not closed")), *choices.statuses()]


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
