"""Macros: answers given often, with what else to do to the ticket."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at, pk, row_version, updated_at
from emberone.domain.enums import Priority
from emberone.domain.lifecycle import REPLIES, Event


class Macro(Base):
    """A text with placeholders for the reply box, and changes that go with sending it."""

    __tablename__ = "macros"

    id: Mapped[pk]
    name: Mapped[str]
    #: Whose own macro it is; None: everybody's.
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="CASCADE"))
    content: Mapped[str] = mapped_column(server_default=text("''"))
    #: How the reply is sent: one of `lifecycle.REPLIES`; None: as the agent chooses.
    event: Mapped[Event | None] = mapped_column(Enum(Event, native_enum=False, length=40))
    priority: Mapped[Priority | None]
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"))
    add_tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    version: Mapped[row_version]
    created_at: Mapped[created_at]
    updated_at: Mapped[updated_at]

    __table_args__ = (
        CheckConstraint(
            f"event IN ({', '.join(repr(event.name) for event in REPLIES)})", name="event"
        ),
        Index(
            "uq_macros_owner_id_name",
            "owner_id",
            text("lower(name)"),
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_macros_team_id", "team_id"),
        CheckConstraint("name ~ '[^[:space:]]' AND length(name) <= 100", name="name"),
        CheckConstraint("length(content) <= 100000", name="content"),
        CheckConstraint("are_tags(add_tags)", name="add_tags"),
    )
