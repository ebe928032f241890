"""Assignment on the real database: each rule of the rule book, alone and with others at it."""

import itertools
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text

from emberone.core import create_core
from emberone.db import as_system, db, reading, transaction
from emberone.domain.actor import SYSTEM, system_for
from emberone.domain.enums import Availability, HandOver, Priority, Status
from emberone.domain.lifecycle import Event
from emberone.jobs import Job, send_nudges_with
from emberone.services import agents, comments, profiles, tickets
from emberone.services.absences import cancel_absence, plan_absence
from emberone.services.assignment import (
    UNASSIGNABLE_LETTERS_AN_HOUR,
    reconcile_counts,
    sweep_assignments,
)
from emberone.services.handing_over import Leaving, go_away, hand_over
from tests.everything import EVERYTHING

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

#: Tickets that nobody can take: ten thousand of them once, in `.ci/run`.
MANY = 10_000 if EVERYTHING else 1_000


def rows(statement: str, **values):
    with reading(SYSTEM) as session:
        return session.execute(text(statement), values).all()


def scalar(statement: str, **values):
    found = rows(statement, **values)
    return found[0][0] if found else None


def write(statement: str, **values) -> None:
    with transaction(SYSTEM) as session:
        session.execute(text(statement), values)


def agent_of(ticket):
    return scalar("SELECT assigned_agent_id FROM tickets WHERE id = :id", id=ticket)


def entries(ticket, action):
    return rows(
        "SELECT metadata, is_internal, actor_id FROM history"
        " WHERE ticket_id = :id AND action = :action ORDER BY created_at, id",
        id=ticket,
        action=action,
    )


def letters(letter, ticket=None):
    return scalar(
        "SELECT count(*) FROM mail_outbox WHERE letter = :letter"
        " AND (cast(:ticket AS uuid) IS NULL OR ticket_id = :ticket)",
        letter=letter,
        ticket=ticket,
    )


def drain() -> int:
    return sum(iter(sweep_assignments, 0))


def drain_at(moment: datetime) -> int:
    return sum(iter(lambda: sweep_assignments(now=moment), 0))


def many(customer, count: int, **columns) -> None:
    """Tickets in one statement."""
    given = {"title": "'Ticket'", "description": "''", **columns}
    write(
        f"INSERT INTO tickets (customer_id, {', '.join(given)})"
        f" SELECT :customer, {', '.join(given.values())} FROM generate_series(1, :count)",
        customer=customer.profile_id,
        count=count,
    )


class TestEligibleTickets:
    @pytest.mark.parametrize("status", [Status.OPEN, Status.IN_PROGRESS])
    @pytest.mark.rule("assignment 2")
    def test_whoever_waits_is_given_an_agent_and_told(self, make, status):
        agent, ticket = make.agent(), make.ticket(status=status)
        assert sweep_assignments() == 1
        assert agent_of(ticket) == agent.profile_id
        assert scalar("SELECT status FROM tickets") == status
        assert scalar("SELECT open_count FROM agents") == 1
        entry = entries(ticket, "assignment_changed")[0]
        assert entry.is_internal
        assert entry.actor_id is None
        assert entry.metadata == {
            "source": "system",
            "additionalContext": {"strategy": "LEAST_UTILISED", "candidates": 1, "out": {}},
        }
        assert letters("assigned", ticket) == 1
        assert sweep_assignments() == 0
        assert len(entries(ticket, "assignment_changed")) == 1

    @pytest.mark.rule("assignment 2")
    @pytest.mark.parametrize("status", [Status.WAITING, Status.CLOSED])
    def test_nobody_gets_a_ticket_that_waits_for_no_agent(self, make, status):
        make.agent()
        ticket = make.ticket(status=status)
        assert sweep_assignments() == 0
        assert agent_of(ticket) is None

    @pytest.mark.rule("assignment 2")
    def test_a_ticket_that_has_an_agent_keeps_them(self, make):
        first = make.agent()
        ticket = make.ticket(assigned_agent_id=first.profile_id)
        make.agent()
        assert sweep_assignments() == 0
        assert agent_of(ticket) == first.profile_id

    @pytest.mark.rule("assignment 2")
    def test_priority_goes_first_then_the_nearest_due_then_the_oldest(self, make):
        agent = make.agent(capacity=100)
        old = make.ticket(now=NOW)
        due = make.ticket(now=NOW + timedelta(hours=2))
        new = make.ticket(now=NOW + timedelta(hours=1))
        urgent = make.ticket(now=NOW + timedelta(hours=3), priority=Priority.CRITICAL)
        write(
            "INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, target_s, started_at,"
            " running_since, due_at) SELECT :ticket, 'RESOLUTION', id, 60, now(), now(), now()"
            " FROM sla_policy_versions",
            ticket=due,
        )
        order = []
        for _ in range(4):
            assert sweep_assignments(limit=1) == 1
            order += [t for t in (old, due, new, urgent) if agent_of(t) and t not in order]
        assert order == [urgent, due, old, new]
        assert agent_of(old) == agent.profile_id


