"""SLA policies: what is promised, in versions, and who stands under which promise.

What runs follows a new version in the background; finished verdicts are never rewritten
(SLA rule 15). Another default holds for what begins afterwards.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from emberone.db import now_of, service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.enums import Role
from emberone.domain.errors import CalendarExhausted, Conflict, Invalid, NotFound, StaleWrite
from emberone.domain.promises import WORDS, Promises
from emberone.jobs import Job, nudge
from emberone.models import (
    Calendar,
    Profile,
    SLAPlanStep,
    SLAPolicy,
    SLAPolicyVersion,
    SLATarget,
    Team,
)
from emberone.policy import SLA_MANAGE, require
from emberone.queries.calendars import newest_calendars
from emberone.queries.sla_policies import promises_of

_OPEN_CLOCKS = text(
    "SELECT count(*) FROM sla_clocks JOIN sla_policy_versions AS version"
    " ON version.id = policy_version_id WHERE version.policy_id = :policy_id"
    " AND met_at IS NULL AND stopped_at IS NULL"
)


@service
def create_policy(actor: Actor, name: str, promises: Promises) -> UUID:
    """Make a policy in its first version; Conflict where one has this name."""
    promises.check()
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        policy = SLAPolicy(name=_checked_name(session, name, None))
        session.add(policy)
        session.flush()
        _write(session, policy.id, 1, promises)
        return policy.id


@service
def add_version(
    actor: Actor,
    policy_id: UUID,
    promises: Promises,
    *,
    version: int | None = None,
    name: str | None = None,
) -> int:
    """Promise something else from now on, and return the number of the version that says so.

    StaleWrite where another one came after the version that the person looked at. The
    same promises once more make no version; a name is not of a version and just changes.
    """
    promises.check()
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        policy = _locked(session, policy_id)
        newest = session.scalars(
            select(SLAPolicyVersion)
            .where(SLAPolicyVersion.policy_id == policy_id)
            .order_by(SLAPolicyVersion.version.desc())
            .limit(1)
        ).one()
        if version not in {None, newest.version}:
            raise StaleWrite(version=newest.version)
        if name is not None:
            policy.name = _checked_name(session, name, policy_id)
        if promises_of(session, newest.id).says_the_same_as(promises):
            return newest.version
        _write(session, policy_id, newest.version + 1, promises)
        nudge(session, Job.REPLAN)
        return newest.version + 1


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


def _checked_name(session: Session, name: str, own_id: UUID | None) -> str:
    name = texts.person_name(name)
    taken = select(SLAPolicy.id).where(func.lower(SLAPolicy.name) == name.lower())
    if session.scalar(taken) not in {None, own_id}:
        raise Conflict("There is a policy of this name already.", field="name")
    return name


def _locked(session: Session, policy_id: UUID) -> SLAPolicy:
    policy = session.get(SLAPolicy, policy_id, with_for_update=True)
    if policy is None:
        raise NotFound
    return policy


def _write(session: Session, policy_id: UUID, number: int, promises: Promises) -> None:
    _check_calendars(session, promises)
    _check_people(session, {a.person_id for a in promises.alerts if a.person_id is not None})
    version = SLAPolicyVersion(
        policy_id=policy_id,
        version=number,
        closing_is_response=promises.closing_is_response,
        to_replan=session.scalar(_OPEN_CLOCKS, {"policy_id": policy_id}) or 0,
    )
    session.add(version)
    session.flush()
    targets = [
        {
            "policy_version_id": version.id,
            "metric": metric,
            "priority": priority,
            "target_s": target_s,
            "calendar_id": promises.calendars.get(priority),
        }
        for (metric, priority), target_s in promises.targets.items()
    ]
    session.execute(insert(SLATarget), targets)
    steps = [
        {
            "policy_version_id": version.id,
            "metric": metric,
            "priority": priority,
            "step_no": number,
            "percent": alert.percent,
            "offset_s": alert.offset_s,
            "actions": [action.value for action in alert.actions],
            "person_id": alert.person_id,
        }
        for (metric, priority), number, alert in promises.plan()
    ]
    if steps:
        session.execute(insert(SLAPlanStep), steps)


def _check_calendars(session: Session, promises: Promises) -> None:
    ids = set(promises.calendars.values())
    # Held until the version is written: nobody puts aside what it is about to count by.
    offered = select(Calendar.id).where(Calendar.id.in_(ids), Calendar.archived_at.is_(None))
    known = session.scalars(offered.with_for_update(read=True)).all() if ids else ()
    if len(known) != len(ids):
        raise Invalid("There is no such calendar.", field="calendars")
    measures = newest_calendars(session, ids)
    for priority, calendar_id in promises.calendars.items():
        try:
            measures[calendar_id].add(now_of(session), promises.longest(priority))
        except CalendarExhausted as error:
            raise Invalid(
                "The calendar is never open for so long: %(priority)s.",
                field="calendars",
                priority=WORDS[priority],
                of=priority.value,
            ) from error


def _check_people(session: Session, ids: Collection[UUID]) -> None:
    is_staff = Profile.role.in_((Role.AGENT, Role.ADMIN))
    known = session.scalar(select(func.count()).where(Profile.id.in_(ids), is_staff)) if ids else 0
    if known != len(ids):
        raise Invalid("An alert tells an agent or an admin.", field="alerts")
