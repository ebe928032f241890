"""What is promised on a ticket: its SLA policy, the targets, and the steps planned for them.

Steps called by `services/clocks.py`; they read only.
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
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
#: Targets follow the last priority that a person set, never the engine's own raise (SLA rule 18).
_TARGETS = text(
    "SELECT target.policy_version_id AS version_id, target.metric, target.priority,"
    " target.target_s, calendar.id AS calendar_version, step.step_no, step.percent, step.offset_s, step.actions, step.person_id"
    " FROM tickets JOIN sla_targets AS target"
    " ON target.priority = coalesce(tickets.sla_priority, tickets.priority)"
    " LEFT JOIN LATERAL (SELECT id FROM calendar_versions"
    " WHERE calendar_id = target.calendar_id ORDER BY version DESC LIMIT 1) AS calendar ON true"
    " LEFT JOIN sla_plan_steps AS step ON step.policy_version_id = target.policy_version_id"
    " AND step.priority = target.priority AND step.metric = target.metric"
    " WHERE tickets.id = :ticket_id AND target.policy_version_id = ANY (:version_ids)"
    " ORDER BY target.policy_version_id, target.metric, step.step_no"
)

#: Whether staff have ever answered in public.
_STAFF_HAS_SPOKEN = text(
    "SELECT EXISTS (SELECT FROM comments JOIN profiles ON profiles.id = comments.author_id"
    " WHERE comments.ticket_id = :ticket_id AND comments.type = 'USER'"
    " AND profiles.role <> 'CUSTOMER')"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy that a ticket stands under, in one version."""

    policy_id: UUID
    name: str
    version_id: UUID
    version: int
    #: Whether its team brought it; otherwise it is the default.
    is_the_teams: bool

    @property
    def context(self) -> dict[str, object]:
        """How history names it."""
        return {
            "policyId": str(self.policy_id),
            "policy": self.name,
            "policyVersionId": str(self.version_id),
            "version": self.version,
            "chosenBy": "team" if self.is_the_teams else "default",
        }


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
    rows = session.execute(_TARGETS, {"ticket_id": ticket_id, "version_ids": list(version_ids)})
    found: dict[tuple[UUID, Metric], Promise] = {}
    for row in rows.all():
        key = (row.version_id, Metric(row.metric))
        before = found[key].steps if key in found else ()
        step: tuple[PlannedStep, ...] = ()
        if row.step_no is not None:
            step = (
                PlannedStep(
                    row.step_no, row.percent, row.offset_s, tuple(row.actions), row.person_id
                ),
            )
        found[key] = Promise(
            *key, Priority(row.priority), row.target_s, row.calendar_version, before + step
        )
    return found


def staff_has_spoken(session: Session, ticket_id: UUID) -> bool:
    """Whether staff have ever answered the customer in public."""
    return bool(session.scalar(_STAFF_HAS_SPOKEN, {"ticket_id": ticket_id}))
