"""Publishing: replies that have waited long enough become comments, each exactly once.

Until then a reply is a row of `drafts` and nothing else: no status, clock, letter
or history knows of it, so taking it back has nothing to undo. The row that goes
is the key: who deletes it in the transaction that writes the comment has published it.
"""

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from emberone.db import LostRace, as_system, now_of, reading, service, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import DraftState, Role
from emberone.domain.errors import (
    Conflict,
    EmberOneError,
    NotAllowed,
    NotFound,
    TemporarilyUnavailable,
)
from emberone.jobs import Job, nudge
from emberone.models import Comment, Draft, Ticket
from emberone.models.profiles import IS_DEACTIVATED
from emberone.policy import JOBS_RETRY, require
from emberone.services import history, reads
from emberone.services.comments import publish_reply
from emberone.services.macros import change_with_reply
from emberone.services.retries import MAX_ATTEMPTS
from emberone.services.transitions import locked_ticket

logger = logging.getLogger(__name__)

#: Before the second attempt, in seconds; doubled for each one after it.
_RETRY_AFTER_S: Final = 5

#: The end of a partial index, where nothing is due nearly always.
_DUE: Final = text(
    "SELECT drafts.id, drafts.author_id, profiles.role"
    " FROM drafts JOIN profiles ON profiles.id = drafts.author_id"
    " WHERE drafts.state = 'waiting' AND drafts.publish_after <= coalesce(cast(:now AS timestamptz), context_now())"
    " ORDER BY drafts.publish_after, drafts.id LIMIT :limit"
)

#: One of them under a lock, with its ticket; none where it was taken back or published
#: meanwhile, or where somebody is busy with either: they come again.
_TAKE: Final = text(
    "SELECT drafts.ticket_id, profiles.role = 'CUSTOMER' AS is_customer,"  # noqa: S608
    f" profiles.role::text = :role AS is_as_listed, {IS_DEACTIVATED} AS is_deactivated"
    " FROM drafts JOIN tickets ON tickets.id = drafts.ticket_id"
    " JOIN profiles ON profiles.id = drafts.author_id"
    " WHERE drafts.id = :id AND drafts.state = 'waiting' AND drafts.publish_after <= context_now()"
    " FOR UPDATE OF drafts SKIP LOCKED FOR NO KEY UPDATE OF tickets SKIP LOCKED"
)

_HOLD: Final = text(
    "UPDATE drafts SET state = 'held', publish_after = NULL, last_error = :reason,"
    " refusal = cast(:refusal AS jsonb)"
    " WHERE id = :id AND state = 'waiting' RETURNING ticket_id, author_id"
)

#: Staff's pages hear of it; the customer's do not.
_NEWS: Final = text("UPDATE tickets SET activity_no = activity_no + 1 WHERE id = :ticket_id")

_PUT_OFF: Final = text(
    "UPDATE drafts SET attempts = attempts + 1, last_error = :error,"
    " publish_after = context_now() + make_interval(secs => :pause * power(2, attempts))"
    " WHERE id = :id AND state = 'waiting' RETURNING attempts"
)


@dataclass(frozen=True, slots=True)
class _Due:
    """A reply whose time has come, and in whose name it is published."""

    id: UUID
    author: Actor


def publish_due(*, limit: int = 50, now: datetime | None = None) -> int:
    """Publish the replies that are due, each in a transaction and in its author's name.

    Says how many were dealt with: published, held or put off. What another
    process is busy with does not count, so any number may be at it at once.
    """
    return sum(_publish_or_say_why(due, now) for due in _due(limit, now))


@service
def retry_reply(actor: Actor, draft_id: UUID, *, now: datetime | None = None) -> None:
    """Have a held reply published after all, as its author sent it; Conflict where none is held.

    For admins, after what was in the way is gone. The comment is still its author's.
    """
    with transaction(actor, now=now) as session:
        require(actor, JOBS_RETRY)
        with as_system(session):
            draft = session.get(Draft, draft_id, with_for_update=True)
            if draft is None:
                raise NotFound
            if draft.state is not DraftState.HELD:
                raise Conflict("This reply is not held.")
            draft.state, draft.publish_after = DraftState.WAITING, now_of(session)
            draft.attempts, draft.last_error, draft.refusal = 0, None, None
        nudge(session, Job.PUBLISH)


