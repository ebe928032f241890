"""Plays a ticket's events on its SLA clocks, each at a time of its own, and looks at what came of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import event, select, text

from emberone.db import as_system, db, reading, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import CommentType, Metric, Priority, Status
from emberone.models import (
    Comment,
    HistoryEntry,
    Letter,
    SLAClock,
    SLAPlanStep,
    SLAPolicy,
    SLAPolicyVersion,
    SLAStep,
    SLATarget,
    Team,
    Ticket,
)
from emberone.services import clocks
from tests.factories import Make

FIRST, NEXT, RESOLUTION = Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE, Metric.RESOLUTION

#: A Monday, on the hour.
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def after(hours: float = 0, minutes: float = 0, seconds: float = 0, us: int = 0) -> datetime:
    """That long after the play's start."""
    return START + timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=us)


#: The default policy in a second version, without business hours and a second escalation.
AROUND_THE_CLOCK = """
    WITH version AS (
        INSERT INTO sla_policy_versions (policy_id, version)
        SELECT id, 2 FROM sla_policies WHERE is_default RETURNING id, policy_id
    ), target AS (
        INSERT INTO sla_targets (policy_version_id, priority, metric, target_s)
        SELECT version.id, priority, metric, target_s FROM version, sla_targets
    )
    INSERT INTO sla_plan_steps (policy_version_id, priority, metric, step_no, percent, actions)
    SELECT version.id, priority, metric, step_no, percent, actions FROM version, sla_plan_steps
    WHERE step_no <= 2
"""


