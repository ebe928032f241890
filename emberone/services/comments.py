"""What is said on a ticket: answering, noting, commenting, editing and deleting."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.attachments import Upload
from emberone.domain.enums import CommentType, Role, Status
from emberone.domain.errors import NotFound, StaleWrite
from emberone.domain.lifecycle import REPLIES, TRANSITIONS, Event, is_reopenable
from emberone.domain.snoozing import Cause
from emberone.models import Comment, Ticket
from emberone.policy import (
    COMMENT_DELETE,
    COMMENT_EDIT,
    TICKET_CLOSE,
    TICKET_COMMENT,
    TICKET_NOTE,
    TICKET_VIEW,
    may,
    require,
)
from emberone.services import agents, attachments, clocks, correspondence, mentions, repeats
from emberone.services.settings import reopen_window
from emberone.services.transitions import ask_for_agent, locked_ticket, move, status_after
from emberone.services.waking import wake, wake_for_reply


@service
def reply(
    actor: Actor,
    ticket_id: UUID,
    content: str,
    event: Event,
    *,
    files: Sequence[Upload] = (),
    now: datetime | None = None,
) -> UUID:
    """Answer the customer in public, at once; the event (one of REPLIES) decides the status.

    An agent who answers a ticket that nobody has takes it.
    """
    content = texts.comment(content)
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        return publish_reply(session, actor, ticket, content, event, files).id


def publish_reply(
    session: Session,
    actor: Actor,
    ticket: Ticket,
    content: str,
    event: Event,
    files: Sequence[Upload] = (),
    *,
    draft_id: UUID | None = None,
    sent_at: datetime | None = None,
) -> Comment:
    """Make the text a public comment on the locked ticket, with all that follows; a step.

    The files of the draft become the comment's, before its letter names them.
    `sent_at` is when its author sent it, where that was earlier.
    """
    after = status_after_reply(session, actor, ticket, event)
    wake_for_reply(session, ticket, sent_at or now_of(session))
    if ticket.assigned_agent_id is None and actor.role is Role.AGENT:
        ticket.assigned_agent_id = actor.profile_id
    comment = _say(session, actor, ticket, content, files)
    with as_system(session):
        # The reply first, then what its status does to the clocks: SLA rule 6.
        clocks.staff_replied(session, ticket, at=now_of(session))
    move(session, actor, ticket, after)
    if draft_id is not None:
        attachments.publish_draft_files(session, draft_id, comment)
    correspondence.staff_replied(session, actor, ticket, comment)
    return comment


def status_after_reply(session: Session, actor: Actor, ticket: Ticket, event: Event) -> Status:
    """Step: the status that this reply would lead to; raises where it may not be given now."""
    if event not in REPLIES:
        raise ValueError(f"{event} is not a reply.")
    require(actor, TICKET_COMMENT, ticket)
    require(actor, TICKET_NOTE, ticket)
    return status_after(session, ticket, event)


@service
def add_note(
    actor: Actor,
    ticket_id: UUID,
    content: str,
    *,
    files: Sequence[Upload] = (),
    now: datetime | None = None,
) -> UUID:
    """Say something that only staff see; nothing else moves."""
    content = texts.comment(content)
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_NOTE, ticket)
        note = put_note(session, actor, ticket, content)
        attachments.attach(session, files, ticket_id=ticket.id, comment_id=note.id)
        return note.id


def put_note(session: Session, actor: Actor, ticket: Ticket, content: str) -> Comment:
    """Step: the note itself, on the locked ticket; the caller has asked whether the actor may."""
    note = Comment(
        ticket_id=ticket.id,
        author_id=actor.profile_id,
        content=content,
        type=CommentType.INTERNAL,
        is_internal=True,
    )
    session.add(note)
    session.flush()
    mentions.tell_mentioned(session, actor, ticket, note)
    return note


@service
def comment_as_customer(
    actor: Actor,
    ticket_id: UUID,
    content: str,
    *,
    files: Sequence[Upload] = (),
    now: datetime | None = None,
) -> UUID:
    """Say something on one's own ticket and return the ticket it went to.

    A ticket that was closed too long ago stays closed: the comment opens a new
    one that names it. The same words twice within a minute are said once.
    """
    content = texts.comment(content)
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_COMMENT, ticket)
        if ticket.customer_id != actor.profile_id:
            raise NotFound
        if repeats.said_already(session, actor, ticket, content, files):
            return ticket.id
        if ticket.status is Status.CLOSED and not is_reopenable(
            ticket.closed_at, now=now_of(session), reopen_window=reopen_window(session)
        ):
            return _follow_up(session, actor, ticket, content, files)
        after = status_after(session, ticket, Event.CUSTOMER_COMMENT)
        _say(session, actor, ticket, content, files)
        wake(session, ticket, Cause.CUSTOMER)
        with as_system(session):
            clocks.customer_spoke(session, ticket, at=now_of(session))
        is_reopened = ticket.status is Status.CLOSED
        move(session, actor, ticket, after)
        if not is_reopened:
            _return_from_absent(session, actor, ticket)
        return ticket.id


@service
def say_and_close(
    actor: Actor,
    ticket_id: UUID,
    content: str,
    *,
    files: Sequence[Upload] = (),
    now: datetime | None = None,
) -> None:
    """Say the last word on one's own ticket, and close it with that.

    Whoever closes waits for no answer: no clock starts, and nobody is called back to it.
    """
    content = texts.comment(content)
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_COMMENT, ticket)
        require(actor, TICKET_CLOSE, ticket)
        if ticket.customer_id != actor.profile_id:
            raise NotFound
        is_said = repeats.said_already(session, actor, ticket, content, files)
        if is_said and ticket.status is Status.CLOSED:
            return
        after = status_after(session, ticket, Event.CLOSE)
        if not is_said:
            _say(session, actor, ticket, content, files)
        move(session, actor, ticket, after)


def _return_from_absent(session: Session, actor: Actor, ticket: Ticket) -> None:
    """Let whoever is there answer (assignment rule 13); a reopened ticket has its own rule, 7.

    A step of its own, of which the customer sees nothing.
    """
    with as_system(session):
        is_returned = agents.release_from_absent(session, ticket)
    if is_returned:
        move(session, actor, ticket, TRANSITIONS[Event.RETURN_TO_POOL][ticket.status])


@service
def edit_comment(actor: Actor, comment_id: UUID, content: str, *, version: int) -> None:
    """Say it otherwise; what was there before is kept in the comment's edit history.

    Raises StaleWrite where someone edited it meanwhile.
    """
    content = texts.comment(content)
    with transaction(actor) as session:
        comment = _locked_comment(session, actor, comment_id)
        require(actor, COMMENT_EDIT, comment, now=now_of(session))
        if comment.version != version:
            raise StaleWrite(version=comment.version, content=comment.content)
        comment.content = content
        if comment.is_internal:
            ticket = session.get_one(Ticket, comment.ticket_id)
            mentions.tell_mentioned(session, actor, ticket, comment)


@service
def delete_comment(actor: Actor, comment_id: UUID) -> None:
    """Take a comment out of the conversation; history keeps that it was there."""
    with transaction(actor) as session:
        comment = _locked_comment(session, actor, comment_id)
        require(actor, COMMENT_DELETE, comment)
        session.delete(comment)
        ticket = session.get_one(Ticket, comment.ticket_id)
        if comment.type is CommentType.USER and comment.author_id == ticket.customer_id:
            with as_system(session):
                clocks.comment_deleted(session, ticket, at=now_of(session))
        correspondence.comment_deleted(session, comment.id)
        mentions.note_deleted(session, comment)


def _locked_comment(session: Session, actor: Actor, comment_id: UUID) -> Comment:
    """The comment under a lock; NotFound where the actor may not even know of it."""
    # A customer's own row policy would hide a comment that is too old to edit. The ticket
    # first, like everyone: the comment's trigger changes it.
    with as_system(session):
        ticket = session.scalars(
            select(Ticket)
            .where(Ticket.id.in_(select(Comment.ticket_id).where(Comment.id == comment_id)))
            .with_for_update(key_share=True)
        ).one_or_none()
        comment = session.get(
            Comment, comment_id, with_for_update={"key_share": True}, populate_existing=True
        )
    if ticket is None or comment is None:
        raise NotFound
    if not may(actor, TICKET_VIEW, ticket) or (comment.is_internal and actor.is_customer):
        raise NotFound
    return comment


def _say(
    session: Session, actor: Actor, ticket: Ticket, content: str, files: Sequence[Upload]
) -> Comment:
    comment = Comment(ticket_id=ticket.id, author_id=actor.profile_id, content=content)
    session.add(comment)
    # As the person: the row policies must have their say.
    session.flush()
    attachments.attach(session, files, ticket_id=ticket.id, comment_id=comment.id)
    return comment


def _follow_up(
    session: Session, actor: Actor, closed: Ticket, content: str, files: Sequence[Upload]
) -> UUID:
    followed = repeats.followed_already(session, closed, content, files)
    if followed is not None:
        return followed
    ticket = Ticket(
        customer_id=closed.customer_id,
        title=closed.title,
        description=content,
    )
    session.add(ticket)
    session.flush()
    with as_system(session):
        ticket.follows_id, ticket.team_id = closed.id, closed.team_id
        session.flush()
        clocks.opened(session, ticket, at=now_of(session))
    attachments.attach(session, files, ticket_id=ticket.id)
    correspondence.ticket_received(session, actor, ticket)
    ask_for_agent(session, ticket)
    return ticket.id
