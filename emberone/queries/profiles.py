"""People: the list, one of them, and who answers to a few typed letters."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from emberone.domain.enums import Role
from emberone.models import Profile
from emberone.queries.paging import (
    Key,
    Order,
    Page,
    Paging,
    contains,
    fetch_page,
    parse_id,
    parse_text,
)

_id = Key(Profile.id, parse_id)

#: The list's orders; ids are in order of time, so `created` needs no other key.
ORDERS: Final = {
    order.name: order
    for order in (
        Order("name", (Key(Profile.full_name, parse_text), _id), descending=False),
        Order("created", (_id,)),
    )
}

#: What `ix_profiles_trigrams` is made of.
_THREE: Final = 3

#: So many people are offered to someone typing a name.
LOOKUP_LIMIT = 20

#: So many members of staff stand in a form; above it one types to find the rest.
STAFF_LIMIT = 200


class ProfileRow(NamedTuple):
    """One person."""

    id: UUID
    user_id: str | None
    email: str
    full_name: str
    role: Role
    declined_letters: list[str]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ProfileFilters:
    """Which people to show; what is empty does not filter."""

    role: Role | None = None
    text: str | None = None


def _profiles() -> Select[*tuple[Any, ...]]:
    return select(
        Profile.id,
        Profile.user_id,
        Profile.email,
        Profile.full_name,
        Profile.role,
        Profile.declined_letters,
        Profile.version,
        Profile.created_at,
        Profile.updated_at,
    )


def list_profiles(session: Session, filters: ProfileFilters, paging: Paging) -> Page[ProfileRow]:
    """One page of people."""
    statement = _profiles()
    if filters.role is not None:
        statement = statement.where(Profile.role == filters.role)
    if filters.text is not None:
        statement = statement.where(*_named(filters.text))
    return fetch_page(session, statement, ProfileRow, paging)


def _named(text: str) -> list[ColumnElement[bool]]:
    """Name or address contains the text, in any case.

    Three letters and more are looked up in an index of all threes (migration 0008). Fewer are
    in so many names that walking these in order soon has a page of them.
    """
    found: list[ColumnElement[bool]] = [
        or_(contains(Profile.full_name, text), contains(Profile.email, text))
    ]
    if len(text) >= _THREE:
        threes = func.person_trigrams(Profile.full_name, Profile.email, type_=ARRAY(Text))
        found.append(threes.contains(func.trigrams(text, type_=ARRAY(Text))))
    return found


def profile_details(session: Session, profile_id: UUID) -> ProfileRow | None:
    """One person, or None."""
    row = session.execute(_profiles().where(Profile.id == profile_id)).one_or_none()
    return None if row is None else ProfileRow(*row)


class Choice(NamedTuple):
    """One thing to choose, by its id."""

    id: UUID
    label: str


def find_people(
    session: Session, text: str, roles: Iterable[Role], limit: int = LOOKUP_LIMIT
) -> list[Choice]:
    """The first people of these roles whose name or address contains the text."""
    statement = (
        select(Profile.id, Profile.full_name, Profile.email)
        .where(Profile.role.in_(tuple(roles)))
        .order_by(Profile.full_name, Profile.id)
        .limit(min(limit, LOOKUP_LIMIT))
    )
    if text:
        statement = statement.where(*_named(text))
    return [Choice(row[0], _labelled(row[1], row[2])) for row in session.execute(statement)]


def person(session: Session, profile_id: UUID, roles: Iterable[Role]) -> Choice | None:
    """That person if they have one of these roles: what a lookup offers, a form may send."""
    row = session.execute(
        select(Profile.id, Profile.full_name, Profile.email).where(
            Profile.id == profile_id, Profile.role.in_(tuple(roles))
        )
    ).one_or_none()
    return None if row is None else Choice(row[0], _labelled(row[1], row[2]))


def staff(session: Session) -> list[Choice]:
    """The first agents and admins by name; one more than the limit where there are more."""
    rows = session.execute(
        select(Profile.id, Profile.full_name, Profile.email)
        .where(Profile.role.in_((Role.AGENT, Role.ADMIN)))
        .order_by(Profile.full_name, Profile.id)
        .limit(STAFF_LIMIT + 1)
    )
    return [Choice(row[0], _labelled(row[1], row[2])) for row in rows]


def names_of(session: Session, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of these people."""
    wanted = set(ids)
    if not wanted:
        return {}
    rows = session.execute(select(Profile.id, Profile.full_name).where(Profile.id.in_(wanted)))
    return {row[0]: row[1] for row in rows}


def known_addresses(session: Session, emails: Iterable[str]) -> set[str]:
    """Which of these addresses, in lower case, are somebody's."""
    found = select(func.lower(Profile.email)).where(func.lower(Profile.email).in_(tuple(emails)))
    return set(session.scalars(found))


def _labelled(name: str, email: str) -> str:
    return name if name == email else f"{name} ({email})"