class Play:
    """One agent, one customer, and what they do; MEDIUM is due after 4 h and 24 h.

    By day and by night, unless the default policy is to stay as it is delivered.
    """

    def __init__(self, make: Make, *, is_as_delivered: bool = False) -> None:
        self.make = make
        self.agent = make.agent()
        self.customer = make.customer()
        if not is_as_delivered:
            self.sql(AROUND_THE_CLOCK)

    def open(
        self,
        now: datetime = START,
        *,
        by: Actor | None = None,
        cause: str | None = None,
        starts_with_staff_comment: bool = False,
        **columns: Any,
    ) -> UUID:
        """A ticket, by its customer unless someone else is named."""
        with transaction(by or self.customer, now=now) as session:
            ticket = Ticket(
                title="Printer", description="On fire.", customer_id=self.customer.profile_id
            )
            for name, value in columns.items():
                setattr(ticket, name, value)
            session.add(ticket)
            session.flush()
            with as_system(session):
                clocks.opened(
                    session,
                    ticket,
                    at=now,
                    cause=cause,
                    starts_with_staff_comment=starts_with_staff_comment,
                )
            return ticket.id

    def reply(self, ticket_id: UUID, now: datetime, status: Status | None = None) -> None:
        """The agent answers in public, and may give the ticket another status with it."""
        with transaction(self.agent, now=now) as session:
            ticket = session.get_one(Ticket, ticket_id)
            session.add(
                Comment(ticket_id=ticket_id, author_id=self.agent.profile_id, content="Try this.")
            )
            with as_system(session):
                clocks.staff_replied(session, ticket, at=now)
            if status is not None:
                self._move(session, ticket, status, now)

    def speak(self, ticket_id: UUID, now: datetime, status: Status | None = None) -> None:
        """The customer comments, and the ticket may come back with it."""
        with transaction(self.customer, now=now) as session:
            with as_system(session):
                ticket = session.get_one(Ticket, ticket_id)
            session.add(
                Comment(ticket_id=ticket_id, author_id=self.customer.profile_id, content="Hello?")
            )
            with as_system(session):
                clocks.customer_spoke(session, ticket, at=now)
            if status is not None:
                self._move(session, ticket, status, now)

    def move(self, ticket_id: UUID, status: Status, now: datetime) -> None:
        """The ticket takes another status."""
        with transaction(self.agent, now=now) as session:
            self._move(session, session.get_one(Ticket, ticket_id), status, now)

    def _move(self, session: Any, ticket: Ticket, status: Status, now: datetime) -> None:
        before = ticket.status
        with as_system(session):
            ticket.status = status
            session.flush()
            clocks.status_changed(session, ticket, before, at=now)

    def prioritise(
        self, ticket_id: UUID, priority: Priority, now: datetime, *, by: Actor | None = None
    ) -> None:
        """Someone sets the priority; the agent unless someone else is named."""
        with transaction(by or self.agent, now=now) as session:
            ticket = session.get_one(Ticket, ticket_id)
            ticket.priority = priority
            session.flush()
            with as_system(session):
                clocks.priority_changed(session, ticket, at=now)

    def route(self, ticket_id: UUID, team_id: UUID | None, now: datetime) -> None:
        """The ticket goes to another team."""
        with transaction(self.agent, now=now) as session:
            ticket = session.get_one(Ticket, ticket_id)
            ticket.team_id = team_id
            session.flush()
            with as_system(session):
                clocks.team_changed(session, ticket, at=now)

    def policy(
        self,
        name: str = "Gold",
        *,
        targets: dict[tuple[Priority, Metric], int],
        steps: dict[int, dict[str, Any]] | None = None,
        closing_is_response: bool = False,
        calendar: UUID | None = None,
    ) -> UUID:
        """A policy with these targets, measured by one calendar, and these steps for each."""
        with transaction(SYSTEM) as session:
            policy = SLAPolicy(name=name)
            session.add(policy)
            session.flush()
            version = SLAPolicyVersion(
                policy_id=policy.id, version=1, closing_is_response=closing_is_response
            )
            session.add(version)
            session.flush()
            for (priority, metric), target_s in targets.items():
                key = {
                    "policy_version_id": version.id,
                    "priority": priority,
                    "metric": metric,
                }
                session.add(SLATarget(**key, target_s=target_s, calendar_id=calendar))
                session.flush()
                for number, step in (steps or {}).items():
                    session.add(SLAPlanStep(**key, step_no=number, **step))
            return policy.id

    def team(self, policy_id: UUID | None) -> UUID:
        """A team with this policy."""
        team_id = self.make.team()
        with transaction(SYSTEM) as session:
            session.get_one(Team, team_id).sla_policy_id = policy_id
        return team_id

    def clock(self, ticket_id: UUID, metric: Metric, cycle: int = 1) -> SLAClock:
        """One clock as it is stored."""
        with reading(SYSTEM) as session:
            return session.scalars(
                select(SLAClock).where(
                    SLAClock.ticket_id == ticket_id,
                    SLAClock.metric == metric,
                    SLAClock.cycle == cycle,
                )
            ).one()

    def metrics(self, ticket_id: UUID) -> list[tuple[Metric, int]]:
        """Which clocks a ticket has."""
        with reading(SYSTEM) as session:
            rows = session.execute(
                select(SLAClock.metric, SLAClock.cycle)
                .where(SLAClock.ticket_id == ticket_id)
                .order_by(SLAClock.metric, SLAClock.cycle)
            )
            return [(row.metric, row.cycle) for row in rows]

    def steps(self, ticket_id: UUID, metric: Metric, cycle: int = 1) -> list[SLAStep]:
        """The steps of one clock, in the plan's order."""
        with reading(SYSTEM) as session:
            return list(
                session.scalars(
                    select(SLAStep)
                    .join(SLAClock, SLAClock.id == SLAStep.clock_id)
                    .where(
                        SLAClock.ticket_id == ticket_id,
                        SLAClock.metric == metric,
                        SLAClock.cycle == cycle,
                    )
                    .order_by(SLAStep.step_no)
                )
            )

    def history(self, ticket_id: UUID, *actions: str) -> list[HistoryEntry]:
        """A ticket's entries of these actions, in their order."""
        with reading(SYSTEM) as session:
            return list(
                session.scalars(
                    select(HistoryEntry)
                    .where(HistoryEntry.ticket_id == ticket_id, HistoryEntry.action.in_(actions))
                    .order_by(HistoryEntry.created_at, HistoryEntry.id)
                )
            )

    def letters(self) -> list[Letter]:
        """The outbox."""
        with reading(SYSTEM) as session:
            return list(session.scalars(select(Letter).order_by(Letter.key)))

    def system_comments(self, ticket_id: UUID) -> list[Comment]:
        """What the product said on a ticket."""
        with reading(SYSTEM) as session:
            return list(
                session.scalars(
                    select(Comment).where(
                        Comment.ticket_id == ticket_id, Comment.type == CommentType.SYSTEM
                    )
                )
            )

    def ticket(self, ticket_id: UUID) -> Ticket:
        """A ticket as it is stored."""
        with reading(SYSTEM) as session:
            return session.get_one(Ticket, ticket_id)

    def sql(self, statement: str, **values: Any) -> None:
        """A change by whatever path."""
        with transaction(SYSTEM) as session:
            session.execute(text(statement), values)


def context(entry: HistoryEntry) -> dict[str, Any]:
    """What a history entry says beside its source and reason."""
    return entry.details["additionalContext"]


class Statements:
    """Counts what reaches the database inside a `with` block."""

    def __enter__(self) -> "Statements":
        self.seen: list[str] = []
        event.listen(db.engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(db.engine, "before_cursor_execute", self._note)

    def _note(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        self.seen.append(statement)
