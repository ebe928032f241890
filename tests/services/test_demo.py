"""The demo: believable, made whole by the real services, and never beside real data."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from emberone.db import now_of, reading
from emberone.demo_accounts import DEMO_ADMIN, DEMO_AGENT, DEMO_CUSTOMER, DEMO_PASSWORD
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Role, Status
from emberone.domain.errors import Conflict
from emberone.models import Agent, Comment, Profile, Ticket, User
from emberone.services import accounts
from emberone.services.demo import is_empty, load_demo
from emberone.services.demo_story import STORIES


def load() -> int:
    return load_demo(
        admin=DEMO_ADMIN, agent=DEMO_AGENT, customer=DEMO_CUSTOMER, password=DEMO_PASSWORD
    )


@pytest.fixture
def demo(database, monkeypatch):
    monkeypatch.setattr(accounts, "HASHING", {"time_cost": 1, "memory_cost": 64, "parallelism": 1})
    assert load() == len(STORIES)


def test_there_are_people_of_every_role_and_three_of_them_sign_in(demo):
    with reading(SYSTEM) as session:
        roles = Counter(session.scalars(select(Profile.role)))
        signed = dict(
            session.execute(
                select(User.email, Profile.role).join(
                    Profile, Profile.user_id == func.cast(User.id, Profile.user_id.type)
                )
            ).all()
        )
    assert roles == {Role.ADMIN: 1, Role.AGENT: 4, Role.CUSTOMER: 12}
    assert signed == {
        DEMO_ADMIN: Role.ADMIN,
        DEMO_AGENT: Role.AGENT,
        DEMO_CUSTOMER: Role.CUSTOMER,
    }


def test_tickets_are_in_every_state_and_dated_in_the_past(demo):
    with reading(SYSTEM) as session:
        found = list(session.scalars(select(Ticket).order_by(Ticket.number)))
        now = now_of(session)
    assert set(Counter(ticket.status for ticket in found)) == set(Status)
    opened = [ticket.created_at for ticket in found]
    assert opened == sorted(opened)
    assert opened[0] < now - timedelta(days=8)
    assert opened[-1] < now
    assert all(ticket.closed_at is None or ticket.closed_at < now for ticket in found)
    # Something is left for the workers to do before one's eyes.
    assert any(ticket.assigned_agent_id is None for ticket in found)


def test_nothing_happens_in_the_future_or_out_of_order(demo, owner):
    (late,) = owner.execute("SELECT count(*) FROM history WHERE created_at > now()").fetchone()
    assert late == 0
    (late,) = owner.execute("SELECT count(*) FROM comments WHERE created_at > now()").fetchone()
    assert late == 0
    rows = owner.execute(
        "SELECT ticket_id, action FROM history ORDER BY ticket_id, created_at, id"
    ).fetchall()
    firsts = {}
    for ticket_id, action in rows:
        firsts.setdefault(ticket_id, action)
    assert set(firsts.values()) == {"created"}


def test_counters_agents_and_history_are_as_if_people_had_done_it(demo):
    with reading(SYSTEM) as session:
        for agent in session.scalars(select(Agent)):
            mine = session.scalar(
                select(func.count())
                .where(Ticket.assigned_agent_id == agent.profile_id)
                .where(Ticket.status.in_([Status.OPEN, Status.IN_PROGRESS]))
            )
            assert agent.open_count == mine
            assert mine <= agent.capacity
        sources = session.execute(
            text("SELECT DISTINCT metadata ->> 'source' FROM history")
        ).scalars()
        assert set(sources) >= {"customer_portal", "agent_dashboard"}
        assert session.scalar(select(func.count()).where(Comment.is_internal)) > 2


def test_no_address_of_the_demo_can_belong_to_anyone(demo):
    with reading(SYSTEM) as session:
        hosts = {email.rpartition("@")[2] for email in session.scalars(select(Profile.email))}
    assert all(
        host.endswith(".example") or host in {"example.com", "example.org", "example.net"}
        for host in hosts
    )


def test_where_anyone_is_known_there_is_no_demo(database, make):
    make.customer()
    assert not is_empty()
    with pytest.raises(Conflict):
        load()
    with reading(SYSTEM) as session:
        assert session.scalar(select(func.count()).select_from(Ticket)) == 0
        assert session.scalar(select(func.count()).select_from(User)) == 0
