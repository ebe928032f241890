"""What becomes of an agent's tickets when they go away, are absent or leave."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from emberone.core import create_core
from emberone.db import db, reading, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Availability, HandOver, Role, Status
from emberone.domain.errors import Conflict, Invalid, NotAllowed
from emberone.domain.lifecycle import Event
from emberone.jobs import Job
from emberone.services import absences, comments, handing_over, profiles, snoozing, sweeps, tickets
from emberone.services.assignment import sweep_assignments

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def rows(statement: str, **values):
    with reading(SYSTEM) as session:
        return [tuple(row) for row in session.execute(text(statement), values)]


def scalar(statement: str, **values):
    found = rows(statement, **values)
    return found[0][0] if found else None


def agent_of(ticket):
    return scalar("SELECT assigned_agent_id FROM tickets WHERE id = :id", id=ticket)


def reasons(ticket):
    """Why the agent of a ticket changed, in order."""
    return [
        row[0]
        for row in rows(
            "SELECT metadata -> 'additionalContext' FROM history WHERE ticket_id = :id"
            " AND action = 'assignment_changed' ORDER BY created_at, id",
            id=ticket,
        )
    ]


def wait_until_somebody_waits(owner):
    """For a row that this connection holds."""
    deadline = time.monotonic() + 30
    while not owner.execute(
        "SELECT FROM pg_locks WHERE NOT granted AND locktype IN ('tuple', 'transactionid')"
    ).fetchall():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def ana(make):
    return make.agent("Ana")


@pytest.fixture
def held(make, ana):
    """A ticket of Ana's in each status."""
    return {
        status: make.ticket(assigned_agent_id=ana.profile_id, status=status) for status in Status
    }


