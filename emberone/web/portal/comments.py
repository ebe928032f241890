"""What a customer says on their tickets."""

from typing import Any
from uuid import UUID

from flask import Response, flash, request
from flask_babel import gettext as _

from emberone import policy
from emberone.db import now_of
from emberone.domain.errors import EmberOneError, NotFound, StaleWrite
from emberone.queries import portal
from emberone.queries.portal import OwnTicketPage, Said
from emberone.services.comments import comment_as_customer, edit_comment, say_and_close
from emberone.services.tickets import close_ticket, reopen_ticket
from emberone.web.admin.params import fields
from emberone.web.attachments import uploaded_files, were_files_chosen
from emberone.web.portal.frame import attempt, blueprint, own_ticket, page, session, to_ticket
from emberone.web.portal.ticket_page import show
from emberone.web.session import current_actor


@blueprint.post("/<int:number>/comment/")
def comment(number: int) -> Response:
    """Say something; where the ticket was closed too long ago, go on to the new one."""
    found, actor, text = own_ticket(number), current_actor(), fields().raw("text")
    outcome = attempt(comment_as_customer, actor, found.id, text, files=uploaded_files())
    if isinstance(outcome, EmberOneError):
        return show(own_ticket(number), outcome, text=text)
    if outcome == found.id:
        return to_ticket(number, "newest")
    new = portal.number_of(session(), actor, outcome)
    flash(_("Ticket #%(old)s stays closed. It goes on here.", old=number), "success")
    return to_ticket(new)


@blueprint.post("/<int:number>/close/")
def close(number: int) -> Response:
    """Say that it is solved; what stands in the reply box is said with it."""
    return _move(number, close_ticket, say_and_close)


@blueprint.post("/<int:number>/reopen/")
def reopen(number: int) -> Response:
    """Say that it is not solved after all; likewise."""
    return _move(number, reopen_ticket, comment_as_customer)


def _move(number: int, silently: Any, with_words: Any) -> Response:
    found, actor, text = own_ticket(number), current_actor(), fields().raw("text")
    if text.strip() or were_files_chosen():
        outcome = attempt(with_words, actor, found.id, text, files=uploaded_files())
    else:
        outcome = attempt(silently, actor, found.id)
    if isinstance(outcome, EmberOneError):
        return show(own_ticket(number), outcome, text=text)
    return to_ticket(number)


@blueprint.route("/<int:number>/comments/<uuid:comment_id>/edit/", methods=("GET", "POST"))
def comment_edit(number: int, comment_id: UUID) -> Response:
    """Say it otherwise while it is fresh; later the text can still be sent as a new comment."""
    found = own_ticket(number)
    said = _own_comment(found, comment_id)
    if request.method == "GET":
        return _form(found, said)
    text = fields().raw("text")
    outcome: Any = attempt(edit_comment, current_actor(), said.id, text, version=fields().version())
    if isinstance(outcome, EmberOneError):
        return _form(found, _own_comment(found, comment_id), outcome, text)
    return to_ticket(number, f"comment-{said.id}")


def _own_comment(found: OwnTicketPage, comment_id: UUID) -> Said:
    said = portal.own_comment(session(), current_actor(), found.id, comment_id)
    if said is None:
        raise NotFound
    return said


def _form(
    found: OwnTicketPage, said: Said, refusal: EmberOneError | None = None, text: str | None = None
) -> Response:
    is_fresh = now_of(session()) < said.created_at + policy.COMMENT_EDIT_WINDOW
    return page(
        "portal/comment_edit.html",
        refusal=refusal,
        ticket=found,
        said=said,
        text=said.content if text is None else text,
        is_fresh=is_fresh,
        is_stale=isinstance(refusal, StaleWrite),
    )
