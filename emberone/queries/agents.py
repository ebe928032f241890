"""Agents, teams and tags: who works, with whom, at what."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Text, Uuid, column, exists, func, or_, select, table, text
from sqlalchemy.orm import Session

from emberone.db import now_of
from emberone.domain.enums import Availability
from emberone.domain.working_hours import begins_again
from emberone.models import Absence, Agent, Profile, Tag, Team
from emberone.queries.calendars import calendars_of
from emberone.queries.paging import Key, Order, Page, Paging, fetch_page, parse_text
from emberone.queries.profiles import Choice

#: So many choices stand in a form; above it one types to find the rest.
CHOICES_LIMIT = 200

#: The list of tags, by name.
TAGS: Final = Order("name", (Key(Tag.name, parse_text),), descending=False)


class AgentRow(NamedTuple):
    """One agent at work."""

    id: UUID
    full_name: str
    email: str
    availability: Availability
    capacity: int
    open_count: int
    #: What is compared to the capacity: the number of open tickets, or what they weigh.
    load: int
    skills: list[str]
    last_assigned_at: datetime | None
    version: int
    team_ids: list[UUID]
    team_names: list[str]
    #: Who cannot sign in gets no tickets, whatever their availability.
    is_deactivated: bool
    #: The end of the absence that lasts now, and the beginning of the next one.
    absent_until: datetime | None
    absent_from: datetime | None
    #: Their working hours; None: at any hour.
    calendar_id: UUID | None
    calendar_name: str | None
    #: When these begin again; None: they have begun.
    hours_begin: datetime | None

    @property
    def profile_id(self) -> UUID:
        """The agent's profile, under the name that the permission table knows."""
        return self.id

    @property
    def absent_through(self) -> datetime | None:
        """The last moment of the absence, which is of its last day."""
        return self.absent_until and self.absent_until - timedelta(seconds=1)


class OwnState(NamedTuple):
    """Whether an agent takes tickets now, as the top of every page says it."""

    availability: Availability
    absent_until: datetime | None


class TeamRow(NamedTuple):
    """One team and the names of its members."""

    id: UUID
    name: str
    version: int
    members: list[str]
    #: For its quiet tickets; None: as in the settings.
    quiet_reminder_days: int | None
    quiet_close_days: int | None
    #: Under which its tickets begin; None: the default one.
    sla_policy_id: UUID | None


class TagRow(NamedTuple):
    """One tag."""

    name: str
    is_skill: bool


#: The end of the absence of a row of `agents` that lasts now.
_ABSENT_UNTIL: Final = (
    "(SELECT max(ends_at) FROM absences WHERE agent_id = agents.profile_id"
    " AND starts_at <= context_now() AND ends_at > context_now())"
)

#: All agents by name, or the one asked for.
_AGENTS = text(
    f"""
    SELECT agents.profile_id, full_name, email, availability, capacity, open_count,
        CASE WHEN (SELECT weighs_priority FROM settings) THEN open_weight ELSE open_count END,
        skills, last_assigned_at, agents.version,
        ARRAY(SELECT teams.id FROM team_members JOIN teams ON teams.id = team_id
            WHERE team_members.profile_id = agents.profile_id ORDER BY teams.name, teams.id),
        ARRAY(SELECT teams.name FROM team_members JOIN teams ON teams.id = team_id
            WHERE team_members.profile_id = agents.profile_id ORDER BY teams.name, teams.id),
        NOT EXISTS (SELECT FROM working_agents WHERE working_agents.id = agents.profile_id),
        {_ABSENT_UNTIL},
        (SELECT min(starts_at) FROM absences WHERE agent_id = agents.profile_id
            AND starts_at > context_now()),
        calendars.id, calendars.name,
        (SELECT hours.id FROM calendar_versions AS hours WHERE hours.calendar_id = calendars.id
            ORDER BY version DESC LIMIT 1)
    FROM agents JOIN profiles ON profiles.id = agents.profile_id
        LEFT JOIN calendars ON calendars.id = agents.calendar_id
    WHERE cast(:profile_id AS uuid) IS NULL OR agents.profile_id = :profile_id
    ORDER BY full_name, agents.profile_id
    """  # noqa: S608 - made of our own constant
)

_OWN_STATE = text(
    f"SELECT availability, {_ABSENT_UNTIL} FROM agents WHERE profile_id = :profile_id"  # noqa: S608
)

#: All teams by name, or the one asked for.
_TEAMS = text(
    """
    SELECT id, name, version,
        ARRAY(SELECT full_name FROM team_members
            JOIN profiles ON profiles.id = team_members.profile_id
            WHERE team_members.team_id = teams.id ORDER BY full_name),
        quiet_reminder_days, quiet_close_days, sla_policy_id
    FROM teams
    WHERE cast(:team_id AS uuid) IS NULL OR id = :team_id
    ORDER BY name, id
    """
)


def list_agents(session: Session) -> list[AgentRow]:
    """All agents, by name."""
    return _agents(session, None)


def agent_details(session: Session, profile_id: UUID) -> AgentRow | None:
    """One agent, or None."""
    return next(iter(_agents(session, profile_id)), None)


