"""SLA: policies and their versions, clocks on tickets, and the steps that fall due."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Enum,
    Float,
    ForeignKey,
    Index,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at, pk
from emberone.domain.enums import Metric, Priority
from emberone.domain.sla import Timing

#: Of clocks whose event may still come.
_IS_OPEN = text("met_at IS NULL AND stopped_at IS NULL")


def _metric() -> Enum:
    return Enum(Metric, native_enum=False, create_constraint=True, name="metric")


class SLAPolicy(Base):
    """A named promise to customers; what it promises is in its versions."""

    __tablename__ = "sla_policies"

    id: Mapped[pk]
    name: Mapped[str]
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[created_at]

    __table_args__ = (
        Index("uq_sla_policies_name", text("lower(name)"), unique=True),
        Index(
            "uq_sla_policies_default",
            "is_default",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )


class SLAPolicyVersion(Base):
    """What a policy promised from a time on; the highest version is in force (SLA rule 15)."""

    __tablename__ = "sla_policy_versions"

    id: Mapped[pk]
    policy_id: Mapped[UUID] = mapped_column(ForeignKey("sla_policies.id", ondelete="CASCADE"))
    version: Mapped[int]
    #: Whether closing without any public reply meets FIRST_RESPONSE (SLA rule 4).
    closing_is_response: Mapped[bool] = mapped_column(server_default=text("false"))
    #: Who made it; None: the product.
    author_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("profiles.id", ondelete="SET NULL"), server_default=text("current_profile()")
    )
    #: How many open clocks stood under older versions when it was made.
    to_replan: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[created_at]

    __table_args__ = (
        Index("uq_sla_policy_versions_version", "policy_id", "version", unique=True),
        Index("ix_sla_policy_versions_author_id", "author_id"),
        CheckConstraint("version >= 1", name="version"),
    )


class SLATarget(Base):
    """How long a metric may take at a priority; a missing row is no promise (SLA rule 18)."""

    __tablename__ = "sla_targets"

    policy_version_id: Mapped[UUID] = mapped_column(
        ForeignKey("sla_policy_versions.id", ondelete="CASCADE"), primary_key=True
    )
    priority: Mapped[Priority] = mapped_column(primary_key=True)
    metric: Mapped[Metric] = mapped_column(_metric(), primary_key=True)
    #: Seconds of business time.
    target_s: Mapped[int]
    #: Which seconds count, always by the calendar's newest version; None is 24×7.
    calendar_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("calendars.id", ondelete="RESTRICT")
    )

    __table_args__ = (
        Index("ix_sla_targets_calendar_id", "calendar_id"),
        CheckConstraint("target_s > 0", name="target_s"),
    )


class SLAPlanStep(Base):
    """One step of a policy's plan: when, against the target or the due time, and what to do."""

    __tablename__ = "sla_plan_steps"

    policy_version_id: Mapped[UUID] = mapped_column(
        ForeignKey("sla_policy_versions.id", ondelete="CASCADE"), primary_key=True
    )
    priority: Mapped[Priority] = mapped_column(primary_key=True)
    metric: Mapped[Metric] = mapped_column(_metric(), primary_key=True)
    step_no: Mapped[int] = mapped_column(primary_key=True)
    #: Of the target; 75 warns, 100 is the breach. Either this or `offset_s`.
    percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    #: Business seconds from the due time, negative before it.
    offset_s: Mapped[int | None]
    #: `StepAction`s, in order.
    actions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    #: Whom NOTIFY_PERSON tells.
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="SET NULL"))

    __table_args__ = (
        Index("ix_sla_plan_steps_person_id", "person_id"),
        CheckConstraint("num_nonnulls(percent, offset_s) = 1", name="offset"),
        CheckConstraint("percent > 0", name="percent"),
        CheckConstraint("step_no >= 1", name="step_no"),
        CheckConstraint("are_step_actions(actions)", name="actions"),
    )


