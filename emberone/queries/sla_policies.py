"""SLA policies as people look at them: what is promised, to whom, and since when."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from emberone.domain.enums import StepAction
from emberone.domain.promises import PlannedAlert, Promises, Target
from emberone.models import (
    Profile,
    SLAPlanStep,
    SLAPolicy,
    SLAPolicyVersion,
    SLATarget,
    Team,
)
from emberone.queries.calendars import VersionRow
from emberone.queries.paging import COUNT_LIMIT


class PolicyRow(NamedTuple):
    """A policy as it stands."""

    id: UUID
    name: str
    is_default: bool
    version: int
    version_id: UUID
    #: When this version was made, and by whom; None: the product, or somebody who is gone.
    changed_at: datetime
    author_name: str | None
    #: The teams that bring it, by name.
    team_names: list[str]


#: The newest version of each policy, with the teams that bring it.
_ROWS: Final = text(
    "SELECT policy.id, policy.name, policy.is_default, version.version, version.id AS version_id,"
    " version.created_at, author.full_name,"
    " ARRAY (SELECT name FROM teams WHERE sla_policy_id = policy.id ORDER BY lower(name))"
    " FROM sla_policies AS policy JOIN LATERAL (SELECT * FROM sla_policy_versions"
    "  WHERE policy_id = policy.id ORDER BY version DESC LIMIT 1) AS version ON true"
    " LEFT JOIN profiles AS author ON author.id = version.author_id"
    " WHERE policy.id = coalesce(:policy_id, policy.id)"
    " ORDER BY policy.is_default DESC, lower(policy.name)"
)


def list_policies(session: Session) -> list[PolicyRow]:
    """Every policy as it stands, the default one first."""
    return _rows(session)


def find_policy(session: Session, policy_id: UUID) -> PolicyRow | None:
    """One policy as it stands."""
    return next(iter(_rows(session, policy_id)), None)


def policy_versions(session: Session, policy_id: UUID) -> list[VersionRow]:
    """Every version of a policy, the newest first."""
    rows = session.execute(
        select(
            SLAPolicyVersion.id,
            SLAPolicyVersion.version,
            SLAPolicyVersion.created_at,
            Profile.full_name,
        )
        .outerjoin(Profile, Profile.id == SLAPolicyVersion.author_id)
        .where(SLAPolicyVersion.policy_id == policy_id)
        .order_by(SLAPolicyVersion.version.desc())
    )
    return [VersionRow(*row) for row in rows]


def promises_of(session: Session, version_id: UUID) -> Promises:
    """What a version of a policy says, as it was written down."""
    return promises_of_all(session, [version_id])[version_id]


def promises_of_all(session: Session, version_ids: Collection[UUID]) -> dict[UUID, Promises]:
    """What each of these versions says, as it was written down."""
    targets = session.scalars(
        select(SLATarget)
        .where(SLATarget.policy_version_id.in_(version_ids))
        .order_by(SLATarget.priority, SLATarget.metric)
    ).all()
    steps = session.scalars(
        select(SLAPlanStep)
        .where(SLAPlanStep.policy_version_id.in_(version_ids))
        .order_by(SLAPlanStep.step_no, SLAPlanStep.priority, SLAPlanStep.metric)
    ).all()
    versions = session.scalars(select(SLAPolicyVersion).where(SLAPolicyVersion.id.in_(version_ids)))
    return {
        version.id: _promises(
            version,
            [target for target in targets if target.policy_version_id == version.id],
            [step for step in steps if step.policy_version_id == version.id],
        )
        for version in versions
    }


def _promises(
    version: SLAPolicyVersion, targets: list[SLATarget], steps: list[SLAPlanStep]
) -> Promises:
    seconds: dict[Target, int] = {(t.metric, t.priority): t.target_s for t in targets}
    return Promises(
        targets=seconds,
        alerts=_alerts(steps, seconds),
        closing_is_response=version.closing_is_response,
        calendars={t.priority: t.calendar_id for t in targets if t.calendar_id is not None},
    )


def _alerts(steps: list[SLAPlanStep], targets: dict[Target, int]) -> tuple[PlannedAlert, ...]:
    """Steps that say the same of several targets are one alert; in the order of time."""
    where: dict[PlannedAlert, set[Target]] = defaultdict(set)
    for step in steps:
        percent = None if step.percent is None else Decimal(step.percent)
        actions = tuple(StepAction(action) for action in step.actions)
        alert = PlannedAlert(percent, actions, step.offset_s, step.person_id)
        where[alert].add((step.metric, step.priority))
    alerts = [
        replace(alert, only=None if found == targets.keys() else frozenset(found))
        for alert, found in where.items()
    ]
    return tuple(sorted(alerts, key=lambda alert: _share(alert, targets)))


def _share(alert: PlannedAlert, targets: dict[Target, int]) -> Decimal:
    """How far along a clock is when the alert comes, at the earliest."""
    shares = (alert.moment(s) / s for target, s in targets.items() if alert.is_of(target))
    return min(shares, default=Decimal(0))


def _rows(session: Session, policy_id: UUID | None = None) -> list[PolicyRow]:
    return [PolicyRow(*row) for row in session.execute(_ROWS, {"policy_id": policy_id})]


class TeamPolicy(NamedTuple):
    """A team and the policy that it brings, if it has one of its own."""

    id: UUID
    name: str
    policy_id: UUID | None
    policy_name: str | None


def team_policies(session: Session) -> list[TeamPolicy]:
    """Every team with its policy, by name."""
    rows = session.execute(
        select(Team.id, Team.name, SLAPolicy.id, SLAPolicy.name)
        .outerjoin(SLAPolicy, SLAPolicy.id == Team.sla_policy_id)
        .order_by(func.lower(Team.name), Team.id)
    )
    return [TeamPolicy(*row) for row in rows]


class ClockCounts(NamedTuple):
    """How many open clocks stand under a policy; each count stops one above the limit."""

    running: int
    paused: int
    #: Of the running ones, how many are past their due time.
    late: int
    #: Of all, how many still follow an older version.
    older: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.running + self.paused


_CLOCKS = text(
    """
    WITH clocks AS MATERIALIZED (
        SELECT running_since, paused_at, due_at, version.version
        FROM sla_clocks JOIN sla_policy_versions AS version ON version.id = policy_version_id
        WHERE version.policy_id = :policy_id AND met_at IS NULL AND stopped_at IS NULL
        LIMIT :most + 1
    )
    SELECT count(*) FILTER (WHERE running_since IS NOT NULL),
        count(*) FILTER (WHERE paused_at IS NOT NULL),
        count(*) FILTER (WHERE running_since IS NOT NULL AND due_at < :now),
        count(*) FILTER (WHERE version < :version)
    FROM clocks
    """
)


def policy_clocks(session: Session, policy: PolicyRow, now: datetime) -> ClockCounts:
    """The open clocks under a policy, of a thousand at most and one more where there are."""
    row = session.execute(
        _CLOCKS,
        {"policy_id": policy.id, "version": policy.version, "now": now, "most": COUNT_LIMIT},
    ).one()
    return ClockCounts(*row)
