"""Many tickets, many agents and several processes at once, against one that decides alone.

Four hundred tickets by default; `EMBERONE_TEST_EVERYTHING=1` takes ten thousand, two hundred
agents and four processes.
"""

import os
import random
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest

from emberone.domain.enums import AssignmentStrategy
from emberone.services.assignment import reconcile_counts, sweep_assignments
from tests.domain.test_assignment import reference
from tests.everything import EVERYTHING

TICKETS, AGENTS, PROCESSES, BATCH = (10_000, 200, 4, 100) if EVERYTHING else (400, 40, 2, 20)

#: A process that is told when to begin, and goes on until nothing has been left for a while.
WORKER = """
import sys, time
from emberone.config import Settings
from emberone.core import create_core
from emberone.services.assignment import sweep_assignments

with create_core(Settings.from_env()).app_context():
    print("ready", flush=True)
    for go in sys.stdin:
        batches = idle = 0
        while idle < 30:
            done = sweep_assignments(limit=int(sys.argv[1]))
            batches, idle = batches + bool(done), 0 if done else idle + 1
            # Whoever had the lock waits longer for it than the others do, or might have it
            # again and again.
            time.sleep(0.1 if done else 0.02)
        print(batches, flush=True)
"""

SKILLS = ("vpn", "sap", "print", "mail")

PEOPLE = """
WITH made AS (
    INSERT INTO profiles (email, full_name, role)
    SELECT 'agent' || n || '@example.org', 'Agent ' || n, 'AGENT' FROM generate_series(1, %s) AS n
    RETURNING id
) SELECT id FROM made ORDER BY id
"""


@pytest.fixture
def office(owner, make):
    """Agents of every kind and a queue that asks for all kinds of them."""
    dice = random.Random(14)
    owner.execute(
        "INSERT INTO tags (name, is_skill) SELECT unnest(%s::text[]), true", (list(SKILLS),)
    )
    owner.execute("UPDATE settings SET weighs_priority = true")
    teams = [make.team() for _ in range(3)]
    room = TICKETS // AGENTS
    for (agent_id,) in owner.execute(PEOPLE, (AGENTS,)).fetchall():
        owner.execute(
            "UPDATE agents SET capacity = %s, skills = %s, availability = %s WHERE profile_id = %s",
            (
                dice.randint(0, 3 * room),
                dice.sample(SKILLS, dice.randint(0, 4)),
                dice.choice(["AVAILABLE"] * 9 + ["AWAY"]),
                agent_id,
            ),
        )
        for team in dice.sample(teams, dice.randint(0, 2)):
            owner.execute("INSERT INTO team_members VALUES (%s, %s)", (team, agent_id))
        if dice.random() < 0.1:
            owner.execute(
                "INSERT INTO absences (agent_id, starts_at, ends_at, begun_at) VALUES"
                " (%s, now() - interval '1 day', now() + interval '1 day', now())",
                (agent_id,),
            )
    customer = make.customer().profile_id
    with (
        owner.cursor() as cursor,
        cursor.copy(
            "COPY tickets (title, description, customer_id, priority, team_id, tags) FROM STDIN"
        ) as rows,
    ):
        for n in range(TICKETS):
            rows.write_row(
                (
                    f"Ticket {n}",
                    "",
                    customer,
                    dice.choice(["LOW", "MEDIUM", "MEDIUM", "HIGH", "CRITICAL"]),
                    dice.choice([None, None, *teams]),
                    dice.sample(SKILLS, dice.choice([0, 0, 0, 1, 2])),
                )
            )
    return owner


