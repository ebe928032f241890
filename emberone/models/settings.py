"""Settings: what an admin may choose, one row of typed columns, and what became of them."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at, pk, row_version
from emberone.domain.enums import AssignmentStrategy, Priority


class Setting(Base):
    """The only row of the product's settings."""

    __tablename__ = "settings"

    id: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    #: For how long a closed ticket may come back.
    reopen_days: Mapped[int] = mapped_column(server_default=text("7"))
    #: How far customers may raise the priority of their own open tickets.
    customer_max_priority: Mapped[Priority] = mapped_column(server_default=text("'HIGH'"))
    assignment_strategy: Mapped[AssignmentStrategy] = mapped_column(
        Enum(
            AssignmentStrategy,
            native_enum=False,
            create_constraint=True,
            name="assignment_strategy",
        ),
        server_default=text("'LEAST_UTILISED'"),
    )
    #: Whether urgent tickets take more of a capacity (assignment rule 4).
    weighs_priority: Mapped[bool] = mapped_column(server_default=text("false"))
    #: So many tickets assignment gives an agent within one window at most; 0: as many as fit.
    pace_tickets: Mapped[int] = mapped_column(server_default=text("0"))
    pace_window_s: Mapped[int] = mapped_column(server_default=text("3600"))
    feedback_delay_s: Mapped[int] = mapped_column(server_default=text("3600"))
    feedback_expiry_days: Mapped[int] = mapped_column(server_default=text("14"))
    feedback_throttle_days: Mapped[int] = mapped_column(server_default=text("7"))
    #: After so many working days a silent customer is reminded, and the ticket closed; 0: never.
    quiet_reminder_days: Mapped[int] = mapped_column(server_default=text("3"))
    quiet_close_days: Mapped[int] = mapped_column(server_default=text("7"))
    #: For so long a reply can be taken back; only then does it become a comment.
    reply_delay_s: Mapped[int] = mapped_column(server_default=text("15"))
    #: The largest file that can be attached, in MiB.
    attachment_limit_mb: Mapped[int] = mapped_column(server_default=text("10"))
    #: Whether anyone may register as a customer.
    allows_registration: Mapped[bool] = mapped_column(server_default=text("true"))
    #: More letters than this to one of the staff in a minute come as one.
    digest_above: Mapped[int] = mapped_column(server_default=text("10"))
    version: Mapped[row_version]

    __table_args__ = (
        CheckConstraint("id", name="one_row"),
        CheckConstraint("reopen_days BETWEEN 0 AND 365", name="reopen_days"),
        CheckConstraint("feedback_delay_s BETWEEN 0 AND 2592000", name="feedback_delay_s"),
        CheckConstraint("feedback_expiry_days BETWEEN 1 AND 365", name="feedback_expiry_days"),
        CheckConstraint("pace_tickets BETWEEN 0 AND 1000", name="pace_tickets"),
        CheckConstraint("pace_window_s BETWEEN 60 AND 86400", name="pace_window_s"),
        CheckConstraint("quiet_reminder_days BETWEEN 0 AND 90", name="quiet_reminder_days"),
        CheckConstraint("quiet_close_days BETWEEN 0 AND 365", name="quiet_close_days"),
        CheckConstraint("reply_delay_s BETWEEN 0 AND 300", name="reply_delay_s"),
        CheckConstraint("attachment_limit_mb BETWEEN 1 AND 25", name="attachment_limit_mb"),
        CheckConstraint("digest_above BETWEEN 1 AND 1000", name="digest_above"),
        CheckConstraint("feedback_throttle_days BETWEEN 0 AND 365", name="feedback_throttle_days"),
    )


class SettingChange(Base):
    """One setting that was changed: who, when, from what to what; a trigger writes it."""

    __tablename__ = "settings_history"

    id: Mapped[pk]
    #: None: the product, the command line, or somebody who is gone.
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="SET NULL"))
    #: The column of `settings`.
    setting: Mapped[str]
    old_value: Mapped[Any] = mapped_column(JSONB)
    new_value: Mapped[Any] = mapped_column(JSONB)
    source: Mapped[str]
    created_at: Mapped[created_at]

    __table_args__ = (
        Index("ix_settings_history_actor_id", "actor_id"),
        Index("ix_settings_history_created_at", "created_at", "id"),
    )
