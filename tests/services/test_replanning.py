"""A changed policy or calendar is followed by what runs, batch by batch, and by nothing that is over."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority, Status, StepAction
from emberone.domain.promises import PlannedAlert, Promises
from emberone.jobs import Job
from emberone.queries.calendars import list_calendars
from emberone.queries.replanning import _PROGRESS, OLDEST_DUE, replanning
from emberone.queries.sla import stories
from emberone.queries.sla_policies import list_policies, promises_of
from emberone.services import calendars, sla_policies, sweeps
from emberone.services.due_times import promise_due
from emberone.services.replanning import _PICK, sweep_replanning
from emberone.services.sla import sweep_sla
from tests.services.sla_play import FIRST, NEXT, RESOLUTION, Play, Statements, after, context

DAY = 24
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
MORNINGS = {"week": {day: [["09:00", "13:00"]] for day in WEEKDAYS}}
LONG_DAYS = {"week": {day: [["07:00", "19:00"]] for day in WEEKDAYS}}
WARNING = PlannedAlert(Decimal(50), (StepAction.NOTIFY_ASSIGNEE,))


@pytest.fixture
def play(make):
    return Play(make, is_as_delivered=True)


@pytest.fixture
def admin(make):
    return make.admin()


def business_hours():
    with reading(SYSTEM) as session:
        [row] = [row for row in list_calendars(session) if row.name == "Business hours"]
        return row


def change_hours(admin, definition):
    row = business_hours()
    calendars.add_version(admin, row.id, "UTC", definition, version=row.version)
    return business_hours().version_id


def standard():
    with reading(SYSTEM) as session:
        [row] = [row for row in list_policies(session) if row.name == "Standard"]
        return row, promises_of(session, row.version_id)


def change_targets(admin, targets=None, **changes):
    """Another version of the default policy, with these targets instead; None: without."""
    row, promises = standard()
    seconds = {**promises.targets, **(targets or {})}
    kept = {target: s for target, s in seconds.items() if s is not None}
    alerts = changes.pop("alerts", promises.alerts)
    sla_policies.add_version(
        admin, row.id, Promises(kept, alerts, calendars=promises.calendars, **changes)
    )
    return standard()[0].version_id


def left():
    with reading(SYSTEM) as session:
        return [(r.kind, r.name, r.version, r.done, r.total) for r in replanning(session)]


def assert_history_tells(play, ticket, now):
    with reading(SYSTEM) as session:
        told = stories(session, ticket, now)
    assert {(s.metric, s.cycle) for s in told} == set(play.metrics(ticket))
    for story in told:
        clock = play.clock(ticket, story.metric, story.cycle)
        assert story.timing == clock.timing
        assert story.calendar == clock.calendar_version


@pytest.mark.rule("sla 15")
def test_what_runs_follows_changed_hours_from_now_on(play, admin):
    ticket = play.open()
    version = change_hours(admin, MORNINGS)
    assert sweep_replanning(now=after(6)) == 1
    clock = play.clock(ticket, RESOLUTION)
    # Six hours have run; 18 are left, of which none today: four, four, four, four, two.
    assert (clock.consumed_s, clock.running_since) == (6 * 3600, after(6))
    assert (clock.due_at, clock.calendar_version) == (after(7 * DAY + 2), version)
    # 75 % are 18 hours, 100 % 24, 150 % 36, counted back and on by the new hours.
    assert [step.fire_at for step in play.steps(ticket, RESOLUTION)] == [
        after(4 * DAY),
        after(7 * DAY + 2),
        after(10 * DAY + 2),
    ]
    assert_history_tells(play, ticket, after(6))
    assert sweep_replanning(now=after(7)) == 0


@pytest.mark.rule("sla 15")
def test_what_runs_follows_a_changed_target(play, admin):
    ticket = play.open()
    version = change_targets(admin, {(RESOLUTION, Priority.MEDIUM): 8 * 3600})
    assert sweep_replanning(now=after(2)) == 1
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.target_s, clock.due_at, clock.policy_version_id) == (8 * 3600, after(8), version)
    assert play.clock(ticket, FIRST).policy_version_id == version
    [opened, changed] = play.history(ticket, "sla_policy_chosen")
    assert (context(opened)["version"], context(changed)["version"]) == (1, 2)
    assert [c["metric"] for c in context(changed)["clocks"]] == ["RESOLUTION"]
    assert changed.actor_id is None
    assert_history_tells(play, ticket, after(2))


@pytest.mark.rule("sla 15")
def test_the_priority_that_a_person_set_decides_and_not_the_engines_own(play, admin):
    ticket = play.open()
    play.sql("UPDATE tickets SET priority = 'CRITICAL', sla_priority = 'MEDIUM'")
    change_targets(admin, {(RESOLUTION, Priority.MEDIUM): 16 * 3600})
    sweep_replanning(now=after(1))
    assert play.clock(ticket, RESOLUTION).target_s == 16 * 3600


@pytest.mark.rule("sla 15")
def test_a_changed_plan_is_followed_by_what_has_not_fired(play, admin):
    ticket = play.open()
    play.sql("UPDATE tickets SET assigned_agent_id = :id", id=play.agent.profile_id)
    sweep_sla(now=after(3))
    change_targets(admin, alerts=(WARNING,))
    sweep_replanning(now=after(3.5))
    fired, dropped, again = play.steps(ticket, FIRST)
    # The first had fired at 75 % and is not asked for a second time.
    assert (fired.percent, fired.fired_at) == (75, after(3))
    assert [s.skipped_reason for s in (dropped, again)] == ["not_planned"] * 2
    moved, _, _ = play.steps(ticket, RESOLUTION)
    assert (moved.percent, moved.fire_at) == (50, after(DAY + 4))


@pytest.mark.rule("sla 15")
def test_a_finished_verdict_is_never_rewritten(play, admin):
    met, breached = play.open(), play.open()
    play.reply(met, after(1), Status.CLOSED)
    play.reply(breached, after(5), Status.CLOSED)
    before = {t: [play.clock(t, m) for m in (FIRST, RESOLUTION)] for t in (met, breached)}
    change_hours(admin, MORNINGS)
    change_targets(admin, {(FIRST, Priority.MEDIUM): 60, (RESOLUTION, Priority.MEDIUM): 60})
    assert sweep_replanning(now=after(6)) == 0
    for ticket, clocks in before.items():
        for clock in clocks:
            now = play.clock(ticket, clock.metric)
            assert (now.timing, now.policy_version_id) == (clock.timing, clock.policy_version_id)


@pytest.mark.rule("sla 15")
@pytest.mark.rule("sla 17")
def test_what_is_breached_stays_breached_when_it_was(play, admin):
    ticket = play.open()
    sweep_sla(now=after(5))
    change_targets(admin, {(FIRST, Priority.MEDIUM): 8 * 3600})
    sweep_replanning(now=after(6))
    clock = play.clock(ticket, FIRST)
    assert (clock.breached_at, clock.cause, clock.due_at) == (after(4), None, after(8))
    assert len(play.history(ticket, "sla_breached")) == 1


@pytest.mark.rule("sla 15")
def test_other_hours_do_not_move_what_is_overdue(play, admin):
    ticket = play.open()
    sweep_sla(now=after(5))
    change_hours(admin, LONG_DAYS)
    sweep_replanning(now=after(6))
    clock = play.clock(ticket, FIRST)
    assert (clock.breached_at, clock.due_at) == (after(4), after(4))
    # The second escalation is two hours after due by the long days as well.
    assert play.steps(ticket, FIRST)[2].fire_at == after(6)
    assert_history_tells(play, ticket, after(6))


@pytest.mark.rule("sla 16")
def test_a_due_time_that_passed_unnoticed_before_the_change_is_a_breach_then(play, admin):
    ticket = play.open()
    change_hours(admin, MORNINGS)
    sweep_replanning(now=after(5))
    clock = play.clock(ticket, FIRST)
    assert (clock.breached_at, clock.detected_at, clock.cause) == (after(4), after(5), None)
    [entry] = play.history(ticket, "sla_breached")
    assert context(entry)["dueAt"] == after(4).isoformat()


@pytest.mark.rule("sla 17")
def test_what_the_change_alone_overruns_is_breached_once_and_reported_apart(play, admin):
    ticket = play.open()
    play.sql("UPDATE tickets SET assigned_agent_id = :id", id=play.agent.profile_id)
    change_targets(admin, {(FIRST, Priority.MEDIUM): 3600})
    sweep_replanning(now=after(2))
    clock = play.clock(ticket, FIRST)
    assert (clock.breached_at, clock.cause) == (after(2), "policy_change")
    [entry] = play.history(ticket, "sla_breached")
    assert context(entry)["cause"] == "policy_change"
    # It is overrun by a decision of today: the latest step that is due fires next.
    sweep_sla(now=after(2))
    assert [step.fired_at is None for step in play.steps(ticket, FIRST)] == [True, False, True]


@pytest.mark.rule("sla 15")
def test_what_is_paused_goes_on_by_the_new_hours(play, admin):
    ticket = play.open()
    play.reply(ticket, after(2), Status.WAITING)
    version = change_hours(admin, MORNINGS)
    assert sweep_replanning(now=after(3)) == 1
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.paused_at, clock.due_at, clock.calendar_version) == (after(2), None, version)
    assert all(step.fire_at is None for step in play.steps(ticket, RESOLUTION))
    play.speak(ticket, after(DAY), Status.IN_PROGRESS)
    # 22 hours in mornings of four: the sixth morning, two hours in.
    assert play.clock(ticket, RESOLUTION).due_at == after(8 * DAY - DAY + 2 + DAY)
    assert_history_tells(play, ticket, after(DAY))


@pytest.mark.rule("sla 24")
def test_nothing_is_planned_to_fire_on_a_waiting_ticket(play, admin):
    ticket = play.open()
    play.move(ticket, Status.WAITING, after(1))
    change_targets(admin, {(FIRST, Priority.MEDIUM): 1800})
    sweep_replanning(now=after(1))
    assert play.clock(ticket, FIRST).breached_at == after(1)
    assert all(step.fire_at is None for step in play.steps(ticket, FIRST))


@pytest.mark.rule("sla 18")
def test_a_metric_that_is_promised_no_longer_stops(play, admin):
    ticket = play.open()
    change_targets(admin, {(FIRST, Priority.MEDIUM): None})
    sweep_replanning(now=after(1))
    clock = play.clock(ticket, FIRST)
    assert (clock.stopped_at, clock.stopped_reason) == (after(1), "no_target")
    assert all(step.cancelled_at == after(1) for step in play.steps(ticket, FIRST))
    assert play.clock(ticket, RESOLUTION).timing.is_running
    assert sweep_replanning(now=after(2)) == 0
    assert_history_tells(play, ticket, after(2))


@pytest.mark.rule("sla 19")
def test_a_due_time_set_by_hand_outlives_every_change(play, admin):
    ticket = play.open()
    play.sql(
        "UPDATE sla_clocks SET due_at = :due, due_set_by = :who WHERE metric = 'RESOLUTION'",
        due=after(50),
        who=play.agent.profile_id,
    )
    change_targets(admin, {(RESOLUTION, Priority.MEDIUM): 60})
    change_hours(admin, MORNINGS)
    assert sweep_replanning(now=after(1)) == 1
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.due_at, clock.due_set_by) == (after(50), play.agent.profile_id)
    assert clock.breached_at is None
    assert sweep_replanning(now=after(2)) == 0


@pytest.mark.rule("sla 15")
def test_it_goes_batch_by_batch_and_says_how_far_it_is(play, admin):
    tickets = [play.open() for _ in range(5)]
    change_hours(admin, MORNINGS)
    assert left() == [("calendar", "Business hours", 2, 0, 10)]
    assert sweep_replanning(limit=4, now=after(1)) == 2
    assert left() == [("calendar", "Business hours", 2, 4, 10)]
    play.reply(tickets[-1], after(1), Status.CLOSED)
    assert sweeps.run(Job.REPLAN) == 2
    assert left() == []


@pytest.mark.rule("sla 15")
def test_two_changes_are_followed_in_one_go(play, admin):
    ticket = play.open()
    version = change_targets(admin, {(RESOLUTION, Priority.MEDIUM): 8 * 3600})
    hours = change_hours(admin, MORNINGS)
    assert [row[0] for row in left()] == ["calendar", "policy"]
    assert sweep_replanning(now=after(1)) == 1
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.policy_version_id, clock.calendar_version) == (version, hours)
    assert left() == []
    assert_history_tells(play, ticket, after(1))


@pytest.mark.rule("sla 15")
def test_what_somebody_holds_comes_with_the_next_batch(play, admin, owner):
    held, free = play.open(), play.open()
    change_hours(admin, MORNINGS)
    with owner.transaction():
        owner.execute("SELECT FROM tickets WHERE id = %s FOR UPDATE", [held])
        assert sweep_replanning(now=after(1)) == 1
    new = business_hours().version_id
    assert play.clock(free, FIRST).calendar_version == new
    assert play.clock(held, FIRST).calendar_version != new
    assert sweep_replanning(now=after(1)) == 1
    assert play.clock(held, FIRST).calendar_version == new


def test_one_ticket_that_cannot_be_planned_holds_up_no_other(play, admin, owner):
    tickets = [play.open() for _ in range(5)]
    change_hours(admin, MORNINGS)
    owner.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'not this one'; END $$"
    )
    owner.execute(
        "CREATE TRIGGER refuse BEFORE UPDATE ON sla_clocks FOR EACH ROW"
        f" WHEN (NEW.ticket_id = '{tickets[2]}') EXECUTE FUNCTION refuse()"
    )
    assert sweep_replanning(now=after(1)) == 4
    assert left() == [("calendar", "Business hours", 2, 8, 10)]
    # Alone it fails aloud, for the page of jobs to say so.
    with pytest.raises(Exception, match="not this one"):
        sweep_replanning(now=after(1))
    owner.execute("DROP TRIGGER refuse ON sla_clocks")
    assert sweep_replanning(now=after(1)) == 1


def test_a_batch_takes_the_same_statements_for_one_ticket_and_for_many(play, admin):
    def statements(count):
        for _ in range(count):
            ticket = play.open()
        row = business_hours()
        hours = MORNINGS if row.definition != {**MORNINGS, "exceptions": []} else LONG_DAYS
        change_hours(admin, hours)
        with Statements() as found:
            sweep_replanning(now=after(1) + timedelta(minutes=row.version))
        assert play.clock(ticket, FIRST).calendar_version == business_hours().version_id
        return len(found.seen)

    assert statements(1) == statements(8)


def test_an_old_version_that_nothing_runs_under_is_nothing_to_do(play, admin):
    change_hours(admin, MORNINGS)
    change_targets(admin, {(NEXT, Priority.LOW): 60})
    assert left() == []
    assert sweep_replanning() == 0


@pytest.mark.rule("sla 15")
def test_looking_for_something_to_do_reads_what_is_stale_and_nothing_else(play, admin, owner):
    play.open()
    change_hours(admin, MORNINGS)
    owner.execute(
        "INSERT INTO tickets (title, description, customer_id)"
        " SELECT 'x', '', customer_id FROM tickets, generate_series(1, 5000)"
    )
    # Under the newest versions, and one in ten of them over.
    owner.execute(
        "INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, target_s, started_at,"
        " running_since, due_at, met_at) SELECT id, 'RESOLUTION', version_id, 9, now(),"
        " CASE WHEN number % 10 > 0 THEN now() END, now(), CASE number % 10 WHEN 0 THEN now() END"
        " FROM tickets, (SELECT id AS version_id FROM sla_policy_versions) AS version"
        " WHERE title = 'x'"
    )
    owner.execute("ANALYZE")
    with transaction(SYSTEM) as session:
        for statement in (_PICK.text, OLDEST_DUE, _PROGRESS.text):
            plan = "\n".join(session.scalars(text(f"EXPLAIN {statement}"), {"limit": 500}))
            assert "ix_sla_clocks_open_policy" in plan
            assert "ix_sla_clocks_open_calendar" in plan
            assert "Seq Scan on sla_clocks" not in plan


@pytest.mark.rule("sla 19")
def test_what_a_person_promised_stands_where_the_policy_promises_nothing_any_more(play, admin):
    ticket = play.open()
    promise_due(play.agent, ticket, RESOLUTION, after(48), now=after(1))
    fire_at = [step.fire_at for step in play.steps(ticket, RESOLUTION)]
    change_targets(admin, {(RESOLUTION, Priority.MEDIUM): None})
    assert sweep_replanning(now=after(2)) == 1
    version = change_hours(admin, MORNINGS)
    assert sweep_replanning(now=after(3)) == 1
    assert sweep_replanning(now=after(3)) == 0
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.due_at, clock.stopped_at) == (after(48), None)
    assert (clock.calendar_version, clock.consumed_s) == (version, 3 * 3600)
    assert [step.fire_at for step in play.steps(ticket, RESOLUTION)] == fire_at
    assert_history_tells(play, ticket, after(4))


def test_what_moved_while_the_sweep_began_is_planned_from_then(play, admin):
    """The sweep's now is when its transaction began; the ticket came a second later."""
    ticket = play.open(after(1, seconds=1))
    change_hours(admin, MORNINGS)
    assert sweep_replanning(now=after(1)) == 1
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.consumed_s, clock.running_since) == (0, after(1, seconds=1))
