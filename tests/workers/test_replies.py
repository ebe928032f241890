"""Replies under faults: what was taken back never leaves, and what is published is so once."""

import pytest
from sqlalchemy import text

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.lifecycle import Event
from emberone.services import drafts, tickets
from tests.workers.processes import eventually


@pytest.fixture
def ana(make):
    return make.agent("Ana")


@pytest.fixture
def ticket(make):
    customer = make.customer("Carl")
    return tickets.open_ticket(customer, customer.profile_id, "Help", "It broke.")


def value(statement: str):
    with reading(SYSTEM) as session:
        return session.scalar(text(statement))


def count(what: str) -> int:
    return value(f"SELECT count(*) FROM {what}")


ANSWERS = "mail_outbox WHERE letter = 'staff_replied'"


def publishes() -> bool:
    return value("SELECT last_ok_at FROM sweep_runs WHERE name = 'publish'") is not None


def test_a_reply_taken_back_in_time_never_leaves_whoever_dies_meanwhile(
    processes, ana, ticket, set_setting
):
    set_setting(reply_delay_s=6)
    worker, mail = processes.start_worker(), processes.start_worker("mail")
    processes.start_beat()
    eventually(lambda: publishes() and count("sweep_runs WHERE name = 'mail'"))
    sent = drafts.send_reply(ana, ticket, "The wrong words.", Event.STAFF_REPLY_AND_CLOSE)
    worker.kill()
    mail.kill()
    drafts.take_back(ana, sent)
    processes.start_worker()
    processes.start_worker("mail")
    # Another reply, sent after it, has left: so its own time has long come and gone.
    other = tickets.open_ticket(SYSTEM, _customer(ticket), "Other", "It broke too.")
    drafts.send_reply(ana, other, "The right words.", Event.STAFF_REPLY)
    eventually(lambda: count("comments WHERE type = 'USER'") == 1)
    ran = value("SELECT last_ok_at FROM sweep_runs WHERE name = 'publish'")
    eventually(lambda: value("SELECT last_ok_at FROM sweep_runs WHERE name = 'publish'") > ran)
    assert value("SELECT array_agg(content) FROM comments") == ["The right words."]
    assert count(ANSWERS) == 1
    assert (
        count("history WHERE action = 'status_changed' AND new_value ->> 'status' = 'CLOSED'") == 0
    )
    assert value("SELECT array_agg(state || ' ' || content) FROM drafts") == [
        "writing The wrong words."
    ]


def test_a_worker_killed_while_it_publishes_publishes_once_later(
    processes, ana, ticket, set_setting, owner, postgres
):
    set_setting(reply_delay_s=1)
    # Publishing stands still in its middle: the comment is written, and its letter waits here.
    owner.execute(
        "CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END $$"
    )
    owner.execute(
        "CREATE TRIGGER stand_still BEFORE INSERT ON mail_outbox FOR EACH ROW"
        " WHEN (NEW.letter = 'staff_replied') EXECUTE FUNCTION stand_still()"
    )
    with postgres.connect("emberone_owner", "emberone") as gate:
        gate.execute("SELECT pg_advisory_lock(4711)")
        worker = processes.start_worker()
        processes.start_beat()
        eventually(publishes)
        drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY_AND_CLOSE)
        eventually(lambda: _waiting(owner))
        children = worker.children()
        worker.kill()
        eventually(lambda: not any(_lives(pid) for pid in children))
        # PostgreSQL notices that nobody is there any more when it next looks.
        with postgres.connect() as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                " AND objid = 4711 AND NOT granted"
            )
        eventually(lambda: not _waiting(owner))
        assert (count("comments"), count(ANSWERS)) == (0, 0)
        assert value("SELECT array_agg(state) FROM drafts") == ["waiting"]
        gate.execute("SELECT pg_advisory_unlock(4711)")
    processes.start_worker()
    processes.start_worker()
    eventually(lambda: count("drafts") == 0)
    assert value("SELECT array_agg(content) FROM comments") == ["Try this."]
    assert count(ANSWERS) == 1
    assert count("history WHERE action = 'status_changed'") == 1
    assert value("SELECT metadata ->> 'source' FROM history WHERE action = 'status_changed'") == (
        "agent_dashboard"
    )


def _customer(ticket):
    with reading(SYSTEM) as session:
        return session.scalar(
            text("SELECT customer_id FROM tickets WHERE id = :id"), {"id": ticket}
        )


def _waiting(owner) -> bool:
    return bool(
        owner.execute(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"
        ).fetchall()
    )


def _lives(pid: int) -> bool:
    from emberone.processes import identity

    return identity(pid) is not None
