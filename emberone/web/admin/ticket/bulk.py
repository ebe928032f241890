"""What one does with many tickets of the list at once, and what became of each."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flask import request
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import Session

from emberone.db import now_of
from emberone.domain.actor import Actor
from emberone.domain.enums import Priority, Role
from emberone.domain.errors import EmberOneError, Invalid
from emberone.domain.snoozing import Later
from emberone.queries import profiles, tickets
from emberone.queries.paging import parse_count, parse_id
from emberone.services import bulk as service
from emberone.services import reads, tagging
from emberone.services.bulk import Chosen, Refusal
from emberone.services.snoozing import snooze_ticket, wake_ticket
from emberone.services.tickets import TicketChanges, change_ticket, reopen_ticket
from emberone.web.admin.base import PanelView, Undo, attempt, done, refused
from emberone.web.admin.params import NotUnderstood, Values, arguments, fields
from emberone.web.admin.ticket.place import listing_of
from emberone.web.admin.ticket.snooze_menu import woken_words
from emberone.web.admin.ticket.snoozing import drawn_at, moment_of
from emberone.web.session import current_actor

#: What the buttons send, besides `priority:HIGH`, `team:<id>` and `snooze:tomorrow`.
_ACTS: Final = ("assign", "take", "pool", "tag", "untag", "close", "read", "wake", "reopen")

#: What takes back what: the button beside the message. Closed tickets come back as worked on.
_BACK: Final = {"snooze": ("wake", _l("Undo")), "close": ("reopen", _l("Reopen"))}
#: A message waits in a cookie, which is no place for long lists.
_MOST_TAKEN_BACK: Final = 20

_Act = Callable[[], list[Refusal]]


@expose("/bulk/", methods=("POST",))
def bulk(view: PanelView) -> Any:
    """Do what the button says with every ticket that was chosen; tell what became of them."""
    values, listing = fields(), listing_of(arguments())
    back = listing.url(cursor=listing.paging.cursor)
    chosen = _chosen()
    verb, _colon, value = (values.text("act", 60) or "").partition(":")
    # Without a script nobody has asked yet.
    if verb == "close" and not values.text("sure") and 0 < len(chosen) <= service.MOST:
        named = tickets.named(view.session, current_actor(), [one.ticket_id for one in chosen])
        return view.render(
            "panel/ticket_bulk_close.html",
            chosen=request.form.getlist("chosen"),
            named=named,
            address=request.full_path,
            back=back,
        )
    is_given = verb in {"assign", "take"}
    before = tickets.asleep(view.session, (one.ticket_id for one in chosen if is_given))
    outcome = attempt(_act(view.session, verb, value, values, chosen))
    if isinstance(outcome, EmberOneError):
        return refused(outcome, back)
    message = _said(verb, len(chosen) - len(outcome))
    message += woken_words(view.session, before, among=len(chosen))
    if not outcome:
        return done(message, back, undo=_undo(verb, chosen, request.full_path))
    refusals = {refusal.ticket_id: refusal.error for refusal in outcome}
    page = view.render(
        "panel/ticket_bulk.html",
        message=message if len(refusals) < len(chosen) else None,
        refusals=refusals,
        named=tickets.named(view.session, current_actor(), refusals),
        back=back,
    )
    return page, 409


def _act(session: Session, verb: str, value: str, values: Values, chosen: list[Chosen]) -> _Act:
    actor = current_actor()
    if verb == "priority":
        return _changing(actor, chosen, TicketChanges(priority=_priority(value)))
    if verb == "team":
        return _changing(actor, chosen, TicketChanges(team_id=_team(value)))
    if verb == "snooze":
        return _snoozing(actor, chosen, value, values, now_of(session))
    if verb not in _ACTS or value:
        raise NotUnderstood(_("“%(name)s” has no such value.", name="act"))
    if verb in {"assign", "take", "pool"}:
        return _assigning(session, actor, verb, values, chosen)
    if verb in {"tag", "untag"}:
        tagged = tagging.add_tags if verb == "tag" else tagging.remove_tags
        words = (values.text("tag") or "").split(",")
        if not any(word.strip() for word in words):
            return _refusing(Invalid("Type a tag.", field="tag"))
        return lambda: service.on_each(chosen, lambda one: tagged(actor, one.ticket_id, words))
    if verb == "close":
        return lambda: service.close_each(actor, chosen)
    if verb in {"wake", "reopen"}:
        back = wake_ticket if verb == "wake" else reopen_ticket
        return lambda: service.on_each(chosen, lambda one: back(actor, one.ticket_id))
    return lambda: service.on_each(
        chosen, lambda one: reads.mark_read(actor, one.ticket_id, one.activity_no)
    )


def _assigning(
    session: Session, actor: Actor, verb: str, values: Values, chosen: list[Chosen]
) -> _Act:
    agent_id: UUID | None = None
    if verb == "take":
        agent_id = actor.profile_id
    elif verb == "assign":
        agent_id = values.identifier("agent")
        if agent_id is None or not profiles.person(session, agent_id, (Role.AGENT,)):
            return _refusing(Invalid("Choose an agent.", field="agent"))
    return lambda: service.assign_each(actor, chosen, agent_id)


def _undo(verb: str, chosen: list[Chosen], address: str) -> Undo | None:
    """The way back for the same tickets, where there is one."""
    if verb not in _BACK or len(chosen) > _MOST_TAKEN_BACK:
        return None
    act, label = _BACK[verb]
    tickets_meant = (f"{one.ticket_id}.{one.version}.{one.activity_no}" for one in chosen)
    fields = (("act", act), *(("chosen", ticket) for ticket in tickets_meant))
    return Undo(str(label), address, fields)


def _refusing(refusal: EmberOneError) -> _Act:
    def refuse() -> list[Refusal]:
        raise refusal

    return refuse


def _changing(actor: Actor, chosen: list[Chosen], changes: TicketChanges) -> _Act:
    return lambda: service.on_each(
        chosen, lambda one: change_ticket(actor, one.ticket_id, changes, version=one.version)
    )


def _snoozing(
    actor: Actor, chosen: list[Chosen], value: str, values: Values, now: datetime
) -> _Act:
    if value not in set(Later):
        raise NotUnderstood(_("“%(name)s” has no such value.", name="act"))
    drawn = drawn_at(values)

    def snooze() -> list[Refusal]:
        until = moment_of(Later(value), now)
        return service.on_each(
            chosen, lambda one: snooze_ticket(actor, one.ticket_id, until, seen_at=drawn)
        )

    return snooze


def _priority(value: str) -> Priority:
    try:
        return Priority(value)
    except ValueError:
        raise NotUnderstood(_("“%(name)s” has no such value.", name="act")) from None


def _team(value: str) -> UUID | None:
    try:
        return parse_id(value) if value else None
    except ValueError:
        raise NotUnderstood(_("“%(name)s” has no such value.", name="act")) from None


def _chosen() -> list[Chosen]:
    """The rows whose boxes were ticked: `<id>.<version>.<activity>` each, none twice."""
    found: dict[UUID, Chosen] = {}
    for text in request.form.getlist("chosen"):
        try:
            ticket_id, version, activity_no = text.split(".")
            one = Chosen(parse_id(ticket_id), parse_count(version), parse_count(activity_no))
        except ValueError:
            raise NotUnderstood(_("“%(name)s” has no such value.", name="chosen")) from None
        found[one.ticket_id] = one
    return list(found.values())


def _said(verb: str, count: int) -> str:
    """What was done, in words."""
    if verb in {"assign", "take"}:
        return ngettext("%(num)d ticket was assigned.", "%(num)d tickets were assigned.", count)
    if verb == "pool":
        return ngettext(
            "%(num)d ticket was returned to the pool.",
            "%(num)d tickets were returned to the pool.",
            count,
        )
    if verb == "close":
        return ngettext("%(num)d ticket was closed.", "%(num)d tickets were closed.", count)
    if verb == "snooze":
        return ngettext("%(num)d ticket was snoozed.", "%(num)d tickets were snoozed.", count)
    if verb == "wake":
        return ngettext("%(num)d ticket is back.", "%(num)d tickets are back.", count)
    if verb == "reopen":
        return ngettext("%(num)d ticket was reopened.", "%(num)d tickets were reopened.", count)
    if verb == "read":
        return ngettext("%(num)d ticket is read.", "%(num)d tickets are read.", count)
    return ngettext("%(num)d ticket was changed.", "%(num)d tickets were changed.", count)
