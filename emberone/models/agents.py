"""Agents at work: availability, capacity, skills and teams."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Enum, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at, pk, row_version, updated_at
from emberone.domain.enums import Availability, HandOver


class Team(Base):
    """A group of agents; assignment chooses among its members, or all agents when it has none."""

    __tablename__ = "teams"

    id: Mapped[pk]
    name: Mapped[str]
    version: Mapped[row_version]
    created_at: Mapped[created_at]
    #: None: the default policy (SLA rule 0).
    sla_policy_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("sla_policies.id", ondelete="SET NULL")
    )

    #: As in the settings, for this team's tickets; None: as there.
    quiet_reminder_days: Mapped[int | None]
    quiet_close_days: Mapped[int | None]

    __table_args__ = (
        Index("uq_teams_name", text("lower(name)"), unique=True),
        Index("ix_teams_sla_policy_id", "sla_policy_id"),
        CheckConstraint("name ~ '[^[:space:]]' AND length(name) <= 100", name="name"),
        CheckConstraint("quiet_reminder_days BETWEEN 0 AND 90", name="quiet_reminder_days"),
        CheckConstraint("quiet_close_days BETWEEN 0 AND 365", name="quiet_close_days"),
    )


class Agent(Base):
    """What assignment knows of an agent; a trigger keeps one row per profile of role AGENT."""

    __tablename__ = "agents"

    profile_id: Mapped[UUID] = mapped_column(
        ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True
    )
    availability: Mapped[Availability] = mapped_column(
        Enum(Availability, native_enum=False, create_constraint=True, name="availability"),
        server_default=text("'AVAILABLE'"),
    )
    #: The load above which assignment gives no more.
    capacity: Mapped[int] = mapped_column(server_default=text("20"))
    #: Tags that this agent masters.
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    #: Their working hours; None: at any hour.
    calendar_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("calendars.id", ondelete="RESTRICT")
    )
    #: Assigned OPEN and IN_PROGRESS tickets; a statement trigger on `tickets` keeps it.
    open_count: Mapped[int] = mapped_column(server_default=text("0"))
    #: What they weigh by priority, kept by the same trigger; the load where a setting says so.
    open_weight: Mapped[int] = mapped_column(server_default=text("0"))
    last_assigned_at: Mapped[datetime | None]
    #: When assignment gave the latest tickets, as many as one window allows, the newest last.
    recent_turns: Mapped[list[datetime]] = mapped_column(
        ARRAY(DateTime(timezone=True)), server_default=text("'{}'")
    )
    #: Set by triggers when this agent becomes able to take more: the next sweep looks
    #: through the tickets that nobody could take, for this agent, and clears it.
    reviews_skipped: Mapped[bool] = mapped_column(server_default=text("true"))
    #: When time alone makes this agent able to take more: it is then as if it were set.
    review_at: Mapped[datetime | None]
    version: Mapped[row_version]
    updated_at: Mapped[updated_at]

    __table_args__ = (
        Index("ix_agents_calendar_id", "calendar_id"),
        CheckConstraint("capacity BETWEEN 0 AND 10000", name="capacity"),
        CheckConstraint("open_count >= 0", name="open_count"),
        CheckConstraint("open_weight >= 0", name="open_weight"),
        CheckConstraint("are_tags(skills)", name="skills"),
    )


class Absence(Base):
    """A time that an agent is away for, entered beforehand, and what becomes of their tickets."""

    __tablename__ = "absences"

    id: Mapped[pk]
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.profile_id", ondelete="CASCADE"))
    starts_at: Mapped[datetime]
    #: The first instant at which they are back.
    ends_at: Mapped[datetime]
    hand_over: Mapped[HandOver] = mapped_column(
        Enum(HandOver, native_enum=False, create_constraint=True, name="hand_over"),
        server_default=text("'KEEP'"),
    )
    #: Who is given the tickets; None besides GIVE: that agent is gone, and the pool has them.
    to_agent_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("agents.profile_id", ondelete="SET NULL")
    )
    #: When the tickets were handed over, once; None: not yet.
    begun_at: Mapped[datetime | None]
    #: Who entered it; None: somebody who is gone, or it was entered before this was kept.
    entered_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("profiles.id", ondelete="SET NULL"), server_default=text("current_profile()")
    )
    created_at: Mapped[created_at]

    __table_args__ = (
        Index("ix_absences_entered_by", "entered_by"),
        Index("ix_absences_agent_id", "agent_id", "ends_at"),
        Index("ix_absences_to_agent_id", "to_agent_id"),
        Index("ix_absences_due", "starts_at", postgresql_where=text("begun_at IS NULL")),
        CheckConstraint("ends_at > starts_at", name="ends_at"),
        CheckConstraint("to_agent_id <> agent_id", name="to_agent_id"),
    )


class TeamMember(Base):
    """One agent's membership in one team."""

    __tablename__ = "team_members"

    team_id: Mapped[UUID] = mapped_column(
        ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True
    )
    profile_id: Mapped[UUID] = mapped_column(
        ForeignKey("agents.profile_id", ondelete="CASCADE"), primary_key=True
    )

    __table_args__ = (Index("ix_team_members_profile_id", "profile_id"),)
