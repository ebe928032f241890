"""The SLA sweep: each due step fires once, and what it does is in history, comments and outbox."""

import threading

import psycopg
import pytest
from sqlalchemy import text

from emberone.db import end_reading, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import MailState, Priority, Status
from emberone.domain.errors import Conflict, NotAllowed, NotFound
from emberone.queries.jobs import dead_rows
from emberone.services.retries import MAX_ATTEMPTS
from emberone.services.sla import retry_step, sweep_sla
from tests.services.sla_play import (
    FIRST,
    NEXT,
    RESOLUTION,
    START,
    Play,
    Statements,
    after,
    context,
)


@pytest.fixture
def play(make):
    return Play(make)


@pytest.fixture
def admin(make):
    return make.admin()


def assigned(play):
    return {"by": play.agent, "assigned_agent_id": play.agent.profile_id}


def outcome(steps):
    return [(step.fired_at, step.skipped_reason) for step in steps]


def test_nothing_is_due(play):
    ticket = play.open()
    assert sweep_sla(now=after(2, 59, 59)) == 0
    assert outcome(play.steps(ticket, FIRST)) == [(None, None)] * 2
    assert not play.history(ticket, "sla_warned", "sla_breached", "escalated")
    assert not play.letters()


@pytest.mark.rule("sla 20")
def test_the_assignee_is_warned_at_75_percent(play, admin):
    ticket = play.open(**assigned(play))
    assert sweep_sla(now=after(3)) == 1
    warning, breach = play.steps(ticket, FIRST)
    assert (warning.fired_at, breach.fired_at) == (after(3), None)
    [entry] = play.history(ticket, "sla_warned")
    assert entry.is_internal
    assert entry.details["source"] == "system"
    assert context(entry) == {
        "clock": str(play.clock(ticket, FIRST).id),
        "metric": "FIRST_RESPONSE",
        "cycle": 1,
        "step": str(warning.id),
        "stepNo": 1,
        "percent": 75.0,
        "dueAt": after(4).isoformat(),
        "actions": ["NOTIFY_ASSIGNEE"],
    }
    [letter] = play.letters()
    assert letter.key == f"sla:{warning.id}:{play.agent.profile_id}"
    assert (letter.letter, letter.to_profile_id) == ("sla_warning", play.agent.profile_id)
    assert letter.params["metric"] == "FIRST_RESPONSE"
    assert letter.params["due_at"] == after(4).isoformat()
    assert play.ticket(ticket).priority is Priority.MEDIUM
    assert not play.history(ticket, "sla_breached", "escalated")


def test_many_warnings_cost_as_many_statements_as_one(play):
    play.open(**assigned(play))
    sweep_sla(now=after(3))
    counts = []
    for number in (2, 9):
        tickets = [play.open(**assigned(play)) for _ in range(number)]
        with Statements() as statements:
            assert sweep_sla(now=after(3)) == number
        counts.append(len(statements.seen))
        assert all(len(play.history(ticket, "sla_warned")) == 1 for ticket in tickets)
    assert counts[0] == counts[1]
    assert len(play.letters()) == 12


def test_two_steps_of_one_ticket_in_one_sweep_write_letters_of_one_thread(play):
    ticket = play.open(**assigned(play))
    play.sql("UPDATE sla_steps SET fire_at = :at WHERE step_no = 1", at=after(3))
    assert sweep_sla(now=after(3)) == 2
    first, second = sorted(play.letters(), key=lambda letter: "follows" in letter.params)
    assert "follows" not in first.params
    assert second.params["follows"] == first.key
    assert len(play.history(ticket, "sla_warned")) == 2


def test_without_an_assignee_nobody_is_warned_and_the_step_is_done(play, admin):
    ticket = play.open()
    assert sweep_sla(now=after(3)) == 1
    assert play.steps(ticket, FIRST)[0].fired_at == after(3)
    assert not play.letters()


