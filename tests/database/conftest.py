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


#: One row of everything, and a second one where a unique index wants something to meet.
WORLD = """
INSERT INTO profiles (email, full_name, role) VALUES ('ana@example.org', 'Ana', 'AGENT'),
    ('ben@example.org', 'Ben', 'AGENT'), ('carla@example.org', 'Carla', 'CUSTOMER');
INSERT INTO users (email, fs_uniquifier) VALUES ('ana@example.org', 'a'), ('ben@example.org', 'b');
UPDATE profiles SET user_id = users.id::text FROM users WHERE users.email = profiles.email;
INSERT INTO suppressed_addresses (email, reason) VALUES ('gone@example.org', 'bounced');
INSERT INTO teams (name) VALUES ('North'), ('South');
INSERT INTO tags (name) VALUES ('vpn');
INSERT INTO absences (agent_id, starts_at, ends_at)
    SELECT profile_id, now(), now() + interval '1 day' FROM agents;
INSERT INTO tickets (title, description, customer_id)
    SELECT title, 'It leaks.', id FROM profiles, (VALUES ('One'), ('Two')) AS asked (title)
    WHERE role = 'CUSTOMER';
INSERT INTO comments (ticket_id, content) SELECT id, 'Hello' FROM tickets;
INSERT INTO macros (name) VALUES ('Thanks'), ('Refund');
INSERT INTO drafts (ticket_id, author_id, kind) SELECT tickets.id, profiles.id, 'reply'
    FROM tickets, profiles WHERE role = 'AGENT';
INSERT INTO attachment_contents (digest, size, content)
    VALUES (encode(sha256('x'), 'hex'), 1, 'x');
INSERT INTO attachments (ticket_id, name, media_type, size, digest)
    SELECT tickets.id, 'a.txt', 'text/plain', 1, digest FROM tickets, attachment_contents;
INSERT INTO mail_outbox (key, letter, params, to_email)
    VALUES ('a', 'assigned', '{}', 'a@example.org'), ('b', 'assigned', '{}', 'a@example.org');
INSERT INTO feedback_requests
    (ticket_id, cycle, profile_id, priority_at_close, was_breached, send_after, expires_at,
    state, token_hash)
    SELECT id, cycle, customer_id, priority, false, now(), now(), 'SENT', id::text || cycle
    FROM tickets, generate_series(1, 2) AS cycle;
INSERT INTO calendars (name) VALUES ('Days'), ('Nights');
INSERT INTO calendar_versions (calendar_id, version, zone, definition)
    SELECT id, version, 'UTC', '{}' FROM calendars, generate_series(1, 2) AS version
    WHERE name IN ('Days', 'Nights');
INSERT INTO sla_policies (name) VALUES ('Gold'), ('Silver');
INSERT INTO sla_policy_versions (policy_id, version)
    SELECT id, version FROM sla_policies, generate_series(1, 2) AS version WHERE name = 'Gold';
INSERT INTO sla_clocks (ticket_id, metric, cycle, policy_version_id, target_s, started_at,
    running_since, due_at)
    SELECT tickets.id, 'RESOLUTION', cycle, version.id, 60, now(), now(), now()
    FROM tickets, generate_series(1, 2) AS cycle, sla_policy_versions AS version
    WHERE version.id = (SELECT max(id::text)::uuid FROM sla_policy_versions);
INSERT INTO sla_steps (clock_id, step_no, percent, actions)
    SELECT id, step_no, 50, '{COMMENT}' FROM sla_clocks, generate_series(1, 2) AS step_no;
"""


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


@pytest.fixture
def world(owner: psycopg.Connection) -> psycopg.Connection:
    """The owner's connection to a database with something in every table."""
    owner.execute(WORLD)
    return owner
