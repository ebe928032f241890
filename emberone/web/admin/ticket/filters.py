"""Which tickets the queue's address asks for, and how its filters are offered and named."""

from typing import Any, Final
from uuid import UUID

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from emberone.db import now_of
from emberone.domain.actor import Actor
from emberone.domain.enums import Priority, Role, Status
from emberone.queries import agents, profiles, search, tickets
from emberone.services import bulk
from emberone.web.admin import choices
from emberone.web.admin.lists import Chip, Listing
from emberone.web.admin.params import Values
from emberone.web.admin.ticket.place import view_of
from emberone.web.admin.ticket.snooze_menu import offers_at

#: Tickets that someone at work has to do something about.
ACTIVE: Final = "ACTIVE"
#: Those, and what waits for its customer.
NOT_CLOSED: Final = "NOT_CLOSED"
_STATUSES: Final = {
    ACTIVE: (Status.OPEN, Status.IN_PROGRESS),
    NOT_CLOSED: (Status.OPEN, Status.IN_PROGRESS, Status.WAITING),
    **{status.value: (status,) for status in Status},
}


def wanted(
    session: Session, actor: Actor, values: Values, listing: Listing
) -> tickets.TicketFilters:
    """What the address asks for; the listing learns to name each filter."""
    words = values.text("search")
    status = values.one_of("status", tuple(_STATUSES))
    agent = values.text("agent")
    filters = tickets.TicketFilters(
        statuses=_STATUSES[status] if status else (),
        priority=values.choice("priority", Priority),
        agent=_agent(actor, values),
        team_id=values.identifier("team"),
        tag=values.text("tag", 50),
        customer_id=values.identifier("customer"),
        created_from=values.day_begins("from"),
        created_before=values.day_ends("to"),
        hits=search.find_tickets(session, words) if words else None,
        view=view_of(values),
    )
    listing.chips = _chips(session, filters, listing, agent)
    return filters


def _agent(actor: Actor, values: Values) -> Any:
    name = values.text("agent")
    if name == "me":
        return actor.profile_id
    return tickets.Nobody.NOBODY if name == "none" else values.identifier("agent")


def _chips(
    session: Session, filters: tickets.TicketFilters, listing: Listing, agent: str | None
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
        chips.append(Chip(("agent",), _("Agent"), _agent_name(session, agent)))
    if filters.team_id:
        team = agents.team_details(session, filters.team_id)
        chips.append(Chip(("team",), _("Team"), team.name if team else _("unknown")))
    if filters.tag:
        chips.append(Chip(("tag",), _("Tag"), filters.tag))
    if filters.customer_id:
        customer = profiles.profile_details(session, filters.customer_id)
        name = customer.full_name if customer else _("unknown")
        chips.append(Chip(("customer",), _("Customer"), name))
    if "from" in shown or "to" in shown:
        days = f"{shown.get('from', '…')} – {shown.get('to', '…')}"
        chips.append(Chip(("from", "to"), _("Created"), days))
    return chips


def _agent_name(session: Session, agent: str) -> str:
    if agent in {"me", "none"}:
        return _("me") if agent == "me" else _("nobody")
    person = profiles.profile_details(session, UUID(agent))
    return person.full_name if person else _("unknown")


def offered(session: Session, customer_id: UUID | None) -> dict[str, Any]:
    """What the selects of the filters and of the bar over ticked rows offer."""
    people = agents.agent_choices(session)
    has_more = len(people) > agents.CHOICES_LIMIT
    people = people[: agents.CHOICES_LIMIT]
    # Only the one who is chosen: the others are found by typing.
    customer = customer_id and profiles.person(session, customer_id, Role)
    return {
        "customers": [(str(customer.id), customer.label)] if customer else [],
        "statuses": _statuses(),
        "priorities": choices.priorities(),
        "agents": [
            ("me", _("Me")),
            ("none", _("Nobody")),
            *((str(person.id), person.label) for person in people),
        ],
        "teams": [(str(team.id), team.label) for team in agents.team_choices(session)],
        "working": [(str(person.id), person.label) for person in people if person.is_working],
        "agent_lookup": url_for("ticket.ajax_lookup", name="agent") if has_more else None,
        "most": bulk.MOST,
        "moments": offers_at(now_of(session)),
    }


def _statuses() -> choices.Pairs:
    return [(ACTIVE, _("Active")), (NOT_CLOSED, _("Not closed")), *choices.statuses()]
