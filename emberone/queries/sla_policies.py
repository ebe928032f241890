"""SLA policies as people look at them: what is promised, to whom, and since when."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from emberone.domain.enums import StepAction
from emberone.domain.promises import PlannedAlert, Promises, Target
from emberone.models import (
    Profile,
    SLAPlanStep,
    SLAPolicyVersion,
    SLATarget,
)
from emberone.queries.calendars import VersionRow


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
    targets = session.scalars(
        select(SLATarget)
        .where(SLATarget.policy_version_id == version_id)
        .order_by(SLATarget.priority, SLATarget.metric)
    ).all()
    version = session.get_one(SLAPolicyVersion, version_id)
    seconds: dict[Target, int] = {(t.metric, t.priority): t.target_s for t in targets}
    return Promises(
        targets=seconds,
        alerts=_alerts(session, version_id, seconds),
        closing_is_response=version.closing_is_response,
        calendars={t.priority: t.calendar_id for t in targets if t.calendar_id is not None},
    )


def _alerts(
    session: Session, version_id: UUID, targets: dict[Target, int]
) -> tuple[PlannedAlert, ...]:
    """Steps that say the same of several targets are one alert; in the order of time."""
    steps = session.scalars(
        select(SLAPlanStep)
        .where(SLAPlanStep.policy_version_id == version_id)
        .order_by(SLAPlanStep.step_no, SLAPlanStep.priority, SLAPlanStep.metric)
    )
    where: dict[PlannedAlert, set[Target]] = defaultdict(set)
    for step in steps:
        percent = None if step.percent is None else Decimal(step.percent)
        actions = tuple(StepAction(action) for action in step.actions)
        alert = PlannedAlert(percent, actions, step.offset_s, step.person_id)
        where[alert].add((step.metric, step.priority))
    return tuple(
        PlannedAlert(
            alert.percent,
            alert.actions,
            alert.offset_s,
            alert.person_id,
            None if found == targets.keys() else frozenset(found),
        )
        for alert, found in where.items()
    )


def _rows(session: Session, policy_id: UUID | None = None) -> list[PolicyRow]:
    return [PolicyRow(*row) for row in session.execute(_ROWS, {"policy_id": policy_id})]