class SLAClock(Base):
    """One metric of one ticket in one cycle.

    Running: `running_since` and `due_at` set. Paused: `paused_at` set. Over:
    `met_at` or `stopped_at` set. Consumed business time up to `running_since`
    is in `consumed_s`.
    """

    __tablename__ = "sla_clocks"

    id: Mapped[pk]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    metric: Mapped[Metric] = mapped_column(_metric())
    cycle: Mapped[int] = mapped_column(server_default=text("1"))
    #: Whose target it has: the ticket's, as long as the clock follows it.
    target_priority: Mapped[Priority]
    policy_version_id: Mapped[UUID] = mapped_column(
        ForeignKey("sla_policy_versions.id", ondelete="RESTRICT")
    )
    #: The calendar's version that measures this clock; None is 24×7.
    calendar_version: Mapped[UUID | None] = mapped_column(
        ForeignKey("calendar_versions.id", ondelete="RESTRICT")
    )
    target_s: Mapped[int]
    started_at: Mapped[datetime]
    running_since: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    #: Business seconds, with microseconds, of the running intervals that are over.
    consumed_s: Mapped[float] = mapped_column(Float(53), server_default=text("0"))
    due_at: Mapped[datetime | None]
    #: Who set the due time by hand, which then wins (SLA rule 19).
    due_set_by: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="SET NULL"))
    met_at: Mapped[datetime | None]
    #: The due time that passed, never the time it was noticed (SLA rule 16).
    breached_at: Mapped[datetime | None]
    detected_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    stopped_reason: Mapped[str | None]
    #: Why the clock stands as it does where that is not plain: `import`, `priority_change`, …
    cause: Mapped[str | None]
    #: What fell due until then is history that was imported; nobody is told of it any more.
    quiet_until: Mapped[datetime | None]
    created_at: Mapped[created_at]

    __table_args__ = (
        Index("uq_sla_clocks_cycle", "ticket_id", "metric", "cycle", unique=True),
        # What a new version of a policy or a calendar has to re-plan (SLA rule 15).
        Index(
            "ix_sla_clocks_open_policy",
            "policy_version_id",
            "ticket_id",
            postgresql_where=_IS_OPEN,
        ),
        Index(
            "ix_sla_clocks_open_calendar",
            "calendar_version",
            "ticket_id",
            postgresql_where=_IS_OPEN,
        ),
        Index("ix_sla_clocks_due_set_by", "due_set_by"),
        # What is due next: the queue's view of what is breaching soon is walked in this order.
        Index(
            "ix_sla_clocks_running",
            "due_at",
            "ticket_id",
            postgresql_where=text("running_since IS NOT NULL"),
        ),
        # The verdicts of a period, with all that is counted of them.
        Index(
            "ix_sla_clocks_verdict",
            text("coalesce(breached_at, met_at)"),
            postgresql_include=["metric", "target_priority", "breached_at", "met_at", "consumed_s"],
            postgresql_where=text("coalesce(breached_at, met_at) IS NOT NULL"),
        ),
        # Breaches that nobody has noticed yet: what the sweep looks for besides steps.
        Index(
            "ix_sla_clocks_unnoticed",
            "due_at",
            postgresql_where=text("running_since IS NOT NULL AND breached_at IS NULL"),
        ),
        CheckConstraint("cycle >= 1", name="cycle"),
        CheckConstraint("target_s > 0", name="target_s"),
        CheckConstraint("consumed_s >= 0", name="consumed_s"),
        CheckConstraint(
            "num_nonnulls(running_since, paused_at, coalesce(met_at, stopped_at)) = 1",
            name="state",
        ),
        CheckConstraint(
            "(running_since IS NULL) OR (due_at IS NOT NULL)", name="due_at_while_running"
        ),
        CheckConstraint("(paused_at IS NULL) OR (due_at IS NULL)", name="due_at_while_paused"),
    )

    @property
    def timing(self) -> Timing:
        """What arithmetic needs of this clock."""
        return Timing(
            target_s=self.target_s,
            started_at=self.started_at,
            running_since=self.running_since,
            paused_at=self.paused_at,
            consumed_s=self.consumed_s,
            due_at=self.due_at,
            is_due_by_hand=self.due_set_by is not None,
            met_at=self.met_at,
            breached_at=self.breached_at,
            stopped_at=self.stopped_at,
            stopped_reason=self.stopped_reason,
            cause=self.cause,
        )

    @property
    def moved_at(self) -> datetime:
        """When the clock last began, paused, went on or ended."""
        timing = self.timing
        return timing.over_at or timing.paused_at or timing.running_since or self.started_at

    def take(self, timing: Timing) -> None:
        """Stand as this says."""
        self.target_s = timing.target_s
        self.running_since = timing.running_since
        self.paused_at = timing.paused_at
        self.consumed_s = timing.consumed_s
        self.due_at = timing.due_at
        self.met_at = timing.met_at
        self.breached_at = timing.breached_at
        self.stopped_at = timing.stopped_at
        self.stopped_reason = timing.stopped_reason
        self.cause = timing.cause
        if not timing.is_due_by_hand:
            self.due_set_by = None


class SLAStep(Base):
    """One step of one clock; pending until it is fired, cancelled, skipped or dead."""

    __tablename__ = "sla_steps"

    id: Mapped[pk]
    clock_id: Mapped[UUID] = mapped_column(ForeignKey("sla_clocks.id", ondelete="CASCADE"))
    step_no: Mapped[int]
    percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    offset_s: Mapped[int | None]
    actions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("profiles.id", ondelete="SET NULL"))
    #: None while the clock is paused.
    fire_at: Mapped[datetime | None]
    fired_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    skipped_reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None]

    __table_args__ = (
        Index("uq_sla_steps_step_no", "clock_id", "step_no", unique=True),
        Index("ix_sla_steps_person_id", "person_id"),
        Index(
            "ix_sla_steps_due",
            "fire_at",
            postgresql_where=text(
                "fired_at IS NULL AND cancelled_at IS NULL AND skipped_reason IS NULL"
                " AND dead_at IS NULL"
            ),
        ),
        Index("ix_sla_steps_dead", "dead_at", postgresql_where=text("dead_at IS NOT NULL")),
        CheckConstraint("num_nonnulls(percent, offset_s) = 1", name="offset"),
        CheckConstraint("num_nonnulls(fired_at, skipped_reason) <= 1", name="outcome"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("are_step_actions(actions)", name="actions"),
    )
