"""The demo: a small helpdesk with a past, made by the services that real people use."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select

from emberone.db import now_of, reading
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Role
from emberone.domain.errors import Conflict
from emberone.domain.lifecycle import Event
from emberone.models import Agent, Profile
from emberone.services import agents, comments, demo_story, profiles, teams, tickets
from emberone.services.accounts import create_account
from emberone.services.demo_story import Story, Turn

_REPLIES = {
    "reply": Event.STAFF_REPLY,
    "reply_and_wait": Event.STAFF_REPLY_AND_WAIT,
    "reply_and_close": Event.STAFF_REPLY_AND_CLOSE,
}
#: How long after its opening a ticket is sorted into a team.
_SORTING = timedelta(minutes=4)


@dataclass(slots=True)
class _Cast:
    """Who plays: the keys of the story and the people they became."""

    admin: Actor
    agents: dict[str, Actor] = field(default_factory=dict)
    customers: dict[str, Actor] = field(default_factory=dict)
    teams: dict[str, UUID] = field(default_factory=dict)


def is_empty() -> bool:
    """Whether nobody is known yet."""
    with reading(SYSTEM) as session:
        return not session.scalar(select(exists().where(Profile.id.is_not(None))))


def load_demo(*, admin: str, agent: str, customer: str, password: str) -> int:
    """Make the demo's people and tickets, three of them with sign-ins; returns how many tickets.

    Everything is dated relative to now. Raises Conflict where anyone is known already.
    """
    if not is_empty():
        raise Conflict("There are people in this database already: the demo is for an empty one.")
    with reading(SYSTEM) as session:
        now = now_of(session)
    cast = _people(admin, agent, customer, password)
    _play(cast, now)
    return len(demo_story.STORIES)


def _people(admin: str, agent: str, customer: str, password: str) -> _Cast:
    def person(name: str, email: str | None, role: Role, login: str) -> Actor:
        if email is None:
            return Actor(create_account(SYSTEM, login, name, role, password), role)
        return Actor(profiles.create_profile(SYSTEM, email, name, role), role)

    cast = _Cast(person("Ada Sørensen", None, Role.ADMIN, admin))
    for key, (name, email) in demo_story.CUSTOMERS.items():
        cast.customers[key] = person(name, email, Role.CUSTOMER, customer)
    for name in demo_story.TEAMS:
        cast.teams[name] = teams.create_team(cast.admin, name)
    host = agent.partition("@")[2]
    for key, (name, box, in_teams, capacity, skills) in demo_story.AGENTS.items():
        actor = person(name, box and f"{box}@{host}", Role.AGENT, agent)
        assert actor.profile_id is not None
        cast.agents[key] = actor
        agents.change_agent(
            cast.admin,
            actor.profile_id,
            capacity=capacity,
            skills=skills,
            team_ids=[cast.teams[team] for team in in_teams],
            version=_version_of(actor),
        )
    for skill in demo_story.SKILLS:
        agents.mark_skill(cast.admin, skill, True)
    return cast


def _version_of(agent: Actor) -> int:
    with reading(SYSTEM) as session:
        return session.scalars(
            select(Agent.version).where(Agent.profile_id == agent.profile_id)
        ).one()


def _play(cast: _Cast, now: datetime) -> None:
    """Let everything happen in the order in which it happened."""
    known: dict[int, UUID] = {}
    steps: list[tuple[datetime, int, int, Turn | None]] = []
    for number, story in enumerate(demo_story.STORIES):
        opened = now - story.age
        steps.append((opened, number, 0, None))
        steps += [
            (opened + turn.after, number, place, turn)
            for place, turn in enumerate(story.turns, start=1)
        ]
    for at, number, _, turn in sorted(steps, key=lambda step: step[:3]):
        story = demo_story.STORIES[number]
        if turn is None:
            known[number] = _open(cast, story, at)
        else:
            _act(cast, story, known[number], turn, at)


def _open(cast: _Cast, story: Story, at: datetime) -> UUID:
    customer = cast.customers[story.customer]
    assert customer.profile_id is not None
    # A customer may not ask for everything: what they phone in, staff write down.
    is_urgent = story.priority.rank > story.priority.HIGH.rank
    ticket_id = tickets.open_ticket(
        cast.admin if is_urgent else customer,
        customer.profile_id,
        story.title,
        story.description,
        priority=story.priority,
        now=at,
    )
    if story.team is not None:
        changes = tickets.TicketChanges(team_id=cast.teams[story.team], tags=story.tags)
        tickets.change_ticket(cast.admin, ticket_id, changes, version=None, now=at + _SORTING)
    return ticket_id


def _act(cast: _Cast, story: Story, ticket_id: UUID, turn: Turn, at: datetime) -> None:
    customer = cast.customers[story.customer]
    if turn.act == "customer":
        comments.comment_as_customer(customer, ticket_id, turn.text, now=at)
    elif turn.act == "rate":
        tickets.rate_ticket(customer, ticket_id, turn.rating, turn.text or None, now=at)
    else:
        assert turn.by is not None
        agent = cast.agents[turn.by]
        if turn.act == "assign":
            tickets.assign_ticket(cast.admin, ticket_id, agent.profile_id, now=at)
        elif turn.act == "note":
            comments.add_note(agent, ticket_id, turn.text, now=at)
        elif turn.act == "close":
            tickets.close_ticket(agent, ticket_id, now=at)
        else:
            comments.reply(agent, ticket_id, turn.text, _REPLIES[turn.act], now=at)
