"""History: what happened to a ticket, append-only and outliving it."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at, pk


class HistoryEntry(Base):
    """One change: who, when, what it was and what it became."""

    __tablename__ = "history"

    id: Mapped[pk]
    #: Deliberately without a foreign key: history outlives its ticket.
    ticket_id: Mapped[UUID]
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="SET NULL"))
    action: Mapped[str]
    old_value: Mapped[dict[str, Any] | None]
    new_value: Mapped[dict[str, Any] | None]
    details: Mapped[dict[str, Any]] = mapped_column(
        "metadata", server_default=text("""'{"source": "system"}'""")
    )
    #: Never shown to customers.
    is_internal: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[created_at]

    __table_args__ = (
        Index("ix_history_ticket_id", "ticket_id", "created_at", "id"),
        Index("ix_history_actor_id", "actor_id"),
        Index("ix_history_created_at", "created_at", "id"),
        Index("ix_history_action", "action", "created_at", "id"),
        CheckConstraint("action ~ '^[a-z][a-z_]{0,63}$'", name="action"),
        CheckConstraint("is_history_value(old_value)", name="old_value"),
        CheckConstraint("is_history_value(new_value)", name="new_value"),
        CheckConstraint("is_history_metadata(metadata)", name="metadata"),
    )
