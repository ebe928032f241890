"""The page of one ticket as its customer sees it, and what its buttons do."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import Response, render_template, request
from flask_babel import get_locale

from emberone import policy
from emberone.db import now_of
from emberone.domain.enums import CommentType, Status
from emberone.domain.errors import EmberOneError, Invalid, NotFound, StaleWrite
from emberone.domain.lifecycle import is_reopenable
from emberone.markdown import to_html
from emberone.queries import portal
from emberone.queries.attachments import attachments_of, limit_mb
from emberone.queries.portal import OwnTicketPage, Said
from emberone.services import tickets as service
from emberone.services.settings import reopen_window
from emberone.services.tickets import UNSET, TicketChanges
from emberone.web.admin.params import arguments, fields, row_number
from emberone.web.attachments import were_files_chosen
from emberone.web.portal import wording
from emberone.web.portal.frame import attempt, blueprint, own_ticket, page, session, to_ticket
from emberone.web.portal.tickets import priorities_up_to
from emberone.web.session import current_actor
from emberone.web.waiting import inactivity_words


class Message(NamedTuple):
    """One message of the conversation, ready to be drawn."""

    #: None: the request itself.
    id: Any
    author: str | None
    kind: str
    html: Any
    at: datetime
    is_edited: bool
    may_edit: bool
    files: list[Any]


@blueprint.get("/<int:number>/")
def ticket(number: int) -> Response:
    """Show the ticket: how far it has come, what was said, and where to answer."""
    return show(own_ticket(number))


@blueprint.get("/<int:number>/changes/")
def changes(number: int) -> Response:
    """What is new on the page, or 304: one number that moves with public news tells."""
    version = portal.version_of(session(), current_actor(), row_number(number))
    if version is None:
        raise NotFound
    if request.if_none_match.contains_weak(_tag(version)):
        response = Response(status=304)
    else:
        found = own_ticket(number)
        version = found.public_version
        response = Response(render_template("portal/ticket_changes.html", **_scene(found)))
    response.set_etag(_tag(version), weak=True)
    return response


@blueprint.post("/<int:number>/rate/")
def rate(number: int) -> Response:
    """Say how it went; the last answer counts."""
    found, typed = own_ticket(number), fields()
    stars = typed.raw("rating")
    rating = int(stars) if stars in {"1", "2", "3", "4", "5"} else None
    outcome: Any = Invalid("Choose from one to five stars.", field="rating")
    if rating is not None:
        outcome = attempt(service.rate_ticket, current_actor(), found.id, rating, typed.raw("text"))
    if isinstance(outcome, EmberOneError):
        return show(found, outcome, rating=rating, rating_text=typed.raw("text"))
    return to_ticket(number, "rating")


@blueprint.route("/<int:number>/edit/", methods=("GET", "POST"))
def edit(number: int) -> Response:
    """Change the request; where staff did meanwhile, both versions are shown."""
    found = own_ticket(number)
    policy.require(current_actor(), policy.TICKET_EDIT, found)
    if request.method == "GET":
        return _edit_form(found)
    typed = fields()
    if typed.raw("seen") != _print(found):
        return _edit_form(found, StaleWrite())
    wanted = UNSET
    if _may_prioritise(found) and typed.has("priority"):
        wanted = wording.priority_named(typed.raw("priority")) or UNSET
    outcome = attempt(
        service.change_ticket,
        current_actor(),
        found.id,
        TicketChanges(
            title=typed.raw("title"), description=typed.raw("description"), priority=wanted
        ),
        version=found.public_version,
    )
    if isinstance(outcome, EmberOneError):
        return _edit_form(own_ticket(number), outcome)
    return to_ticket(number)


def show(found: OwnTicketPage, refusal: EmberOneError | None = None, **typed: Any) -> Response:
    """Draw the page; what was typed into a form that was refused is still in it."""
    shown = {"text": "", "rating": found.feedback_rating, "rating_text": found.feedback_text or ""}
    return page(
        "portal/ticket_page.html",
        refusal=refusal,
        tag=f'W/"{_tag(found.public_version)}"',
        file_limit_mb=limit_mb(session()),
        lost_files=refusal is not None and were_files_chosen(),
        **_scene(found),
        **{**shown, **typed},
    )


def _scene(found: OwnTicketPage) -> dict[str, Any]:
    """All that the page and its live parts are made of."""
    actor, now = current_actor(), now_of(session())
    is_whole = arguments().has("all")
    limit = portal.WHOLE_CONVERSATION if is_whole else portal.CONVERSATION_LIMIT
    said = portal.conversation(session(), found.id, limit)
    has_earlier = len(said) > limit
    said = said[-limit:]
    happenings = portal.happenings(session(), found.id)
    lines = [line for one in happenings if (line := wording.line(one, found.customer_id))]
    files = attachments_of(session(), actor, found.id)
    messages = [_message(one, files.get(one.id, []), now) for one in said]
    if has_earlier:
        lines = [line for line in lines if line.at >= said[0].created_at]
    until = _reopen_until(found, now)
    return {
        "ticket": found,
        "request_files": files.get(None, []),
        "description": to_html(found.description),
        "opened_by": next((one.actor_name for one in happenings if one.action == "created"), None),
        # At the same moment, what was said comes before what it brought about.
        "entries": sorted(
            [*messages, *lines], key=lambda one: (one.at, isinstance(one, wording.Line))
        ),
        "has_earlier": has_earlier,
        "is_closed": found.status is Status.CLOSED,
        "status_word": wording.STATUS_WORDS[found.status],
        "next_step": wording.what_comes_next(found.status, until),
        "writing_does": wording.what_writing_does(found.status, until),
        "may_reopen": until is not None,
        "may_edit": policy.may(actor, policy.TICKET_EDIT, found),
        "priority_name": wording.PRIORITY_NAMES[found.priority],
        "continued_by": portal.continued_by(session(), actor, found.id),
        "now": now,
    }


def _message(said: Said, files: list[Any], now: datetime) -> Message:
    actor = current_actor()
    is_own = said.author_id is not None and said.author_id == actor.profile_id
    kind = "system" if said.type is CommentType.SYSTEM else "own" if is_own else "staff"
    is_young = now < said.created_at + policy.COMMENT_EDIT_WINDOW
    return Message(
        said.id,
        said.author_name,
        kind,
        to_html((inactivity_words(said.facts or {}) if kind == "system" else None) or said.content),
        said.created_at,
        said.is_edited,
        kind == "own" and is_young,
        files,
    )


def _reopen_until(found: OwnTicketPage, now: datetime) -> datetime | None:
    """Until when a closed ticket may come back; None for one that is open, or stays closed."""
    window: timedelta = reopen_window(session())
    if found.closed_at is None or not is_reopenable(found.closed_at, now=now, reopen_window=window):
        return None
    return found.closed_at + window


def _may_prioritise(found: OwnTicketPage) -> bool:
    return policy.may(current_actor(), policy.TICKET_SET_PRIORITY, found)


def _edit_form(found: OwnTicketPage, refusal: EmberOneError | None = None) -> Response:
    typed, is_stale = fields(), isinstance(refusal, StaleWrite)
    limit = service.current(session()).customer_max_priority
    return page(
        "portal/ticket_edit.html",
        refusal=refusal,
        ticket=found,
        is_stale=is_stale,
        seen=_print(found),
        title=typed.raw("title") if refusal else found.title,
        description=typed.raw("description") if refusal else found.description,
        priority=typed.raw("priority") if refusal else found.priority.value,
        priorities=priorities_up_to(limit) if _may_prioritise(found) else [],
    )


def _print(found: OwnTicketPage) -> str:
    """What the form was made from, to tell whether staff have changed it since."""
    return wording.print_of(found.title, found.description)


def _tag(version: int) -> str:
    return f"{version}-{get_locale()}"
