"""Real workers and beats under faults: whatever dies, every ticket gets its agent once."""

import signal

import pytest
from sqlalchemy import text

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from tests.workers.processes import eventually, flush, restart
from workers.schedule import QUEUES


@pytest.fixture
def people(make):
    """Two agents and a customer."""
    make.agent(capacity=1000)
    make.agent(capacity=1000)
    return make.customer()


def scalar(statement: str):
    with reading(SYSTEM) as session:
        return session.scalar(text(statement))


def unassigned() -> int:
    return scalar("SELECT count(*) FROM tickets WHERE assigned_agent_id IS NULL")


def open_tickets(customer, count: int) -> None:
    """Tickets as bare rows and without a nudge: only beat can find them."""
    with transaction(SYSTEM) as session:
        session.execute(
            text(
                "INSERT INTO tickets (title, description, customer_id)"
                " SELECT 'Ticket', '', :customer FROM generate_series(1, :count)"
            ),
            {"customer": customer.profile_id, "count": count},
        )


def assert_assigned_once() -> None:
    """Every ticket has an agent, has it from one decision, and is counted once."""
    assert unassigned() == 0
    tickets = scalar("SELECT count(*) FROM tickets")
    changes = "SELECT count(*) FROM history WHERE action = 'assignment_changed'"
    assert scalar(changes) == tickets
    assert scalar("SELECT sum(open_count) FROM agents") == tickets
    assert scalar("SELECT max(open_count) - min(open_count) FROM agents") <= 1


def test_a_worker_and_a_beat_assign_what_nobody_nudged(processes, people):
    open_tickets(people, 3)
    processes.start_worker()
    eventually(lambda: unassigned() == 0)
    # The worker caught up by itself when it came; from here on it is beat.
    processes.start_beat()
    open_tickets(people, 3)
    eventually(lambda: unassigned() == 0)
    assert_assigned_once()
    ran = "SELECT array_agg(name ORDER BY name) FROM sweep_runs WHERE last_ok_at IS NOT NULL"
    of_this_queue = sorted(job.value for job, queue in QUEUES.items() if queue == "work")
    eventually(lambda: scalar(ran) == of_this_queue)


def test_the_mail_worker_serves_its_own_queue_only(processes, people):
    processes.start_worker("mail")
    eventually(lambda: scalar("SELECT array_agg(name) FROM sweep_runs") == ["mail"])


def test_a_killed_child_is_replaced(processes, people):
    worker = processes.start_worker()
    processes.start_beat()
    eventually(lambda: scalar("SELECT count(*) FROM sweep_runs") >= 3)
    killed = {worker.kill_child(), worker.kill_child()}
    open_tickets(people, 5)
    eventually(lambda: unassigned() == 0)
    assert worker.lives
    assert not killed & set(worker.children())
    assert_assigned_once()


def test_another_worker_takes_over_from_a_killed_one(processes, people):
    worker = processes.start_worker()
    processes.start_beat()
    eventually(lambda: scalar("SELECT count(*) FROM sweep_runs") >= 3)
    left_behind = worker.children()
    worker.kill()
    open_tickets(people, 5)
    processes.start_worker()
    eventually(lambda: unassigned() == 0)
    eventually(lambda: not any(_lives(pid) for pid in left_behind))
    assert_assigned_once()


def test_a_wiped_and_a_restarted_broker_lose_nothing(processes, people, valkey):
    processes.start_worker()
    processes.start_beat()
    eventually(lambda: scalar("SELECT count(*) FROM sweep_runs") >= 3)
    open_tickets(people, 5)
    flush(valkey)
    eventually(lambda: unassigned() == 0)
    restart(valkey)
    open_tickets(people, 5)
    eventually(lambda: unassigned() == 0)
    assert_assigned_once()


def test_two_beats_are_harmless(processes, people):
    processes.start_worker()
    processes.start_beat()
    processes.start_beat()
    open_tickets(people, 20)
    eventually(lambda: unassigned() == 0)
    open_tickets(people, 20)
    eventually(lambda: unassigned() == 0)
    assert_assigned_once()


def test_terminated_database_sessions_are_replaced(processes, people, postgres):
    processes.start_worker()
    processes.start_beat()
    eventually(lambda: scalar("SELECT count(*) FROM sweep_runs") >= 3)
    with postgres.connect() as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'emberone_app'"
        )
    open_tickets(people, 5)
    eventually(lambda: unassigned() == 0)
    assert_assigned_once()


def test_a_worker_ends_in_good_order_when_asked(processes, people):
    worker = processes.start_worker()
    beat = processes.start_beat()
    eventually(lambda: scalar("SELECT count(*) FROM sweep_runs") >= 3)
    for process in (beat, worker):
        process.signal(signal.SIGTERM)
    assert beat.main.wait(60) in {0, -signal.SIGTERM}
    assert worker.main.wait(60) == 0
    assert worker.children() == []


def _lives(pid: int) -> bool:
    from emberone.processes import identity

    return identity(pid) is not None
