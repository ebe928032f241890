"""The people and teams that files name: found, or made; steps for the importers.

They run as SYSTEM at the import's real now, before it moves into the past: a
person is known here since today.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.domain.enums import Availability, Role
from emberone.domain.errors import Invalid
from emberone.domain.imports.rows import Person

_FIND_PEOPLE: Final = text(
    "SELECT asked, profiles.id, profiles.role"
    " FROM unnest(cast(:emails AS text[])) AS asked"
    " JOIN profiles ON lower(profiles.email) = lower(asked)"
)
#: In the order of their addresses, so that two inserts cannot deadlock. Whoever is
#: behind a new agent has yet to come, so the availability is given and not assumed.
_MAKE_PEOPLE: Final = text(
    "INSERT INTO profiles (email, full_name, role)"
    " SELECT email, full_name, cast(role AS role)"
    " FROM unnest(cast(:emails AS text[]), cast(:names AS text[]), cast(:roles AS text[]))"
    " AS person (email, full_name, role)"
    " ORDER BY lower(email)"
    " ON CONFLICT (lower(email)) DO NOTHING"
    " RETURNING email, id, role"
)
_SET_AVAILABILITY: Final = text(
    "UPDATE agents SET availability = :availability WHERE profile_id = ANY(:ids)"
)
_FIND_TEAMS: Final = text(
    "SELECT asked, teams.id FROM unnest(cast(:names AS text[])) AS asked"
    " JOIN teams ON lower(teams.name) = lower(asked)"
)
_MAKE_TEAMS: Final = text(
    "INSERT INTO teams (name) SELECT name FROM unnest(cast(:names AS text[])) AS name"
    " ORDER BY lower(name) ON CONFLICT (lower(name)) DO NOTHING"
)
_ADD_MEMBERS: Final = text(
    "INSERT INTO team_members (team_id, profile_id)"
    " SELECT DISTINCT team_id, profile_id"
    " FROM unnest(cast(:teams AS uuid[]), cast(:agents AS uuid[])) AS member (team_id, profile_id)"
    " ORDER BY team_id, profile_id ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Known:
    """A person of the file and who that is here."""

    id: UUID
    role: Role


def known_people(
    session: Session, people: Iterable[Person], *, availability: Availability = Availability.AWAY
) -> Mapping[str, Known]:
    """Who they are here, by the file's address; who is not known yet is made."""
    wanted = {person.email: person for person in people}
    found = _find_people(session, list(wanted))
    missing = [person for email, person in wanted.items() if email not in found]
    if missing:
        found |= _make_people(session, missing, availability)
        if gone := wanted.keys() - found:
            # Someone else made them at this very moment, or in another case above.
            found |= _find_people(session, list(gone))
    return found


def customer_id(known: Mapping[str, Known], person: Person) -> UUID:
    """The customer's profile; raises Invalid where the address belongs to staff."""
    return _in_role(known, person, Role.CUSTOMER, "a customer")


def agent_id(known: Mapping[str, Known], person: Person) -> UUID:
    """The agent's profile; raises Invalid where the address belongs to someone else."""
    return _in_role(known, person, Role.AGENT, "an agent")


def known_teams(session: Session, names: Iterable[str]) -> Mapping[str, UUID]:
    """The teams of these names, whatever their case; those not known yet are made."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    found = _find_teams(session, wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        session.execute(_MAKE_TEAMS, {"names": missing})
        found |= _find_teams(session, missing)
    return found


def join_teams(session: Session, members: Sequence[tuple[UUID, UUID]]) -> None:
    """Make agents members of teams: pairs of team and agent; those who are stay."""
    if members:
        session.execute(
            _ADD_MEMBERS,
            {"teams": [team for team, _ in members], "agents": [agent for _, agent in members]},
        )


def _find_people(session: Session, emails: list[str]) -> dict[str, Known]:
    rows = session.execute(_FIND_PEOPLE, {"emails": emails})
    return {asked: Known(profile_id, Role(role)) for asked, profile_id, role in rows}


def _make_people(
    session: Session, people: Sequence[Person], availability: Availability
) -> dict[str, Known]:
    rows = session.execute(
        _MAKE_PEOPLE,
        {
            "emails": [person.email for person in people],
            "names": [person.full_name for person in people],
            "roles": [person.role.value for person in people],
        },
    )
    made = {email: Known(profile_id, Role(role)) for email, profile_id, role in rows}
    agents = [person.id for person in made.values() if person.role is Role.AGENT]
    if agents:
        session.execute(_SET_AVAILABILITY, {"availability": availability.value, "ids": agents})
    return made


def _find_teams(session: Session, names: list[str]) -> dict[str, UUID]:
    rows = session.execute(_FIND_TEAMS, {"names": names})
    return {asked: team_id for asked, team_id in rows.all()}  # noqa: C416 - rows, not pairs


def _in_role(known: Mapping[str, Known], person: Person, role: Role, what: str) -> UUID:
    found = known[person.email]
    if found.role is not role:
        raise Invalid(f"{person.email} is not {what} here")
    return found.id