class TestGoingAway:
    @pytest.mark.rule("assignment 10")
    @pytest.mark.parametrize(
        ("choice", "gone"),
        [
            (HandOver.KEEP, {}),
            (HandOver.RELEASE_OPEN, {Status.OPEN: "OPEN"}),
            (
                HandOver.RELEASE_ALL,
                {Status.OPEN: "OPEN", Status.IN_PROGRESS: "OPEN", Status.WAITING: "WAITING"},
            ),
        ],
    )
    def test_an_agent_chooses_what_goes_back_to_the_pool(self, ana, held, choice, gone):
        assert handing_over.go_away(ana, ana.profile_id, choice) == len(gone)
        found = dict(rows("SELECT id, status FROM tickets WHERE assigned_agent_id IS NULL"))
        assert found == {held[status]: after for status, after in gone.items()}
        assert scalar("SELECT availability FROM agents") == "AWAY"
        for status in gone:
            assert reasons(held[status]) == [{"handOver": "away"}]
        assert scalar("SELECT open_count FROM agents") == max(0, 2 - len(gone))

    @pytest.mark.rule("assignment 10")
    def test_all_of_them_go_to_a_colleague_in_the_same_moment(self, make, ana, held):
        ben = make.agent("Ben", capacity=1)
        assert (
            handing_over.go_away(ana, ana.profile_id, HandOver.GIVE, to_agent_id=ben.profile_id)
            == 3
        )
        found = dict(
            rows(
                "SELECT id, status FROM tickets WHERE assigned_agent_id = :ben", ben=ben.profile_id
            )
        )
        # Nothing begins anew: whoever was working on it, somebody is.
        assert found == {held[status]: status for status in Status if status is not Status.CLOSED}
        assert agent_of(held[Status.CLOSED]) == ana.profile_id
        assert scalar("SELECT count(*) FROM mail_outbox WHERE letter = 'assigned'") == 3
        # Each is kept as it was written, and all of them reach Ben as one letter.
        assert rows(
            "SELECT letter, state, (params ->> 'count')::int FROM mail_outbox"
            " WHERE state <> 'collapsed'"
        ) == [("digest", "queued", 3)]
        assert dict(rows("SELECT profile_id, open_count FROM agents")) == {
            ana.profile_id: 0,
            ben.profile_id: 2,
        }

    @pytest.mark.rule("assignment 10")
    def test_released_tickets_keep_their_clocks(self, make, ana):
        customer = make.customer()
        ticket = tickets.open_ticket(customer, customer.profile_id, "Printer", "It smokes.")
        tickets.assign_ticket(ana, ticket, ana.profile_id)
        clocks = "SELECT id, metric, started_at, due_at, met_at, stopped_at FROM sla_clocks"
        before = rows(clocks)
        handing_over.go_away(ana, ana.profile_id, HandOver.RELEASE_ALL)
        assert agent_of(ticket) is None
        assert len(before) == 2
        assert rows(clocks) == before

    def test_somebody_else_may_have_it_at_once_and_the_one_who_left_once_back(self, make, ana):
        ticket = make.ticket(assigned_agent_id=ana.profile_id)
        handing_over.go_away(ana, ana.profile_id, HandOver.RELEASE_ALL)
        sweep_assignments()
        assert agent_of(ticket) is None
        # Going away is no refusal: rule 12 is about a ticket that was given away.
        with transaction(ana) as session:
            session.execute(text("UPDATE agents SET availability = 'AVAILABLE'"))
        sweep_assignments()
        assert agent_of(ticket) == ana.profile_id

    def test_a_ticket_that_was_put_aside_is_back_for_whoever_gets_it(self, make, ana):
        ben, ticket = make.agent("Ben"), make.ticket(assigned_agent_id=ana.profile_id)
        snoozing.snooze_ticket(ana, ticket, NOW + DAY, now=NOW)
        handing_over.go_away(ana, ana.profile_id, HandOver.GIVE, to_agent_id=ben.profile_id)
        assert scalar("SELECT snoozed_until FROM tickets") is None

    @pytest.mark.parametrize("whom", ["nobody", "herself", "a customer", "a deactivated one"])
    def test_only_a_colleague_who_works_here_is_given_them(self, make, owner, ana, held, whom):
        if whom == "a deactivated one":
            person = make.agent()
            owner.execute(
                "WITH made AS (INSERT INTO users (email, active, fs_uniquifier)"
                " VALUES ('a@b.c', false, 'x') RETURNING id)"
                " UPDATE profiles SET user_id = made.id::text FROM made WHERE profiles.id = %s",
                (person.profile_id,),
            )
            to = person.profile_id
        else:
            to = {
                "nobody": None,
                "herself": ana.profile_id,
                "a customer": make.customer().profile_id,
            }[whom]
        with pytest.raises(Invalid):
            handing_over.go_away(ana, ana.profile_id, HandOver.GIVE, to_agent_id=to)
        assert scalar(
            "SELECT availability FROM agents WHERE profile_id = :a", a=ana.profile_id
        ) == ("AVAILABLE")
        assert agent_of(held[Status.OPEN]) == ana.profile_id

    def test_agents_do_so_for_themselves_and_admins_for_anyone(self, make, ana, held):
        with pytest.raises(NotAllowed):
            handing_over.go_away(make.agent(), ana.profile_id, HandOver.RELEASE_ALL)
        assert agent_of(held[Status.OPEN]) == ana.profile_id
        admin = make.admin()
        handing_over.go_away(admin, ana.profile_id, HandOver.RELEASE_ALL)
        assert agent_of(held[Status.OPEN]) is None
        who = "SELECT DISTINCT actor_id FROM history WHERE metadata #>> '{additionalContext,handOver}' = 'away'"
        assert rows(who) == [(admin.profile_id,)]

    @pytest.mark.rule("assignment 9")
    def test_what_a_sweep_gives_them_at_that_moment_goes_too(self, make, owner, settings, ana):
        ticket = make.ticket()
        failures: list[BaseException] = []

        def leave() -> None:
            try:
                with create_core(settings).app_context():
                    handing_over.go_away(ana, ana.profile_id, HandOver.RELEASE_ALL)
                    db.engine.dispose()
            except BaseException as error:
                failures.append(error)

        leaving = threading.Thread(target=leave)
        with owner.transaction():
            # As a sweep does: the agent first, then what they are given.
            owner.execute("SELECT FROM agents FOR NO KEY UPDATE")
            leaving.start()
            wait_until_somebody_waits(owner)
            owner.execute(
                "UPDATE tickets SET assigned_agent_id = %s WHERE id = %s", (ana.profile_id, ticket)
            )
        leaving.join(30)
        assert failures == []
        assert agent_of(ticket) is None
        assert reasons(ticket)[-1] == {"handOver": "away"}

    @pytest.mark.rule("assignment 10")
    def test_idle_time_alone_releases_nothing(self, make, ana):
        ticket = make.ticket(assigned_agent_id=ana.profile_id, now=NOW - 400 * DAY)
        assert sweep_assignments(now=NOW) == 0
        assert agent_of(ticket) == ana.profile_id