class TestEligibleAgents:
    @pytest.mark.rule("assignment 3")
    def test_admins_and_customers_get_none(self, make):
        make.admin()
        ticket = make.ticket()
        sweep_assignments()
        assert agent_of(ticket) is None

    @pytest.mark.rule("assignment 8")
    def test_whoever_is_away_gets_none_not_even_as_a_last_resort(self, make):
        away = make.agent(availability=Availability.AWAY)
        ticket = make.ticket()
        assert sweep_assignments() == 1
        assert agent_of(ticket) is None
        agents.set_availability(away, away.profile_id, Availability.AVAILABLE)
        assert sweep_assignments() == 1
        assert agent_of(ticket) == away.profile_id

    @pytest.mark.rule("assignment 3")
    def test_whoever_is_deactivated_gets_none_until_active_again(self, make):
        admin, agent = make.admin(), make.agent()
        write(
            "WITH made AS (INSERT INTO users (email, fs_uniquifier) VALUES ('a@b.c', 'x')"
            " RETURNING id) UPDATE profiles SET user_id = made.id::text FROM made"
            " WHERE profiles.id = :id",
            id=agent.profile_id,
        )
        held = make.ticket(assigned_agent_id=agent.profile_id, status=Status.IN_PROGRESS)
        profiles.set_active(admin, agent.profile_id, False)
        ticket = make.ticket()
        drain()
        assert agent_of(ticket) is None
        assert agent_of(held) is None
        assert scalar("SELECT status FROM tickets WHERE id = :id", id=held) == "OPEN"
        profiles.set_active(admin, agent.profile_id, True)
        drain()
        assert agent_of(ticket) == agent_of(held) == agent.profile_id

    @pytest.mark.rule("assignment 3")
    def test_a_team_has_its_own_agents(self, make):
        team = make.team()
        make.agent()
        member = make.agent(team=team, capacity=1)
        first, second = make.ticket(team_id=team), make.ticket(team_id=team)
        drain()
        assert {agent_of(first), agent_of(second)} == {member.profile_id, None}

    def test_a_team_without_members_has_everybody(self, make):
        agent, ticket = make.agent(), make.ticket(team_id=make.team())
        sweep_assignments()
        assert agent_of(ticket) == agent.profile_id

    @pytest.mark.rule("assignment 3")
    def test_every_skill_asked_for_must_be_there(self, make):
        make.skill("vpn"), make.skill("sap")
        make.agent(skills=["vpn"])
        both = make.agent(skills=["sap", "vpn"])
        ticket = make.ticket(tags=["vpn", "sap", "hurry"])
        sweep_assignments()
        assert agent_of(ticket) == both.profile_id
        assert entries(ticket, "assignment_changed")[0].metadata["additionalContext"] == {
            "strategy": "LEAST_UTILISED",
            "candidates": 1,
            "out": {"skill": 1},
        }

    @pytest.mark.rule("assignment 12")
    def test_nobody_gets_their_own_ticket(self, make):
        agent = make.agent()
        ticket = make.ticket(customer=agent)
        sweep_assignments()
        assert agent_of(ticket) is None