@pytest.mark.rule("sla 20")
@pytest.mark.rule("sla 24")
def test_a_breach_raises_tells_and_says_so(play, admin):
    ticket = play.open(**assigned(play))
    sweep_sla(now=after(3))
    assert sweep_sla(now=after(4, seconds=3)) == 1
    step = play.steps(ticket, FIRST)[1]
    assert step.fired_at == after(4, seconds=3)
    assert play.ticket(ticket).priority is Priority.HIGH
    [raised] = play.history(ticket, "priority_changed")
    assert (raised.old_value, raised.new_value) == ({"priority": "MEDIUM"}, {"priority": "HIGH"})
    assert raised.details == {"source": "system", "reason": f"SLA step {step.id}"}
    assert raised.actor_id is None
    [escalated] = play.history(ticket, "escalated")
    assert context(escalated)["step"] == str(step.id)
    assert "reason" not in escalated.details
    [comment] = play.system_comments(ticket)
    assert (comment.author_id, comment.is_internal) == (None, True)
    assert comment.content == (
        "The first response was due at 2026-03-02 13:00 UTC. Priority raised from MEDIUM to HIGH."
    )
    letters = {
        letter.to_profile_id: letter for letter in play.letters() if str(step.id) in letter.key
    }
    assert set(letters) == {play.agent.profile_id, admin.profile_id}
    assert {letter.letter for letter in letters.values()} == {"sla_breach"}
    assert letters[admin.profile_id].params["priority"] == "HIGH"


@pytest.mark.rule("sla 16")
def test_rule_16_a_breach_is_at_its_due_time_and_detected_now(play):
    ticket = play.open()
    sweep_sla(now=after(9))
    clock = play.clock(ticket, FIRST)
    assert (clock.breached_at, clock.detected_at, clock.met_at) == (after(4), after(9), None)
    [entry] = play.history(ticket, "sla_breached")
    assert context(entry)["dueAt"] == after(4).isoformat()
    assert entry.created_at == after(9)


@pytest.mark.rule("sla 16")
def test_rule_16_at_the_very_due_time_nothing_is_breached_yet(play):
    ticket = play.open()
    sweep_sla(now=after(4))
    assert play.clock(ticket, FIRST).breached_at is None
    sweep_sla(now=after(4, us=1))
    assert play.clock(ticket, FIRST).breached_at == after(4)
    assert len(play.history(ticket, "sla_breached")) == 1
    assert len(play.history(ticket, "escalated")) == 1


@pytest.mark.rule("sla 16")
def test_rule_16_a_breach_is_noticed_where_no_step_is_planned(play):
    policy = play.policy(targets={(Priority.MEDIUM, FIRST): 60})
    ticket = play.open(by=play.agent, team_id=play.team(policy))
    assert sweep_sla(now=after(1)) == 1
    assert play.clock(ticket, FIRST).breached_at == after(minutes=1)
    assert sweep_sla(now=after(1)) == 0


@pytest.mark.rule("sla 22")
def test_twice_does_nothing_the_second_time(play, admin):
    ticket = play.open(**assigned(play))
    assert sweep_sla(now=after(5)) == 2
    before = (
        play.history(ticket, "sla_warned", "sla_breached", "escalated", "priority_changed"),
        play.letters(),
        play.system_comments(ticket),
    )
    assert sweep_sla(now=after(5)) == 0
    assert sweep_sla(now=after(6)) == 0
    again = (
        play.history(ticket, "sla_warned", "sla_breached", "escalated", "priority_changed"),
        play.letters(),
        play.system_comments(ticket),
    )
    assert [[row.id for row in rows] for rows in again] == [
        [row.id for row in rows] for rows in before
    ]


@pytest.mark.rule("sla 22")
def test_rule_22_several_sweeps_at_once_fire_each_step_once(play, admin, database):
    tickets = [play.open(**assigned(play)) for _ in range(40)]
    barrier, done = threading.Barrier(4), []

    def work():
        with database.app_context():
            barrier.wait()
            # A sweep that finds another at work leaves, and comes again.
            for _ in range(40):
                done.append(sweep_sla(limit=7, now=after(4, 1)))
            end_reading()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while count := sweep_sla(now=after(4, 1)):
        done.append(count)
    assert sum(done) == 80
    for ticket in tickets:
        assert len(play.history(ticket, "escalated")) == 1
        assert len(play.history(ticket, "sla_breached")) == 1
        assert len(play.history(ticket, "priority_changed")) == 1
        assert len(play.system_comments(ticket)) == 1
    assert len(play.letters()) == 80


