"""The queue: all tickets, filtered, sorted, searched, and as a file."""

import re
from typing import Any, Final
from uuid import UUID

from flask import Response, jsonify, redirect, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response as AnyResponse

from emberone.db import now_of
from emberone.domain.actor import Actor
from emberone.domain.enums import Priority, Role, Status
from emberone.queries import agents, profiles, search, tickets
from emberone.queries.sla import next_due
from emberone.web.admin import choices
from emberone.web.admin.base import PanelView
from emberone.web.admin.export import csv_response
from emberone.web.admin.limits import due_marks
from emberone.web.admin.lists import Chip, Column, Listing, worded_count
from emberone.web.admin.params import NotUnderstood, Values, arguments
from emberone.web.session import current_actor

#: `#1024`, or the bare number, in the search box names that ticket.
_NUMBER = re.compile(r"#?\s*(\d{1,18})")

#: Tickets that someone at work has to do something about.
ACTIVE: Final = "ACTIVE"
_ACTIVE_STATUSES = (Status.OPEN, Status.IN_PROGRESS)

_FILTERS = ("search", "status", "priority", "agent", "team", "tag", "customer", "from", "to")

#: People that a lookup may offer, by its name.
_LOOKUPS: Final = {"customer": (Role.CUSTOMER,), "agent": (Role.AGENT,)}


class TicketList(PanelView):
    """What the list of tickets does; the page of one is added by `TicketPages`."""

    @expose("/")
    def index_view(self) -> str | AnyResponse:
        """Show the queue, or jump to the ticket whose number was searched."""
        values, actor, now = arguments(), current_actor(), now_of(self.session)
        number = _NUMBER.fullmatch(values.text("search") or "")
        if number and tickets.id_of(self.session, actor, int(number[1])):
            return redirect(url_for("ticket.page", number=int(number[1])))
        listing = Listing("ticket.index_view", tickets.ORDERS, values, _FILTERS)
        filters = self._wanted(actor, values, listing)
        page = tickets.list_tickets(self.session, actor, filters, listing.paging)
        return self.render(
            "panel/ticket_list.html",
            listing=listing,
            headings=listing.headings(_columns()),
            sorts=listing.sorts(_sorts()),
            rows=page.rows,
            pages=listing.pages(page),
            count=worded_count(tickets.count_tickets(self.session, actor, filters)),
            now=now,
            due=due_marks(next_due(self.session, [row.id for row in page.rows], now), now),
            tabs=self._tabs(actor, values),
            filter_choices=self._choices(),
        )

    def _wanted(self, actor: Actor, values: Values, listing: Listing) -> tickets.TicketFilters:
        words = values.text("search")
        status = values.one_of("status", (ACTIVE, *Status))
        agent = values.text("agent")
        filters = tickets.TicketFilters(
            statuses=_ACTIVE_STATUSES if status == ACTIVE else (Status(status),) if status else (),
            priority=values.choice("priority", Priority),
            agent=self._agent(actor, values),
            team_id=values.identifier("team"),
            tag=values.text("tag", 50),
            customer_id=values.identifier("customer"),
            created_from=values.day_begins("from"),
            created_before=values.day_ends("to"),
            hits=search.find_tickets(self.session, words) if words else None,
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

    def _choices(self) -> dict[str, Any]:
        people = agents.agent_choices(self.session)
        return {
            "statuses": _statuses(),
            "priorities": choices.priorities(),
            "agents": [
                ("me", _("Me")),
                ("none", _("Nobody")),
                *((str(person.id), person.label) for person in people[: agents.CHOICES_LIMIT]),
            ],
            "teams": [(str(team.id), team.label) for team in agents.team_choices(self.session)],
        }

    def _tabs(self, actor: Actor, values: Values) -> list[dict[str, Any]]:
        counts = tickets.queue_counts(self.session, actor)
        views: list[tuple[str, int | None, dict[str, str]]] = [
            (_("Active"), counts.active, {"status": ACTIVE}),
            (_("Unassigned"), counts.unassigned, {"status": ACTIVE, "agent": "none"}),
            (_("Waiting"), counts.waiting, {"status": "WAITING"}),
            (_("All"), None, {}),
        ]
        if actor.role is Role.AGENT:
            views.insert(0, (_("Mine"), counts.mine, {"status": ACTIVE, "agent": "me"}))
        asked = {name: values.text(name, 1000) for name in _FILTERS}
        present = {name: text for name, text in asked.items() if text}
        return [
            {
                "label": label,
                "url": url_for("ticket.index_view", **query),
                "count": worded_count(count),
                "active": present == query,
            }
            for label, count, query in views
        ]

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> Response:
        """Send every ticket that the list's filters leave, as CSV."""
        if export_type != "csv":
            raise NotUnderstood(_("Tickets are exported as CSV."))
        values, actor = arguments(), current_actor()
        listing = Listing("ticket.index_view", tickets.ORDERS, values, _FILTERS)
        return csv_response(actor, self._wanted(actor, values, listing))

    @expose("/ajax/lookup/")
    def ajax_lookup(self) -> Response:
        """Answer a few typed letters with the first people, or tags, that contain them."""
        values = arguments()
        name = values.one_of("name", (*_LOOKUPS, "tag"))
        words = values.text("query", 100) or ""
        if name == "tag":
            found = agents.find_tags(self.session, words, profiles.LOOKUP_LIMIT)
            return jsonify([[word, word] for word in found])
        if name is None:
            raise NotUnderstood(_("“name” is missing."))
        if name == "agent":
            people = agents.find_working(self.session, words, profiles.LOOKUP_LIMIT)
        else:
            people = profiles.find_people(self.session, words, _LOOKUPS[name])
        return jsonify([[str(person.id), person.label] for person in people])


def _statuses() -> choices.Pairs:
    return [(ACTIVE, _("Active")), *choices.statuses()]


def _columns() -> list[Column]:
    return [
        Column(_("Number"), "number"),
        Column(_("Subject")),
        Column(_("Customer")),
        Column(_("Status"), "status"),
        Column(_("Priority"), "priority"),
        Column(_("Agent")),
        Column(_("Next due")),
        Column(_("Last activity"), "activity"),
    ]


def _sorts() -> dict[str, str]:
    return {
        "created": _("Created"),
        "activity": _("Last activity"),
        "number": _("Number"),
        "priority": _("Priority"),
        "status": _("Status"),
    }