class TestCapacity:
    @pytest.mark.rule("assignment 4")
    def test_load_counts_open_and_in_progress_only(self, make):
        agent = make.agent(capacity=2)
        make.ticket(assigned_agent_id=agent.profile_id, status=Status.WAITING)
        make.ticket(assigned_agent_id=agent.profile_id, status=Status.CLOSED)
        make.ticket(assigned_agent_id=agent.profile_id)
        first, second = make.ticket(), make.ticket()
        drain()
        assert sorted([agent_of(first) is None, agent_of(second) is None]) == [False, True]

    @pytest.mark.rule("assignment 5")
    def test_a_person_may_exceed_it_and_the_machine_then_waits_for_room(self, make):
        agent = make.agent(capacity=1)
        given = make.ticket(assigned_agent_id=agent.profile_id)
        also = make.ticket()
        tickets.assign_ticket(agent, also, agent.profile_id)
        waiting = make.ticket()
        drain()
        assert agent_of(waiting) is None
        tickets.close_ticket(agent, given)
        assert drain() == 0
        tickets.close_ticket(agent, also)
        assert drain() == 1
        assert agent_of(waiting) == agent.profile_id

    @pytest.mark.rule("assignment 5")
    def test_reopening_may_exceed_it(self, make):
        agent, customer = make.agent(capacity=1), make.customer()
        closed = make.ticket(customer, assigned_agent_id=agent.profile_id, status=Status.CLOSED)
        make.ticket(assigned_agent_id=agent.profile_id)
        tickets.reopen_ticket(customer, closed)
        assert agent_of(closed) == agent.profile_id
        assert scalar("SELECT open_count FROM agents") == 2

    @pytest.mark.rule("assignment 14")
    def test_equal_agents_get_equal_shares_over_many_batches(self, make, set_setting):
        customer = make.customer()
        for strategy in ("LEAST_UTILISED", "LEAST_LOADED", "ROUND_ROBIN"):
            set_setting(assignment_strategy=strategy)
            write("UPDATE agents SET availability = 'AWAY'")
            crew = [make.agent(capacity=1000) for _ in range(3)]
            many(customer, 100)
            while sweep_assignments(limit=10):
                pass
            counts = [
                scalar("SELECT open_count FROM agents WHERE profile_id = :id", id=a.profile_id)
                for a in crew
            ]
            assert sorted(counts) == [33, 33, 34], strategy
        assert reconcile_counts() == 0

    @pytest.mark.rule("assignment 14")
    def test_many_agents_of_three_sizes_are_equally_busy(self, make):
        customer = make.customer()
        for capacity in itertools.islice(itertools.cycle([30, 60, 90]), MANY // 200):
            make.agent(capacity=capacity)
        many(customer, MANY // 5)
        assert drain() == MANY // 5
        assert scalar("SELECT count(*) FROM tickets WHERE assigned_agent_id IS NULL") == 0
        assert scalar("SELECT count(*) FROM agents WHERE open_count > capacity") == 0
        # Utilisation differs by less than what one ticket is to the smallest.
        spread = (
            "SELECT max(open_count::float / capacity) - min(open_count::float / capacity)"
            " FROM agents"
        )
        assert scalar(spread) <= 1 / 30 + 1e-9
        assert reconcile_counts() == 0


class TestWeights:
    """Rule 4: an urgent ticket takes more of a capacity, where that is chosen."""

    @pytest.mark.rule("assignment 4")
    def test_capacity_is_compared_to_the_weight_only_where_that_is_chosen(self, make, set_setting):
        agent = make.agent(capacity=4)
        make.ticket(assigned_agent_id=agent.profile_id, priority=Priority.HIGH)
        make.ticket(assigned_agent_id=agent.profile_id, priority=Priority.HIGH)
        set_setting(weighs_priority=True)
        waiting = make.ticket()
        drain()
        assert agent_of(waiting) is None
        assert entries(waiting, "assignment_skipped")[0].metadata["additionalContext"]["out"] == {
            "full": 1
        }
        # Choosing otherwise makes room at once.
        set_setting(weighs_priority=False)
        drain()
        assert agent_of(waiting) == agent.profile_id

    @pytest.mark.rule("assignment 4")
    def test_within_one_batch_a_critical_ticket_counts_three(self, make, set_setting):
        set_setting(weighs_priority=True)
        agents_ = [make.agent(capacity=4) for _ in range(2)]
        many(make.customer(), 5, priority="'CRITICAL'")
        drain()
        found = rows("SELECT open_count, open_weight FROM agents")
        assert [tuple(row) for row in found] == [(2, 6)] * len(agents_)

    def test_a_ticket_that_becomes_less_urgent_makes_room(self, make, set_setting):
        set_setting(weighs_priority=True)
        agent = make.agent(capacity=2)
        held = make.ticket(assigned_agent_id=agent.profile_id, priority=Priority.CRITICAL)
        waiting = make.ticket()
        drain()
        assert drain() == 0
        write("UPDATE tickets SET priority = 'LOW' WHERE id = :id", id=held)
        drain()
        assert agent_of(waiting) == agent.profile_id

    def test_an_idle_look_at_whoever_is_full_by_weight_finds_nothing_to_do(self, make, set_setting):
        set_setting(weighs_priority=True)
        agent = make.agent(capacity=5)
        for _ in range(2):
            held = make.ticket(assigned_agent_id=agent.profile_id, priority=Priority.CRITICAL)
        make.ticket()
        drain()
        # Marked, since the count says that there is room; the weight says that there is none.
        write("UPDATE tickets SET priority = 'HIGH' WHERE id = :id", id=held)
        assert scalar("SELECT reviews_skipped FROM agents")
        with counted() as idle:
            assert sweep_assignments() == 0
        assert len(idle.statements) == 2


class TestPace:
    """Rule 6: whoever has just come is not flooded."""

    @pytest.fixture(autouse=True)
    def two_an_hour(self, set_setting):
        set_setting(pace_tickets=2, pace_window_s=3600)

    @pytest.mark.rule("assignment 6")
    def test_no_agent_is_given_more_than_k_within_any_window(self, make):
        agent = make.agent(capacity=100)
        many(make.customer(), 9)
        given: list[tuple[int, int]] = []
        for minute in range(0, 200, 7):
            while sweep_assignments(now=NOW + timedelta(minutes=minute)):
                pass
            count = scalar("SELECT open_count FROM agents")
            if not given or given[-1][1] != count:
                given.append((minute, count))
        # As soon as the window allows, and by time alone.
        assert given == [(0, 2), (63, 4), (126, 6), (189, 8)]
        assert agent.profile_id is not None

    @pytest.mark.rule("assignment 6")
    def test_the_others_get_what_a_newcomer_has_no_room_for_now(self, make):
        newcomer, old = make.agent(capacity=50), make.agent(capacity=50)
        many(make.customer(), 30, assigned_agent_id=f"'{old.profile_id}'")
        first = [make.ticket(now=NOW) for _ in range(2)]
        drain_at(NOW)
        # What was given them by hand counts as nothing here.
        assert {agent_of(ticket) for ticket in first} == {newcomer.profile_id}
        third = make.ticket(now=NOW)
        drain_at(NOW)
        assert agent_of(third) == old.profile_id
        reason = entries(third, "assignment_changed")[0].metadata["additionalContext"]
        assert reason["out"] == {"paced": 1}

    def test_a_batch_that_uses_up_the_pace_comes_back_when_it_is_over(self, make):
        make.agent(capacity=100)
        many(make.customer(), 3)
        drain_at(NOW)
        assert scalar("SELECT review_at FROM agents") == NOW + timedelta(hours=1)
        with counted() as idle:
            assert sweep_assignments(now=NOW + timedelta(minutes=59)) == 0
        assert len(idle.statements) == 2
        assert drain_at(NOW + timedelta(hours=1)) == 1

    def test_another_pace_is_asked_for_at_once(self, make, set_setting):
        make.agent(capacity=100)
        many(make.customer(), 5)
        drain_at(NOW)
        assert scalar("SELECT open_count FROM agents") == 2
        set_setting(pace_tickets=4)
        drain_at(NOW)
        assert scalar("SELECT open_count FROM agents") == 4
        set_setting(pace_tickets=0)
        drain_at(NOW)
        assert scalar("SELECT open_count FROM agents") == 5


class TestReturningTickets:
    @pytest.mark.rule("assignment 12")
    def test_whoever_handed_it_off_does_not_get_it_back(self, make):
        agent = make.agent()
        ticket = make.ticket(assigned_agent_id=agent.profile_id)
        tickets.assign_ticket(agent, ticket, None)
        drain()
        assert agent_of(ticket) is None
        assert entries(ticket, "assignment_skipped")[0].metadata["additionalContext"]["out"] == {
            "handed_off": 1
        }
        other = make.agent()
        drain()
        assert agent_of(ticket) == other.profile_id

    def test_whoever_was_relieved_by_another_may_get_it_back(self, make):
        admin, agent = make.admin(), make.agent()
        ticket = make.ticket(assigned_agent_id=agent.profile_id)
        tickets.assign_ticket(admin, ticket, None)
        drain()
        assert agent_of(ticket) == agent.profile_id

    @pytest.mark.rule("assignment 7")
    def test_a_reopened_ticket_goes_to_the_previous_agent_where_eligible(self, make):
        before = make.agent(capacity=10)
        busy = make.ticket(assigned_agent_id=before.profile_id)
        ticket = make.ticket(assigned_agent_id=before.profile_id)
        make.agent(capacity=10)
        customer = scalar("SELECT customer_id FROM tickets WHERE id = :id", id=ticket)
        with transaction(system_for(customer)) as session:
            session.execute(
                text("UPDATE tickets SET status = 'CLOSED' WHERE id = :id"), {"id": ticket}
            )
        with transaction(system_for(customer)) as session:
            session.execute(
                text("UPDATE tickets SET status = 'OPEN', assigned_agent_id = NULL WHERE id = :id"),
                {"id": ticket},
            )
        drain()
        # The other one is less utilised.
        assert agent_of(ticket) == agent_of(busy) == before.profile_id
        reason = entries(ticket, "assignment_changed")[-1].metadata["additionalContext"]
        assert reason["previousAgent"] is True

    @pytest.mark.rule("assignment 10")
    def test_a_released_ticket_is_open_again_and_closed_ones_stay(self, make):
        agent = make.agent()
        held = {
            status: make.ticket(assigned_agent_id=agent.profile_id, status=status)
            for status in Status
        }
        with transaction(agent) as session, as_system(session):
            assert _released(session, agent) == 3
        found = dict(rows("SELECT id, status FROM tickets WHERE assigned_agent_id IS NULL"))
        assert found == {
            held[Status.OPEN]: "OPEN",
            held[Status.IN_PROGRESS]: "OPEN",
            held[Status.WAITING]: "WAITING",
        }
        assert agent_of(held[Status.CLOSED]) == agent.profile_id
        assert scalar("SELECT open_count FROM agents") == 0
        assert len(entries(held[Status.IN_PROGRESS], "status_changed")) == 1

    def test_releasing_nothing_does_nothing(self, make):
        agent = make.agent()
        with transaction(SYSTEM) as session:
            assert _released(session, agent) == 0


def _released(session, agent) -> int:
    return hand_over(session, agent.profile_id, HandOver.RELEASE_ALL, Leaving.AWAY)


class TestNobodyEligible:
    @pytest.mark.rule("assignment 8")
    def test_it_is_said_once_and_admins_are_told_once(self, make):
        make.admin(), make.admin()
        ticket = make.ticket()
        version = scalar("SELECT version FROM tickets")
        assert sweep_assignments() == 1
        assert sweep_assignments() == 0
        assert len(entries(ticket, "assignment_skipped")) == 1
        assert entries(ticket, "assignment_skipped")[0].is_internal
        assert letters("unassignable", ticket) == 2
        # A form that somebody has open is not stale for it.
        assert scalar("SELECT version FROM tickets") == version

    def test_it_is_said_again_after_the_ticket_changed(self, make):
        ticket = make.ticket()
        drain()
        write("UPDATE tickets SET tags = '{other}' WHERE id = :id", id=ticket)
        assert drain() == 1
        assert len(entries(ticket, "assignment_skipped")) == 2

    def test_a_night_with_everyone_away_is_not_a_thousand_letters(self, make):
        make.admin()
        many(make.customer(), 250)
        assert drain() == 250
        assert letters("unassignable") == UNASSIGNABLE_LETTERS_AN_HOUR
        last = "SELECT count(*) FROM mail_outbox WHERE (params ->> 'is_last_this_hour')::boolean"
        assert scalar(last) == 1

    @pytest.mark.rule("assignment 1")
    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE agents SET availability = 'AVAILABLE'",
            "UPDATE agents SET availability = 'AVAILABLE', capacity = 5",
        ],
    )
    def test_whoever_comes_back_gets_what_waited(self, make, change):
        make.agent(availability=Availability.AWAY)
        ticket = make.ticket()
        drain()
        write(change)
        assert drain() == 1
        assert agent_of(ticket) is not None

    @pytest.mark.rule("assignment 1")
    def test_a_new_skill_a_new_team_and_a_tag_that_is_no_skill_bring_it_back(self, make):
        make.skill("vpn"), make.skill("sap")
        team = make.team()
        make.agent(team=team, availability=Availability.AWAY)
        agent = make.agent()
        skilled, taught = make.ticket(tags=["vpn"]), make.ticket(tags=["sap"])
        teamed = make.ticket(team_id=team)
        drain()
        assert {agent_of(skilled), agent_of(taught), agent_of(teamed)} == {None}
        write("UPDATE agents SET skills = '{vpn}' WHERE profile_id = :id", id=agent.profile_id)
        drain()
        assert agent_of(skilled) == agent.profile_id
        write("UPDATE tags SET is_skill = false WHERE name = 'sap'")
        drain()
        assert agent_of(taught) == agent.profile_id
        write(
            "INSERT INTO team_members (team_id, profile_id) VALUES (:team, :agent)",
            team=team,
            agent=agent.profile_id,
        )
        drain()
        assert agent_of(teamed) == agent.profile_id

    def test_a_team_that_loses_its_last_member_has_everybody(self, make):
        team = make.team()
        make.agent(team=team, availability=Availability.AWAY)
        agent = make.agent()
        ticket = make.ticket(team_id=team)
        drain()
        assert agent_of(ticket) is None
        write("DELETE FROM team_members")
        drain()
        assert agent_of(ticket) == agent.profile_id

    def test_who_waited_goes_before_who_has_just_come(self, make):
        agent = make.agent(capacity=1)
        held = make.ticket(assigned_agent_id=agent.profile_id)
        old = make.ticket(now=NOW)
        drain()
        new = make.ticket(now=NOW + timedelta(days=1))
        write("UPDATE tickets SET status = 'CLOSED' WHERE id = :id", id=held)
        drain()
        assert agent_of(old) == agent.profile_id
        assert agent_of(new) is None

    @pytest.mark.rule("assignment 1")
    def test_a_skipped_ticket_that_is_being_changed_is_not_forgotten(self, make, owner):
        agent = make.agent(availability=Availability.AWAY)
        ticket = make.ticket()
        drain()
        agents.set_availability(agent, agent.profile_id, Availability.AVAILABLE)
        with owner.transaction():
            owner.execute("SELECT FROM tickets WHERE id = %s FOR UPDATE", [ticket])
            assert sweep_assignments() == 0
        assert sweep_assignments() == 1
        assert agent_of(ticket) == agent.profile_id

    @pytest.mark.rule("assignment 2")
    def test_thousands_of_them_cost_nothing_and_block_nobody(self, make):
        make.skill("klingon")
        agent = make.agent(capacity=100)
        customer = make.customer()
        many(customer, MANY, priority="'CRITICAL'", tags="'{klingon}'")
        assert drain() == MANY
        # The one look at all of them that the agent's mark still asked for.
        assert sweep_assignments() == 0
        with counted() as idle:
            assert sweep_assignments() == 0
        assert idle.tickets_read == 0
        assert len(idle.statements) == 2
        ticket = make.ticket(customer, priority=Priority.LOW)
        with counted() as busy:
            assert sweep_assignments() == 1
        assert agent_of(ticket) == agent.profile_id
        assert len(busy.statements) < 15
        # Nothing but a change brings the others back.
        assert sweep_assignments() == 0
        write("UPDATE agents SET skills = '{klingon}', capacity = :many", many=MANY)
        assert drain() == MANY - 1


