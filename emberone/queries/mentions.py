"""Whom one can mention in a note: everybody who works here."""

from uuid import UUID

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from emberone.domain.enums import Role
from emberone.models import Profile
from emberone.queries.agents import WORKING
from emberone.queries.paging import contains


def colleagues(session: Session) -> list[tuple[UUID, str]]:
    """Everybody who can be mentioned, by id and name."""
    people = union(
        select(WORKING.c.id, WORKING.c.full_name),
        select(Profile.id, Profile.full_name).where(Profile.role == Role.ADMIN),
    )
    return [(row[0], row[1]) for row in session.execute(people)]


def find_colleagues(session: Session, words: str, limit: int) -> list[str]:
    """The first names, by alphabet, that contain the words."""
    people = union(
        select(WORKING.c.full_name.label("name")).where(contains(WORKING.c.full_name, words)),
        select(Profile.full_name).where(
            Profile.role == Role.ADMIN, contains(Profile.full_name, words)
        ),
    ).subquery()
    return list(session.scalars(select(people.c.name).order_by(people.c.name).limit(limit)))
