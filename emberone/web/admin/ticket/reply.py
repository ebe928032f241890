"""Writing on a ticket: replies to the customer and notes for colleagues."""

from typing import Any, Final
from uuid import UUID

from flask import current_app, redirect, url_for
from flask_admin import expose
from flask_babel import gettext as _

from emberone.domain.errors import EmberOneError
from emberone.queries.drafts import is_on_its_way
from emberone.services import drafts
from emberone.web.admin.base import PanelView, Undo, attempt, done
from emberone.web.admin.params import fields
from emberone.web.admin.ticket.composing import NOTE, ONWARD, VERBS, Composing
from emberone.web.admin.ticket.numbered import id_of, page_url
from emberone.web.admin.ticket.page import show_page
from emberone.web.admin.ticket.place import ticket_walk
from emberone.web.admin.ticket.reply_changes import sent_changes
from emberone.web.attachments import uploaded_files
from emberone.web.session import current_actor

#: What is written: for the customer, or for colleagues.
_KINDS: Final = ("reply", NOTE)

#: To the next ticket after sending: from now on, or this once.
_ONWARD: Final = ("1", "once")
_A_YEAR: Final = 366 * 24 * 3600


@expose("/<int:number>/respond/", methods=("POST",))
def respond(view: PanelView, number: int) -> Any:
    """Answer the customer, or leave a note for colleagues."""
    values = fields()
    verb = values.one_of("verb", (*VERBS, NOTE)) or "reply"
    # Whatever of the two says "note" wins: a note must never reach the customer.
    if verb == NOTE or values.one_of("kind", _KINDS) == NOTE:
        return _leave_note(view, number)
    outcome = attempt(
        drafts.send_reply,
        current_actor(),
        id_of(view.session, number),
        values.raw("text"),
        VERBS[verb],
        files=uploaded_files(),
        changes=sent_changes(values),
    )
    if isinstance(outcome, EmberOneError):
        return _keeping_text(view, number, outcome, "reply", verb)
    return _remembering(_sent(view, number, outcome))


def _sent(view: PanelView, number: int, outcome: UUID) -> Any:
    """Go on after a reply, to its own page or to the next ticket; there it can be taken back."""
    onward, is_waiting = _onward(), is_on_its_way(view.session, outcome)
    if is_waiting and onward:
        message = _("Your reply on #%(number)s leaves in a few seconds.", number=number)
        back = url_for("ticket.take_back", number=number)
        undo = Undo(_("Take back"), back, (("id", str(outcome)),))
        return done(message, onward, undo=undo)
    if is_waiting:
        # Its card says all there is to say.
        return redirect(f"{page_url(number)}#reply-{outcome}", 303)
    if onward:
        return done(_("Your reply on #%(number)s was sent.", number=number), onward)
    return done(_("Your reply was sent."), f"{page_url(number)}#comment-{outcome}")


def _leave_note(view: PanelView, number: int) -> Any:
    outcome = attempt(
        drafts.leave_note,
        current_actor(),
        id_of(view.session, number),
        fields().raw("text"),
        files=uploaded_files(),
    )
    if isinstance(outcome, EmberOneError):
        return _keeping_text(view, number, outcome, NOTE, "reply")
    onward = _onward()
    if onward:
        message = _("The note on #%(number)s was added.", number=number)
        return _remembering(done(message, onward))
    address = f"{page_url(number)}#comment-{outcome}"
    return _remembering(done(_("The note was added."), address))


def _keeping_text(
    view: PanelView, number: int, refusal: EmberOneError, kind: str, verb: str
) -> Any:
    composing = Composing(fields().raw("text"), kind, verb, sent_changes(fields()))
    return show_page(view, number, refusal=refusal, composing=composing)


def _onward() -> str | None:
    """Where one goes on after sending: the next ticket of one's list, where that was asked for."""
    walk = ticket_walk()
    return walk["next"] if walk and fields().one_of("onward", _ONWARD) else None


def _remembering(response: Any) -> Any:
    """Let this browser offer the next time what was chosen now; one time by key is none."""
    wish = fields().one_of("onward", _ONWARD)
    if ticket_walk() and wish != "once":
        secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
        options = {"secure": secure, "httponly": True, "samesite": "Lax"}
        response.set_cookie(ONWARD, wish or "0", max_age=_A_YEAR, path="/admin/ticket/", **options)
    return response