@pytest.mark.rule("sla 22")
def test_rule_22_the_earliest_due_come_first_and_no_more_than_the_limit(play):
    late, early = play.open(after(1)), play.open()
    assert sweep_sla(limit=1, now=after(4)) == 2
    assert play.steps(early, FIRST)[1].fired_at
    assert not play.steps(late, FIRST)[0].fired_at
    assert sweep_sla(limit=1, now=after(4)) == 1
    assert play.steps(late, FIRST)[0].fired_at


@pytest.mark.rule("sla 22")
@pytest.mark.parametrize("table", ["sla_steps", "sla_clocks", "tickets"])
def test_rule_22_a_locked_row_is_left_and_blocks_nothing_behind_it(play, owner, postgres, table):
    held, free = play.open(), play.open(after(minutes=1))
    with postgres.connect("emberone_owner", "emberone") as other:
        other.autocommit = False
        where = {
            "tickets": "id = %(id)s",
            "sla_clocks": "ticket_id = %(id)s",
            "sla_steps": "clock_id IN (SELECT id FROM sla_clocks WHERE ticket_id = %(id)s)",
        }[table]
        other.execute(f"SELECT FROM {table} WHERE {where} FOR UPDATE", {"id": held})
        assert sweep_sla(limit=1, now=after(3.5)) == 1
        assert play.steps(free, FIRST)[0].fired_at
        assert not play.steps(held, FIRST)[0].fired_at
        other.rollback()
    assert sweep_sla(limit=1, now=after(3.5)) == 1
    assert play.steps(held, FIRST)[0].fired_at


@pytest.mark.rule("sla 23")
def test_rule_23_a_late_sweep_fires_only_the_latest_step_of_each_clock(play, admin):
    ticket = play.open(**assigned(play))
    assert sweep_sla(now=after(30)) == 4
    for metric in (FIRST, RESOLUTION):
        assert outcome(play.steps(ticket, metric)) == [(None, "caught_up"), (after(30), None)]
    assert not play.history(ticket, "sla_warned")
    escalated = play.history(ticket, "escalated")
    assert [context(entry)["passedOver"] for entry in escalated] == [[1], [1]]
    assert {letter.letter for letter in play.letters()} == {"sla_breach"}


@pytest.mark.rule("sla 24")
def test_rule_24_a_raise_stops_at_critical_and_the_rest_is_done(play, admin):
    ticket = play.open(by=play.agent, priority=Priority.CRITICAL)
    sweep_sla(now=after(0.5))
    assert play.ticket(ticket).priority is Priority.CRITICAL
    assert not play.history(ticket, "priority_changed")
    [comment] = play.system_comments(ticket)
    assert "raised" not in comment.content
    assert len(play.letters()) == 1


@pytest.mark.rule("sla 18")
def test_rule_18_one_breach_does_not_cascade(play):
    ticket = play.open()
    sweep_sla(now=after(4, 1))
    assert play.ticket(ticket).priority is Priority.HIGH
    assert play.clock(ticket, RESOLUTION).target_s == 24 * 3600
    assert sweep_sla(now=after(17)) == 0
    assert play.clock(ticket, RESOLUTION).breached_at is None


@pytest.mark.rule("sla 24")
@pytest.mark.parametrize("status", [Status.WAITING, Status.CLOSED])
def test_rule_24_waiting_and_closed_are_untouched(play, status):
    ticket = play.open()
    play.move(ticket, status, after(1))
    sweep_sla(now=after(100))
    assert outcome(play.steps(ticket, FIRST) + play.steps(ticket, RESOLUTION)) == [(None, None)] * 4
    assert play.ticket(ticket).priority is Priority.MEDIUM
    assert not play.history(ticket, "escalated", "sla_warned")


