"""Migrations go up and down, as an ordinary login, in more than one database of a cluster."""

from collections.abc import Iterator

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import create_engine

from emberone.config import Settings
from emberone.db import Base
from emberone.domain.errors import ConfigurationError
from emberone.embedded import EmbeddedPostgres
from emberone.migrating import create_migrator
from tests.conftest import TEMPLATE, settings_for

SECOND = "second_emberone"


@pytest.fixture
def second_database(postgres: EmbeddedPostgres) -> Iterator[Settings]:
    """An empty database beside the first, of an owner who is not a superuser."""
    with postgres.connect() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {SECOND} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {SECOND} OWNER emberone_owner")
        yield settings_for(postgres, SECOND)
        connection.execute(f"DROP DATABASE {SECOND} WITH (FORCE)")


def _objects(settings: Settings) -> list[tuple[str, ...]]:
    with psycopg.connect(settings.owner_url.replace("+psycopg", "")) as connection:
        return connection.execute(
            "SELECT relkind::text, relname FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'alembic%'"
            " UNION ALL SELECT 'function', proname FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace"
            " UNION ALL SELECT 'type', typname FROM pg_type"
            " WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%alembic%'"
            " ORDER BY 1, 2"
        ).fetchall()


def test_up_down_and_up_again_in_a_second_database_of_the_cluster(second_database):
    with create_migrator(second_database).app_context():
        upgrade()
        first = _objects(second_database)
        downgrade(revision="base")
        assert _objects(second_database) == []
        upgrade()
        assert _objects(second_database) == first


def test_an_installation_in_use_keeps_what_it_promises(second_database):
    with create_migrator(second_database).app_context():
        upgrade(revision="0014")
        with psycopg.connect(second_database.owner_url.replace("+psycopg", "")) as connection:
            connection.execute(
                "INSERT INTO profiles (email, full_name, role)"
                " VALUES ('ada@example.org', 'Ada', 'ADMIN')"
            )
        upgrade()
    with psycopg.connect(second_database.owner_url.replace("+psycopg", "")) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM sla_targets WHERE calendar_id IS NOT NULL),"
            " (SELECT max(step_no) FROM sla_plan_steps), (SELECT count(*) FROM calendars)"
        ).fetchone()
    assert counts == (0, 2, 1)


def test_the_owner_is_an_ordinary_login(postgres):
    with postgres.connect() as connection:
        assert connection.execute(
            "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'emberone_owner'"
        ).fetchone() == (False, True)


def test_the_models_and_the_migrations_say_the_same(postgres):
    engine = create_engine(postgres.url("emberone_owner", TEMPLATE))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": False}
        )
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_a_login_that_may_not_grant_the_roles_is_told_the_statement_to_run(postgres):
    with postgres.connect() as connection:
        version = connection.info.server_version
        connection.execute("DROP DATABASE IF EXISTS strangers WITH (FORCE)")
        connection.execute("DROP ROLE IF EXISTS stranger")
        connection.execute("CREATE ROLE stranger LOGIN CREATEROLE")
        connection.execute("CREATE DATABASE strangers OWNER stranger")
        settings = Settings.from_env(
            {
                "EMBERONE_DATABASE_URL": postgres.url("stranger", "strangers"),
                "EMBERONE_SECRET_KEY": "only-for-tests-0123456789",
            }
        )
        with create_migrator(settings).app_context():
            if version >= 160000:
                with pytest.raises(ConfigurationError, match="GRANT emberone_admin"):
                    upgrade()
                connection.execute(
                    "GRANT emberone_admin, emberone_agent, emberone_customer, emberone_system"
                    " TO stranger WITH ADMIN OPTION"
                )
            upgrade()
        connection.execute("DROP DATABASE strangers WITH (FORCE)")
        connection.execute("DROP ROLE stranger")