@pytest.mark.rule("assignment 10")
@pytest.mark.parametrize("choice", [HandOver.KEEP, HandOver.RELEASE_ALL, HandOver.GIVE])
def test_whoever_deactivates_an_agent_chooses_too(make, owner, ana, choice):
    admin, ben = make.admin(), make.agent("Ben")
    ticket = make.ticket(assigned_agent_id=ana.profile_id)
    owner.execute(
        "WITH made AS (INSERT INTO users (email, fs_uniquifier) VALUES ('a@b.c', 'x') RETURNING id)"
        " UPDATE profiles SET user_id = made.id::text FROM made WHERE profiles.id = %s",
        (ana.profile_id,),
    )
    profiles.set_active(admin, ana.profile_id, False, choice=choice, to_agent_id=ben.profile_id)
    expected = {
        HandOver.KEEP: (ana.profile_id, []),
        HandOver.RELEASE_ALL: (None, [{"handOver": "inactive"}]),
        HandOver.GIVE: (ben.profile_id, [{"handOver": "inactive"}]),
    }[choice]
    assert (agent_of(ticket), reasons(ticket)) == expected


@pytest.mark.rule("assignment 10")
def test_who_becomes_something_else_hands_over_all(make, ana):
    admin, ticket = make.admin(), make.ticket(assigned_agent_id=ana.profile_id)
    profiles.change_profile(
        admin, ana.profile_id, email="ana@example.org", full_name="Ana", role=Role.ADMIN, version=1
    )
    assert (agent_of(ticket), reasons(ticket)) == (None, [{"handOver": "role"}])


def promoted(ana, make, ticket):
    """Ana as the admin whom she has become since she closed the ticket."""
    tickets.close_ticket(ana, ticket)
    profiles.change_profile(
        make.admin(), ana.profile_id, email="a@x.org", full_name="Ana", role=Role.ADMIN, version=1
    )
    return Actor(ana.profile_id, Role.ADMIN)


@pytest.mark.rule("assignment 7")
@pytest.mark.parametrize("is_answered", [True, False])
def test_an_admin_who_was_an_agent_reopens_for_the_pool(make, ana, is_answered):
    ticket = make.ticket(assigned_agent_id=ana.profile_id)
    boss = promoted(ana, make, ticket)
    if is_answered:
        comments.reply(boss, ticket, "One more thing.", Event.STAFF_REPLY_REOPENING)
    else:
        tickets.reopen_ticket(boss, ticket)
    assert agent_of(ticket) is None
    ben = make.agent("Ben")
    assert sweep_assignments() == 1
    assert agent_of(ticket) == ben.profile_id


@pytest.mark.rule("assignment 13")
def test_what_an_admin_kept_by_another_path_goes_back_when_its_customer_writes(make, owner, ana):
    customer = make.customer()
    ticket = make.ticket(customer, assigned_agent_id=ana.profile_id)
    promoted(ana, make, ticket)
    owner.execute("UPDATE tickets SET status = 'IN_PROGRESS' WHERE id = %s", (ticket,))
    comments.comment_as_customer(customer, ticket, "It is broken again.")
    assert agent_of(ticket) is None
    assert reasons(ticket)[-1] == {"handOver": "inactive"}


@pytest.mark.rule("assignment 10")
@pytest.mark.parametrize("how", ["assign", "open", "give"])
def test_nobody_gives_to_whom_another_is_deactivating_at_that_moment(
    make, owner, settings, ana, how
):
    admin, customer, ben = make.admin(), make.customer(), make.agent("Ben")
    ticket = make.ticket(customer, assigned_agent_id=ben.profile_id)
    owner.execute(
        "WITH made AS (INSERT INTO users (email, fs_uniquifier) VALUES ('a@b.c', 'x') RETURNING id)"
        " UPDATE profiles SET user_id = made.id::text FROM made WHERE profiles.id = %s",
        (ana.profile_id,),
    )
    acts = {
        "assign": lambda: tickets.assign_ticket(admin, ticket, ana.profile_id),
        "open": lambda: tickets.open_ticket(
            admin, customer.profile_id, "Help", "Now.", agent_id=ana.profile_id
        ),
        "give": lambda: handing_over.go_away(
            ben, ben.profile_id, HandOver.GIVE, to_agent_id=ana.profile_id
        ),
    }
    refused: list[Exception] = []

    def give() -> None:
        with create_core(settings).app_context():
            try:
                acts[how]()
            except Invalid as error:
                refused.append(error)
            db.engine.dispose()

    giving = threading.Thread(target=give)
    with owner.transaction():
        # As whoever deactivates does: no sign-in any more, and then the agent's tickets.
        owner.execute("UPDATE users SET active = false")
        owner.execute(
            "SELECT FROM agents WHERE profile_id = %s FOR NO KEY UPDATE", (ana.profile_id,)
        )
        giving.start()
        wait_until_somebody_waits(owner)
    giving.join(30)
    assert len(refused) == 1
    assert (
        scalar("SELECT count(*) FROM tickets WHERE assigned_agent_id = :a", a=ana.profile_id) == 0
    )


