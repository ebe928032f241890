"""Tickets: what customers ask and agents resolve."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, deferred, mapped_column

from emberone.db import Base, created_at, pk, row_version, updated_at
from emberone.domain.enums import Priority, Status

#: Somebody at work has to do something about it. As a constant, or no partial index is used.
IS_ACTIVE: Final = "status IN ('OPEN', 'IN_PROGRESS')"


def _waiting_index(name: str, mark: str) -> Index:
    """An index over the tickets that wait for an agent, most urgent first."""
    waiting = ("assigned_agent_id IS NULL", IS_ACTIVE, mark)
    return Index(
        name,
        text("priority DESC"),
        "created_at",
        "id",
        postgresql_where=text(" AND ".join(waiting)),
    )


class Ticket(Base):
    """One request of one customer, from its opening to its closing and rating."""

    __tablename__ = "tickets"

    id: Mapped[pk]
    #: The #1024 that people say aloud.
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=False, start=1001))
    title: Mapped[str]
    description: Mapped[str] = mapped_column(Text)
    status: Mapped[Status] = mapped_column(server_default=text("'OPEN'"))
    priority: Mapped[Priority] = mapped_column(server_default=text("'MEDIUM'"))
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("profiles.id", ondelete="RESTRICT"))
    assigned_agent_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("profiles.id", ondelete="SET NULL")
    )
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"))
    #: Words in lower case, each known to `tags`.
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    #: The closed ticket that this one continues.
    follows_id: Mapped[UUID | None] = mapped_column(ForeignKey("tickets.id", ondelete="SET NULL"))
    created_at: Mapped[created_at]
    updated_at: Mapped[updated_at]
    closed_at: Mapped[datetime | None]
    feedback_rating: Mapped[int | None]
    feedback_text: Mapped[str | None]
    #: Moves with every change of what a form shows; staff's forms carry it.
    version: Mapped[row_version]
    #: Moves with what the customer can see, and with nothing else.
    public_version: Mapped[row_version]
    public_updated_at: Mapped[created_at]
    #: The status as the customer is told it: a return to the pool is no step back.
    public_status: Mapped[Status] = mapped_column(server_default=text("'OPEN'"))
    #: The priority the customer asked for; how staff and SLA plans rank it is theirs.
    public_priority: Mapped[Priority] = mapped_column(server_default=text("'MEDIUM'"))
    #: Moves with everything that staff can see: one number tells a page whether there is news.
    activity_no: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    #: When something last happened: a comment, a change; putting aside and edits do not count.
    last_activity_at: Mapped[created_at]
    #: Whether the latest public comment (or the request itself) is the customer's.
    customer_spoke_last: Mapped[bool] = mapped_column(server_default=text("true"))
    #: When whoever spoke last took their turn: since then the other side has not answered.
    unanswered_since: Mapped[created_at]
    #: Put aside until then: not in anyone's list of what to do.
    snoozed_until: Mapped[datetime | None]
    #: Why the machine chose this agent; a trigger carries it into history (assignment rule 11).
    assignment_reason: Mapped[dict[str, Any] | None]
    #: When the machine found nobody for it; a trigger clears it when the ticket changes.
    #: Until then only agents who have become able to take more are asked again.
    assignment_skipped_at: Mapped[datetime | None]
    #: The agent who gave it away themselves; a trigger keeps it (assignment rule 12).
    handed_off_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("profiles.id", ondelete="SET NULL")
    )
    #: The last priority that a person set; SLA targets follow it (SLA rule 18).
    sla_priority: Mapped[Priority | None]
    search: Mapped[str] = deferred(
        mapped_column(
            TSVECTOR,
            Computed(
                "setweight(to_tsvector('english', title), 'A')"
                " || setweight(to_tsvector('english', description), 'B')",
                persisted=True,
            ),
        )
    )

    __table_args__ = (
        Index("uq_tickets_number", "number", unique=True),
        Index("ix_tickets_customer_id", "customer_id"),
        Index("ix_tickets_assigned_agent_id", "assigned_agent_id"),
        Index("ix_tickets_status", "status"),
        Index("ix_tickets_priority", "priority"),
        Index("ix_tickets_team_id", "team_id"),
        Index("ix_tickets_follows_id", "follows_id"),
        # The list's orders, paged by key.
        Index("ix_tickets_created_at_id", "created_at", "id"),
        Index("ix_tickets_last_activity_at_id", "last_activity_at", "id"),
        Index("ix_tickets_status_created_at_id", "status", "created_at", "id"),
        Index("ix_tickets_priority_created_at_id", "priority", "created_at", "id"),
        # Whose agent is missing (assignment rule 2): those to look at, and those that
        # nobody could take.
        _waiting_index("ix_tickets_to_assign", "assignment_skipped_at IS NULL"),
        _waiting_index("ix_tickets_skipped", "assignment_skipped_at IS NOT NULL"),
        # The queue's views, each in its own order and with nothing else in it.
        Index("ix_tickets_active_by_agent", "assigned_agent_id", postgresql_where=text(IS_ACTIVE)),
        Index(
            "ix_tickets_replied",
            "unanswered_since",
            "id",
            postgresql_where=text(
                f"customer_spoke_last AND assigned_agent_id IS NOT NULL AND {IS_ACTIVE}"
            ),
        ),
        Index(
            "ix_tickets_unassigned",
            text("urgency(priority)"),
            "created_at",
            "id",
            postgresql_where=text(f"assigned_agent_id IS NULL AND {IS_ACTIVE}"),
        ),
        Index(
            "ix_tickets_waiting",
            "unanswered_since",
            "id",
            postgresql_where=text("status = 'WAITING'"),
        ),
        Index(
            "ix_tickets_snoozed",
            "snoozed_until",
            "id",
            postgresql_where=text("snoozed_until IS NOT NULL"),
        ),
        Index(
            "ix_tickets_handed_off_by",
            "handed_off_by",
            postgresql_where=text("handed_off_by IS NOT NULL"),
        ),
        Index("ix_tickets_tags", "tags", postgresql_using="gin"),
        Index("ix_tickets_search", "search", postgresql_using="gin"),
        CheckConstraint("title ~ '[^[:space:]]' AND length(title) <= 500", name="title"),
        CheckConstraint("length(description) <= 100000", name="description"),
        CheckConstraint("feedback_rating BETWEEN 1 AND 5", name="feedback_rating"),
        CheckConstraint("length(feedback_text) <= 10000", name="feedback_text"),
        CheckConstraint("(status = 'CLOSED') = (closed_at IS NOT NULL)", name="closed_at"),
        CheckConstraint("are_tags(tags)", name="tags"),
        CheckConstraint("follows_id <> id", name="follows_id"),
    )
