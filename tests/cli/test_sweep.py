"""`emberone sweep` and `emberone doctor`, as a person at a terminal meets them."""

import pytest
from click.testing import CliRunner

from emberone.cli.doctor import command as doctor
from emberone.cli.sweep import command as sweep
from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.jobs import MAIL_THREADS
from emberone.models import Ticket
from emberone.services import tickets
from tests.smtp_sink import Sink


@pytest.fixture
def run(database, settings, monkeypatch):
    monkeypatch.setenv("EMBERONE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("EMBERONE_OWNER_URL", settings.owner_url)
    monkeypatch.setenv("EMBERONE_SECRET_KEY", settings.secret_key)
    # Nobody listens there: these commands need no broker.
    monkeypatch.setenv("EMBERONE_REDIS_URL", "redis://127.0.0.1:1/0")

    def invoke(command, *arguments):
        return CliRunner().invoke(command, arguments)

    return invoke


def test_everything_due_is_done_without_a_broker(run, make):
    agent, ticket = make.agent(), make.ticket()
    result = run(sweep, "--all")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "publish: 0 done",
        "assign: 1 done",
        "sla: 0 done",
        "replan: 0 done",
        "waits: 0 done",
        "feedback: 0 done",
        "mail: 1 done",
    ]
    with reading(SYSTEM) as session:
        assert session.get(Ticket, ticket).assigned_agent_id == agent.profile_id
    assert "assign: 0 done" in run(sweep, "--all").stdout


def test_one_sweep_can_be_named(run, make):
    make.agent(), make.ticket()
    assert run(sweep, "assign").stdout == "assign: 1 done\n"


@pytest.mark.parametrize(
    ("arguments", "words"), [(["tidy"], "no sweep called 'tidy'"), ([], "Say --all")]
)
def test_a_wrong_name_or_none_is_a_mistake(run, arguments, words):
    result = run(sweep, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_sweep_that_fails_is_said_and_the_others_are_done(run, make, owner):
    make.agent(), make.ticket()
    owner.execute("ALTER TABLE sla_steps RENAME TO elsewhere")
    result = run(sweep, "--all")
    assert result.exit_code == 1
    assert "assign: 1 done" in result.stdout
    assert "mail: 1 done" in result.stdout
    assert result.stderr.startswith("sla: 0 done, then failed: ")


def test_the_doctor_says_what_is_well_and_what_is_not(run):
    run(sweep, "--all")
    result = run(doctor)
    lines = {line[6:22].strip(): line.split()[0] for line in result.stdout.splitlines()}
    assert lines == {
        "environment": "ok",
        "database": "ok",
        "database login": "ok",
        "schema": "ok",
        "sweep publish": "ok",
        "sweep assign": "ok",
        "sweep sla": "ok",
        "sweep replan": "ok",
        "sweep waits": "ok",
        "sweep feedback": "ok",
        "sweep mail": "ok",
        "open counts": "ok",
        "broker": "fail",
        "mail": "warn",
    }
    assert result.exit_code == 1


def test_the_doctor_notices_an_owner_and_an_old_schema(run, settings, owner, monkeypatch):
    monkeypatch.setenv("EMBERONE_DATABASE_URL", settings.owner_url)
    owner.execute("UPDATE alembic_version SET version_num = '0001'")
    result = run(doctor)
    assert "owns the tables" in result.stdout
    assert "run 'emberone migrate'" in result.stdout
    assert result.exit_code == 1


def test_the_doctor_survives_a_database_that_is_not_there(run, monkeypatch):
    monkeypatch.setenv("EMBERONE_DATABASE_URL", "postgresql://127.0.0.1:1/x")
    result = run(doctor)
    assert "cannot be reached" in result.stdout
    assert result.exit_code == 1


def test_letters_leave_over_several_connections_each_once(run, make, monkeypatch):
    for _ in range(40):
        customer = make.customer()
        tickets.open_ticket(customer, customer.profile_id, "No VPN", "It fails.")
    with Sink() as sink:
        monkeypatch.setenv("EMBERONE_SMTP_URL", sink.url)
        assert run(sweep, "mail").stdout == "mail: 40 done\n"
        assert len(sink.messages) == len(set(sink.message_ids)) == 40
        assert 1 < sink.connections <= MAIL_THREADS


def test_mail_that_fails_in_a_thread_is_said(run, owner):
    owner.execute("ALTER TABLE mail_outbox RENAME TO elsewhere")
    result = run(sweep, "mail")
    assert result.exit_code == 1
    assert result.stderr.startswith("mail: 0 done, then failed: ")