def publish_draft(session: Session, actor: Actor, ticket: Ticket, draft: Draft) -> Comment:
    """Step: let the locked draft become a comment of its author's, and go."""
    if draft.event is None:
        raise ValueError("Only a reply that was sent can be published.")
    seen = ticket.activity_no
    comment = publish_reply(
        session,
        actor,
        ticket,
        draft.content,
        draft.event,
        draft_id=draft.id,
        sent_at=draft.created_at,
    )
    # After the answer, which is judged by what was promised when it was given.
    change_with_reply(session, actor, ticket, draft.changes)
    session.execute(delete(Draft).where(Draft.id == draft.id))
    reads.keep_read(session, ticket.id, seen)
    return comment


def _due(limit: int, now: datetime | None) -> list[_Due]:
    with reading(SYSTEM) as session:
        rows = session.execute(_DUE, {"now": now, "limit": limit}).all()
    return [_Due(row.id, Actor(row.author_id, Role(row.role))) for row in rows]


def _publish_or_say_why(due: _Due, now: datetime | None) -> bool:
    """Whether the reply was dealt with; what stands in its way stands in no other's."""
    try:
        return _publish(due, now)
    except LostRace as error:
        return _put_off(due, error, now)
    except TemporarilyUnavailable:
        # The database's trouble and not the reply's: no attempt is counted.
        raise
    except EmberOneError as refusal:
        return _hold(due, refusal, now)
    except Exception as error:
        logger.exception("draft.publishing_failed", extra={"draft_id": str(due.id)})
        return _put_off(due, error, now)


@service
def _publish(due: _Due, now: datetime | None) -> bool:
    with transaction(due.author, now=now) as session:
        with as_system(session):
            found = session.execute(_TAKE, {"id": due.id, "role": str(due.author.role)}).first()
        # In the author's present role, which the next look finds.
        if found is None or not (found.is_as_listed or found.is_customer):
            return False
        if found.is_customer or found.is_deactivated:
            raise NotAllowed("The author no longer works here.")
        ticket = locked_ticket(session, due.author, found.ticket_id)
        draft = session.get_one(Draft, due.id)
        publish_draft(session, due.author, ticket, draft)
        return True


@service
def _hold(due: _Due, refusal: EmberOneError, now: datetime | None) -> bool:
    """Let the reply wait for a person, where staff see it with its reason."""
    with transaction(SYSTEM, now=now) as session:
        return _held(session, due.id, refusal)


@service
def _put_off(due: _Due, error: Exception, now: datetime | None) -> bool:
    with transaction(SYSTEM, now=now) as session:
        # The name alone: messages may quote addresses and texts.
        values: dict[str, Any] = {"id": due.id, "error": type(error).__name__}
        attempts = session.scalar(_PUT_OFF, {**values, "pause": _RETRY_AFTER_S})
        if attempts is None:
            return False
        if attempts >= MAX_ATTEMPTS:
            refusal = Conflict(
                "It could not be published in %(attempts)s attempts: %(error)s",
                attempts=attempts,
                error=type(error).__name__,
            )
            _held(session, due.id, refusal)
        return True


def _held(session: Session, draft_id: UUID, refusal: EmberOneError) -> bool:
    reason, parts = refusal.message, refusal.kept()
    values = {"id": draft_id, "reason": reason, "refusal": json.dumps(parts)}
    row = session.execute(_HOLD, values).one_or_none()
    if row is None:
        return False
    session.execute(_NEWS, {"ticket_id": row.ticket_id})
    context = {"draftId": str(draft_id), "authorId": str(row.author_id), "refusal": parts}
    history.record(session, row.ticket_id, "reply_held", context=context, reason=reason)
    logger.warning("draft.held", extra={"draft_id": str(draft_id)})
    return True