class TestTriggers:
    """Rule 1: what asks for a sweep right after it was committed."""

    @pytest.fixture
    def asks(self):
        """Whether the last steps asked for one."""
        jobs: list[Job] = []
        send_nudges_with(jobs.append)

        def asked() -> bool:
            found = Job.ASSIGN in jobs
            jobs.clear()
            return found

        yield asked
        send_nudges_with(lambda job: None)

    @pytest.mark.rule("assignment 1")
    def test_a_ticket_that_needs_an_agent_and_an_agent_who_has_room(self, make, asks):
        agent, customer = make.agent(), make.customer()
        ticket = tickets.open_ticket(customer, customer.profile_id, "No VPN", "It fails.")
        assert asks()
        tickets.assign_ticket(agent, ticket, agent.profile_id)
        assert not asks()
        tickets.close_ticket(agent, ticket)
        assert asks()
        write("UPDATE tickets SET assigned_agent_id = NULL")
        tickets.reopen_ticket(customer, ticket)
        assert asks()
        comments.reply(agent, ticket, "Try again.", Event.STAFF_REPLY)
        assert not asks()
        comments.reply(agent, ticket, "Well?", Event.STAFF_REPLY_AND_WAIT)
        assert asks()
        comments.comment_as_customer(customer, ticket, "It works.")
        assert not asks()

    @pytest.mark.rule("assignment 1")
    def test_an_agent_who_comes_goes_or_changes(self, make, asks):
        admin, agent = make.admin(), make.agent()
        make.ticket(assigned_agent_id=agent.profile_id)
        go_away(agent, agent.profile_id, HandOver.RELEASE_ALL)
        assert asks()
        agents.set_availability(agent, agent.profile_id, Availability.AVAILABLE)
        assert asks()
        agents.change_agent(
            admin, agent.profile_id, capacity=3, skills=["vpn"], team_ids=[], version=3
        )
        assert asks()
        start = scalar("SELECT now()")
        absence = plan_absence(agent, agent.profile_id, start, start + timedelta(days=1))
        asks()
        cancel_absence(agent, absence)
        assert asks()


