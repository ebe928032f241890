"""With the nudge a ticket has its agent long before beat would have come."""

from sqlalchemy import text

from emberone import jobs
from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.services import tickets
from tests.workers.processes import eventually
from workers import nudges
from workers.schedule import QUEUES


def test_a_ticket_opened_by_a_person_is_assigned_without_any_beat(make, processes, monkeypatch):
    for name in ("EMBERONE_DATABASE_URL", "EMBERONE_SECRET_KEY", "EMBERONE_REDIS_URL"):
        monkeypatch.setenv(name, processes.environ[name])
    make.agent()
    worker = processes.start_worker()

    def known(statement: str):
        with reading(SYSTEM) as session:
            return session.scalar(text(statement))

    # It has caught up and has nothing left to do; no beat will wake it.
    served = [job for job, queue in QUEUES.items() if queue == "work"]
    done = "SELECT count(*) FROM sweep_runs WHERE last_ok_at IS NOT NULL"
    eventually(lambda: known(done) == len(served))
    nudges.forget_broker()
    jobs.send_nudges_with(nudges.send)
    try:
        customer = make.customer()
        ticket = tickets.open_ticket(customer, customer.profile_id, "Printer", "It burns.")
        eventually(lambda: known("SELECT count(assigned_agent_id) FROM tickets") == 1)
    finally:
        jobs.send_nudges_with(lambda job: None)
        nudges.forget_broker()
    assert (
        known(
            f"SELECT open_count FROM agents WHERE profile_id = (SELECT assigned_agent_id"
            f" FROM tickets WHERE id = '{ticket}')"
        )
        == 1
    )
    assert worker.lives
