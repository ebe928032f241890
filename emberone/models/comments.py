"""Comments: the conversation on a ticket."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at, pk, row_version, updated_at
from emberone.domain.enums import CommentType


class Comment(Base):
    """What someone, or the product, said on a ticket."""

    __tablename__ = "comments"

    id: Mapped[pk]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="SET NULL"))
    content: Mapped[str]
    type: Mapped[CommentType] = mapped_column(server_default=text("'USER'"))
    is_internal: Mapped[bool] = mapped_column(server_default=text("false"))
    #: attachments, editHistory, systemData; see `domain.documents`.
    details: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=text("'{}'"))
    version: Mapped[row_version]
    created_at: Mapped[created_at]
    updated_at: Mapped[updated_at]

    __table_args__ = (
        Index("ix_comments_ticket_id", "ticket_id", "created_at", "id"),
        Index("ix_comments_author_id", "author_id"),
        Index("ix_comments_created_at", "created_at", "id"),
        Index(
            "ix_comments_search", text("to_tsvector('english', content)"), postgresql_using="gin"
        ),
        CheckConstraint("content ~ '[^[:space:]]' AND length(content) <= 100000", name="content"),
        CheckConstraint(
            "CASE type WHEN 'INTERNAL' THEN is_internal WHEN 'USER' THEN NOT is_internal"
            " ELSE true END",
            name="is_internal",
        ),
        CheckConstraint("is_comment_metadata(metadata)", name="metadata"),
    )
