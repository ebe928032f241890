"""Real servers for every test: PostgreSQL 18 from its wheel, or another by environment.

EMBERONE_TEST_POSTGRES_BIN names the folder of another version's programs.
Each worker process of the test run has a cluster of its own; each test that
asks for `database` finds it as the migrations left it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text

from emberone.config import Settings
from emberone.core import create_core
from emberone.db import db, end_reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.embedded import THROW_AWAY, EmbeddedPostgres
from emberone.migrating import create_migrator
from tests.factories import Make

TEMPLATE, DATABASE, OWNER = "template_emberone", "emberone", "emberone_owner"

#: The folder of a cluster that runs already, with a template in it from which
#: `make mutants-sql` has taken a guard.
SERVER = "EMBERONE_TEST_SERVER"


@contextmanager
def quick_folder() -> Iterator[Path]:
    """Where servers keep their data while tests run.

    Not below pytest's own folder, of which another run beside this one keeps only the
    newest three, whoever is still at work in the others. In memory where there is room:
    a database for every test is some three hundred files.
    """
    memory = Path("/dev/shm")
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3
    with tempfile.TemporaryDirectory(
        prefix="emberone-test-", dir=memory if has_room else None, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """The folder of this worker process's servers; see `quick_folder`."""
    with quick_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A cluster for this worker process, with the migrated template in it."""
    if SERVER in os.environ:
        yield cluster(Path(os.environ[SERVER]))
        return
    with cluster(servers_folder / "postgres") as server:
        migrate(server, TEMPLATE)
        yield server


def cluster(folder: Path) -> EmbeddedPostgres:
    """A cluster for tests, of the version that the environment names."""
    bin_dir = os.environ.get("EMBERONE_TEST_POSTGRES_BIN")
    return EmbeddedPostgres(
        folder,
        bin_dir=Path(bin_dir) if bin_dir else None,
        options={**THROW_AWAY, "max_connections": "200"},
    )


def migrate(server: EmbeddedPostgres, database: str) -> None:
    """Make a database with nothing in it but what the migrations put there."""
    server.create_database(database, owner=OWNER)
    with create_migrator(settings_for(server, database)).app_context():
        upgrade()
        db.engine.dispose()


def settings_for(server: EmbeddedPostgres, database: str = DATABASE, **more: str) -> Settings:
    """The settings of a product on this server's database."""
    return Settings.from_env(
        {
            "EMBERONE_DATABASE_URL": server.url("emberone_app", database),
            "EMBERONE_OWNER_URL": server.url(OWNER, database),
            "EMBERONE_SECRET_KEY": "only-for-tests-0123456789",
            **more,
        }
    )


def recreate_database(
    server: EmbeddedPostgres, name: str = DATABASE, template: str = TEMPLATE
) -> None:
    """Give the database back its first state; history cannot be emptied otherwise."""
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER} STRATEGY FILE_COPY"
        )


@pytest.fixture(scope="session")
def settings(postgres: EmbeddedPostgres) -> Settings:
    """The settings of the product under test."""
    return settings_for(postgres)


@pytest.fixture(scope="session")
def core(settings: Settings) -> Flask:
    """The product without an edge, bound to the test database."""
    return create_core(settings)


@pytest.fixture
def database(postgres: EmbeddedPostgres, core: Flask) -> Iterator[Flask]:
    """A fresh database, and the product's context to reach it through the two doors."""
    recreate_database(postgres)
    with core.app_context():
        yield core
        end_reading()
        db.engine.dispose()


@pytest.fixture
def make(database: Flask) -> Make:
    """Makes people, teams and tickets; see `factories.Make`."""
    return Make()


@pytest.fixture
def owner(postgres: EmbeddedPostgres, database: Flask) -> Iterator[psycopg.Connection]:
    """An autocommit connection as the owner of the tables, for looking behind the doors."""
    with postgres.connect(OWNER, DATABASE) as connection:
        yield connection


@pytest.fixture
def set_setting(database: Flask):
    """Change one of the product's settings: `set_setting(feedback_delay_s=0)`."""

    def change(**values: object) -> None:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with transaction(SYSTEM) as session:
            session.execute(text(f"UPDATE settings SET {columns}"), values)

    return change


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud what a green run on this machine does not mean."""
    if not any(map(shutil.which, ("chromium-headless-shell", "chromium"))):
        terminalreporter.write_line(
            "Chromium is not installed: no page was looked at in a browser.", yellow=True
        )