def plan(actor, agent, start, end, **more):
    return absences.plan_absence(actor, agent.profile_id, start, end, now=NOW, **more)


class TestAbsences:
    @pytest.mark.rule("assignment 13")
    def test_whoever_is_absent_gets_no_tickets_until_the_moment_they_are_back(self, make, ana):
        plan(ana, ana, NOW + DAY, NOW + 2 * DAY)
        before = make.ticket(now=NOW)
        sweep_assignments(now=NOW + DAY - timedelta(seconds=1))
        assert agent_of(before) == ana.profile_id
        ticket = make.ticket(now=NOW)
        assert sweep_assignments(now=NOW + DAY) == 1
        assert agent_of(ticket) is None
        skipped = "SELECT metadata #> '{additionalContext,out}' FROM history WHERE action = 'assignment_skipped'"
        assert rows(skipped) == [({"absent": 1},)]
        # The absence itself begins when nothing else is due.
        assert sweep_assignments(now=NOW + DAY) == 1
        assert sweep_assignments(now=NOW + DAY) == 0
        assert sweep_assignments(now=NOW + 2 * DAY - timedelta(seconds=1)) == 0
        assert sweep_assignments(now=NOW + 2 * DAY) == 1
        assert agent_of(ticket) == ana.profile_id

    @pytest.mark.rule("assignment 13")
    @pytest.mark.parametrize("choice", list(HandOver))
    def test_it_hands_over_at_its_start_exactly_once(self, make, ana, held, choice):
        ben = make.agent("Ben")
        plan(ana, ana, NOW + DAY, NOW + 9 * DAY, choice=choice, to_agent_id=ben.profile_id)
        assert sweep_assignments(now=NOW) == 0
        assert agent_of(held[Status.OPEN]) == ana.profile_id
        with transaction(SYSTEM) as session:
            session.execute(
                text("UPDATE agents SET capacity = 0 WHERE profile_id = :ben"),
                {"ben": ben.profile_id},
            )
        assert sweep_assignments(now=NOW + DAY) == 1
        to = {HandOver.KEEP: ana.profile_id, HandOver.GIVE: ben.profile_id}.get(choice)
        assert agent_of(held[Status.OPEN]) == to
        assert agent_of(held[Status.WAITING]) == (
            ana.profile_id if choice is HandOver.RELEASE_OPEN else to
        )
        moved = [] if choice is HandOver.KEEP else [{"handOver": "absent"}]
        assert reasons(held[Status.OPEN]) == moved
        # What she is given later is hers.
        late = make.ticket(assigned_agent_id=ana.profile_id)
        while sweep_assignments(now=NOW + DAY):
            pass
        assert agent_of(late) == ana.profile_id

    @pytest.mark.rule("assignment 13")
    def test_one_that_has_begun_hands_over_as_it_is_entered(self, make, ana, held):
        plan(make.admin(), ana, NOW - DAY, NOW + DAY, choice=HandOver.RELEASE_ALL)
        assert agent_of(held[Status.OPEN]) is None
        assert rows("SELECT begun_at FROM absences") == [(NOW,)]

    def test_one_that_was_over_before_anybody_looked_hands_nothing_over(self, ana, held):
        plan(ana, ana, NOW + DAY, NOW + 2 * DAY, choice=HandOver.RELEASE_ALL)
        assert sweep_assignments(now=NOW + 3 * DAY) == 1
        assert sweep_assignments(now=NOW + 3 * DAY) == 0
        assert agent_of(held[Status.OPEN]) == ana.profile_id

    def test_a_colleague_who_has_left_meanwhile_leaves_them_to_the_pool(self, make, ana, held):
        admin, ben = make.admin(), make.agent("Ben")
        plan(ana, ana, NOW + DAY, NOW + 9 * DAY, choice=HandOver.GIVE, to_agent_id=ben.profile_id)
        profiles.change_profile(
            admin, ben.profile_id, email="b@example.org", full_name="B", role=Role.ADMIN, version=1
        )
        sweep_assignments(now=NOW + DAY)
        assert agent_of(held[Status.OPEN]) is None

    def test_one_that_is_taken_back_makes_its_agent_eligible_again(self, make, ana):
        absence = plan(ana, ana, NOW - DAY, NOW + DAY)
        ticket = make.ticket()
        sweep_assignments(now=NOW)
        assert sweep_assignments(now=NOW) == 0
        absences.cancel_absence(ana, absence)
        assert sweep_assignments(now=NOW) == 1
        assert agent_of(ticket) == ana.profile_id

    @pytest.mark.rule("assignment 13")
    @pytest.mark.parametrize(
        ("status", "after"),
        [(Status.OPEN, "OPEN"), (Status.IN_PROGRESS, "OPEN"), (Status.WAITING, "OPEN")],
    )
    def test_a_customers_reply_returns_the_ticket_to_its_team(self, make, ana, status, after):
        team = make.team()
        ben, customer = make.agent("Ben", team=team), make.customer()
        plan(ana, ana, NOW - DAY, NOW + DAY)
        ticket = make.ticket(
            customer, assigned_agent_id=ana.profile_id, status=status, team_id=team
        )
        comments.comment_as_customer(customer, ticket, "Any news?", now=NOW)
        assert rows("SELECT assigned_agent_id, status FROM tickets") == [(None, after)]
        # The customer sees what they would see of anybody's ticket.
        seen = "OPEN" if status is Status.OPEN else "IN_PROGRESS"
        assert scalar("SELECT public_status FROM tickets") == seen
        assert reasons(ticket) == [{"handOver": "absent"}]
        sweep_assignments(now=NOW)
        assert agent_of(ticket) == ben.profile_id

    def test_a_customers_reply_leaves_the_ticket_of_one_who_is_only_away(self, make):
        ana, customer = make.agent(availability=Availability.AWAY), make.customer()
        ticket = make.ticket(customer, assigned_agent_id=ana.profile_id)
        comments.comment_as_customer(customer, ticket, "Any news?")
        assert agent_of(ticket) == ana.profile_id

    @pytest.mark.rule("assignment 7")
    def test_a_ticket_that_is_reopened_does_not_wait_for_one_who_is_absent(self, make, ana):
        customer = make.customer()
        plan(ana, ana, NOW - DAY, NOW + DAY)
        ticket = make.ticket(
            customer, assigned_agent_id=ana.profile_id, status=Status.CLOSED, now=NOW
        )
        comments.comment_as_customer(customer, ticket, "It is broken again.", now=NOW)
        assert agent_of(ticket) is None

    @pytest.mark.parametrize(
        ("start", "end"),
        [(2 * DAY, DAY), (DAY, DAY), (-2 * DAY, -DAY), (DAY, 4000 * DAY)],
    )
    def test_times_that_make_no_sense_are_refused(self, ana, start, end):
        with pytest.raises(Invalid):
            plan(ana, ana, NOW + start, NOW + end)
        assert rows("SELECT * FROM absences") == []

    def test_nobody_is_absent_twice_at_once(self, ana):
        plan(ana, ana, NOW + DAY, NOW + 3 * DAY)
        with pytest.raises(Conflict):
            plan(ana, ana, NOW + 2 * DAY, NOW + 4 * DAY)
        plan(ana, ana, NOW + 3 * DAY, NOW + 4 * DAY)

    def test_agents_enter_their_own_and_admins_anybodys(self, make, ana):
        other = make.agent()
        with pytest.raises(NotAllowed):
            plan(other, ana, NOW + DAY, NOW + 2 * DAY)
        absence = plan(make.admin(), ana, NOW + DAY, NOW + 2 * DAY)
        with pytest.raises(NotAllowed):
            absences.cancel_absence(other, absence)
        absences.cancel_absence(ana, absence)
        assert rows("SELECT * FROM absences") == []

    def test_how_late_one_begins_is_measured(self, ana):
        plan(ana, ana, NOW + DAY, NOW + 2 * DAY)
        assert rows(sweeps.OLDEST_DUE[Job.ASSIGN]) == [(NOW + DAY,)]
