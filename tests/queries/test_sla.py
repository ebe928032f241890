"""SLA as people look at it."""

import random

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority, Status
from emberone.domain.sla import Standing
from emberone.queries.sla import clocks_of, next_due, stories
from emberone.services.promises import choose, promised
from emberone.services.sla import sweep_sla
from tests.services.sla_play import FIRST, RESOLUTION, Play, Statements, after


@pytest.fixture
def play(make):
    return Play(make)


def views(actor, ticket, now):
    with reading(actor) as session:
        return clocks_of(session, ticket, now)


def test_a_tickets_clocks_stand_as_they_do_now(play):
    ticket = play.open()
    play.reply(ticket, after(1), Status.WAITING)
    first, resolution = views(play.agent, ticket, after(5))
    assert (first.metric, first.standing, first.consumed_s) == (FIRST, Standing.MET, 3600)
    assert (first.over_at, first.is_open) == (after(1), False)
    assert (resolution.metric, resolution.standing) == (RESOLUTION, Standing.PAUSED)
    assert (resolution.remaining_s, resolution.due_at) == (23 * 3600, None)


def test_a_breach_shows_before_the_sweep_has_noticed_it(play):
    ticket = play.open()
    first, resolution = views(play.agent, ticket, after(5))
    assert (first.standing, first.breached_at, first.remaining_s) == (
        Standing.BREACHED,
        after(4),
        -3600,
    )
    assert resolution.standing is Standing.RUNNING


def test_the_list_knows_what_is_due_next_in_one_query(play):
    one, two, none = play.open(), play.open(after(1)), play.open()
    play.reply(two, after(2))
    play.move(none, Status.CLOSED, after(2))
    with reading(play.agent) as session, Statements() as statements:
        due = next_due(session, [one, two, none], after(4.5))
    assert len([s for s in statements.seen if "sla_clocks" in s]) == 1
    assert set(due) == {one, two}
    assert (due[one].metric, due[one].due_at, due[one].is_breached) == (FIRST, after(4), True)
    assert (due[two].metric, due[two].due_at, due[two].is_breached) == (
        RESOLUTION,
        after(25),
        False,
    )


def assert_promises_are_in_force(play, ticket):
    """Every open clock has the target that the ticket's policy and priority promise."""
    with reading(SYSTEM) as session:
        policy = choose(session, ticket)
        promises = promised(session, ticket, {policy.version_id})
    for metric, cycle in play.metrics(ticket):
        clock = play.clock(ticket, metric, cycle)
        if clock.timing.is_open:
            assert clock.policy_version_id == policy.version_id
            assert clock.target_s == promises[policy.version_id, metric].target_s


@pytest.mark.parametrize("seed", range(12))
def test_rule_25_history_alone_tells_every_stored_clock(play, seed):
    dice = random.Random(seed)
    gold = play.policy(
        targets={
            (priority, metric): 3600 * (1 + 7 * n)
            for n, priority in enumerate(Priority)
            for metric in (FIRST, RESOLUTION)
            if (priority, metric) != (Priority.LOW, FIRST)
        }
    )
    teams = [None, play.team(gold)]
    ticket, now, status = play.open(), 0.0, Status.OPEN
    for _ in range(25):
        now += dice.choice([0.25, 1.5, 6, 30, 200])
        move = dice.choice(["reply", "speak", "status", "priority", "team", "sweep", "revive"])
        if move == "reply":
            status = dice.choice([Status.IN_PROGRESS, Status.WAITING, Status.CLOSED])
            play.reply(ticket, after(now), status)
        elif move == "speak" and status is not Status.CLOSED:
            status = Status.IN_PROGRESS
            play.speak(ticket, after(now), status)
        elif move == "status":
            status = dice.choice(list(Status))
            play.move(ticket, status, after(now))
        elif move == "priority":
            play.prioritise(ticket, dice.choice(list(Priority)), after(now))
        elif move == "team":
            play.route(ticket, dice.choice(teams), after(now))
        elif move == "sweep":
            sweep_sla(now=after(now))
        elif move == "revive":
            # Closed, changed while it is, and back, by the customer or by staff.
            play.move(ticket, Status.CLOSED, after(now))
            play.prioritise(ticket, dice.choice(list(Priority)), after(now + 0.5))
            if dice.random() < 0.5:
                play.route(ticket, dice.choice(teams), after(now + 0.5))
            now += dice.choice([1, 30, 200])
            status = dice.choice([Status.OPEN, Status.IN_PROGRESS, Status.WAITING])
            comes_back = dice.choice([play.speak, play.reply, None])
            if comes_back:
                comes_back(ticket, after(now), status)
            else:
                play.move(ticket, status, after(now))
        if status is not Status.CLOSED:
            assert_promises_are_in_force(play, ticket)
    end = after(now + 1)
    sweep_sla(now=end)
    with reading(SYSTEM) as session:
        told = {(s.metric, s.cycle): s for s in stories(session, ticket, end)}
    assert set(told) == set(play.metrics(ticket))
    for (metric, cycle), story in told.items():
        stored = play.clock(ticket, metric, cycle).timing
        assert story.timing == stored, (metric, cycle)
        ran = sum(s.consumed_s for s in story.segments if s.end is not None)
        assert ran == pytest.approx(stored.consumed_s, abs=1e-6) or stored.is_running
