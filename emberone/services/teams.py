"""Teams: creating, changing and deleting them."""

from types import EllipsisType
from uuid import UUID

from sqlalchemy.orm import Session

from emberone.db import service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.errors import Invalid, NotFound, StaleWrite
from emberone.domain.settings import check
from emberone.models import SLAPolicy, Team
from emberone.policy import SLA_MANAGE, TEAM_MANAGE, require

MAX_NAME = 100


@service
def create_team(actor: Actor, name: str, *, policy_id: UUID | None = None) -> UUID:
    """Make a team without members; its tickets begin under this policy, None is the default."""
    name = _checked(name)
    with transaction(actor) as session:
        require(actor, TEAM_MANAGE)
        team = Team(name=name)
        if policy_id is not None:
            _give_policy(session, actor, team, policy_id)
        session.add(team)
        session.flush()
        return team.id


@service
def change_team(
    actor: Actor,
    team_id: UUID,
    name: str,
    *,
    reminder_days: int | None = None,
    close_days: int | None = None,
    policy_id: UUID | EllipsisType | None = ...,
    version: int,
) -> None:
    """Give a team another name, and its own days for quiet tickets; None: as in the settings.

    So with its policy, for the tickets that begin from now on; without one it keeps what it has.
    StaleWrite where someone changed the team meanwhile.
    """
    name = _checked(name)
    for setting, days in (("quiet_reminder_days", reminder_days), ("quiet_close_days", close_days)):
        if days is not None:
            check(setting, days)
    with transaction(actor) as session:
        require(actor, TEAM_MANAGE)
        team = _locked_team(session, team_id)
        if team.version != version:
            raise StaleWrite(version=team.version)
        team.name = name
        team.quiet_reminder_days, team.quiet_close_days = reminder_days, close_days
        if not isinstance(policy_id, EllipsisType) and policy_id != team.sla_policy_id:
            _give_policy(session, actor, team, policy_id)


@service
def delete_team(actor: Actor, team_id: UUID) -> None:
    """Delete a team; its tickets go on without one, for any agent to take."""
    with transaction(actor) as session:
        require(actor, TEAM_MANAGE)
        session.delete(_locked_team(session, team_id))


def require_team(session: Session, team_id: UUID | None) -> None:
    """Step: raise Invalid for a team that is not, or no longer, there; None is no team."""
    if team_id is not None and session.get(Team, team_id) is None:
        raise Invalid("There is no such team.", field="team")


def _locked_team(session: Session, team_id: UUID) -> Team:
    team = session.get(Team, team_id, with_for_update=True)
    if team is None:
        raise NotFound
    return team


def _give_policy(session: Session, actor: Actor, team: Team, policy_id: UUID | None) -> None:
    require(actor, SLA_MANAGE)
    if policy_id is not None and session.get(SLAPolicy, policy_id) is None:
        raise Invalid("There is no such policy.", field="policy")
    team.sla_policy_id = policy_id


def _checked(name: str) -> str:
    name = texts.person_name(name)
    if len(name) > MAX_NAME:
        raise Invalid("A team's name has at most %(most)s characters.", field="name", most=MAX_NAME)
    return name
