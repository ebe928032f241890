"""Imported rows: what an importer has taken in, so that it never does so twice."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at


class ImportedRow(Base):
    """One row of an imported file, by source, content and occurrence."""

    __tablename__ = "imported_rows"

    #: SHA-256, in hex, of source, content and occurrence.
    key: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    #: What the source calls the ticket, where it has a name for it.
    external_id: Mapped[str | None]
    #: None once the ticket is deleted: the row stays known and is not imported again.
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("tickets.id", ondelete="SET NULL"))
    created_at: Mapped[created_at]

    __table_args__ = (
        Index("ix_imported_rows_external_id", "source", "external_id"),
        Index("ix_imported_rows_ticket_id", "ticket_id"),
    )
