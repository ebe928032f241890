"""Keeping files: on tickets, comments and drafts, each content once by its digest.

The steps take the product's rights themselves: call them outside `as_system`.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, LargeBinary, Text, bindparam, select, text, update
from sqlalchemy.orm import Session

from emberone.db import actor_of, as_system, service, transaction
from emberone.domain import attachments
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.attachments import CheckedFile, Upload
from emberone.domain.enums import DraftState
from emberone.domain.errors import Conflict, NotFound
from emberone.models import Attachment, Comment, Draft
from emberone.policy import DRAFT_WRITE, may
from emberone.services.settings import current

logger = logging.getLogger(__name__)

#: The nightly clearing takes the same locks, so that no content goes while a file that
#: refers to it is on its way. In one order, or two messages could wait for each other.
_HOLD = text(
    "SELECT pg_advisory_xact_lock_shared(attachment_lock(digest))"
    " FROM unnest(cast(:digests AS text[])) AS digest ORDER BY digest"
)

_KNOWN = text("SELECT digest FROM attachment_contents WHERE digest = ANY (:digests)")

_KEEP = text(
    "INSERT INTO attachment_contents (digest, size, content) VALUES (:digest, :size, :content)"
    " ON CONFLICT (digest) DO NOTHING"
).bindparams(
    bindparam("digest", type_=Text),
    bindparam("size", type_=Integer),
    bindparam("content", type_=LargeBinary),
)

#: Contents that no file refers to and that nobody is about to attach.
_UNUSED = text(
    "WITH unused AS MATERIALIZED ("
    " SELECT digest FROM attachment_contents AS kept"
    " WHERE NOT EXISTS (SELECT FROM attachments WHERE attachments.digest = kept.digest) LIMIT 100)"
    " SELECT digest FROM unused WHERE pg_try_advisory_xact_lock(attachment_lock(digest))"
)
#: Looks again, since a file may have been attached before the lock was ours.
_FORGET = text(
    "DELETE FROM attachment_contents AS kept WHERE digest = ANY (:digests)"
    " AND NOT EXISTS (SELECT FROM attachments WHERE attachments.digest = kept.digest)"
    " RETURNING digest"
)


def attach(
    session: Session,
    files: Sequence[Upload],
    *,
    ticket_id: UUID,
    comment_id: UUID | None = None,
    draft_id: UUID | None = None,
) -> list[Attachment]:
    """Keep the files on the ticket, its comment or a draft, in the actor's name; a step.

    Raises Invalid for one that is too large, empty or a program. A comment's metadata
    names them from then on.
    """
    if not files:
        return []
    kept = attachments.checked(files, limit_mb=current(session).attachment_limit_mb)
    with as_system(session):
        _keep_contents(session, kept)
        rows = [
            Attachment(
                ticket_id=ticket_id,
                comment_id=comment_id,
                draft_id=draft_id,
                author_id=actor_of(session).profile_id,
                name=file.name,
                media_type=file.media_type,
                size=file.size,
                digest=file.digest,
            )
            for file in kept
        ]
        session.add_all(rows)
        session.flush()
        if comment_id is not None:
            _name_in(session, session.get_one(Comment, comment_id), rows)
    return rows


def publish_draft_files(session: Session, draft_id: UUID, comment: Comment) -> None:
    """Let a draft's files become those of the comment that it was published as; a step."""
    with as_system(session):
        rows = session.scalars(
            select(Attachment).where(Attachment.draft_id == draft_id).order_by(Attachment.id)
        ).all()
        if not rows:
            return
        session.execute(
            update(Attachment)
            .where(Attachment.draft_id == draft_id)
            .values(draft_id=None, comment_id=comment.id)
        )
        _name_in(session, comment, rows)


@service
def remove_from_draft(actor: Actor, attachment_id: UUID) -> None:
    """Take a file off a text that its author is still writing."""
    with transaction(actor) as session:
        attachment = session.get(Attachment, attachment_id)
        draft = attachment and attachment.draft_id and session.get(Draft, attachment.draft_id)
        if not attachment or not draft or not may(actor, DRAFT_WRITE, draft):
            raise NotFound
        if draft.state is not DraftState.WRITING:
            raise Conflict("This reply was sent already; take it back first.")
        with as_system(session):
            session.delete(attachment)


def forget_unused_contents() -> int:
    """Delete the contents that no file refers to any more; return how many.

    One that somebody is attaching at this moment is left for the next night.
    """
    forgotten = 0
    while count := _forget_some():
        forgotten += count
    if forgotten:
        logger.info("attachments.forgotten", extra={"count": forgotten})
    return forgotten


@service
def _forget_some() -> int:
    with transaction(SYSTEM) as session:
        digests = session.scalars(_UNUSED).all()
        return len(session.scalars(_FORGET, {"digests": digests}).all())


def _keep_contents(session: Session, files: Iterable[CheckedFile]) -> None:
    """Store what is not there yet; the others' bytes need not even be sent."""
    contents = {file.digest: file.content for file in files}
    session.execute(_HOLD, {"digests": sorted(contents)})
    known = set(session.scalars(_KNOWN, {"digests": list(contents)}))
    for digest in sorted(contents.keys() - known):
        content = contents[digest]
        session.execute(_KEEP, {"digest": digest, "size": len(content), "content": content})


def _name_in(session: Session, comment: Comment, rows: Sequence[Attachment]) -> None:
    """Say in the comment's metadata which files it has."""
    named: list[dict[str, Any]] = [
        {
            "id": str(row.id),
            "name": row.name,
            "type": row.media_type,
            "size": row.size,
            "url": attachments.address(row.id, row.name),
        }
        for row in rows
    ]
    comment.details = {**comment.details, "attachments": named}
    session.flush()
