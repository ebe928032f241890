"""Drafts: what staff are writing, and replies that wait until they can no longer be taken back."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at, pk, row_version, updated_at
from emberone.domain.enums import DraftKind, DraftState, Priority
from emberone.domain.lifecycle import REPLIES, Event
from emberone.domain.macros import ReplyChanges


class Draft(Base):
    """A text of one member of staff on one ticket that is not a comment yet."""

    __tablename__ = "drafts"

    id: Mapped[pk]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    author_id: Mapped[UUID] = mapped_column(ForeignKey("profiles.id", ondelete="CASCADE"))
    kind: Mapped[DraftKind] = mapped_column(
        Enum(
            DraftKind,
            native_enum=False,
            create_constraint=True,
            name="kind",
            values_callable=lambda kinds: [kind.value for kind in kinds],
        )
    )
    content: Mapped[str] = mapped_column(server_default=text("''"))
    state: Mapped[DraftState] = mapped_column(
        Enum(
            DraftState,
            native_enum=False,
            create_constraint=True,
            name="state",
            values_callable=lambda states: [state.value for state in states],
        ),
        server_default=text("'writing'"),
    )
    #: What sending it does to the ticket: one of `lifecycle.REPLIES`.
    event: Mapped[Event | None] = mapped_column(Enum(Event, native_enum=False, length=40))
    #: What publishing it changes beside the status, as it was chosen; a team may be gone by then.
    priority: Mapped[Priority | None]
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"))
    add_tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    #: While `waiting`: from when on it is published, and can no longer be taken back.
    publish_after: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    #: While `held`: why it could not be published.
    last_error: Mapped[str | None]
    #: The same in parts, for pages in any language: `EmberOneError.kept`.
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    version: Mapped[row_version]
    created_at: Mapped[created_at]
    updated_at: Mapped[updated_at]

    __table_args__ = (
        CheckConstraint(
            f"event IN ({', '.join(repr(event.name) for event in REPLIES)})", name="event"
        ),
        # One text in the making per person and ticket; any number may be on their way.
        Index(
            "uq_drafts_ticket_id_author_id",
            "ticket_id",
            "author_id",
            unique=True,
            postgresql_where=text("state = 'writing'"),
        ),
        Index("ix_drafts_ticket_id", "ticket_id"),
        Index("ix_drafts_author_id", "author_id"),
        Index("ix_drafts_team_id", "team_id"),
        Index("ix_drafts_due", "publish_after", postgresql_where=text("state = 'waiting'")),
        CheckConstraint("length(content) <= 100000", name="content"),
        CheckConstraint("(state = 'waiting') = (publish_after IS NOT NULL)", name="publish_after"),
        CheckConstraint(
            "state = 'writing' OR kind = 'reply' AND event IS NOT NULL"
            " AND content ~ '[^[:space:]]'",
            name="sent",
        ),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("are_tags(add_tags)", name="add_tags"),
    )

    @property
    def changes(self) -> ReplyChanges:
        """What publishing it changes beside the status."""
        return ReplyChanges(self.priority, self.team_id, tuple(self.add_tags or ()))

    @changes.setter
    def changes(self, chosen: ReplyChanges) -> None:
        self.priority, self.team_id = chosen.priority, chosen.team_id
        self.add_tags = list(chosen.tags)
