"""Waits: tickets whose customer is asked and silent, and tickets that wait for working hours."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base


class Wait(Base):
    """One WAITING ticket to which staff spoke last (feedback rule 12); triggers keep them."""

    __tablename__ = "waits"

    ticket_id: Mapped[UUID] = mapped_column(
        ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True
    )
    #: Since when the customer is silent: it began to wait, something public happened, or the
    #: ticket comes back from being put aside.
    quiet_from: Mapped[datetime]
    #: When to look at it.
    due_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    #: What the reminder promised.
    closes_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None]

    __table_args__ = (
        Index("ix_waits_due", "due_at", postgresql_where=text("dead_at IS NULL")),
        CheckConstraint("closes_at IS NULL OR reminded_at IS NOT NULL", name="closes_at"),
        CheckConstraint("attempts >= 0", name="attempts"),
    )


class HoursAwaited(Base):
    """One ticket that nobody can take before somebody's working hours begin (assignment rule 8).

    It says when to look once more, and nothing of the ticket: that may have an agent by then.
    """

    __tablename__ = "hours_awaited"

    ticket_id: Mapped[UUID] = mapped_column(
        ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True
    )
    begin_at: Mapped[datetime]

    __table_args__ = (Index("ix_hours_awaited_begin_at", "begin_at"),)
