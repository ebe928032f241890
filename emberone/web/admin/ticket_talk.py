"""Writing on a ticket: replies and notes; and how its open page hears of others."""

from typing import Any, Final
from uuid import UUID

from flask import Response, current_app, make_response, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _

from emberone.domain.errors import EmberOneError
from emberone.queries import timeline
from emberone.queries.drafts import is_on_its_way
from emberone.services import drafts, reads
from emberone.web.admin.base import Undo, attempt, carry_out, done, found
from emberone.web.admin.params import fields, row_number
from emberone.web.admin.reply_changes import sent_changes
from emberone.web.admin.ticket_show import NOTE, ONWARD, VERBS, Composing, TicketShow
from emberone.web.admin.tickets import ticket_walk
from emberone.web.attachments import uploaded_files
from emberone.web.session import current_actor

#: What is written: for the customer, or for colleagues.
_KINDS: Final = ("reply", NOTE)

#: To the next ticket after sending: from now on, or this once.
_ONWARD: Final = ("1", "once")
_A_YEAR: Final = 366 * 24 * 3600


class TicketTalk(TicketShow):
    """What one writes on a ticket, and how its open page hears of others."""

    @expose("/<int:number>/changes/")
    def changes(self, number: int) -> Response:
        """Answer an open page: nothing new (304, one statement), or its parts drawn again."""
        # As for the page: the tag first, so that nothing is missed.
        pulse = found(timeline.pulse(self.session, current_actor(), row_number(number)))
        if request.if_none_match.contains_weak(pulse.tag):
            response = make_response("", 304)
        else:
            scene = self._scene(self._ticket(number))
            response = make_response(self.render("panel/ticket_changes.html", **scene))
        response.set_etag(pulse.tag, weak=True)
        response.headers["Cache-Control"] = "private, no-cache"
        return response

    @expose("/<int:number>/seen/", methods=("POST",))
    def seen(self, number: int) -> Response:
        """Hear from an open page: that it is there, how far it was read, or that it goes."""
        actor, ticket_id, values = current_actor(), self._id(number), fields()
        if values.has("away"):
            reads.look_away(actor, ticket_id)
        else:
            reads.look_at(actor, ticket_id, values.count("activity"))
        return make_response("", 204)

    @expose("/<int:number>/unread/", methods=("POST",))
    def unread(self, number: int) -> Any:
        """Let the ticket look new again, and go back to the list: its page would read it."""
        walk = ticket_walk()
        address = walk["list"] if walk else url_for("ticket.index_view", status="ACTIVE")
        message = _("Ticket #%(number)s is unread again.", number=number)
        return carry_out(message, address, reads.mark_unread, current_actor(), self._id(number))

    @expose("/<int:number>/respond/", methods=("POST",))
    def respond(self, number: int) -> Any:
        """Answer the customer, or leave a note for colleagues."""
        values = fields()
        verb = values.one_of("verb", (*VERBS, NOTE)) or "reply"
        # Whatever of the two says "note" wins: a note must never reach the customer.
        if verb == NOTE or values.one_of("kind", _KINDS) == NOTE:
            return self._leave_note(number)
        outcome = attempt(
            drafts.send_reply,
            current_actor(),
            self._id(number),
            values.raw("text"),
            VERBS[verb],
            files=uploaded_files(),
            changes=sent_changes(values),
        )
        if isinstance(outcome, EmberOneError):
            return self._keeping_text(number, outcome, "reply", verb)
        return _remembering(self._sent(number, outcome))

    def _sent(self, number: int, outcome: UUID) -> Any:
        """Go on after a reply, to its own page or to the next ticket; there it can be taken back."""
        onward, is_waiting = _onward(), is_on_its_way(self.session, outcome)
        if is_waiting and onward:
            message = _("Your reply on #%(number)s leaves in a few seconds.", number=number)
            back = url_for("ticket.take_back", number=number)
            undo = Undo(_("Take back"), back, (("id", str(outcome)),))
            return done(message, onward, undo=undo)
        if is_waiting:
            # Its card says all there is to say.
            return redirect(f"{self._url(number)}#reply-{outcome}", 303)
        if onward:
            return done(_("Your reply on #%(number)s was sent.", number=number), onward)
        return done(_("Your reply was sent."), f"{self._url(number)}#comment-{outcome}")

    def _leave_note(self, number: int) -> Any:
        outcome = attempt(
            drafts.leave_note,
            current_actor(),
            self._id(number),
            fields().raw("text"),
            files=uploaded_files(),
        )
        if isinstance(outcome, EmberOneError):
            return self._keeping_text(number, outcome, NOTE, "reply")
        onward = _onward()
        if onward:
            message = _("The note on #%(number)s was added.", number=number)
            return _remembering(done(message, onward))
        address = f"{self._url(number)}#comment-{outcome}"
        return _remembering(done(_("The note was added."), address))

    def _keeping_text(self, number: int, refusal: EmberOneError, kind: str, verb: str) -> Any:
        composing = Composing(fields().raw("text"), kind, verb, sent_changes(fields()))
        return self._page(number, refusal=refusal, composing=composing)


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
