"""Drafts: what staff are writing, and replies that can still be taken back.

A person has one text in the making per ticket. Sent, it waits for
`settings.reply_delay_s` and is then published (`services/publishing.py`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, exists, select, text, union_all, update
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.attachments import Upload
from emberone.domain.enums import CommentType, DraftKind, DraftState
from emberone.domain.errors import Conflict, Invalid, NotFound, Word
from emberone.domain.lifecycle import Event
from emberone.domain.macros import NO_CHANGES, ReplyChanges
from emberone.models import Attachment, Comment, Draft, Ticket
from emberone.policy import DRAFT_DISCARD, DRAFT_WRITE, TICKET_NOTE, require
from emberone.services import reads, repeats, teams
from emberone.services.attachments import attach, publish_draft_files
from emberone.services.comments import put_note, status_after_reply
from emberone.services.publishing import publish_draft
from emberone.services.settings import current
from emberone.services.transitions import locked_ticket

#: One person's own requests about one ticket come one after the other: a late autosave,
#: a second click. Without it each would find no row to lock.
_ONE_AT_A_TIME: Final = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(':', 'draft', :ticket, :author), 0))"
)

#: What a person reads who comes too late.
GONE: Final = Word("It is no draft any more: it was published or thrown away.")


@service
def save_draft(
    actor: Actor,
    ticket_id: UUID,
    kind: DraftKind,
    content: str,
    *,
    changes: ReplyChanges | None = None,
    now: datetime | None = None,
) -> UUID | None:
    """Keep what the actor is writing on the ticket; blank without files, there is no draft.

    `changes` are what publishing it is to change; None leaves them as they were chosen.
    A save that comes late, after its text was sent, keeps nothing: all of it waits already.
    """
    content = texts.draft(content)
    with transaction(actor, now=now) as session:
        _require_ticket(session, actor, ticket_id)
        _one_at_a_time(session, actor, ticket_id)
        draft = _writing(session, actor, ticket_id)
        if draft is None:
            is_late = _is_echo(session, actor, ticket_id, content)
            if is_late or not content.strip():
                return None
            draft = Draft(ticket_id=ticket_id, author_id=actor.profile_id)
            session.add(draft)
        elif not content.strip() and not _has_files(session, draft.id):
            session.delete(draft)
            return None
        draft.kind, draft.content = kind, content
        if changes is not None:
            draft.changes = _checked(session, changes)
        session.flush()
        return draft.id


@service
def send_reply(
    actor: Actor,
    ticket_id: UUID,
    content: str,
    event: Event,
    *,
    files: Sequence[Upload] = (),
    changes: ReplyChanges = NO_CHANGES,
    now: datetime | None = None,
) -> UUID:
    """Send a reply: checked now, published when its delay is over, and until then one row only.

    What it is to change beside the status waits with it, and happens when it is published.
    The same text sent again while the first still waits, or within a minute after it was
    published, is the same reply. What the actor was writing on the ticket becomes this
    reply, with its files. Returns the draft's id; where it is published, the comment's.
    """
    content = texts.comment(content)
    with transaction(actor, now=now) as session:
        require(actor, DRAFT_WRITE)
        ticket = locked_ticket(session, actor, ticket_id)
        _one_at_a_time(session, actor, ticket_id)
        status_after_reply(session, actor, ticket, event)
        changes = _checked(session, changes)
        draft = _sent_before(session, actor, ticket_id, content, files)
        if draft is not None:
            if (draft.event, draft.changes) != (event, changes):
                draft.changes = changes
                _let_wait(session, actor, ticket, draft, event)
            return draft.id
        said = _said_before(session, actor, ticket_id, CommentType.USER, content, files)
        if said is not None:
            return said
        draft = _to_send(session, actor, ticket_id, content)
        draft.kind, draft.content, draft.changes = DraftKind.REPLY, content, changes
        return _let_wait(session, actor, ticket, draft, event, files)


@service
def leave_note(
    actor: Actor,
    ticket_id: UUID,
    content: str,
    *,
    files: Sequence[Upload] = (),
    now: datetime | None = None,
) -> UUID:
    """Leave a note for colleagues, at once, and return the comment's id.

    What the actor was writing becomes this note, with its files. The same note again
    within a minute is one note.
    """
    content = texts.comment(content)
    with transaction(actor, now=now) as session:
        require(actor, DRAFT_WRITE)
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_NOTE, ticket)
        _one_at_a_time(session, actor, ticket_id)
        said = _said_before(session, actor, ticket_id, CommentType.INTERNAL, content, files)
        if said is not None:
            return said
        seen = ticket.activity_no
        note = put_note(session, actor, ticket, content)
        _take_over(session, actor, note, files)
        reads.keep_read(session, ticket.id, seen)
        return note.id


@service
def take_back(actor: Actor, draft_id: UUID) -> None:
    """Make a reply that waits, or is held, a text in the making again.

    Raises Conflict once it is published. A text begun meanwhile is put below it.
    """
    with transaction(actor) as session:
        draft = _locked_draft(session, actor, draft_id)
        if draft.state is DraftState.WRITING:
            return
        begun = _writing(session, actor, draft.ticket_id)
        if begun is not None:
            _take_in(session, draft, begun)
        draft.state, draft.publish_after = DraftState.WRITING, None
        draft.attempts, draft.last_error, draft.refusal = 0, None, None


@service
def send_again(
    actor: Actor, draft_id: UUID, *, event: Event | None = None, now: datetime | None = None
) -> None:
    """Send one's own held reply once more, perhaps with another event; it waits as before.

    Raises what stands in its way now. One that waits already is left alone.
    """
    with transaction(actor, now=now) as session:
        # Whoever needs both locks the ticket before the draft.
        ticket_id = _draft_of(session, actor, draft_id).ticket_id
        ticket = locked_ticket(session, actor, ticket_id)
        draft = _locked_draft(session, actor, draft_id)
        if draft.state is DraftState.WAITING:
            return
        wanted = event or draft.event
        if draft.state is not DraftState.HELD or wanted is None:
            raise Conflict("This reply was not sent yet.")
        status_after_reply(session, actor, ticket, wanted)
        _let_wait(session, actor, ticket, draft, wanted)


@service
def discard_draft(actor: Actor, draft_id: UUID) -> None:
    """Throw a draft away, sent or not, with its files; Conflict once it is published."""
    with transaction(actor) as session:
        draft = _locked_draft(session, actor, draft_id, DRAFT_DISCARD)
        with as_system(session):
            session.delete(draft)


def _one_at_a_time(session: Session, actor: Actor, ticket_id: UUID) -> None:
    session.execute(_ONE_AT_A_TIME, {"ticket": ticket_id, "author": actor.profile_id})


def _require_ticket(session: Session, actor: Actor, ticket_id: UUID) -> None:
    require(actor, DRAFT_WRITE)
    # A row that hides or is not there is the same to everyone.
    ticket = session.get(Ticket, ticket_id)
    if ticket is None:
        raise NotFound
    require(actor, TICKET_NOTE, ticket)


def _writing(session: Session, actor: Actor, ticket_id: UUID) -> Draft | None:
    return session.scalars(
        select(Draft)
        .where(
            Draft.ticket_id == ticket_id,
            Draft.author_id == actor.profile_id,
            Draft.state == DraftState.WRITING,
        )
        .with_for_update()
    ).one_or_none()


def _checked(session: Session, changes: ReplyChanges) -> ReplyChanges:
    teams.require_team(session, changes.team_id)
    return replace(changes, tags=tuple(texts.tags(changes.tags)))


def _is_echo(session: Session, actor: Actor, ticket_id: UUID, content: str) -> bool:
    waiting = select(Draft.content).where(
        Draft.ticket_id == ticket_id,
        Draft.author_id == actor.profile_id,
        Draft.state == DraftState.WAITING,
    )
    said = select(Comment.content).where(
        Comment.ticket_id == ticket_id,
        Comment.author_id == actor.profile_id,
        Comment.created_at > now_of(session) - repeats.WINDOW,
    )
    sent = session.scalars(union_all(waiting, said))
    return any(one.startswith(content.strip()) for one in sent)


def _said_before(
    session: Session,
    actor: Actor,
    ticket_id: UUID,
    kind: CommentType,
    content: str,
    files: Sequence[Upload],
) -> UUID | None:
    """The comment that the same text became a moment ago, unless it is being written anew."""
    if _writing(session, actor, ticket_id) is not None:
        return None
    return repeats.answered_already(session, actor, ticket_id, kind, content, files)


def _take_over(session: Session, actor: Actor, note: Comment, files: Sequence[Upload]) -> None:
    """Give the note its files, and those of the text in the making that it was; that goes."""
    draft = _writing(session, actor, note.ticket_id)
    if draft is None or not (
        draft.kind is DraftKind.NOTE or note.content.startswith(draft.content.strip())
    ):
        attach(session, files, ticket_id=note.ticket_id, comment_id=note.id)
        return
    attach(session, files, ticket_id=note.ticket_id, draft_id=draft.id)
    publish_draft_files(session, draft.id, note)
    session.delete(draft)


def _sent_before(
    session: Session, actor: Actor, ticket_id: UUID, content: str, files: Sequence[Upload]
) -> Draft | None:
    """The same text with the same files, still on its way."""
    sent = session.scalars(
        select(Draft)
        .where(
            Draft.ticket_id == ticket_id,
            Draft.author_id == actor.profile_id,
            Draft.state == DraftState.WAITING,
            Draft.content == content,
        )
        .with_for_update()
    ).all()
    wanted = {file.digest for file in files}
    return next((draft for draft in sent if wanted <= _digests(session, draft.id)), None)


def _digests(session: Session, draft_id: UUID) -> set[str]:
    return set(session.scalars(select(Attachment.digest).where(Attachment.draft_id == draft_id)))


def _to_send(session: Session, actor: Actor, ticket_id: UUID, content: str) -> Draft:
    """What the actor was writing, or a new row beside a note that is none of this reply's."""
    draft = _writing(session, actor, ticket_id)
    if draft is not None and (
        draft.kind is DraftKind.REPLY or content.startswith(draft.content.strip())
    ):
        return draft
    return Draft(ticket_id=ticket_id, author_id=actor.profile_id)


