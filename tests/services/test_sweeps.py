"""The frame of the sweeps: until nothing is due, measured, and one failure stops no other."""

import pytest
from sqlalchemy import event, text

from emberone.db import db, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Availability
from emberone.jobs import Job
from emberone.queries.health import OK, broker_problem, sweep_progress, sweep_states
from emberone.queries.jobs import dead_counts, dead_rows
from emberone.services import sweeps


def progress(job: Job):
    with reading(SYSTEM) as session:
        return next(found for found in sweep_progress(session) if found.job is job)


def write(statement: str, **values) -> None:
    with transaction(SYSTEM) as session:
        session.execute(text(statement), values)


def many(customer, count: int) -> None:
    write(
        "INSERT INTO tickets (title, description, customer_id, updated_at)"
        " SELECT 'Ticket', '', :customer, clock_timestamp() - interval '1 minute'"
        " FROM generate_series(1, :count)",
        customer=customer.profile_id,
        count=count,
    )


def test_a_run_goes_on_until_nothing_is_due_and_is_measured(make):
    make.agent(capacity=1000)
    many(make.customer(), 250)
    assert sweeps.run(Job.ASSIGN) == 250
    found = progress(Job.ASSIGN)
    assert found.done == 250
    assert 59 < found.lag_s < 600
    assert found.last_ok_at is not None
    assert not found.is_failing


def test_a_run_stops_when_its_time_is_up(make):
    make.agent(capacity=1000)
    many(make.customer(), 250)
    assert sweeps.run(Job.ASSIGN, seconds=0) == 100
    assert sweeps.run(Job.ASSIGN) == 150


@pytest.mark.parametrize("job", list(Job))
def test_every_job_runs_with_nothing_to_do(database, job):
    assert sweeps.run(job) == 0
    found = progress(job)
    assert found.has_run
    assert (found.lag_s, found.done) == (0, 0)


def test_an_idle_run_writes_at_most_once_a_second(database):
    write(
        "INSERT INTO sweep_runs (name, last_ok_at)"
        " VALUES ('assign', clock_timestamp() + interval '1 hour')"
    )
    statements: list[str] = []

    def note(connection, cursor, statement, *more):
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert sweeps.run(Job.ASSIGN) == 0
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    # Two contexts, what is due, and the look: nothing is written.
    assert len(statements) == 4
    assert not any("INSERT" in statement or "UPDATE" in statement for statement in statements)
    write("UPDATE sweep_runs SET last_ok_at = clock_timestamp() - interval '2 seconds'")
    before = progress(Job.ASSIGN).last_ok_at
    sweeps.run(Job.ASSIGN)
    assert progress(Job.ASSIGN).last_ok_at > before


def test_what_the_last_useful_run_did_is_kept_while_idle(make):
    make.agent()
    make.ticket()
    sweeps.run(Job.ASSIGN)
    write("UPDATE sweep_runs SET last_ok_at = clock_timestamp() - interval '2 seconds'")
    sweeps.run(Job.ASSIGN)
    assert progress(Job.ASSIGN).done == 1


def test_one_failing_job_is_recorded_and_stops_no_other(make, owner):
    agent, ticket = make.agent(), make.ticket()
    owner.execute("ALTER TABLE sla_steps RENAME TO elsewhere")
    with pytest.raises(Exception, match="sla_steps"):
        sweeps.run(Job.SLA)
    assert sweeps.run(Job.ASSIGN) == 1
    with reading(SYSTEM) as session:
        assigned = session.scalar(
            text("SELECT assigned_agent_id FROM tickets WHERE id = :id"), {"id": ticket}
        )
    assert assigned == agent.profile_id


def test_a_failure_is_shown_until_a_run_ends_well(make, owner):
    make.agent(availability=Availability.AWAY)
    make.ticket()
    owner.execute("ALTER TABLE history RENAME TO elsewhere")
    with pytest.raises(Exception, match="history"):
        sweeps.run(Job.ASSIGN)
    failed = progress(Job.ASSIGN)
    assert failed.is_failing
    assert not failed.has_run
    assert "history" in failed.last_error
    owner.execute("ALTER TABLE elsewhere RENAME TO history")
    assert sweeps.run(Job.ASSIGN) == 1
    assert not progress(Job.ASSIGN).is_failing


def test_readiness_waits_for_the_first_run_of_every_sweep(database):
    with reading(SYSTEM) as session:
        assert set(sweep_states(session).values()) == {"has not run yet"}
    for job in Job:
        sweeps.run(job)
    with reading(SYSTEM) as session:
        assert sweep_states(session) == {f"sweep:{job}": OK for job in Job}


def test_a_sweep_that_has_not_run_for_long_stands_still(database):
    sweeps.run(Job.MAIL)
    assert not progress(Job.MAIL).stands_still
    write("UPDATE sweep_runs SET last_ok_at = last_ok_at - interval '2 minutes'")
    assert progress(Job.MAIL).stands_still
    assert progress(Job.SLA).stands_still


def test_what_was_given_up_is_listed_with_its_reason(make):
    ticket = make.ticket()
    write(
        "INSERT INTO mail_outbox (key, letter, to_email, ticket_id, state, attempts, last_error)"
        " VALUES ('k', 'assigned', 'a@example.org', :ticket, 'dead', 8, 'refused')",
        ticket=ticket,
    )
    with reading(SYSTEM) as session:
        assert dead_counts(session) == {
            "step": 0,
            "wait": 0,
            "feedback": 0,
            "letter": 1,
            "reply": 0,
        }
        (dead,) = dead_rows(session)
    assert (dead.kind, dead.what, dead.attempts, dead.last_error) == (
        "letter",
        "assigned",
        8,
        "refused",
    )
    assert dead.ticket_id == ticket


def test_an_absent_broker_is_a_problem_and_no_exception():
    assert broker_problem("redis://127.0.0.1:1/0") is not None