def standing(owner):
    """Agents and waiting tickets as plain facts, read past all of the product's own code."""
    agents = [
        SimpleNamespace(
            id=row[0],
            capacity=row[1],
            load=row[2],
            is_active=True,
            is_available=row[3] == "AVAILABLE",
            is_absent=row[4],
            is_on_hours=True,
            allowance=None,
            skills=frozenset(row[5]),
            team_ids=frozenset(row[6]),
            last_assigned_at=row[7],
        )
        for row in owner.execute(
            "SELECT profile_id, capacity, open_weight, availability,"
            " profile_id IN (SELECT agent_id FROM absences), skills,"
            " ARRAY(SELECT team_id FROM team_members AS m WHERE m.profile_id = agents.profile_id),"
            " last_assigned_at FROM agents"
        )
    ]
    tickets = [
        SimpleNamespace(
            id=row[0],
            customer_id=row[1],
            team_id=row[2],
            skills=frozenset(row[3]),
            weight={"CRITICAL": 3, "HIGH": 2}.get(row[4], 1),
            handed_off_by=None,
            previous_agent_id=None,
        )
        for row in owner.execute(
            "SELECT id, customer_id, team_id, tags, priority FROM tickets"
            " WHERE status = 'OPEN' AND assigned_agent_id IS NULL"
            " ORDER BY priority DESC, created_at, id"
        )
    ]
    return agents, tickets


@pytest.fixture
def work_at_once(settings, office):
    """Lets several processes work until nothing is left; in how many batches each had a part."""
    environment = {
        **os.environ,
        "EMBERONE_DATABASE_URL": settings.database_url.replace("+psycopg", ""),
        "EMBERONE_SECRET_KEY": "only-for-tests-0123456789",
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(BATCH)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]

    def work() -> list[int]:
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        return [int(worker.stdout.readline()) for worker in workers]

    try:
        assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * PROCESSES
        yield work
    finally:
        for worker in workers:
            worker.communicate(timeout=60)


@pytest.mark.rule("assignment 9")
@pytest.mark.rule("assignment 11")
@pytest.mark.rule("assignment 14")
def test_several_processes_decide_like_one_that_is_alone(office, work_at_once):
    owner = office
    parts: Counter[int] = Counter()
    skipped: set[object] = set()
    for is_second in (False, True):
        if is_second:
            # Room, people who are back, and a third of the tickets gone.
            owner.execute("DELETE FROM absences")
            owner.execute("UPDATE agents SET availability = 'AVAILABLE', capacity = capacity + 1")
            owner.execute("UPDATE tickets SET status = 'CLOSED' WHERE number % 3 = 0")
        agents, tickets = standing(owner)
        expected = dict(
            zip(
                (ticket.id for ticket in tickets),
                reference(tickets, agents, AssignmentStrategy.LEAST_UTILISED),
                strict=True,
            )
        )
        parts += Counter(dict(enumerate(work_at_once())))
        found = dict(
            owner.execute(
                "SELECT id, assigned_agent_id FROM tickets WHERE id = ANY (%s)", (list(expected),)
            )
        )
        assert found == expected
        if is_second:
            assert any(found.get(ticket) for ticket in skipped)
        skipped = {ticket for ticket, agent in found.items() if agent is None}
        assert is_second or skipped
        # No capacity is passed by more than what a critical ticket weighs over one.
        limits = {agent.id: max(agent.load, agent.capacity + 2) for agent in agents}
        assert all(agent.load <= limits[agent.id] for agent in standing(owner)[0])
        assert sweep_assignments() == 0
    assert len(parts) > 1, "only one of the processes had any work"
    assert reconcile_counts() == 0
    entries = owner.execute(
        "SELECT ticket_id, action, metadata -> 'additionalContext' FROM history"
        " WHERE action IN ('assignment_changed', 'assignment_skipped')"
    ).fetchall()
    assert Counter(ticket for ticket, action, _ in entries if action == "assignment_changed") == (
        Counter(
            row[0]
            for row in owner.execute("SELECT id FROM tickets WHERE assigned_agent_id IS NOT NULL")
        )
    )
    # Each decision says why, and leaves nobody out of its count.
    for _ticket, action, why in entries:
        assert why["strategy"] == "LEAST_UTILISED"
        assert why["candidates"] + sum(why["out"].values()) == AGENTS
        assert (why["candidates"] > 0) is (action == "assignment_changed")
