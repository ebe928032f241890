"""Read marks: how far each member of staff has read each ticket; and who looks at one now."""

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at


class TicketRead(Base):
    """One person has seen one ticket up to this `tickets.activity_no`; no row: never."""

    __tablename__ = "ticket_reads"

    profile_id: Mapped[UUID] = mapped_column(
        ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True
    )
    ticket_id: Mapped[UUID] = mapped_column(
        ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True
    )
    activity_no: Mapped[int] = mapped_column(BigInteger)
    #: When that was: comments after it are new to the person.
    seen_at: Mapped[created_at]

    __table_args__ = (Index("ix_ticket_reads_ticket_id", "ticket_id"),)


class TicketViewer(Base):
    """One person has the page of one ticket open, or had until a moment ago."""

    __tablename__ = "ticket_viewers"

    profile_id: Mapped[UUID] = mapped_column(
        ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True
    )
    ticket_id: Mapped[UUID] = mapped_column(
        ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True
    )
    #: When the page last said so.
    seen_at: Mapped[created_at]

    __table_args__ = (
        Index("ix_ticket_viewers_ticket_id", "ticket_id"),
        # Worth nothing after a crash.
        {"prefixes": ["UNLOGGED"]},
    )
