"""Business calendars: their names, and in versions which hours count."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at, pk


class Calendar(Base):
    """A named calendar; which hours count is in its versions."""

    __tablename__ = "calendars"

    id: Mapped[pk]
    name: Mapped[str]
    created_at: Mapped[created_at]
    #: Since when it is not offered any more, and who put it aside; None: it is in use.
    archived_at: Mapped[datetime | None]
    archived_by: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="SET NULL"))

    __table_args__ = (
        Index("uq_calendars_name", text("lower(name)"), unique=True),
        Index("ix_calendars_archived_by", "archived_by"),
    )


class CalendarVersion(Base):
    """Which hours counted from a time on; it never changes, the highest is in force (rule 15)."""

    __tablename__ = "calendar_versions"

    id: Mapped[pk]
    calendar_id: Mapped[UUID] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"))
    version: Mapped[int]
    #: An IANA name.
    zone: Mapped[str]
    #: As `domain/calendar_form.py` writes it.
    definition: Mapped[dict[str, Any]]
    #: Who made it; None: the product.
    author_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("profiles.id", ondelete="SET NULL"), server_default=text("current_profile()")
    )
    #: How many open clocks stood under older versions when it was made.
    to_replan: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[created_at]

    __table_args__ = (
        Index("uq_calendar_versions_version", "calendar_id", "version", unique=True),
        Index("ix_calendar_versions_author_id", "author_id"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("jsonb_typeof(definition) = 'object'", name="definition"),
    )
