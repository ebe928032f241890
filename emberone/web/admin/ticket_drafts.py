"""What one is writing on a ticket, kept as one goes; and replies that can still be taken back."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify, redirect
from flask_admin import expose
from flask_babel import gettext as _

from emberone.domain.enums import DraftKind
from emberone.domain.errors import EmberOneError, NotFound
from emberone.services import drafts
from emberone.services.attachments import remove_from_draft
from emberone.web.admin.base import attempt, carry_out, done, refused
from emberone.web.admin.params import fields
from emberone.web.admin.reply_changes import kept_changes
from emberone.web.admin.ticket_show import NOTE, VERBS
from emberone.web.admin.ticket_talk import TicketTalk
from emberone.web.errors import wants_json
from emberone.web.session import current_actor


class TicketDrafts(TicketTalk):
    """Texts that are no comments yet: kept, sent again, taken back, thrown away."""

    @expose("/<int:number>/draft/", methods=("POST",))
    def draft(self, number: int) -> Response:
        """Keep what is being written; the page's script sends it as one types."""
        draft_id = self._keep(number)
        return jsonify(kept=draft_id is not None)

    @expose("/<int:number>/take-back/", methods=("POST",))
    def take_back(self, number: int) -> Any:
        """Let a reply on its way stand in the reply box again."""
        outcome = attempt(drafts.take_back, current_actor(), self._named("id"))
        address = f"{self._url(number)}#composer"
        if isinstance(outcome, EmberOneError):
            return refused(outcome, address)
        # The text in the reply box says it, and nothing moves.
        return redirect(address, 303)

    @expose("/<int:number>/send-again/", methods=("POST",))
    def send_again(self, number: int) -> Any:
        """Send a held reply once more, as it was meant or otherwise."""
        verb = fields().one_of("verb", VERBS)
        return carry_out(
            _("Your reply is on its way again."),
            self._url(number),
            drafts.send_again,
            current_actor(),
            self._named("id"),
            event=VERBS[verb] if verb else None,
        )

    @expose("/<int:number>/discard/", methods=("POST",))
    def discard(self, number: int) -> Any:
        """Throw away a text that is no comment yet."""
        return carry_out(
            _("The text was thrown away."),
            self._url(number),
            drafts.discard_draft,
            current_actor(),
            self._named("id"),
        )

    @expose("/<int:number>/remove-file/", methods=("POST",))
    def remove_file(self, number: int) -> Any:
        """Take a file off what is being written; without a script the text comes along."""
        file_id, address = self._named("file"), f"{self._url(number)}#composer"
        if fields().has("text"):
            kept = attempt(self._keep, number)
            if isinstance(kept, EmberOneError):
                return refused(kept, address)
        outcome = attempt(remove_from_draft, current_actor(), file_id)
        if wants_json():
            if isinstance(outcome, EmberOneError):
                raise outcome
            return jsonify(removed=True)
        if isinstance(outcome, EmberOneError):
            return refused(outcome, address)
        return done(_("The file was removed."), address)

    def _keep(self, number: int) -> UUID | None:
        values = fields()
        kind = DraftKind.NOTE if values.one_of("kind", ("reply", NOTE)) == NOTE else DraftKind.REPLY
        return drafts.save_draft(
            current_actor(),
            self._id(number),
            kind,
            values.raw("text"),
            changes=kept_changes(values),
        )

    def _named(self, name: str) -> UUID:
        """The id in a field; whatever is none is a row that does not exist."""
        found = fields().identifier(name)
        if found is None:
            raise NotFound
        return found
