"""Raw SQL as the product's login in each role, behind the doors' back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask

from emberone.db import DATABASE_ROLES
from emberone.domain.actor import Actor
from emberone.domain.enums import Role
from emberone.embedded import EmbeddedPostgres
from tests.conftest import DATABASE
from tests.factories import Make

Run = Callable[..., list[tuple[Any, ...]]]


class AsRole:
    """Runs statements in one role, each in a transaction of its own that stays."""

    def __init__(self, connection: psycopg.Connection, actor: Actor) -> None:
        self._connection = connection
        self._actor = actor

    def __call__(self, sql: str, *values: object, now: datetime | None = None) -> Any:
        """The rows, or the number of rows touched."""
        with self._connection.transaction():
            self._connection.execute(
                "SELECT set_config('role', %s, true), set_config('emberone.profile_id', %s, true),"
                " set_config('emberone.source', %s, true),"
                " set_config('emberone.now', coalesce(%s::timestamptz, now())::text, true)",
                (
                    DATABASE_ROLES[self._actor.role],
                    str(self._actor.profile_id or ""),
                    self._actor.source.value,
                    now,
                ),
            )
            cursor = self._connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def refuses(self, sql: str, *values: object) -> None:
        """PostgreSQL says no for lack of a right, by grant or by row policy."""
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            self(sql, *values)


class People:
    """One person of each role, two customers with a ticket each."""

    def __init__(self, connection: psycopg.Connection, make: Make) -> None:
        self.admin = make.admin()
        self.agent = make.agent()
        self.customer = make.customer()
        self.other = make.customer()
        self.ticket: UUID = make.ticket(self.customer)
        self.foreign: UUID = make.ticket(self.other)
        self._connection = connection

    def as_(self, actor: Actor) -> AsRole:
        """Statements in this person's role."""
        return AsRole(self._connection, actor)

    def by_role(self, role: Role | None) -> AsRole:
        """Statements in the role of one of these people, or the product's."""
        actor = {
            Role.ADMIN: self.admin,
            Role.AGENT: self.agent,
            Role.CUSTOMER: self.customer,
            None: Actor(None, None),
        }[role]
        return self.as_(actor)


@contextmanager
def connected(postgres: EmbeddedPostgres, user: str) -> Iterator[psycopg.Connection]:
    """An autocommit connection to the test database."""
    with postgres.connect(user, DATABASE) as connection:
        yield connection


@pytest.fixture
def app_connection(postgres: EmbeddedPostgres, database: Flask) -> Iterator[psycopg.Connection]:
    """The product's own login, outside any context."""
    with connected(postgres, "emberone_app") as connection:
        yield connection


@pytest.fixture
def people(app_connection: psycopg.Connection, make: Make) -> People:
    """One person of each role; see `People`."""
    return People(app_connection, make)
