"""Attachments: the files that a person may see, and their bytes, slice by slice."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import LargeBinary, Select, func, or_, select
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.domain.attachments import IMAGES, address, image_address
from emberone.models import Attachment, AttachmentContent, Comment, Setting, Ticket
from emberone.policy import DRAFT_WRITE, may_ever, visible_tickets
from emberone.queries.comments import visible_comments


class AttachmentLink(NamedTuple):
    """A file, as a page links to it."""

    id: UUID
    name: str
    media_type: str
    #: In bytes.
    size: int
    digest: str

    @property
    def url(self) -> str:
        """Where it is downloaded from."""
        return address(self.id, self.name)

    @property
    def is_image(self) -> bool:
        """Whether a page may show it."""
        return self.media_type in IMAGES

    @property
    def image_url(self) -> str | None:
        """Where it is shown from, None unless it is an image."""
        return image_address(self.id) if self.is_image else None


def limit_mb(session: Session) -> int:
    """The largest file that is taken, in MB."""
    return session.scalars(select(Setting.attachment_limit_mb)).one()


def attachments_of(
    session: Session, actor: Actor, ticket_id: UUID
) -> dict[UUID | None, list[AttachmentLink]]:
    """The files of a ticket by comment; None: those of the request itself. Drafts' are not here."""
    statement = _visible(
        actor, Attachment.comment_id, *_LINK, where_draft=Attachment.draft_id.is_(None)
    ).where(Attachment.ticket_id == ticket_id)
    found: dict[UUID | None, list[AttachmentLink]] = {}
    for comment_id, *link in session.execute(statement.order_by(Attachment.id)):
        found.setdefault(comment_id, []).append(AttachmentLink(*link))
    return found


def attachments_of_drafts(session: Session, ticket_id: UUID) -> dict[UUID, list[AttachmentLink]]:
    """The files of all texts on a ticket that are no comments yet, by draft; only staff see any."""
    statement: Select[*tuple[Any, ...]] = select(Attachment.draft_id, *_LINK).where(
        Attachment.ticket_id == ticket_id, Attachment.draft_id.is_not(None)
    )
    found: dict[UUID, list[AttachmentLink]] = {}
    for draft_id, *link in session.execute(statement.order_by(Attachment.id)):
        found.setdefault(draft_id, []).append(AttachmentLink(*link))
    return found


def attachment(session: Session, actor: Actor, attachment_id: UUID) -> AttachmentLink | None:
    """One file, or None where there is none that the actor may see."""
    statement = _visible(actor, *_LINK).where(Attachment.id == attachment_id)
    row = session.execute(statement).one_or_none()
    return None if row is None else AttachmentLink(*row)


def content_slice(
    session: Session, actor: Actor, attachment_id: UUID, start: int, length: int
) -> bytes | None:
    """Some bytes of a file from an offset on, or None where the actor may not see it (any more)."""
    part = func.substring(AttachmentContent.content, start + 1, length, type_=LargeBinary)
    statement = (
        _visible(actor, part)
        .join(AttachmentContent, AttachmentContent.digest == Attachment.digest)
        .where(Attachment.id == attachment_id)
    )
    content: bytes | None = session.scalars(statement).one_or_none()
    return content


_LINK = (
    Attachment.id,
    Attachment.name,
    Attachment.media_type,
    Attachment.size,
    Attachment.digest,
)


def _visible(actor: Actor, *columns: Any, where_draft: Any = None) -> Select[*tuple[Any, ...]]:
    """Files of tickets that the actor sees, of comments that they see, of drafts if they write any."""
    statement = (
        select(*columns)
        .select_from(Attachment)
        .join(Ticket, Ticket.id == Attachment.ticket_id)
        .outerjoin(Comment, Comment.id == Attachment.comment_id)
        .where(
            visible_tickets(actor), or_(Attachment.comment_id.is_(None), visible_comments(actor))
        )
    )
    if not may_ever(actor, DRAFT_WRITE):
        return statement.where(Attachment.draft_id.is_(None))
    return statement if where_draft is None else statement.where(where_draft)
