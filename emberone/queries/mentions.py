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
    """The first names that contain the words; those that begin with them before the others."""
    people = union(
        select(WORKING.c.full_name.label("name")).where(contains(WORKING.c.full_name, words)),
        select(Profile.full_name).where(
            Profile.role == Role.ADMIN, contains(Profile.full_name, words)
        ),
    ).subquery()
    begins = people.c.name.istartswith(words, autoescape=True)
    statement = select(people.c.name).order_by(begins.desc(), people.c.name).limit(limit)
    return list(session.scalars(statement))
