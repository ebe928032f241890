"""`emberone doctor --production` fails on whatever real customers must not meet."""

import pytest
from click.testing import CliRunner

from emberone.cli.doctor import command as doctor
from emberone.demo_accounts import DEMO_ADMIN
from tests.services.test_calendars_that_run_out import Fair


@pytest.fixture
def verdicts(database, settings, monkeypatch):
    """Subject → verdict, with these variables set besides."""
    monkeypatch.setenv("EMBERONE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("EMBERONE_OWNER_URL", settings.owner_url)
    monkeypatch.setenv("EMBERONE_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("EMBERONE_REDIS_URL", "redis://127.0.0.1:1/0")

    def ask(*arguments, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"EMBERONE_{name}", value)
        result = CliRunner().invoke(doctor, arguments)
        assert result.exit_code == 1
        return {line[6:22].strip(): line.split()[0] for line in result.stdout.splitlines()}

    return ask


def test_a_toy_installation_fails_on_every_count(verdicts, make):
    make.admin(email=DEMO_ADMIN)
    found = verdicts("--production", SECRET_KEY="only-16-letters!")
    for subject in ("https", "mail leaves", "secret key", "proxy", "own server", "no demo"):
        assert found[subject] == "fail", subject
    assert found["an admin"] == "fail"
    assert found["two logins"] == "ok"


def test_what_is_set_right_is_well(verdicts, make):
    make.admin()
    found = verdicts(
        "--production",
        SECRET_KEY="x" * 32,
        BASE_URL="https://help.example.org",
        SMTP_URL="smtp://127.0.0.1:25",
        TRUSTED_PROXIES="1",
    )
    for subject in ("https", "mail leaves", "secret key", "proxy", "no demo", "two logins"):
        assert found[subject] == "ok", subject


def test_without_the_option_nothing_of_it_is_asked(verdicts):
    assert "https" not in verdicts()


def test_a_calendar_in_use_whose_last_opening_is_past_is_a_warning(verdicts, make):
    assert "calendar Fair" not in verdicts()
    Fair(make)
    assert verdicts()["calendar Fair"] == "warn"
