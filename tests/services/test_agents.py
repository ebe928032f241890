"""Who counts as an active agent, and what asking costs while a ticket is locked."""

import pytest

from emberone.db import as_system, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.errors import Invalid
from emberone.models import Ticket
from emberone.services import agents, assignment_sql, letters
from tests.planning import planned


@pytest.fixture
def sign_in(owner):
    """Gives a person a sign-in, active or not; or the identity of an outside provider."""

    def give(person, *, active=True, outside=None):
        owner.execute(
            "WITH made AS (INSERT INTO users (email, active, fs_uniquifier)"
            " SELECT email, %s, email FROM profiles WHERE id = %s RETURNING id)"
            " UPDATE profiles SET user_id = coalesce(%s, made.id::text) FROM made"
            " WHERE profiles.id = %s",
            (active, person.profile_id, outside, person.profile_id),
        )
        return person

    return give


@pytest.fixture
def many_users(owner):
    """Thousands of sign-ins, a few of them deactivated."""
    owner.execute(
        "INSERT INTO users (email, active, fs_uniquifier)"
        " SELECT n || '@example.com', n % 100 > 0, n FROM generate_series(1, 5000) AS n"
    )
    owner.execute("ANALYZE users")


@pytest.mark.parametrize("outside", [None, "auth0|42", "not-a-uuid-but-just-as-long-as-one-ha"])
def test_an_agent_with_an_active_an_outside_or_no_sign_in_is_active(make, sign_in, outside):
    for agent in (make.agent(), sign_in(make.agent(), outside=outside)):
        with reading(SYSTEM) as session:
            agents.require_active_agent(session, agent.profile_id)


def test_neither_a_deactivated_agent_nor_anybody_else_is_one(make, sign_in):
    for person in (sign_in(make.agent(), active=False), make.admin(), make.customer()):
        with reading(SYSTEM) as session, pytest.raises(Invalid):
            agents.require_active_agent(session, person.profile_id)


@pytest.mark.parametrize(
    ("active", "availability", "keeps"),
    [(True, "AVAILABLE", True), (True, "AWAY", False), (False, "AVAILABLE", False)],
)
def test_a_reopened_ticket_stays_with_an_eligible_agent_only(
    make, owner, sign_in, active, availability, keeps
):
    agent = make.agent()
    ticket_id = make.ticket(assigned_agent_id=agent.profile_id)
    sign_in(agent, active=active)
    owner.execute(
        "UPDATE agents SET availability = %s WHERE profile_id = %s",
        (availability, agent.profile_id),
    )
    with transaction(SYSTEM) as session:
        ticket = session.get(Ticket, ticket_id)
        ticket.assigned_agent_id = agent.profile_id
        agents.release_unless_eligible(session, ticket)
        assert (ticket.assigned_agent_id == agent.profile_id) is keeps


def test_whoever_asks_whether_an_agent_is_active_reads_no_table_of_users(
    make, sign_in, many_users, owner
):
    agent = sign_in(make.agent())
    owner.execute("ANALYZE agents, profiles")
    ticket_id = make.ticket(assigned_agent_id=agent.profile_id)
    with transaction(SYSTEM) as session:
        ticket = session.get(Ticket, ticket_id)
        with planned(session) as plans, as_system(session):
            agents.require_active_agent(session, agent.profile_id)
            agents.release_unless_eligible(session, ticket)
            session.execute(assignment_sql.AGENTS)
            letters.write(
                session,
                key="k",
                letter="assigned",
                to_profile_id=agent.profile_id,
                ticket_id=ticket_id,
                params={},
            )
        found = [plan for plan in plans() if " users" in plan]
    assert len(found) == 4
    for plan in found:
        assert "pk_users" in plan
        assert "Seq Scan on users" not in plan