@pytest.mark.rule("sla 24")
@pytest.mark.parametrize("status", ["WAITING", "CLOSED"])
def test_rule_24_also_where_the_status_came_by_another_path(play, status):
    ticket = play.open()
    play.sql("UPDATE tickets SET status = cast(:status AS ticket_status)", status=status)
    sweep_sla(now=after(100))
    assert outcome(play.steps(ticket, FIRST)) == [(None, None)] * 2
    assert play.ticket(ticket).priority is Priority.MEDIUM
    play.sql("UPDATE tickets SET status = 'IN_PROGRESS'")
    sweep_sla(now=after(101))
    assert play.steps(ticket, FIRST)[1].fired_at == after(101)


@pytest.mark.rule("sla 5")
def test_rule_5_a_parked_ticket_still_breaches_its_first_response(play):
    ticket = play.open()
    play.move(ticket, Status.WAITING, after(1))
    sweep_sla(now=after(5))
    assert play.clock(ticket, FIRST).breached_at == after(4)
    assert play.clock(ticket, RESOLUTION).breached_at is None
    play.move(ticket, Status.IN_PROGRESS, after(6))
    sweep_sla(now=after(6))
    assert outcome(play.steps(ticket, FIRST)) == [(None, "caught_up"), (after(6), None)]
    assert len(play.history(ticket, "sla_breached")) == 1


@pytest.mark.rule("sla 10")
def test_rule_10_a_ticket_overdue_by_a_change_while_closed_alerts_nobody(play, admin):
    ticket = play.open(**assigned(play))
    play.reply(ticket, after(minutes=10))
    play.move(ticket, Status.CLOSED, after(5))
    play.prioritise(ticket, Priority.CRITICAL, after(6))
    play.move(ticket, Status.IN_PROGRESS, after(7))
    assert play.clock(ticket, RESOLUTION).cause == "priority_change"
    assert sweep_sla(now=after(8)) == 0
    assert not play.letters()
    assert not play.history(ticket, "sla_warned", "escalated")
    assert len(play.history(ticket, "sla_breached")) == 1


@pytest.mark.rule("sla 10")
def test_rule_10_a_reopened_overdue_ticket_alerts_nobody(play, admin):
    ticket = play.open(**assigned(play))
    play.move(ticket, Status.CLOSED, after(30))
    play.move(ticket, Status.IN_PROGRESS, after(31))
    assert sweep_sla(now=after(31, 1)) == 0
    assert not play.letters()


def test_the_next_response_escalates_too(play, admin):
    ticket = play.open(**assigned(play))
    play.reply(ticket, after(1))
    play.speak(ticket, after(2))
    sweep_sla(now=after(6, 1))
    assert play.clock(ticket, NEXT).breached_at == after(6)
    assert "The next response was due" in play.system_comments(ticket)[0].content


def test_what_was_imported_is_noted_and_nobody_is_told(play, admin):
    ticket = play.open(by=SYSTEM, cause="import", assigned_agent_id=play.agent.profile_id)
    assert play.clock(ticket, FIRST).quiet_until > after(4)
    now = play.clock(ticket, FIRST).quiet_until
    assert sweep_sla(now=now) == 4
    assert outcome(play.steps(ticket, FIRST)) == [(None, "imported")] * 2
    assert play.clock(ticket, FIRST).breached_at == after(4)
    assert len(play.history(ticket, "sla_breached")) == 2
    assert not play.history(ticket, "escalated", "sla_warned")
    assert not play.letters()
    assert not play.system_comments(ticket)
    assert play.ticket(ticket).priority is Priority.MEDIUM


def test_what_falls_due_after_the_import_is_told(play, admin):
    ticket = play.open(by=SYSTEM, cause="import")
    play.sql("UPDATE sla_clocks SET quiet_until = :at", at=after(3.5))
    sweep_sla(now=after(4, 1))
    assert outcome(play.steps(ticket, FIRST)) == [(None, "imported"), (after(4, 1), None)]


