"""What is promised on a ticket: its SLA policy, the targets, and the steps planned for them.

Steps called by `services/clocks.py`; they read only.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.domain.enums import Metric, Priority

#: The team's policy, else the default one, in its newest version (SLA rules 0 and 15).
_CHOOSE = text(
    "SELECT policy.id AS policy_id, policy.name, version.id AS version_id, version.version,"
    " team.sla_policy_id IS NOT NULL AS is_the_teams"
    " FROM tickets LEFT JOIN teams AS team ON team.id = tickets.team_id"
    " JOIN sla_policies AS policy ON CASE WHEN team.sla_policy_id IS NULL"
    " THEN policy.is_default ELSE policy.id = team.sla_policy_id END"
    " JOIN LATERAL (SELECT id, version FROM sla_policy_versions"
    " WHERE policy_id = policy.id ORDER BY version DESC LIMIT 1) AS version ON true"
    " WHERE tickets.id = :ticket_id"
)

#: Each with the newest version of its calendar (SLA rule 15).
_TARGETS = (
    "SELECT target.policy_version_id AS version_id, target.metric, target.priority,"
    " target.target_s, calendar.id AS calendar_version, step.step_no, step.percent,"
    " step.offset_s, step.actions, step.person_id"
    " FROM sla_targets AS target"
    " LEFT JOIN LATERAL (SELECT id FROM calendar_versions"
    " WHERE calendar_id = target.calendar_id ORDER BY version DESC LIMIT 1) AS calendar ON true"
    " LEFT JOIN sla_plan_steps AS step ON step.policy_version_id = target.policy_version_id"
    " AND step.priority = target.priority AND step.metric = target.metric"
    " WHERE target.policy_version_id = ANY (:version_ids)"
)
_ALL_TARGETS = text(
    f"{_TARGETS} ORDER BY target.policy_version_id, target.metric, target.priority, step.step_no"
)

#: Targets follow the last priority that a person set, never the engine's own raise (SLA rule 18).
_TARGETS_OF_TICKET = text(
    f"{_TARGETS} AND target.priority = (SELECT coalesce(sla_priority, priority) FROM tickets"  # noqa: S608
    " WHERE id = :ticket_id) ORDER BY target.policy_version_id, target.metric, step.step_no"
)

#: Of each of these versions the newest of the same policy, which may be itself.
_NEWEST = text(
    "SELECT mine.id AS of_version_id, policy.id AS policy_id, policy.name,"
    " newest.id AS version_id, newest.version"
    " FROM sla_policy_versions AS mine JOIN sla_policies AS policy ON policy.id = mine.policy_id"
    " JOIN LATERAL (SELECT id, version FROM sla_policy_versions"
    " WHERE policy_id = policy.id ORDER BY version DESC LIMIT 1) AS newest ON true"
    " WHERE mine.id = ANY (:version_ids)"
)

#: Whether staff have ever answered in public.
_STAFF_HAS_SPOKEN = text(
    "SELECT EXISTS (SELECT FROM comments JOIN profiles ON profiles.id = comments.author_id"
    " WHERE comments.ticket_id = :ticket_id AND comments.type = 'USER'"
    " AND profiles.role <> 'CUSTOMER')"
)

_CLOSED_SINCE = text(
    "SELECT EXISTS (SELECT FROM history JOIN tickets ON tickets.id = history.ticket_id"
    " WHERE tickets.id = :ticket_id AND history.action = 'status_changed'"
    " AND history.new_value ->> 'status' = 'CLOSED'"
    " AND history.created_at >= tickets.unanswered_since)"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy that a ticket stands under, in one version."""

    policy_id: UUID
    name: str
    version_id: UUID
    version: int
    #: Whether its team brought it; otherwise it is the default. None: it stayed, in a new version.
    is_the_teams: bool | None = None

    @property
    def context(self) -> dict[str, object]:
        """How history names it."""
        named: dict[str, object] = {
            "policyId": str(self.policy_id),
            "policy": self.name,
            "policyVersionId": str(self.version_id),
            "version": self.version,
        }
        if self.is_the_teams is not None:
            named["chosenBy"] = "team" if self.is_the_teams else "default"
        return named


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a policy's plan."""

    step_no: int
    percent: Decimal | None
    offset_s: int | None
    actions: tuple[str, ...]
    person_id: UUID | None


@dataclass(frozen=True, slots=True)
class Promise:
    """What one metric may take, and what happens on the way."""

    version_id: UUID
    metric: Metric
    priority: Priority
    target_s: int
    #: The version of the calendar that measures it; None is 24×7.
    calendar_version: UUID | None
    steps: tuple[PlannedStep, ...]


def choose(session: Session, ticket_id: UUID) -> Policy | None:
    """The policy of this ticket; None where nothing is promised at all, which is legal."""
    row = session.execute(_CHOOSE, {"ticket_id": ticket_id}).one_or_none()
    return None if row is None else Policy(**row._mapping)


def promised(
    session: Session, ticket_id: UUID, version_ids: Collection[UUID]
) -> dict[tuple[UUID, Metric], Promise]:
    """What these versions promise at the ticket's priority; a metric may be missing."""
    values = {"ticket_id": ticket_id, "version_ids": list(version_ids)}
    found = _promises(session.execute(_TARGETS_OF_TICKET, values))
    return {(promise.version_id, promise.metric): promise for promise in found}


def all_promised(
    session: Session, version_ids: Collection[UUID]
) -> dict[tuple[UUID, Metric, Priority], Promise]:
    """Everything that these versions promise, at every priority."""
    found = _promises(session.execute(_ALL_TARGETS, {"version_ids": list(version_ids)}))
    return {(p.version_id, p.metric, p.priority): p for p in found}


def newest_of(session: Session, version_ids: Collection[UUID]) -> dict[UUID, Policy]:
    """Version → its policy in the newest version, which may be the same."""
    rows = session.execute(_NEWEST, {"version_ids": list(version_ids)})
    return {
        row.of_version_id: Policy(row.policy_id, row.name, row.version_id, row.version)
        for row in rows
    }


def _promises(rows: Iterable[Any]) -> Iterator[Promise]:
    """One for each target, whose steps are rows that follow each other."""
    for key, of_target in groupby(rows, key=lambda row: (row.version_id, row.metric, row.priority)):
        version_id, metric, priority = key
        found = list(of_target)
        steps = tuple(
            PlannedStep(row.step_no, row.percent, row.offset_s, tuple(row.actions), row.person_id)
            for row in found
            if row.step_no is not None
        )
        target_s, calendar_version = found[0].target_s, found[0].calendar_version
        yield Promise(
            version_id, Metric(metric), Priority(priority), target_s, calendar_version, steps
        )


def staff_has_spoken(session: Session, ticket_id: UUID) -> bool:
    """Whether staff have ever answered the customer in public."""
    return bool(session.scalar(_STAFF_HAS_SPOKEN, {"ticket_id": ticket_id}))


def was_closed_since_customer_spoke(session: Session, ticket_id: UUID) -> bool:
    """Whether the ticket was closed since the customer's oldest comment that nobody answered."""
    return bool(session.scalar(_CLOSED_SINCE, {"ticket_id": ticket_id}))
