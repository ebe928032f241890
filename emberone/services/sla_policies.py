"""SLA policies: what is promised, in versions, and who stands under which promise.

A new version or another default holds for what begins afterwards: finished verdicts
are never rewritten (SLA rule 15), and a clock that runs keeps its promise.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from emberone.db import service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.errors import Conflict, Invalid, NotFound
from emberone.models import SLAPlanStep, SLAPolicy, SLAPolicyVersion, SLATarget, Team
from emberone.policy import SLA_MANAGE, require

#: A year of business seconds; whoever takes longer promises nothing.
MAX_TARGET_S: Final = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class PlannedAlert:
    """What to do at a percentage of every target: below 100 it warns, from 100 on it escalates."""

    percent: Decimal
    actions: tuple[StepAction, ...]


@dataclass(frozen=True, slots=True)
class Promises:
    """What one version of a policy says; a metric and priority without a target is no promise."""

    #: Business seconds.
    targets: Mapping[tuple[Metric, Priority], int]
    alerts: Sequence[PlannedAlert]
    #: Whether closing without any public reply meets FIRST_RESPONSE (SLA rule 4).
    closing_is_response: bool = False


@service
def create_policy(actor: Actor, name: str, promises: Promises) -> UUID:
    """Make a policy in its first version; Conflict where one has this name."""
    name = texts.person_name(name)
    _check(promises)
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        if session.scalar(select(SLAPolicy.id).where(func.lower(SLAPolicy.name) == name.lower())):
            raise Conflict("There is a policy of this name already.")
        policy = SLAPolicy(name=name)
        session.add(policy)
        session.flush()
        _write(session, policy.id, 1, promises)
        return policy.id


@service
def add_version(actor: Actor, policy_id: UUID, promises: Promises) -> int:
    """Promise something else from now on, and return the version's number.

    Clocks that run keep what was promised when they began.
    """
    _check(promises)
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        _locked(session, policy_id)
        newest = session.scalar(
            select(func.max(SLAPolicyVersion.version)).where(
                SLAPolicyVersion.policy_id == policy_id
            )
        )
        version = (newest or 0) + 1
        _write(session, policy_id, version, promises)
        return version


@service
def make_default(actor: Actor, policy_id: UUID) -> None:
    """Let every ticket whose team has no policy of its own begin under this one."""
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        _locked(session, policy_id)
        # One default at a time: the old one goes first.
        for is_default in (False, True):
            condition = SLAPolicy.id == policy_id if is_default else SLAPolicy.is_default
            session.execute(update(SLAPolicy).where(condition).values(is_default=is_default))


@service
def give_team_policy(actor: Actor, team_id: UUID, policy_id: UUID | None) -> None:
    """Let a team's tickets begin under this policy; None is the default one."""
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        if policy_id is not None:
            _locked(session, policy_id)
        team = session.get(Team, team_id, with_for_update=True)
        if team is None:
            raise NotFound
        team.sla_policy_id = policy_id


def _locked(session: Session, policy_id: UUID) -> SLAPolicy:
    policy = session.get(SLAPolicy, policy_id, with_for_update=True)
    if policy is None:
        raise NotFound
    return policy


def _check(promises: Promises) -> None:
    if not promises.targets:
        raise Invalid("A policy promises something.", field="targets")
    for target_s in promises.targets.values():
        if not 0 < target_s <= MAX_TARGET_S:
            raise Invalid("A target is between a second and a year.", field="targets")
    for alert in promises.alerts:
        if alert.percent <= 0:
            raise Invalid("An alert comes after the beginning.", field="alerts")
        if not alert.actions or StepAction.NOTIFY_PERSON in alert.actions:
            raise Invalid("An alert does something that needs no name.", field="alerts")
    if len({alert.percent for alert in promises.alerts}) < len(promises.alerts):
        raise Invalid("Two alerts come at the same time.", field="alerts")


def _write(session: Session, policy_id: UUID, number: int, promises: Promises) -> None:
    version = SLAPolicyVersion(
        policy_id=policy_id, version=number, closing_is_response=promises.closing_is_response
    )
    session.add(version)
    session.flush()
    targets = [
        {"policy_version_id": version.id, "metric": metric, "priority": priority, "target_s": s}
        for (metric, priority), s in promises.targets.items()
    ]
    session.execute(insert(SLATarget), targets)
    steps = list(_steps(version.id, promises))
    if steps:
        session.execute(insert(SLAPlanStep), steps)


def _steps(version_id: UUID, promises: Promises) -> Iterable[dict[str, object]]:
    alerts = sorted(promises.alerts, key=lambda alert: alert.percent)
    for metric, priority in promises.targets:
        for number, alert in enumerate(alerts, start=1):
            yield {
                "policy_version_id": version_id,
                "metric": metric,
                "priority": priority,
                "step_no": number,
                "percent": alert.percent,
                "actions": [action.value for action in alert.actions],
            }
