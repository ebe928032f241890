"""How the page of a ticket is put together, whole or only what is new on it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask_admin import expose
from sqlalchemy.orm import Session
from werkzeug import Response

from emberone.db import now_of
from emberone.domain.enums import Status
from emberone.domain.errors import EmberOneError, IllegalTransition
from emberone.domain.macros import Filling
from emberone.markdown import to_html
from emberone.queries import (
    attachments,
    comments,
    drafts,
    feedback,
    history,
    macros,
    reads,
    sla,
    tickets,
    timeline,
)
from emberone.web.admin.base import PanelView, found
from emberone.web.admin.limits import clock_marks
from emberone.web.admin.macro_form import beginning_on, effects
from emberone.web.admin.moments import lines
from emberone.web.admin.note_mentions import marks_for
from emberone.web.admin.params import arguments, asked_row, fields, row_number
from emberone.web.admin.ticket.composing import ONWARD, Composing
from emberone.web.admin.ticket.conversation import colleagues, due_times, outgoing, talk_of
from emberone.web.admin.ticket.explanations import explanations
from emberone.web.admin.ticket.feedback import askings
from emberone.web.admin.ticket.form import TicketForm, form_choices
from emberone.web.admin.ticket.numbered import details_of, page_url
from emberone.web.admin.ticket.reply_changes import chips_of
from emberone.web.admin.ticket.snooze_menu import snooze_of
from emberone.web.session import current_actor, current_profile


@expose("/<int:number>/")
def page(view: PanelView, number: int) -> str:
    """Show one ticket."""
    html: str = show_page(view, number)
    return html


@expose("/details/")
def details_view(view: PanelView) -> Response:
    """Go to the ticket that `id` names, as other pages and letters know it."""
    number = found(tickets.number_of(view.session, current_actor(), asked_row()))
    return redirect(url_for("ticket.page", number=number))  # type: ignore[return-value]


def show_page(
    view: PanelView,
    number: int,
    *,
    refusal: EmberOneError | None = None,
    composing: Composing | None = None,
    form: TicketForm | None = None,
) -> Any:
    """Draw the page, after a refusal with what was typed; its status with it."""
    actor = current_actor()
    # Before all else: what happens while the page is made is news to it.
    pulse = found(timeline.pulse(view.session, actor, row_number(number)))
    ticket = details_of(view.session, number)
    parts = scene(view.session, ticket, form)
    draft = parts["draft"]
    composing = composing or parts["composing"]
    html = view.render(
        "panel/ticket_page.html",
        **{**parts, "composing": composing},
        **_activity(view.session, ticket),
        tag=pulse.tag,
        refusal=refusal,
        kept_files=parts["draft_files"].get(draft.id, []) if draft else [],
        file_limit=attachments.limit_mb(view.session),
        asks_to_reopen=_asks_to_reopen(ticket, refusal, composing),
        macros=macros.macro_choices(view.session, actor),
        effects=effects,
        macro_words=beginning_on(_filling(ticket)),
        chips=chips_of(composing.changes, dict(parts["form_choices"]["teams"])),
        fill_url=url_for("ticket.fill", number=number),
        goes_onward=request.cookies.get(ONWARD) == "1",
    )
    return (html, refusal.status) if refusal else html


def _filling(ticket: tickets.TicketDetails) -> Filling:
    """What stands in a macro's places here: as `queries.macros.filling_of`, of what is known."""
    person = current_profile()
    name = person.full_name if person else ""
    return Filling(ticket.customer_name, ticket.number, ticket.title, name)


