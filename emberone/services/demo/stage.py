"""The demo's people and teams as the product knows them, made by the services that admins use."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from emberone.db import reading
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Availability, HandOver, Role
from emberone.models import Agent
from emberone.services import absences, agents, profiles, settings, sla_policies, teams
from emberone.services.accounts import create_account
from emberone.services.demo import promises
from emberone.services.demo.script import AgentRole, Cast, Person


@dataclass(frozen=True, slots=True)
class Accounts:
    """The addresses of the three who can sign in, and their password."""

    admin: str
    agent: str
    customer: str
    password: str


@dataclass(slots=True)
class Stage:
    """Who plays: the keys of the script and the people they became."""

    accounts: Accounts
    #: The first start.
    now: datetime
    staff: dict[str, Actor] = field(default_factory=dict)
    customers: dict[str, Actor] = field(default_factory=dict)
    teams: dict[str, UUID] = field(default_factory=dict)
    shop_policy: UUID | None = None

    @property
    def admin(self) -> Actor:
        """The first admin, who sorts what comes in."""
        return next(actor for actor in self.staff.values() if actor.role is Role.ADMIN)


def build(accounts: Accounts, cast: Cast, now: datetime) -> Stage:
    """Make everybody known, as long ago as the script says, with teams, skills and promises."""
    stage = Stage(accounts, now)
    for key, admin in cast.admins.items():
        stage.staff[key] = _person(stage, admin, Role.ADMIN, accounts.admin)
    # Of everything in the past, so that sorting a ticket into a team changes no promise.
    shop = sla_policies.create_policy(stage.admin, "Shop promise", promises.SHOP)
    sla_policies.make_default(stage.admin, shop)
    stage.shop_policy = shop
    for key, name in cast.teams.items():
        stage.teams[key] = teams.create_team(stage.admin, name)
    for key, agent in cast.agents.items():
        stage.staff[key] = _person(stage, agent, Role.AGENT, accounts.agent)
        _put_to_work(stage, stage.staff[key], agent)
    for key, customer in cast.customers.items():
        stage.customers[key] = _person(stage, customer, Role.CUSTOMER, accounts.customer)
    for skill in cast.skills:
        agents.mark_skill(stage.admin, skill, True)
    return stage


def hand_over_to_the_present(stage: Stage) -> None:
    """Let the teams keep their promise, and what comes without a team have the quick one."""
    for team_id in stage.teams.values():
        sla_policies.give_team_policy(stage.admin, team_id, stage.shop_policy)
    quick = sla_policies.create_policy(stage.admin, "Two-minute demo", promises.QUICK)
    sla_policies.make_default(stage.admin, quick)
    with reading(SYSTEM) as session:
        version = settings.current(session).version
    delay = {"feedback_delay_s": promises.FEEDBACK_DELAY_S}
    settings.change_settings(stage.admin, delay, version=version)


def _person(stage: Stage, person: Person, role: Role, login: str) -> Actor:
    since = stage.now - person.since
    if person.email is None or (isinstance(person, AgentRole) and person.has_left):
        email, password = person.email or login, stage.accounts.password
        account = create_account(SYSTEM, email, person.name, role, password, now=since)
        return Actor(account, role)
    return Actor(profiles.create_profile(SYSTEM, person.email, person.name, role, now=since), role)


def _put_to_work(stage: Stage, actor: Actor, agent: AgentRole) -> None:
    assert actor.profile_id is not None
    with reading(SYSTEM) as session:
        version = session.scalars(
            select(Agent.version).where(Agent.profile_id == actor.profile_id)
        ).one()
    agents.change_agent(
        stage.admin,
        actor.profile_id,
        capacity=agent.capacity,
        skills=agent.skills,
        team_ids=[stage.teams[team] for team in agent.teams],
        version=version,
    )
    if agent.absent_in is not None:
        first = stage.now.replace(hour=0, minute=0, second=0, microsecond=0) + agent.absent_in
        week = first + timedelta(days=7)
        choice = HandOver.RELEASE_ALL
        absences.plan_absence(stage.admin, actor.profile_id, first, week, choice=choice)
    if agent.has_left:
        profiles.set_active(stage.admin, actor.profile_id, False)
    elif agent.availability is not Availability.AVAILABLE:
        agents.set_availability(stage.admin, actor.profile_id, agent.availability)