@pytest.mark.rule("sla 20")
def test_a_named_person_is_told_and_the_ticket_goes_back_to_the_pool(play, make):
    boss = make.admin()
    policy = play.policy(
        targets={(Priority.MEDIUM, RESOLUTION): 100},
        steps={
            1: {
                "percent": 100,
                "actions": ["REASSIGN", "NOTIFY_PERSON"],
                "person_id": boss.profile_id,
            }
        },
    )
    ticket = play.open(**assigned(play), team_id=play.team(policy), status=Status.IN_PROGRESS)
    sweep_sla(now=after(1))
    stored = play.ticket(ticket)
    assert (stored.assigned_agent_id, stored.status) == (None, Status.OPEN)
    assert stored.handed_off_by == play.agent.profile_id
    [entry] = play.history(ticket, "assignment_changed")
    assert entry.details["reason"].startswith("SLA step ")
    assert [letter.to_profile_id for letter in play.letters()] == [boss.profile_id]


def test_whom_a_plan_names_is_told_only_while_they_are_staff(play, make):
    boss = make.agent()
    policy = play.policy(
        targets={(p, FIRST): 3600 for p in Priority},
        steps={
            1: {
                "percent": 100,
                "actions": ["NOTIFY_PERSON"],
                "person_id": boss.profile_id,
            }
        },
    )
    play.open(**assigned(play), team_id=play.team(policy))
    play.sql("UPDATE profiles SET role = 'CUSTOMER' WHERE id = :id", id=boss.profile_id)
    sweep_sla(now=after(2))
    [letter] = [row for row in play.letters() if row.to_profile_id == boss.profile_id]
    assert (letter.state, letter.last_error) == (
        MailState.SUPPRESSED,
        "This person is not one of the staff.",
    )


# A row that cannot be dealt with.


@pytest.fixture
def poison(owner):
    """Makes every SYSTEM comment on a ticket fail until it is cured."""

    def spoil(ticket_id):
        owner.execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.ticket_id = '{ticket_id}' THEN RAISE EXCEPTION 'spoilt'; END IF;"
            " RETURN NEW; END $$"
        )
        owner.execute(
            "CREATE TRIGGER spoil BEFORE INSERT ON comments FOR EACH ROW EXECUTE FUNCTION spoil()"
        )

    return spoil


def test_a_poison_step_takes_nothing_with_it(play, admin, poison):
    before, bad, behind = play.open(), play.open(after(seconds=1)), play.open(after(seconds=2))
    poison(bad)
    sweep_sla(now=after(5))
    assert play.steps(before, FIRST)[1].fired_at
    assert play.steps(behind, FIRST)[1].fired_at
    step = play.steps(bad, FIRST)[1]
    assert (step.fired_at, step.attempts) == (None, 1)
    assert "spoilt" in step.last_error
    assert step.fire_at == after(5, seconds=10)
    # Nothing of it happened but that the breach was noticed.
    assert play.ticket(bad).priority is Priority.MEDIUM
    assert not play.history(bad, "escalated", "priority_changed")
    assert play.clock(bad, FIRST).breached_at == after(4, seconds=1)
    assert not [letter for letter in play.letters() if letter.ticket_id == bad]


@pytest.mark.rule("sla 23")
def test_a_poison_step_does_not_bring_back_the_one_before_it(play, poison):
    ticket = play.open()
    poison(ticket)
    sweep_sla(now=after(5))
    assert sweep_sla(now=after(5)) == 0
    assert outcome(play.steps(ticket, FIRST)) == [(None, "caught_up"), (None, None)]


