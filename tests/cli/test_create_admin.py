"""`emberone create-admin`: one person more, or one line that says why not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emberone.config import Settings
from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Role
from emberone.models import Profile, User
from emberone.web import create_app
from tests.web.conftest import Browser

ROOT = Path(__file__).parents[2]
PASSWORD = "a long password"


@pytest.fixture
def create_admin(database, settings: Settings):
    """Runs the command as a process of its own, without a broker."""

    def run(*arguments, stdin="", database_url=settings.database_url, **variables):
        environ = {k: v for k, v in os.environ.items() if not k.startswith("EMBERONE_")}
        return subprocess.run(
            [sys.executable, "-m", "emberone", "create-admin", *arguments],
            env={
                **environ,
                "EMBERONE_DATABASE_URL": database_url,
                "EMBERONE_SECRET_KEY": settings.secret_key,
                "EMBERONE_REDIS_URL": "redis://127.0.0.1:1/0",
                **variables,
            },
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def people() -> list[Profile]:
    with reading(SYSTEM) as session:
        return list(session.query(Profile))


def assert_refused(done, *words):
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


WHO = ("--email", "Ida@example.org", "--name", "Ida Berg")


@pytest.mark.parametrize("way", ["variable", "stdin"])
def test_the_new_admin_signs_in(create_admin, settings, way):
    if way == "variable":
        done = create_admin(*WHO, EMBERONE_ADMIN_PASSWORD=PASSWORD)
    else:
        done = create_admin(*WHO, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    assert "Ida@example.org can sign in" in done.stdout
    (profile,) = people()
    assert (profile.email, profile.full_name, profile.role) == (
        "Ida@example.org",
        "Ida Berg",
        Role.ADMIN,
    )
    app = create_app(settings)
    app.test_client_class = Browser
    client = app.test_client()
    assert client.sign_in("ida@example.org", PASSWORD).status_code == 302
    assert client.get("/").location == "/admin/"


def test_a_known_address_is_refused(create_admin, make):
    make.customer(email="ida@example.org")
    done = create_admin(*WHO, EMBERONE_ADMIN_PASSWORD=PASSWORD)
    assert_refused(done, "Someone with this e-mail address exists already.")
    assert [profile.role for profile in people()] == [Role.CUSTOMER]


@pytest.mark.parametrize(
    ("arguments", "stdin", "word"),
    [
        (WHO, "", "EMBERONE_ADMIN_PASSWORD"),
        (WHO, "short\n", "at least 10 characters"),
        (("--email", "nobody", "--name", "Ida"), f"{PASSWORD}\n", "not an e-mail address"),
        (("--email", "a@example.org", "--name", " "), f"{PASSWORD}\n", "empty"),
    ],
)
def test_what_cannot_be_an_account_is_refused_in_one_line(create_admin, arguments, stdin, word):
    assert_refused(create_admin(*arguments, stdin=stdin), word)
    with reading(SYSTEM) as session:
        assert session.query(User).count() == 0


def test_an_address_and_a_name_are_needed(create_admin):
    done = create_admin(stdin=f"{PASSWORD}\n")
    assert done.returncode == 2
    assert "--email" in done.stderr


def test_a_database_without_tables_is_named(create_admin, postgres):
    with postgres.connect() as connection:
        connection.execute("DROP DATABASE IF EXISTS bare WITH (FORCE)")
        connection.execute("CREATE DATABASE bare TEMPLATE template0")
    url = postgres.url("emberone_app", "bare")
    assert_refused(create_admin(*WHO, stdin=PASSWORD, database_url=url), "emberone migrate")


def test_a_database_that_does_not_answer_is_named(create_admin):
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    assert_refused(create_admin(*WHO, stdin=PASSWORD, database_url=url), "cannot be reached")


def test_the_password_is_nowhere_in_the_database(create_admin, owner):
    assert create_admin(*WHO, stdin=f"{PASSWORD}\n").returncode == 0
    (stored,) = owner.execute("SELECT password FROM users").fetchone()
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored
