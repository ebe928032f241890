"""SLA clocks, rule by rule (the numbers are those of the SLA rule book)."""

import threading

import pytest
from sqlalchemy import select

from emberone.core import create_core
from emberone.db import as_system, db, now_of, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority, Status
from emberone.domain.lifecycle import Event
from emberone.models import Comment, Ticket
from emberone.queries.sla import stories
from emberone.services import clocks, comments
from emberone.services.tickets import TicketChanges, change_ticket
from emberone.services.transitions import locked_ticket, move
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

NOTIFY = {"percent": 100, "actions": ["NOTIFY_ADMINS"]}


@pytest.fixture
def play(make):
    return Play(make)


def gold(play, **more):
    return play.policy(
        targets={
            (priority, metric): 600 if metric is FIRST else 6000
            for priority in Priority
            for metric in (FIRST, NEXT, RESOLUTION)
        },
        steps={1: NOTIFY},
        **more,
    )


# Rule 0: which policy.


@pytest.mark.rule("sla 0")
def test_rule_0_the_default_policy_is_chosen_and_history_says_so(play):
    ticket = play.open()
    [entry] = play.history(ticket, "sla_policy_chosen")
    assert entry.is_internal
    assert context(entry)["policy"] == "Standard"
    assert context(entry)["chosenBy"] == "default"
    assert [clock["metric"] for clock in context(entry)["clocks"]] == [FIRST, RESOLUTION]


@pytest.mark.rule("sla 0")
def test_rule_0_the_teams_policy_goes_before_the_default_one(play):
    team = play.team(gold(play))
    ticket = play.open(by=play.agent, team_id=team)
    [entry] = play.history(ticket, "sla_policy_chosen")
    assert (context(entry)["policy"], context(entry)["chosenBy"]) == ("Gold", "team")
    assert play.clock(ticket, FIRST).target_s == 600


@pytest.mark.rule("sla 0")
def test_rule_0_a_team_without_a_policy_has_the_default_one(play):
    ticket = play.open(by=play.agent, team_id=play.team(None))
    assert context(play.history(ticket, "sla_policy_chosen")[0])["policy"] == "Standard"


@pytest.mark.rule("sla 0")
@pytest.mark.parametrize(
    ("priority", "first_s", "resolution_s"),
    [
        (Priority.LOW, 8 * 3600, 72 * 3600),
        (Priority.MEDIUM, 4 * 3600, 24 * 3600),
        (Priority.HIGH, 3600, 8 * 3600),
        (Priority.CRITICAL, 900, 4 * 3600),
    ],
)
def test_rule_0_targets_go_by_priority_inside_one_policy(play, priority, first_s, resolution_s):
    ticket = play.open(by=play.agent, priority=priority)
    assert play.clock(ticket, FIRST).target_s == first_s
    assert play.clock(ticket, RESOLUTION).target_s == resolution_s


@pytest.mark.rule("sla 0")
def test_rule_0_another_team_brings_its_policy_and_keeps_what_was_consumed(play):
    ticket = play.open()
    play.route(ticket, play.team(gold(play)), after(minutes=5))
    assert play.clock(ticket, FIRST).target_s == 600
    assert play.clock(ticket, FIRST).due_at == after(minutes=10)
    assert [context(e)["policy"] for e in play.history(ticket, "sla_policy_chosen")] == [
        "Standard",
        "Gold",
    ]
    assert [step.percent for step in play.steps(ticket, FIRST) if step.fire_at] == [100]


@pytest.mark.rule("sla 0")
def test_rule_0_a_team_of_the_same_policy_changes_nothing(play):
    ticket = play.open()
    play.route(ticket, play.team(None), after(1))
    assert len(play.history(ticket, "sla_policy_chosen", "sla_changed")) == 1


# Rule 1: the first response.


@pytest.mark.rule("sla 1")
def test_rule_1_first_response_starts_with_the_ticket_and_is_met_by_a_public_reply(play):
    ticket = play.open()
    assert play.clock(ticket, FIRST).started_at == START
    play.reply(ticket, after(1))
    clock = play.clock(ticket, FIRST)
    assert (clock.met_at, clock.breached_at, clock.consumed_s) == (after(1), None, 3600)


@pytest.mark.rule("sla 1")
def test_rule_1_a_ticket_begun_by_staff_in_public_waits_for_the_customer(play):
    ticket = play.open(by=play.agent, starts_with_staff_comment=True)
    assert play.metrics(ticket) == [(RESOLUTION, 1)]
    play.reply(ticket, after(1))
    assert play.metrics(ticket) == [(RESOLUTION, 1)]
    play.speak(ticket, after(2))
    assert play.clock(ticket, FIRST).started_at == after(2)
    play.speak(ticket, after(3))
    assert play.clock(ticket, FIRST).started_at == after(2)
    play.reply(ticket, after(4))
    assert play.clock(ticket, FIRST).consumed_s == 2 * 3600


# Rule 2: the next response.


@pytest.mark.rule("sla 2")
def test_rule_2_no_next_response_before_the_first_is_met(play):
    ticket = play.open()
    play.speak(ticket, after(1))
    assert play.metrics(ticket) == [(FIRST, 1), (RESOLUTION, 1)]


@pytest.mark.rule("sla 2")
def test_rule_2_no_next_response_where_the_promise_of_a_first_one_was_taken_back(play):
    policy = play.policy(
        targets={
            (Priority.HIGH, FIRST): 600,
            (Priority.HIGH, NEXT): 600,
            (Priority.LOW, NEXT): 600,
        }
    )
    ticket = play.open(by=play.agent, team_id=play.team(policy), priority=Priority.HIGH)
    play.prioritise(ticket, Priority.LOW, after(minutes=1))
    play.speak(ticket, after(minutes=2))
    assert play.metrics(ticket) == [(FIRST, 1)]
    play.reply(ticket, after(minutes=3))
    play.speak(ticket, after(minutes=4))
    assert play.clock(ticket, NEXT).started_at == after(minutes=4)


@pytest.mark.rule("sla 2")
def test_rule_2_a_next_response_is_promised_without_a_first_one(play):
    policy = play.policy(targets={(Priority.MEDIUM, NEXT): 600})
    ticket = play.open(by=play.agent, team_id=play.team(policy))
    play.speak(ticket, after(minutes=1))
    assert play.metrics(ticket) == []
    play.reply(ticket, after(minutes=2))
    play.speak(ticket, after(minutes=3))
    assert play.clock(ticket, NEXT).started_at == after(minutes=3)


@pytest.mark.rule("sla 2")
def test_rule_2_no_next_response_while_staff_spoke_last(play):
    ticket = play.open()
    play.reply(ticket, after(1))
    play.reply(ticket, after(2))
    assert play.metrics(ticket) == [(FIRST, 1), (RESOLUTION, 1)]


@pytest.mark.rule("sla 2")
def test_rule_2_a_cycle_starts_at_the_oldest_unanswered_comment(play):
    ticket = play.open()
    play.reply(ticket, after(1))
    play.speak(ticket, after(2))
    play.speak(ticket, after(3))
    assert play.clock(ticket, NEXT).started_at == after(2)
    assert play.clock(ticket, NEXT).due_at == after(6)
    play.reply(ticket, after(5))
    assert play.clock(ticket, NEXT).met_at == after(5)
    play.speak(ticket, after(6))
    assert play.clock(ticket, NEXT, cycle=2).started_at == after(6)


@pytest.mark.rule("sla 2")
def test_rule_2_closing_stops_the_next_response(play):
    ticket = play.open()
    play.reply(ticket, after(1))
    play.speak(ticket, after(2))
    play.move(ticket, Status.CLOSED, after(3))
    clock = play.clock(ticket, NEXT)
    assert (clock.met_at, clock.stopped_at, clock.stopped_reason) == (None, after(3), "closed")
    assert all(step.cancelled_at for step in play.steps(ticket, NEXT))


@pytest.mark.rule("sla 2")
@pytest.mark.parametrize("is_routed", [True, False])
def test_rule_2_who_waits_when_an_answer_is_promised_again_is_promised_one(play, is_routed):
    every = (FIRST, NEXT, RESOLUTION)
    quick = play.team(gold(play))
    targets = {(p, m): 6000 for p in Priority for m in every if m is not NEXT}
    slow = play.team(play.policy("Slow", targets=targets))
    ticket = play.open(by=play.agent, team_id=quick if is_routed else slow)
    play.reply(ticket, after(minutes=1))
    if is_routed:
        play.speak(ticket, after(minutes=2))
        play.route(ticket, slow, after(minutes=3))
        assert play.clock(ticket, NEXT).stopped_reason == "no_target"
    else:
        play.speak(ticket, after(minutes=2))
    play.route(ticket, quick, after(minutes=4))
    clock = play.clock(ticket, NEXT, 2 if is_routed else 1)
    assert clock.due_at == after(minutes=4, seconds=6000)
    # But nobody who has been answered.
    play.reply(ticket, after(minutes=5))
    play.route(ticket, slow, after(minutes=6))
    play.route(ticket, quick, after(minutes=7))
    assert play.metrics(ticket)[-1] == (RESOLUTION, 1)
    assert play.clock(ticket, NEXT, clock.cycle).met_at == after(minutes=5)
    assert (NEXT, clock.cycle + 1) not in play.metrics(ticket)
    assert_history_tells(play, ticket, after(1))


@pytest.mark.rule("sla 2")
def test_rule_2_a_customers_last_word_is_not_waited_for_after_a_reopening(play):
    ticket = play.open()
    play.reply(ticket, after(1))
    comments.say_and_close(play.customer, ticket, "It works.", now=after(2))
    play.move(ticket, Status.IN_PROGRESS, after(3))
    play.prioritise(ticket, Priority.HIGH, after(4))
    assert play.metrics(ticket) == [(FIRST, 1), (RESOLUTION, 1)]


@pytest.mark.rule("sla 2")
def test_rule_2_what_was_not_taken_up_on_reopening_is_not_begun_by_a_change(play):
    ticket = play.open()
    play.reply(ticket, after(1))
    play.speak(ticket, after(2))
    play.move(ticket, Status.CLOSED, after(3))
    play.move(ticket, Status.IN_PROGRESS, after(24 * 30))
    play.prioritise(ticket, Priority.HIGH, after(24 * 30))
    assert play.metrics(ticket) == [(FIRST, 1), (NEXT, 1), (RESOLUTION, 1), (RESOLUTION, 2)]


@pytest.mark.rule("sla 2")
def test_rule_2_what_the_customer_said_and_was_deleted_waits_for_no_answer(play, make):
    ticket = play.open()
    play.reply(ticket, after(1))
    for hour in (2, 3):
        play.speak(ticket, after(hour))
    with reading(SYSTEM) as session:
        first, second = session.scalars(
            select(Comment.id)
            .where(Comment.author_id == play.customer.profile_id)
            .order_by(Comment.created_at)
        )
    admin = make.admin()
    comments.delete_comment(admin, second)
    assert play.clock(ticket, NEXT).timing.is_running
    comments.delete_comment(admin, first)
    clock = play.clock(ticket, NEXT)
    assert (clock.stopped_reason, clock.met_at) == ("comment_deleted", None)
    assert [step.fire_at for step in play.steps(ticket, NEXT)] == [None, None]
    assert play.clock(ticket, RESOLUTION).timing.is_running


@pytest.mark.rule("sla 1")
def test_rule_1_after_a_deleted_comment_the_next_is_the_customers_first(play, make):
    ticket = play.open(by=play.agent, starts_with_staff_comment=True)
    play.reply(ticket, START)
    play.speak(ticket, after(1))
    with reading(SYSTEM) as session:
        said = session.scalars(
            select(Comment.id).where(Comment.author_id == play.customer.profile_id)
        ).one()
    comments.delete_comment(make.admin(), said)
    assert play.clock(ticket, FIRST).stopped_reason == "comment_deleted"
    play.speak(ticket, play.clock(ticket, FIRST).stopped_at)
    assert play.clock(ticket, FIRST, 2).timing.is_running


# Rule 3: the resolution.


@pytest.mark.rule("sla 3")
def test_rule_3_resolution_runs_from_creation_to_closing_at_the_time_of_the_event(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(20))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.started_at, clock.met_at, clock.consumed_s) == (START, after(20), 20 * 3600)
    assert clock.breached_at is None


# Rule 4: closing is no answer.


@pytest.mark.rule("sla 4")
def test_rule_4_closing_without_a_reply_cancels_the_first_response(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(1))
    clock = play.clock(ticket, FIRST)
    assert (clock.met_at, clock.stopped_at, clock.stopped_reason) == (None, after(1), "closed")


@pytest.mark.rule("sla 4")
def test_rule_4_closing_meets_the_first_response_where_the_policy_says_so(play):
    team = play.team(gold(play, closing_is_response=True))
    ticket = play.open(by=play.agent, team_id=team)
    play.move(ticket, Status.CLOSED, after(minutes=5))
    assert play.clock(ticket, FIRST).met_at == after(minutes=5)


# Rules 5 to 9: pausing.


@pytest.mark.rule("sla 5")
def test_rule_5_waiting_pauses_the_resolution_only(play):
    ticket = play.open()
    play.move(ticket, Status.WAITING, after(1))
    resolution, first = play.clock(ticket, RESOLUTION), play.clock(ticket, FIRST)
    assert (resolution.paused_at, resolution.due_at) == (after(1), None)
    assert first.paused_at is None
    assert first.due_at == after(4)


@pytest.mark.rule("sla 6")
def test_rule_6_a_reply_is_settled_before_the_pause_that_comes_with_it(play):
    ticket = play.open()
    play.reply(ticket, after(1), Status.WAITING)
    assert play.clock(ticket, FIRST).met_at == after(1)
    assert play.clock(ticket, RESOLUTION).paused_at == after(1)


@pytest.mark.rule("sla 7")
def test_rule_7_a_customers_comment_resumes_in_the_same_transaction(play):
    ticket = play.open()
    play.reply(ticket, after(1), Status.WAITING)
    play.speak(ticket, after(10), Status.IN_PROGRESS)
    assert play.clock(ticket, RESOLUTION).running_since == after(10)
    assert play.clock(ticket, NEXT).started_at == after(10)


@pytest.mark.rule("sla 8")
def test_rule_8_elapsed_is_the_time_that_it_ran(play):
    ticket = play.open()
    for n in range(3):
        play.move(ticket, Status.WAITING, after(1 + 10 * n))
        play.move(ticket, Status.IN_PROGRESS, after(10 + 10 * n))
    play.move(ticket, Status.CLOSED, after(30, seconds=0.5))
    assert play.clock(ticket, RESOLUTION).consumed_s == 3 * 3600 + 0.5


@pytest.mark.rule("sla 9")
def test_rule_9_on_resuming_the_due_time_comes_from_what_was_consumed(play):
    ticket = play.open()
    play.move(ticket, Status.WAITING, after(1, us=1))
    play.move(ticket, Status.IN_PROGRESS, after(100))
    assert play.clock(ticket, RESOLUTION).due_at == after(100 + 23, us=-1)


# Rule 10: reopening.


@pytest.mark.rule("sla 10")
def test_rule_10_reopened_inside_the_window_the_same_cycle_goes_on(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(1))
    play.move(ticket, Status.IN_PROGRESS, after(1 + 7 * 24))
    resolution, first = play.clock(ticket, RESOLUTION), play.clock(ticket, FIRST)
    assert (resolution.met_at, resolution.due_at) == (None, after(7 * 24 + 24))
    assert (first.stopped_at, first.stopped_reason, first.due_at) == (
        None,
        None,
        after(7 * 24 + 4),
    )
    assert play.metrics(ticket) == [(FIRST, 1), (RESOLUTION, 1)]
    assert [step.fire_at for step in play.steps(ticket, RESOLUTION)] == [
        after(7 * 24 + 18),
        after(7 * 24 + 24),
    ]


@pytest.mark.rule("sla 10")
def test_rule_10_reopened_later_a_new_cycle_begins_and_the_verdict_stays(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(25))
    late = after(25 + 7 * 24, us=1)
    play.move(ticket, Status.IN_PROGRESS, late)
    old, new = play.clock(ticket, RESOLUTION), play.clock(ticket, RESOLUTION, cycle=2)
    assert (old.met_at, old.breached_at) == (after(25), after(24))
    assert (new.started_at, new.consumed_s, new.breached_at) == (late, 0, None)


@pytest.mark.rule("sla 10")
def test_rule_10_a_reopened_overdue_ticket_does_not_alert_at_once(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(30))
    play.move(ticket, Status.IN_PROGRESS, after(31))
    assert play.clock(ticket, RESOLUTION).breached_at == after(24)
    steps = play.steps(ticket, RESOLUTION)
    assert [(s.fire_at, s.skipped_reason) for s in steps] == [(None, "reopened")] * 2


@pytest.mark.rule("sla 10")
def test_rule_10_the_settings_window_holds(play, set_setting):
    set_setting(reopen_days=1)
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(1))
    play.move(ticket, Status.IN_PROGRESS, after(26))
    assert play.clock(ticket, RESOLUTION, cycle=2).started_at == after(26)


@pytest.mark.rule("sla 10")
@pytest.mark.parametrize("speaks_first", [True, False])
def test_rule_10_an_unanswered_customer_waits_on_after_reopening(play, speaks_first):
    ticket = play.open()
    play.reply(ticket, after(1))
    play.speak(ticket, after(2))
    play.move(ticket, Status.CLOSED, after(3))
    if speaks_first:
        play.speak(ticket, after(10), Status.OPEN)
    else:
        play.move(ticket, Status.OPEN, after(10))
        play.speak(ticket, after(10))
    clock = play.clock(ticket, NEXT)
    assert (clock.running_since, clock.due_at) == (after(10), after(13))
    assert play.metrics(ticket) == [(FIRST, 1), (NEXT, 1), (RESOLUTION, 1)]
    assert play.metrics(ticket).count((NEXT, 1)) == 1


@pytest.mark.rule("sla 10")
def test_rule_10_a_reply_that_reopens_answers_what_closing_left_unanswered(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(1))
    play.reply(ticket, after(20), Status.IN_PROGRESS)
    clock = play.clock(ticket, FIRST)
    assert (clock.met_at, clock.consumed_s, clock.breached_at) == (after(20), 3600, None)


@pytest.mark.rule("sla 10")
def test_rule_10_a_customer_who_was_never_answered_goes_on_waiting_for_the_first_response(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(1))
    play.speak(ticket, after(5), Status.OPEN)
    assert play.clock(ticket, FIRST).due_at == after(8)
    assert (NEXT, 1) not in play.metrics(ticket)


# What changed while the ticket was closed.


@pytest.mark.rule("sla 17")
def test_rule_17_a_priority_set_while_closed_counts_once_the_ticket_is_reopened(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(minutes=5))
    play.prioritise(ticket, Priority.CRITICAL, after(1))
    assert play.clock(ticket, RESOLUTION).target_s == 24 * 3600
    play.speak(ticket, after(10), Status.OPEN)
    first, resolution = play.clock(ticket, FIRST), play.clock(ticket, RESOLUTION)
    assert (first.target_s, first.due_at) == (900, after(10, 10))
    assert (resolution.target_s, resolution.due_at) == (14400, after(13, 55))
    assert [step.fire_at for step in play.steps(ticket, RESOLUTION)] == [
        after(12, 55),
        after(13, 55),
    ]
    assert not play.history(ticket, "sla_breached")
    assert len(play.history(ticket, "sla_policy_chosen")) == 1


@pytest.mark.rule("sla 17")
@pytest.mark.parametrize("is_routed", [False, True])
def test_rule_17_in_which_order_a_customer_speaks_and_reopens_makes_no_difference(play, is_routed):
    team = play.team(gold(play))
    lives = []
    for speaks_first in (True, False):
        answered, unanswered = play.open(by=play.agent), play.open(by=play.agent)
        play.reply(answered, after(1))
        play.speak(answered, after(1.5))
        for ticket in (answered, unanswered):
            play.move(ticket, Status.CLOSED, after(1.75))
            play.prioritise(ticket, Priority.CRITICAL, after(2))
            if is_routed:
                play.route(ticket, team, after(3))
            if speaks_first:
                play.speak(ticket, after(10), Status.OPEN)
            else:
                play.move(ticket, Status.OPEN, after(10))
                play.speak(ticket, after(10))
        lives.append(
            [
                (
                    metric,
                    cycle,
                    play.clock(ticket, metric, cycle).timing,
                    play.clock(ticket, metric, cycle).policy_version_id,
                    [
                        (
                            s.step_no,
                            s.percent,
                            s.actions,
                            s.fire_at,
                            s.cancelled_at,
                            s.skipped_reason,
                        )
                        for s in play.steps(ticket, metric, cycle)
                    ],
                )
                for ticket in (answered, unanswered)
                for metric, cycle in play.metrics(ticket)
            ]
        )
    assert lives[0] == lives[1]
    targets = [life[2].target_s for life in lives[0] if life[0] is RESOLUTION]
    assert targets == [6000 if is_routed else 14400] * 2


@pytest.mark.rule("sla 17")
def test_rule_17_overrun_by_a_change_while_closed_is_one_breach_that_does_not_alert_at_once(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(5))
    play.prioritise(ticket, Priority.CRITICAL, after(6))
    assert [context(e)["metric"] for e in play.history(ticket, "sla_breached")] == [FIRST]
    play.move(ticket, Status.IN_PROGRESS, after(10))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.breached_at, clock.due_at, clock.cause) == (
        after(10),
        after(10),
        "priority_change",
    )
    _, entry = play.history(ticket, "sla_breached")
    assert (context(entry)["metric"], context(entry)["cause"]) == (RESOLUTION, "priority_change")
    steps = play.steps(ticket, RESOLUTION)
    assert [(s.fire_at, s.skipped_reason) for s in steps] == [(None, "reopened")] * 2
    # The breach of before the closing stays the one that it was.
    first = play.clock(ticket, FIRST)
    assert (first.breached_at, first.cause) == (after(4), None)


@pytest.mark.rule("sla 17")
def test_rule_17_a_longer_target_set_while_closed_gives_the_steps_their_time_back(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(20))
    play.prioritise(ticket, Priority.LOW, after(21))
    play.move(ticket, Status.IN_PROGRESS, after(30))
    assert play.clock(ticket, RESOLUTION).due_at == after(30 + 72 - 20)
    assert [(s.fire_at, s.skipped_reason) for s in play.steps(ticket, RESOLUTION)] == [
        (after(30 + 54 - 20), None),
        (after(30 + 72 - 20), None),
    ]


@pytest.mark.rule("sla 17")
def test_rule_17_a_reply_that_reopens_is_judged_by_the_promise_in_force(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(1))
    play.prioritise(ticket, Priority.CRITICAL, after(2))
    play.reply(ticket, after(3), Status.IN_PROGRESS)
    clock = play.clock(ticket, FIRST)
    assert (clock.target_s, clock.met_at, clock.breached_at, clock.cause) == (
        900,
        after(3),
        after(3),
        "priority_change",
    )
    assert not [step for step in play.steps(ticket, FIRST) if step.fire_at]


@pytest.mark.rule("sla 18")
def test_rule_18_the_engines_own_raise_while_closed_moves_no_target(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(1))
    play.prioritise(ticket, Priority.CRITICAL, after(2), by=SYSTEM)
    play.move(ticket, Status.IN_PROGRESS, after(3))
    assert play.clock(ticket, RESOLUTION).target_s == 24 * 3600


@pytest.mark.rule("sla 0")
@pytest.mark.parametrize("reopened_at", [3, 24 * 30])
def test_rule_0_a_team_given_while_closed_brings_its_policy_with_the_reopening(play, reopened_at):
    policy = gold(play)
    ticket = play.open()
    play.reply(ticket, after(0.5))
    play.move(ticket, Status.CLOSED, after(1))
    play.route(ticket, play.team(policy), after(2))
    assert len(play.history(ticket, "sla_policy_chosen")) == 1
    play.move(ticket, Status.IN_PROGRESS, after(reopened_at))
    [*_, (metric, cycle)] = play.metrics(ticket)
    clock = play.clock(ticket, metric, cycle)
    left = 2400 if cycle == 1 else 6000
    assert (metric, clock.target_s) == (RESOLUTION, 6000)
    assert clock.due_at == after(reopened_at, seconds=left)
    assert [s.actions for s in play.steps(ticket, RESOLUTION, cycle) if s.fire_at] == [
        ["NOTIFY_ADMINS"]
    ]
    _, chosen = play.history(ticket, "sla_policy_chosen")
    assert (context(chosen)["policy"], context(chosen)["chosenBy"]) == ("Gold", "team")


@pytest.mark.rule("sla 0")
def test_rule_0_overrun_by_the_team_given_while_closed_has_that_cause(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(3))
    play.route(ticket, play.team(gold(play)), after(4))
    play.move(ticket, Status.IN_PROGRESS, after(5))
    causes = {context(entry)["cause"] for entry in play.history(ticket, "sla_breached")}
    assert causes == {"team_change"}


@pytest.mark.rule("sla 18")
def test_rule_18_a_promise_taken_back_while_closed_is_none_after_reopening(play):
    ticket = play.open()
    play.move(ticket, Status.CLOSED, after(1))
    play.sql("UPDATE sla_policies SET is_default = false")
    play.move(ticket, Status.IN_PROGRESS, after(2))
    for metric in (FIRST, RESOLUTION):
        assert play.clock(ticket, metric).stopped_reason == "no_target"
        assert not [step for step in play.steps(ticket, metric) if step.fire_at]
    assert context(play.history(ticket, "sla_policy_chosen")[-1])["policy"] is None


@pytest.mark.rule("sla 18")
@pytest.mark.parametrize("was_promised_once", [False, True])
def test_rule_18_what_is_promised_since_the_closing_begins_with_the_reopening(
    play, was_promised_once
):
    policy = play.policy(
        targets={(Priority.HIGH, FIRST): 600, (Priority.HIGH, RESOLUTION): 6000}, steps={1: NOTIFY}
    )
    ticket = play.open(by=play.agent, team_id=play.team(policy))
    if was_promised_once:
        play.prioritise(ticket, Priority.HIGH, after(minutes=1))
        play.prioritise(ticket, Priority.LOW, after(minutes=2))
    play.move(ticket, Status.CLOSED, after(1))
    play.prioritise(ticket, Priority.HIGH, after(2))
    play.move(ticket, Status.IN_PROGRESS, after(3))
    cycle = 2 if was_promised_once else 1
    for metric in (FIRST, RESOLUTION):
        assert play.clock(ticket, metric, cycle).started_at == after(3)


# Rule 16: verdicts by the time of events.


@pytest.mark.rule("sla 16")
def test_rule_16_at_the_very_due_time_it_is_met(play):
    ticket = play.open()
    play.reply(ticket, after(4))
    assert play.clock(ticket, FIRST).breached_at is None
    assert not play.history(ticket, "sla_breached")


@pytest.mark.rule("sla 16")
def test_rule_16_a_microsecond_later_it_is_breached_at_the_due_time(play):
    ticket = play.open()
    play.reply(ticket, after(4, us=1))
    clock = play.clock(ticket, FIRST)
    assert (clock.met_at, clock.breached_at) == (after(4, us=1), after(4))
    assert clock.detected_at == after(4, us=1)
    [entry] = play.history(ticket, "sla_breached")
    assert context(entry)["dueAt"] == after(4).isoformat()


@pytest.mark.rule("sla 16")
def test_rule_16_pausing_too_late_is_a_breach_and_pausing_in_time_is_none(play):
    late, in_time = play.open(), play.open()
    play.move(late, Status.WAITING, after(25))
    play.move(in_time, Status.WAITING, after(24))
    assert play.clock(late, RESOLUTION).breached_at == after(24)
    assert play.clock(in_time, RESOLUTION).breached_at is None


@pytest.mark.rule("sla 16")
def test_rule_16_closing_in_time_from_a_pause_is_met(play):
    ticket = play.open()
    play.move(ticket, Status.WAITING, after(23))
    play.move(ticket, Status.CLOSED, after(500))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.met_at, clock.breached_at, clock.consumed_s) == (after(500), None, 23 * 3600)


# Rules 17 to 19: changes of priority.


@pytest.mark.rule("sla 17")
def test_an_open_clock_takes_the_priority_along_and_a_verdict_keeps_its_own(play):
    ticket = play.open(by=play.agent)
    play.reply(ticket, after(1))
    play.prioritise(ticket, Priority.CRITICAL, after(2))
    assert play.clock(ticket, FIRST).target_priority is Priority.MEDIUM
    assert play.clock(ticket, RESOLUTION).target_priority is Priority.CRITICAL


@pytest.mark.rule("sla 17")
def test_rule_17_a_new_target_keeps_what_was_consumed(play):
    ticket = play.open()
    play.move(ticket, Status.WAITING, after(2))
    play.move(ticket, Status.IN_PROGRESS, after(12))
    play.prioritise(ticket, Priority.HIGH, after(13))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.target_s, clock.due_at) == (8 * 3600, after(13 + 8 - 3))
    assert [step.fire_at for step in play.steps(ticket, RESOLUTION)] == [after(16), after(18)]


@pytest.mark.rule("sla 17")
def test_rule_17_while_paused_only_the_target_changes(play):
    ticket = play.open()
    play.move(ticket, Status.WAITING, after(2))
    play.prioritise(ticket, Priority.HIGH, after(3))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.target_s, clock.due_at, clock.paused_at) == (8 * 3600, None, after(2))
    assert not [step for step in play.steps(ticket, RESOLUTION) if step.fire_at]
    play.move(ticket, Status.IN_PROGRESS, after(100))
    assert play.clock(ticket, RESOLUTION).due_at == after(106)


@pytest.mark.rule("sla 17")
def test_rule_17_a_breach_is_neither_undone_nor_repeated(play):
    ticket = play.open()
    play.prioritise(ticket, Priority.HIGH, after(5))
    first = play.clock(ticket, FIRST)
    assert (first.breached_at, first.cause) == (after(4), None)
    play.prioritise(ticket, Priority.LOW, after(6))
    assert play.clock(ticket, FIRST).breached_at == after(4)
    play.prioritise(ticket, Priority.CRITICAL, after(7))
    assert play.clock(ticket, FIRST).breached_at == after(4)
    breaches = [context(entry)["metric"] for entry in play.history(ticket, "sla_breached")]
    assert breaches.count(FIRST) == 1


@pytest.mark.rule("sla 17")
def test_rule_17_overrun_by_the_change_alone_is_one_breach_of_that_cause(play):
    ticket = play.open()
    play.prioritise(ticket, Priority.HIGH, after(2))
    clock = play.clock(ticket, FIRST)
    assert (clock.breached_at, clock.due_at, clock.cause) == (
        after(2),
        after(2),
        "priority_change",
    )
    [entry] = play.history(ticket, "sla_breached")
    assert context(entry)["cause"] == "priority_change"


@pytest.mark.rule("sla 18")
def test_rule_18_the_engines_own_raise_moves_no_target(play):
    ticket = play.open()
    play.prioritise(ticket, Priority.CRITICAL, after(1), by=SYSTEM)
    assert play.ticket(ticket).priority is Priority.CRITICAL
    assert play.clock(ticket, FIRST).due_at == after(4)
    assert len(play.history(ticket, "sla_changed")) == 0


@pytest.mark.rule("sla 18")
def test_rule_18_a_customers_wish_counts_while_staff_have_said_nothing(play):
    ticket = play.open()
    play.prioritise(ticket, Priority.HIGH, after(0.5), by=play.customer)
    assert play.clock(ticket, FIRST).due_at == after(1)


@pytest.mark.rule("sla 18")
def test_rule_18_a_customers_wish_does_not_outdo_what_staff_set(play):
    ticket = play.open()
    play.prioritise(ticket, Priority.LOW, after(0.25))
    play.prioritise(ticket, Priority.HIGH, after(0.5), by=play.customer)
    assert play.ticket(ticket).priority is Priority.HIGH
    assert play.ticket(ticket).sla_priority is Priority.LOW
    assert play.clock(ticket, FIRST).due_at == after(8)
    opened_by_staff = play.open(by=play.agent)
    play.prioritise(opened_by_staff, Priority.HIGH, after(0.5), by=play.customer)
    assert play.clock(opened_by_staff, FIRST).due_at == after(4)


@pytest.mark.rule("sla 18")
def test_rule_18_no_promise_at_all_is_legal(play):
    play.sql("UPDATE sla_policies SET is_default = false")
    ticket = play.open()
    play.reply(ticket, after(1), Status.WAITING)
    play.speak(ticket, after(2), Status.IN_PROGRESS)
    play.prioritise(ticket, Priority.HIGH, after(3))
    play.move(ticket, Status.CLOSED, after(4))
    play.move(ticket, Status.IN_PROGRESS, after(5))
    assert play.metrics(ticket) == []
    [entry] = play.history(ticket, "sla_policy_chosen")
    assert context(entry)["policy"] is None


@pytest.mark.rule("sla 18")
def test_rule_18_a_priority_without_a_target_stops_the_clock_and_one_with_it_begins_anew(play):
    policy = play.policy(
        targets={(Priority.HIGH, FIRST): 600, (Priority.HIGH, RESOLUTION): 6000},
        steps={1: NOTIFY},
    )
    ticket = play.open(by=play.agent, team_id=play.team(policy))
    assert play.metrics(ticket) == []
    play.prioritise(ticket, Priority.HIGH, after(1))
    assert play.clock(ticket, FIRST).started_at == after(1)
    assert [s.fire_at for s in play.steps(ticket, FIRST)] == [after(1, 10)]
    play.prioritise(ticket, Priority.LOW, after(1, 1))
    assert play.clock(ticket, FIRST).stopped_reason == "no_target"
    assert all(step.cancelled_at for step in play.steps(ticket, RESOLUTION))
    play.reply(ticket, after(1, 2))
    play.prioritise(ticket, Priority.HIGH, after(2))
    assert play.clock(ticket, RESOLUTION, cycle=2).started_at == after(2)
    assert (FIRST, 2) not in play.metrics(ticket)


