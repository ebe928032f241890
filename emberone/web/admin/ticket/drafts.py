"""What one is writing on a ticket, kept as one goes; and replies that can still be taken back."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify, redirect
from flask_admin import expose
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from emberone.domain.enums import DraftKind
from emberone.domain.errors import EmberOneError, NotFound
from emberone.services import drafts
from emberone.services.attachments import remove_from_draft
from emberone.web.admin.base import PanelView, attempt, carry_out, done, refused
from emberone.web.admin.params import fields
from emberone.web.admin.ticket.composing import NOTE, VERBS
from emberone.web.admin.ticket.numbered import id_of, page_url
from emberone.web.admin.ticket.reply_changes import kept_changes
from emberone.web.errors import wants_json
from emberone.web.session import current_actor


@expose("/<int:number>/draft/", methods=("POST",))
def draft(view: PanelView, number: int) -> Response:
    """Keep what is being written; the page's script sends it as one types."""
    draft_id = _keep(view.session, number)
    return jsonify(kept=draft_id is not None)


@expose("/<int:number>/take-back/", methods=("POST",))
def take_back(view: PanelView, number: int) -> Any:
    """Let a reply on its way stand in the reply box again."""
    outcome = attempt(drafts.take_back, current_actor(), _named("id"))
    address = f"{page_url(number)}#composer"
    if isinstance(outcome, EmberOneError):
        return refused(outcome, address)
    # The text in the reply box says it, and nothing moves.
    return redirect(address, 303)


@expose("/<int:number>/send-again/", methods=("POST",))
def send_again(view: PanelView, number: int) -> Any:
    """Send a held reply once more, as it was meant or otherwise."""
    verb = fields().one_of("verb", VERBS)
    return carry_out(
        _("Your reply is on its way again."),
        page_url(number),
        drafts.send_again,
        current_actor(),
        _named("id"),
        event=VERBS[verb] if verb else None,
    )


@expose("/<int:number>/discard/", methods=("POST",))
def discard(view: PanelView, number: int) -> Any:
    """Throw away a text that is no comment yet."""
    return carry_out(
        _("The text was thrown away."),
        page_url(number),
        drafts.discard_draft,
        current_actor(),
        _named("id"),
    )


@expose("/<int:number>/remove-file/", methods=("POST",))
def remove_file(view: PanelView, number: int) -> Any:
    """Take a file off what is being written; without a script the text comes along."""
    file_id, address = _named("file"), f"{page_url(number)}#composer"
    if fields().has("text"):
        kept = attempt(_keep, view.session, number)
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


def _keep(session: Session, number: int) -> UUID | None:
    values = fields()
    kind = DraftKind.NOTE if values.one_of("kind", ("reply", NOTE)) == NOTE else DraftKind.REPLY
    return drafts.save_draft(
        current_actor(),
        id_of(session, number),
        kind,
        values.raw("text"),
        changes=kept_changes(values),
    )


def _named(name: str) -> UUID:
    """The id in a field; whatever is none is a row that does not exist."""
    found = fields().identifier(name)
    if found is None:
        raise NotFound
    return found
