"""Feedback: the invitation to rate a closed ticket, and its answer."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at, pk
from emberone.domain.enums import FeedbackState, Priority


class FeedbackRequest(Base):
    """One invitation per closing of a ticket (feedback rule 1)."""

    __tablename__ = "feedback_requests"

    id: Mapped[pk]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    #: Counts the ticket's closings.
    cycle: Mapped[int]
    profile_id: Mapped[UUID] = mapped_column(ForeignKey("profiles.id", ondelete="CASCADE"))
    #: Who is credited, whatever is reassigned later (feedback rule 10).
    agent_id_at_close: Mapped[UUID | None] = mapped_column(
        ForeignKey("profiles.id", ondelete="SET NULL")
    )
    #: What the ticket was then, and whether any promise about it was broken by then.
    priority_at_close: Mapped[Priority]
    was_breached: Mapped[bool]
    state: Mapped[FeedbackState] = mapped_column(
        Enum(FeedbackState, native_enum=False, create_constraint=True, name="state"),
        server_default=text("'PENDING'"),
    )
    #: Why it was skipped or cancelled.
    state_reason: Mapped[str | None]
    send_after: Mapped[datetime]
    expires_at: Mapped[datetime]
    #: SHA-256 of the link's token, in hex; set when it is sent.
    token_hash: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    #: Set when the ticket was reopened after sending and before an answer: the link is void.
    voided_at: Mapped[datetime | None]
    #: Counts the answers given; 0 before the first.
    answer_no: Mapped[int] = mapped_column(server_default=text("0"))
    rating: Mapped[int | None]
    answer_text: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[created_at]

    __table_args__ = (
        Index("uq_feedback_requests_cycle", "ticket_id", "cycle", unique=True),
        Index("uq_feedback_requests_token_hash", "token_hash", unique=True),
        Index("ix_feedback_requests_profile_id", "profile_id", "sent_at"),
        Index("ix_feedback_requests_agent_id_at_close", "agent_id_at_close"),
        # A period of the report, with all that it asks for.
        Index(
            "ix_feedback_requests_asked",
            "created_at",
            postgresql_include=[
                "agent_id_at_close",
                "priority_at_close",
                "was_breached",
                "sent_at",
                "rating",
            ],
            postgresql_where=text("sent_at IS NOT NULL OR rating IS NOT NULL"),
        ),
        Index(
            "ix_feedback_requests_due",
            "send_after",
            postgresql_where=text("state = 'PENDING' AND dead_at IS NULL"),
        ),
        CheckConstraint("cycle >= 1", name="cycle"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
        CheckConstraint("length(answer_text) <= 10000", name="answer_text"),
        CheckConstraint("(state = 'ANSWERED') = (rating IS NOT NULL)", name="answered"),
        CheckConstraint(
            "(state IN ('SENT', 'ANSWERED')) = (token_hash IS NOT NULL)", name="token_hash"
        ),
        CheckConstraint("(state = 'ANSWERED') = (answer_no > 0)", name="answer_no"),
        CheckConstraint("attempts >= 0", name="attempts"),
    )
