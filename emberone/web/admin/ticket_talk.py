"""Writing on a ticket: replies and notes; and how its open page hears of others."""

from typing import Any, Final

from flask import Response, make_response, request
from flask_admin import expose
from flask_babel import gettext as _

from emberone.domain.errors import EmberOneError
from emberone.queries import timeline
from emberone.services import comments as speaking
from emberone.web.admin.base import attempt, done, found
from emberone.web.admin.params import fields, row_number
from emberone.web.admin.ticket_show import NOTE, VERBS, Composing, TicketShow
from emberone.web.attachments import uploaded_files
from emberone.web.session import current_actor

_KINDS: Final = ("reply", NOTE)


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

    @expose("/<int:number>/respond/", methods=("POST",))
    def respond(self, number: int) -> Any:
        """Answer the customer, or leave a note for colleagues."""
        values, actor, ticket_id = fields(), current_actor(), self._id(number)
        verb = values.one_of("verb", (*VERBS, NOTE)) or "reply"
        text, files = values.raw("text"), uploaded_files()
        # Whatever of the two says "note" wins: a note must never reach the customer.
        if verb == NOTE or values.one_of("kind", _KINDS) == NOTE:
            outcome = attempt(speaking.add_note, actor, ticket_id, text, files=files)
            message, kind = _("The note was added."), NOTE
        else:
            outcome = attempt(
                speaking.reply,
                actor,
                ticket_id,
                text,
                VERBS[verb],
                files=files,
            )
            message, kind = _("Your reply was sent."), "reply"
        if isinstance(outcome, EmberOneError):
            composing = Composing(text, kind, verb if verb in VERBS else "reply")
            return self._page(number, refusal=outcome, composing=composing)
        return done(message, f"{self._url(number)}#comment-{outcome}")
