"""Attachments: files on tickets, their contents stored once by digest."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, deferred, mapped_column

from emberone.db import Base, created_at, pk


class AttachmentContent(Base):
    """The bytes of a file, once, however often it is attached."""

    __tablename__ = "attachment_contents"

    #: SHA-256 of the content, in hex.
    digest: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    content: Mapped[bytes] = deferred(mapped_column(nullable=False))
    created_at: Mapped[created_at]

    __table_args__ = (
        CheckConstraint("digest = encode(sha256(content), 'hex')", name="digest"),
        CheckConstraint("size = length(content)", name="size"),
    )


class Attachment(Base):
    """A file on a ticket: of its description, of a comment, or of a draft that may become one."""

    __tablename__ = "attachments"

    id: Mapped[pk]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    #: None without a draft either: the file came with the request itself.
    comment_id: Mapped[UUID | None] = mapped_column(ForeignKey("comments.id", ondelete="CASCADE"))
    #: Until it is published, nobody but staff sees it.
    draft_id: Mapped[UUID | None] = mapped_column(ForeignKey("drafts.id", ondelete="CASCADE"))
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="SET NULL"))
    #: A file name without a path, as people see it.
    name: Mapped[str]
    #: What the content was found to be; never what the sender said it was.
    media_type: Mapped[str]
    #: In bytes.
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(
        ForeignKey("attachment_contents.digest", ondelete="RESTRICT")
    )
    created_at: Mapped[created_at]

    __table_args__ = (
        *(
            Index(f"ix_attachments_{column}", column)
            for column in ("ticket_id", "comment_id", "draft_id", "author_id", "digest")
        ),
        CheckConstraint("comment_id IS NULL OR draft_id IS NULL", name="holder"),
        CheckConstraint(
            "length(name) BETWEEN 1 AND 255 AND name !~ '[/\\\\[:cntrl:]]'", name="name"
        ),
        CheckConstraint(
            "media_type ~ '^[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*$'"
            " AND length(media_type) <= 127",
            name="media_type",
        ),
    )