def test_a_step_is_given_up_after_five_attempts_and_can_be_retried(play, admin, poison, owner):
    ticket = play.open()
    poison(ticket)
    for n in range(MAX_ATTEMPTS):
        assert play.steps(ticket, FIRST)[1].attempts == n
        sweep_sla(now=after(5 + n))
    step = play.steps(ticket, FIRST)[1]
    assert (step.attempts, step.dead_at) == (5, after(9))
    assert sweep_sla(now=after(10)) == 0
    with reading(admin) as session:
        [dead] = dead_rows(session)
    assert (dead.id, dead.ticket_id, dead.attempts) == (step.id, ticket, 5)

    with pytest.raises(NotAllowed):
        retry_step(play.agent, step.id)
    owner.execute("DROP TRIGGER spoil ON comments")
    retry_step(admin, step.id, now=after(11))
    assert sweep_sla(now=after(11)) == 1
    assert play.steps(ticket, FIRST)[1].fired_at == after(11)
    assert len(play.history(ticket, "sla_step_retried")) == 1
    with reading(admin) as session:
        assert dead_rows(session) == []


def test_a_dead_step_of_a_clock_that_is_over_is_called_off_on_retry(play, admin):
    ticket = play.open()
    play.sql("UPDATE sla_steps SET dead_at = :at, attempts = 5", at=after(4))
    play.reply(ticket, after(5))
    step = play.steps(ticket, FIRST)[0]
    retry_step(admin, step.id, now=after(6))
    assert play.steps(ticket, FIRST)[0].cancelled_at == after(6)
    assert sweep_sla(now=after(7)) == 0


def test_only_a_dead_step_is_retried(play, admin):
    ticket = play.open()
    with pytest.raises(Conflict):
        retry_step(admin, play.steps(ticket, FIRST)[0].id)
    with pytest.raises(NotFound):
        retry_step(admin, ticket)


# What it costs.


@pytest.mark.rule("sla 22")
def test_an_idle_sweep_is_one_query_beside_the_lock(play):
    play.open()
    with Statements() as statements:
        assert sweep_sla(now=START) == 0
    assert len(statements.seen) == 3, statements.seen
    assert "set_config" in statements.seen[0]
    assert "advisory" in statements.seen[1]


@pytest.mark.rule("sla 22")
def test_an_idle_sweep_reads_no_table_from_end_to_end(play, owner: psycopg.Connection):
    from emberone.services.sla import _PICK

    ticket = play.open()
    owner.execute(
        "INSERT INTO tickets (title, description, customer_id)"
        " SELECT 'x', '', customer_id FROM tickets, generate_series(1, 5000)"
    )
    owner.execute(
        # Half of them late, and noticed: the sweep must not walk over these every time.
        "INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, target_s, started_at,"
        " running_since, due_at, breached_at)"
        " SELECT tickets.id, 'RESOLUTION', policy_version_id, 9, now(), now(), late.due_at,"
        " late.breached_at FROM tickets, sla_clocks, LATERAL (SELECT"
        " now() + interval '1 day' * sign(tickets.number %% 2 - 0.5) AS due_at,"
        " CASE tickets.number %% 2 WHEN 0 THEN now() - interval '1 day' END AS breached_at) AS late"
        " WHERE tickets.id <> %(id)s AND sla_clocks.metric = 'RESOLUTION'",
        {"id": ticket},
    )
    owner.execute(
        "INSERT INTO sla_steps (clock_id, step_no, percent, actions, fire_at)"
        " SELECT id, 7, 75, '{COMMENT}', now() + interval '1 day' FROM sla_clocks"
    )
    owner.execute("ANALYZE")
    with transaction(SYSTEM) as session:
        plan = "\n".join(
            session.scalars(text(f"EXPLAIN {_PICK.text}"), {"now": START, "limit": 100})
        )
    assert "ix_sla_steps_due" in plan
    assert "ix_sla_clocks_unnoticed" in plan
    assert "Seq Scan" not in plan


@pytest.mark.rule("sla 22")
def test_the_statements_of_a_busy_sweep_grow_with_what_is_due_only(play, admin):
    def statements(tickets):
        for _ in range(tickets):
            play.open(**assigned(play))
        with Statements() as seen:
            sweep_sla(now=after(3))
        return len(seen.seen)

    one, eleven = statements(1), statements(11)
    assert (eleven - one) / 10 <= 4