class TestSeveralAtOnce:
    @pytest.mark.rule("assignment 9")
    def test_no_ticket_is_given_twice_and_no_agent_too_much(self, make, settings):
        customer = make.customer()
        for _ in range(5):
            make.agent(capacity=60)
        many(customer, 400)
        failures: list[BaseException] = []

        def work() -> None:
            try:
                with create_core(settings).app_context():
                    for _ in range(200):
                        sweep_assignments(limit=7)
                    db.engine.dispose()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        drain()
        assert failures == []
        assert scalar("SELECT count(*) FROM tickets WHERE assigned_agent_id IS NOT NULL") == 300
        assert {row.open_count for row in rows("SELECT open_count FROM agents")} == {60}
        assert scalar("SELECT count(*) FROM history WHERE action = 'assignment_changed'") == 300
        assert scalar("SELECT count(*) FROM history WHERE action = 'assignment_skipped'") == 100
        assert letters("assigned") == 300
        assert reconcile_counts() == 0

    @pytest.mark.rule("assignment 9")
    def test_whoever_comes_second_leaves_at_once(self, make, owner):
        make.agent()
        ticket = make.ticket()
        with owner.transaction():
            owner.execute("SELECT pg_advisory_xact_lock(hashtext('emberone.assign'))")
            assert sweep_assignments() == 0
        assert agent_of(ticket) is None
        assert sweep_assignments() == 1


@pytest.mark.rule("assignment 4")
@pytest.mark.parametrize("counter", ["open_count", "open_weight"])
def test_a_counter_that_drifted_is_reported(make, owner, counter):
    agent = make.agent()
    assert reconcile_counts() == 0
    owner.execute(f"UPDATE agents SET {counter} = 3 WHERE profile_id = %s", [agent.profile_id])
    assert reconcile_counts() == 1


class counted:  # noqa: N801 - read as a word
    """What happens in the block: the statements sent, and the rows read from `tickets`."""

    def __enter__(self):
        self.statements: list[str] = []
        self._before = self._rows_read()
        event.listen(db.engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *error):
        event.remove(db.engine, "before_cursor_execute", self._note)
        self.tickets_read = self._rows_read() - self._before

    def _note(self, connection, cursor, statement, *more):
        self.statements.append(statement)

    @staticmethod
    def _rows_read() -> int:
        write("SELECT pg_stat_force_next_flush()")
        return scalar("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'tickets'")
