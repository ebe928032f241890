"""`emberone migrate`: up, again, down, and refused in one line."""

import subprocess

import pytest

from emberone.cli.migrate import is_current, newest
from emberone.embedded import EmbeddedPostgres
from tests.runtime.test_cli import assert_refused, emberone

OWNER = "emberone_owner"


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> str:
    with postgres.connect() as connection:
        connection.execute("DROP DATABASE IF EXISTS migrated WITH (FORCE)")
        connection.execute("DROP ROLE IF EXISTS nobody_much")
        connection.execute("CREATE ROLE nobody_much LOGIN")
    postgres.create_database("migrated", owner=OWNER)
    return postgres.url(OWNER, "migrated")


def migrate(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return emberone(
        "migrate",
        *arguments,
        EMBERONE_DATABASE_URL=url,
        EMBERONE_SECRET_KEY="only-for-tests-0123456789",
    )


def test_it_goes_up_stays_goes_down_and_up_again(empty: str) -> None:
    assert not is_current(empty)
    assert migrate(empty).returncode == 0
    assert is_current(empty)
    again = migrate(empty)
    assert (again.returncode, again.stdout) == (0, "The database is up to date.\n")

    assert migrate(empty, "--down-to", "base").returncode == 0
    assert not is_current(empty)
    assert migrate(empty).returncode == 0
    assert is_current(empty)


def test_there_is_one_newest_migration() -> None:
    assert len(newest()) == 1


def test_a_login_without_rights_is_one_line(postgres: EmbeddedPostgres, empty: str) -> None:
    done = migrate(postgres.url("nobody_much", "migrated"))

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "emberone: " in done.stderr.splitlines()[-1]


def test_an_unknown_revision_is_one_line(empty: str) -> None:
    done = migrate(empty, "--down-to", "nonsense")

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "nonsense" in done.stderr


def test_a_database_that_is_not_there_is_one_line(postgres: EmbeddedPostgres) -> None:
    assert_refused(migrate(postgres.url(OWNER, "nowhere")), "database", "nowhere")