@pytest.mark.rule("sla 19")
def test_rule_19_a_due_time_set_by_hand_wins(play):
    ticket = play.open()
    play.sql(
        "UPDATE sla_clocks SET due_at = :due_at, due_set_by = :agent_id WHERE metric = 'RESOLUTION'",
        due_at=after(50),
        agent_id=play.agent.profile_id,
    )
    play.prioritise(ticket, Priority.CRITICAL, after(1))
    assert play.clock(ticket, RESOLUTION).due_at == after(50)
    play.move(ticket, Status.WAITING, after(2))
    play.move(ticket, Status.IN_PROGRESS, after(3))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.due_at, clock.due_set_by) == (after(50), play.agent.profile_id)
    # 24 h of target: 75 % of it is 6 h before the date.
    assert [s.fire_at for s in play.steps(ticket, RESOLUTION)] == [after(44), after(50)]
    play.move(ticket, Status.CLOSED, after(51))
    assert play.clock(ticket, RESOLUTION).breached_at == after(50)


# Rules 20 and 21: the rows of steps.


@pytest.mark.rule("sla 20")
def test_rule_20_steps_are_a_percentage_of_the_target_or_seconds_from_due(play):
    policy = play.policy(
        targets={(Priority.MEDIUM, RESOLUTION): 1000},
        steps={
            1: {"percent": 33.33, "actions": ["COMMENT"]},
            2: {"offset_s": -10, "actions": ["COMMENT"]},
            3: {"offset_s": 10, "actions": ["COMMENT"]},
            4: {"percent": 150, "actions": ["NOTIFY_PERSON"], "person_id": play.agent.profile_id},
        },
    )
    ticket = play.open(by=play.agent, team_id=play.team(policy))
    steps = play.steps(ticket, RESOLUTION)
    assert [step.fire_at for step in steps] == [
        after(seconds=333.3),
        after(seconds=990),
        after(seconds=1010),
        after(seconds=1500),
    ]
    assert steps[3].person_id == play.agent.profile_id


@pytest.mark.rule("sla 20")
def test_rule_20_the_default_plan_warns_at_75_and_escalates_at_100_and_150_percent(make):
    play = Play(make, is_as_delivered=True)
    ticket = play.open()
    assert [(s.percent, s.fire_at) for s in play.steps(ticket, FIRST)] == [
        (75, after(3)),
        (100, after(4)),
        (150, after(6)),
    ]


@pytest.mark.rule("sla 21")
@pytest.mark.parametrize("status", [Status.WAITING, Status.CLOSED])
def test_rule_21_pausing_and_closing_cancel_and_coming_back_plans_the_same_rows(play, status):
    ticket = play.open()
    before = [step.id for step in play.steps(ticket, RESOLUTION)]
    play.move(ticket, status, after(1))
    cancelled = play.steps(ticket, RESOLUTION) + play.steps(ticket, FIRST)
    assert [(s.cancelled_at, s.fire_at) for s in cancelled] == [(after(1), None)] * 4
    play.move(ticket, Status.IN_PROGRESS, after(11))
    again = play.steps(ticket, RESOLUTION)
    assert [step.id for step in again] == before
    assert [(s.cancelled_at, s.fire_at) for s in again] == [
        (None, after(28)),
        (None, after(34)),
    ]


@pytest.mark.rule("sla 21")
def test_rule_21_meeting_cancels(play):
    ticket = play.open()
    play.reply(ticket, after(1))
    assert all(step.cancelled_at for step in play.steps(ticket, FIRST))
    assert not any(step.cancelled_at for step in play.steps(ticket, RESOLUTION))


@pytest.mark.rule("sla 21")
def test_rule_21_fired_steps_stay_fired(play):
    ticket = play.open()
    play.sql("UPDATE sla_steps SET fired_at = :at, fire_at = :at WHERE step_no = 1", at=after(3))
    play.move(ticket, Status.WAITING, after(3.5))
    play.move(ticket, Status.IN_PROGRESS, after(10))
    play.prioritise(ticket, Priority.LOW, after(11))
    first, second = play.steps(ticket, RESOLUTION)
    assert (first.fired_at, first.fire_at, first.cancelled_at) == (after(3), after(3), None)
    assert second.fire_at == after(11 + 72 - 4.5)


@pytest.mark.rule("sla 21")
def test_rule_21_another_priority_brings_its_own_plan_for_what_has_not_fired(play):
    policy = play.policy(
        targets={(Priority.MEDIUM, RESOLUTION): 1000, (Priority.HIGH, RESOLUTION): 1000},
        steps={1: NOTIFY, 2: {"percent": 150, "actions": ["COMMENT"]}},
    )
    play.sql(
        "UPDATE sla_plan_steps SET percent = 50, actions = '{COMMENT}'"
        " WHERE step_no = 1 AND priority = 'HIGH' AND metric = 'RESOLUTION'"
    )
    ticket = play.open(by=play.agent, team_id=play.team(policy))
    play.prioritise(ticket, Priority.HIGH, after(seconds=100))
    assert [(s.percent, s.fire_at, s.actions) for s in play.steps(ticket, RESOLUTION)] == [
        (50, after(seconds=500), ["COMMENT"]),
        (150, after(seconds=1500), ["COMMENT"]),
    ]


# What came in from elsewhere.