def _let_wait(
    session: Session,
    actor: Actor,
    ticket: Ticket,
    draft: Draft,
    event: Event,
    files: Sequence[Upload] = (),
) -> UUID:
    """Send it on its way and return its id; the comment's, where there is no delay."""
    delay = timedelta(seconds=current(session).reply_delay_s)
    draft.event, draft.state = event, DraftState.WAITING
    # When it was sent, from now on.
    draft.created_at = now_of(session)
    draft.publish_after = draft.created_at + delay
    draft.attempts, draft.last_error, draft.refusal = 0, None, None
    session.add(draft)
    session.flush()
    attach(session, files, ticket_id=ticket.id, draft_id=draft.id)
    return draft.id if delay else publish_draft(session, actor, ticket, draft).id


def _draft_of(
    session: Session, actor: Actor, draft_id: UUID, permission: str = DRAFT_WRITE
) -> Draft:
    """The draft as it was just now, not locked; Conflict where it is gone."""
    require(actor, permission)
    draft = session.get(Draft, draft_id)
    if draft is None:
        raise Conflict(GONE)
    require(actor, permission, draft)
    return draft


def _locked_draft(
    session: Session, actor: Actor, draft_id: UUID, permission: str = DRAFT_WRITE
) -> Draft:
    """The draft under a lock; Conflict where it is gone, most often because it was published."""
    seen = _draft_of(session, actor, draft_id, permission)
    _one_at_a_time(session, actor, seen.ticket_id)
    # An admin may throw away what a colleague left behind, whose row policy hides it.
    with as_system(session):
        draft = session.get(Draft, draft_id, with_for_update=True, populate_existing=True)
    if draft is None:
        raise Conflict(GONE)
    require(actor, permission, draft)
    return draft


def _has_files(session: Session, draft_id: UUID) -> bool:
    return bool(session.scalar(select(exists().where(Attachment.draft_id == draft_id))))


def _take_in(session: Session, draft: Draft, begun: Draft) -> None:
    """Put a text begun meanwhile, with its files, below the one that comes back."""
    together = "\n\n".join(part for part in (draft.content, begun.content) if part.strip())
    if len(together) > texts.MAX_TEXT:
        raise Invalid("Together with what you are writing this is too long; send that first.")
    with as_system(session):
        session.execute(
            update(Attachment).where(Attachment.draft_id == begun.id).values(draft_id=draft.id)
        )
    # At once: a person has one text in the making per ticket.
    session.execute(delete(Draft).where(Draft.id == begun.id))
    # What was meant for staff only must not become a reply by this.
    draft.kind, draft.content = begun.kind, together
    draft.changes = draft.changes.then(begun.changes)