def scene(session: Session, ticket: tickets.TicketDetails, form: TicketForm | None = None) -> Any:
    """What both the page and its updates show."""
    session, actor, now = session, current_actor(), now_of(session)
    clocks = sla.clocks_of(session, ticket.id, now)
    others = tickets.other_tickets(session, actor, ticket.customer_id, ticket.id)
    is_closed = ticket.status is Status.CLOSED
    replies = drafts.replies_on_their_way(session, ticket.id)
    draft = drafts.draft_of(session, actor, ticket.id)
    has_drafts = bool(replies) or draft is not None
    draft_files = attachments.attachments_of_drafts(session, ticket.id) if has_drafts else {}
    since = _since(session, ticket.id)
    cards = comments.conversation(session, actor, ticket.id)
    return {
        "ticket": ticket,
        "now": now,
        "snooze": snooze_of(ticket, now),
        "is_closed": is_closed,
        "outgoing": outgoing(actor, replies, draft_files, now=now, is_closed=is_closed),
        "draft": draft,
        "draft_files": draft_files,
        "composing": Composing.of(draft),
        "since": since,
        "colleagues": colleagues(
            drafts.writing_now(session, actor, ticket.id, now),
            reads.looking_now(session, actor, ticket.id, now),
        ),
        "request_html": to_html(ticket.description) if ticket.description.strip() else None,
        "talk": talk_of(
            ticket,
            cards,
            reader=actor.profile_id,
            since=since,
            marks=marks_for(session, cards),
            shows_all=arguments().one_of("all", ("1",)) is not None,
        ),
        "files": attachments.attachments_of(session, actor, ticket.id),
        "clocks": clock_marks(clocks, now),
        "due": due_times(clocks),
        "askings": askings(feedback.requests_of(session, ticket.id), now),
        "others": others,
        "continued_by": [other for other in others if other.follows_id == ticket.id],
        "continues": _continued(session, ticket),
        **_properties(session, ticket, form),
    }


def _since(session: Session, ticket_id: UUID) -> datetime | None:
    """The reader's last visit; an open page goes on with the one that it was opened after."""
    values = arguments()
    if values.has("since"):
        return values.moment("since")
    return reads.last_visit(session, current_actor(), ticket_id)


def _properties(session: Session, ticket: tickets.TicketDetails, form: TicketForm | None) -> Any:
    return {
        "form": form or TicketForm.of(ticket),
        # A form that was refused keeps what it was made from, or it would hide a conflict.
        "version": fields().version() if form else ticket.version,
        "seen": fields().raw("seen") if form else TicketForm.of(ticket).prints,
        "form_choices": form_choices(session, ticket.assigned_agent_id, ticket.agent_name),
    }


def _activity(session: Session, ticket: tickets.TicketDetails) -> Any:
    """The timeline, or why the time limits stand as they do, where its tab is open."""
    values = arguments()
    tab = values.one_of("tab", ("activity", "limits"))
    if tab is None:
        return {"tab": "talk"}
    if tab == "limits":
        now = now_of(session)
        return {"tab": tab, "explanations": explanations(session, ticket.id, now)}
    view = values.choice("show", timeline.View) or timeline.View.ALL
    cursor = values.text("cursor", 1000)
    page = timeline.timeline(session, current_actor(), ticket.id, view, cursor)
    names = history.names_of(session, [row.entry for row in page.rows if row.entry])
    address = page_url(ticket.number)
    return {
        "tab": "activity",
        "view": view,
        "lines": lines(page.rows, names, now_of(session), address),
        "newer_url": _activity_url(ticket, view, page.previous),
        "older_url": _activity_url(ticket, view, page.following),
    }


def _activity_url(
    ticket: tickets.TicketDetails, view: timeline.View, cursor: str | None
) -> str | None:
    if cursor is None:
        return None
    query = {"tab": "activity", "show": view.value, "cursor": cursor}
    return url_for("ticket.page", number=ticket.number, **query)


def _asks_to_reopen(
    ticket: tickets.TicketDetails, refusal: EmberOneError | None, composing: Composing
) -> bool:
    """Whether a reply was refused only because it would reopen the ticket."""
    return (
        ticket.status is Status.CLOSED
        and isinstance(refusal, IllegalTransition)
        and bool(composing.text.strip())
        and request.form.get("verb", "reply") == "reply"
    )


def _continued(session: Session, ticket: tickets.TicketDetails) -> int | None:
    if ticket.follows_id is None:
        return None
    return tickets.number_of(session, current_actor(), ticket.follows_id)