def test_imported_clocks_are_quiet_about_what_was_due_before_the_import(play):
    ticket = play.open(by=SYSTEM, cause="import")
    clock = play.clock(ticket, RESOLUTION)
    assert clock.cause == "import"
    assert clock.quiet_until > clock.created_at
    play.reply(ticket, after(1))
    play.speak(ticket, after(2))
    assert play.clock(ticket, NEXT).quiet_until == clock.quiet_until


def test_a_ticket_that_came_in_closed_was_promised_nothing(play):
    ticket = play.open(by=SYSTEM, cause="import", status=Status.CLOSED)
    assert play.metrics(ticket) == [(RESOLUTION, 1)]
    assert play.clock(ticket, RESOLUTION).stopped_reason == "came_closed"
    play.move(ticket, Status.OPEN, after(1))
    assert play.clock(ticket, RESOLUTION, cycle=2).quiet_until is not None


def test_a_ticket_that_came_in_waiting_is_paused(play):
    ticket = play.open(by=SYSTEM, cause="import", status=Status.WAITING)
    assert play.clock(ticket, RESOLUTION).paused_at == START
    assert not [step for step in play.steps(ticket, FIRST) if step.fire_at]


# What it costs.


@pytest.mark.parametrize(
    ("call", "limit"),
    [
        ("opened", 7),
        ("staff_replied", 5),
        ("customer_spoke", 1),
        ("waiting", 5),
        ("resumed", 5),
        ("closed", 7),
        ("nothing", 0),
    ],
)
def test_each_step_takes_a_handful_of_statements(play, call, limit):
    ticket_id = play.open()
    if call == "resumed":
        play.move(ticket_id, Status.WAITING, after(0.5))
    with transaction(SYSTEM, now=after(1)) as session:
        ticket = session.get_one(Ticket, ticket_id)
        now = now_of(session)
        before = ticket.status
        moves = {
            "waiting": Status.WAITING,
            "resumed": Status.IN_PROGRESS,
            "closed": Status.CLOSED,
            "nothing": Status.IN_PROGRESS,
        }
        if call in moves:
            ticket.status = moves[call]
        if call == "opened":
            ticket = Ticket(title="x", description="", customer_id=ticket.customer_id)
            session.add(ticket)
        session.flush()
        with Statements() as statements:
            if call in moves:
                clocks.status_changed(session, ticket, before, at=now)
            elif call == "opened":
                clocks.opened(session, ticket, at=now)
            else:
                getattr(clocks, call)(session, ticket, at=now)
            session.flush()
    assert len(statements.seen) <= limit, statements.seen


def test_a_customer_reaches_clocks_only_through_the_product(play):
    ticket_id = play.open()
    with transaction(play.customer, now=after(1)) as session:
        ticket = session.get_one(Ticket, ticket_id)
        with as_system(session):
            clocks.customer_spoke(session, ticket, at=after(1))
    with transaction(play.customer, now=after(1)) as session:
        ticket = session.get_one(Ticket, ticket_id)
        with pytest.raises(Exception, match="permission denied"):
            clocks.customer_spoke(session, ticket, at=after(1))
        session.rollback()


@pytest.mark.rule("sla 17")
def test_rule_17_a_priority_and_a_team_in_one_save_are_one_change(play):
    """The old team's quarter of an hour for CRITICAL was never promised to anybody."""
    patient = play.policy(
        targets={(p, m): 100 * 3600 for p in Priority for m in (FIRST, RESOLUTION)}
    )
    team = play.team(patient)
    ticket = play.open()
    changes = TicketChanges(priority=Priority.CRITICAL, team_id=team)
    change_ticket(play.agent, ticket, changes, version=None, now=after(1))
    for metric in (FIRST, RESOLUTION):
        clock = play.clock(ticket, metric)
        assert (clock.due_at, clock.breached_at) == (after(100), None)
    assert not play.history(ticket, "sla_breached")
    assert_history_tells(play, ticket, after(2))


# Two at once: a transaction's now is when it began, and it may have waited for another's.


@pytest.mark.parametrize("status", [None, Status.WAITING, Status.CLOSED])
def test_an_answer_that_waited_for_the_customers_comment_comes_after_it(play, status):
    ticket = play.open()
    play.reply(ticket, after(1), Status.WAITING)
    play.speak(ticket, after(2, seconds=1), Status.IN_PROGRESS)
    play.reply(ticket, after(2), status)
    clock = play.clock(ticket, NEXT)
    assert (clock.met_at, clock.consumed_s) == (after(2, seconds=1), 0)
    assert play.clock(ticket, RESOLUTION).consumed_s == 3600


def test_a_closing_that_waited_for_the_customers_comment_is_told_as_it_was(play, settings):
    ticket = play.open()
    comments.reply(play.agent, ticket, "Try this.", Event.STAFF_REPLY_AND_WAIT)

    def speak():
        with create_core(settings).app_context():
            comments.comment_as_customer(play.customer, ticket, "It does not help.")
            db.engine.dispose()

    with transaction(play.agent) as session:
        began = now_of(session)
        thread = threading.Thread(target=speak)
        thread.start()
        thread.join(30)
        row = locked_ticket(session, play.agent, ticket)
        move(session, play.agent, row, Status.CLOSED)
    clock = play.clock(ticket, NEXT)
    assert (clock.stopped_at, clock.stopped_reason) == (clock.started_at, "closed")
    assert clock.started_at > began
    assert_history_tells(play, ticket, clock.started_at)


def assert_history_tells(play, ticket, now):
    with reading(SYSTEM) as session:
        told = stories(session, ticket, now)
    assert {(s.metric, s.cycle) for s in told} == set(play.metrics(ticket))
    for story in told:
        assert story.timing == play.clock(ticket, story.metric, story.cycle).timing