def _agents(session: Session, profile_id: UUID | None) -> list[AgentRow]:
    rows = session.execute(_AGENTS, {"profile_id": profile_id}).all()
    # The statement's columns are the fields of a row, with the hours' version for the last.
    calendars = calendars_of(session, {row[-1] for row in rows})
    now = now_of(session)
    begins = {hours: begins_again(calendar, now) for hours, calendar in calendars.items()}
    found = (AgentRow(*[*row[:-1], begins[row[-1]]]) for row in rows)
    return [row._replace(availability=Availability(row.availability)) for row in found]


def own_state(session: Session, profile_id: UUID) -> OwnState | None:
    """Whether this agent takes tickets now; None for whoever is no agent."""
    row = session.execute(_OWN_STATE, {"profile_id": profile_id}).one_or_none()
    return None if row is None else OwnState(Availability(row[0]), row[1])


#: Agents who may work: a view, because whether a person may sign in is not every agent's affair.
WORKING: Final = table(
    "working_agents", column("id", Uuid), column("full_name", Text), column("email", Text)
)


class AgentChoice(NamedTuple):
    """An agent to choose: tickets of one who works no more are still looked for."""

    id: UUID
    label: str
    is_working: bool


def agent_choices(session: Session) -> list[AgentChoice]:
    """The first agents by name; one more than the limit where there are more."""
    rows = session.execute(
        # By their rows in `agents`: among the profiles, behind row policies, the planner would
        # not know how few of them are agents, and walk through every customer by name.
        select(Profile.id, Profile.full_name, WORKING.c.id.is_not(None))
        .select_from(Agent)
        .join(Profile, Profile.id == Agent.profile_id)
        .outerjoin(WORKING, WORKING.c.id == Profile.id)
        .order_by(Profile.full_name, Profile.id)
        .limit(CHOICES_LIMIT + 1)
    )
    return [AgentChoice(*row) for row in rows]


class WorkingChoice(NamedTuple):
    """An agent to give a ticket to."""

    id: UUID
    label: str
    #: They take no new tickets now; a person may give them some all the same.
    is_away: bool


#: Whether whoever `_AT_WORK` joins is away or absent now.
_IS_AWAY: Final = or_(
    Agent.availability != Availability.AVAILABLE,
    exists().where(
        Absence.agent_id == Agent.profile_id,
        Absence.starts_at <= func.context_now(),
        Absence.ends_at > func.context_now(),
    ),
)
_AT_WORK: Final = WORKING.join(Agent, Agent.profile_id == WORKING.c.id)


def working_choices(session: Session) -> list[WorkingChoice]:
    """The first agents who are not deactivated, by name; one more than the limit where there are."""
    rows = session.execute(
        select(WORKING.c.id, WORKING.c.full_name, _IS_AWAY)
        .select_from(_AT_WORK)
        .order_by(WORKING.c.full_name, WORKING.c.id)
        .limit(CHOICES_LIMIT + 1)
    )
    return [WorkingChoice(*row) for row in rows]


def find_working(session: Session, words: str, limit: int) -> list[WorkingChoice]:
    """The first agents who are not deactivated and whose name or address contains the words."""
    named = or_(
        WORKING.c.full_name.icontains(words, autoescape=True),
        WORKING.c.email.icontains(words, autoescape=True),
    )
    rows = session.execute(
        select(WORKING.c.id, WORKING.c.full_name, WORKING.c.email, _IS_AWAY)
        .select_from(_AT_WORK)
        .where(named)
        .order_by(WORKING.c.full_name, WORKING.c.id)
        .limit(limit)
    )
    return [WorkingChoice(row[0], f"{row[1]} ({row[2]})", row[3]) for row in rows]


def list_teams(session: Session) -> list[TeamRow]:
    """All teams, by name."""
    return [TeamRow(*row) for row in session.execute(_TEAMS, {"team_id": None})]


def team_details(session: Session, team_id: UUID) -> TeamRow | None:
    """One team, or None."""
    row = session.execute(_TEAMS, {"team_id": team_id}).one_or_none()
    return None if row is None else TeamRow(*row)


def team_choices(session: Session) -> list[Choice]:
    """The teams, by name."""
    rows = session.execute(select(Team.id, Team.name).order_by(Team.name, Team.id).limit(1000))
    return [Choice(*row) for row in rows]


def list_tags(session: Session, words: str | None, paging: Paging) -> Page[TagRow]:
    """One page of the tags whose name contains the words."""
    statement = select(Tag.name, Tag.is_skill)
    if words is not None:
        statement = statement.where(Tag.name.icontains(words, autoescape=True))
    return fetch_page(session, statement, TagRow, paging)


def find_tags(session: Session, words: str, limit: int) -> list[str]:
    """The first tags whose name contains the words."""
    statement = (
        select(Tag.name)
        .where(Tag.name.icontains(words, autoescape=True))
        .order_by(Tag.name)
        .limit(limit)
    )
    return list(session.scalars(statement))


def skill_names(session: Session) -> list[str]:
    """The tags that are skills, by name."""
    return list(session.scalars(select(Tag.name).where(Tag.is_skill).order_by(Tag.name)))
