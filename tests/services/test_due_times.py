"""A due time set by hand wins, and no change of the ticket overwrites it (SLA rule 19)."""

from datetime import timedelta

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority, Status
from emberone.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from emberone.queries.sla import stories
from emberone.services.due_times import promise_due, release_due
from emberone.services.sla import sweep_sla
from tests.services.sla_play import FIRST, NEXT, RESOLUTION, Play, after, context

pytestmark = pytest.mark.rule("sla 19")


@pytest.fixture
def play(make):
    return Play(make)


def promise(play, ticket, due, now, metric=RESOLUTION):
    promise_due(play.agent, ticket, metric, due, now=now)


def assert_told(play, ticket, now):
    with reading(SYSTEM) as session:
        told = stories(session, ticket, now)
    for story in told:
        assert story.timing == play.clock(ticket, story.metric, story.cycle).timing


def test_who_promised_and_when_is_kept_and_the_steps_follow(play):
    ticket = play.open()
    promise(play, ticket, after(48), after(1))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.due_at, clock.due_set_by) == (after(48), play.agent.profile_id)
    # A quarter of the target before it, and at it.
    assert [s.fire_at for s in play.steps(ticket, RESOLUTION)] == [after(42), after(48)]
    [entry] = play.history(ticket, "sla_changed")
    assert entry.actor_id == play.agent.profile_id
    [change] = context(entry)["clocks"]
    assert (change["change"], change["dueAt"]) == ("promised", after(48).isoformat())
    assert_told(play, ticket, after(2))


def test_no_change_of_the_ticket_moves_it(play):
    ticket = play.open()
    team = play.team(play.policy(targets={(p, RESOLUTION): 60 for p in Priority}))
    promise(play, ticket, after(48), after(1))
    play.prioritise(ticket, Priority.CRITICAL, after(2))
    play.route(ticket, team, after(3))
    play.reply(ticket, after(4), Status.WAITING)
    play.speak(ticket, after(20), Status.IN_PROGRESS)
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.due_at, clock.breached_at) == (after(48), None)
    assert clock.due_set_by == play.agent.profile_id
    play.move(ticket, Status.CLOSED, after(48))
    assert play.clock(ticket, RESOLUTION).breached_at is None
    assert_told(play, ticket, after(49))


def test_a_broken_promise_is_a_breach_at_its_time(play):
    ticket = play.open()
    promise(play, ticket, after(2), after(1))
    sweep_sla(now=after(3))
    assert play.clock(ticket, RESOLUTION).breached_at == after(2)


def test_a_breach_stays_one(play):
    ticket = play.open()
    promise(play, ticket, after(30), after(5), FIRST)
    clock = play.clock(ticket, FIRST)
    assert (clock.breached_at, clock.due_at) == (after(4), after(30))
    assert len(play.history(ticket, "sla_breached")) == 1


def test_what_is_paused_runs_for_it(play):
    ticket = play.open()
    play.reply(ticket, after(1), Status.WAITING)
    promise(play, ticket, after(48), after(2))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.running_since, clock.paused_at, clock.due_at) == (after(2), None, after(48))
    # And nothing fires while it is the customer's turn.
    assert all(s.fire_at is None for s in play.steps(ticket, RESOLUTION))
    assert_told(play, ticket, after(3))


def test_it_can_be_taken_back(play):
    ticket = play.open()
    promise(play, ticket, after(48), after(1))
    release_due(play.agent, ticket, RESOLUTION, now=after(2))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.due_at, clock.due_set_by) == (after(24), None)
    assert [s.fire_at for s in play.steps(ticket, RESOLUTION)] == [after(18), after(24)]
    assert_told(play, ticket, after(3))
    release_due(play.agent, ticket, RESOLUTION, now=after(3))
    assert len(play.history(ticket, "sla_changed")) == 2


def test_taken_back_while_waiting_it_pauses(play):
    ticket = play.open()
    play.reply(ticket, after(1), Status.WAITING)
    promise(play, ticket, after(48), after(2))
    release_due(play.agent, ticket, RESOLUTION, now=after(4))
    clock = play.clock(ticket, RESOLUTION)
    # The hour before waiting, and the two for which the promise ran.
    assert (clock.paused_at, clock.due_at, clock.consumed_s) == (after(4), None, 3 * 3600)
    assert_told(play, ticket, after(5))


@pytest.mark.parametrize("due", [after(1), after(0), after(1) + timedelta(days=366)])
def test_a_promise_is_of_the_next_year(play, due):
    ticket = play.open()
    with pytest.raises(Invalid):
        promise(play, ticket, due, after(1))
    assert not play.history(ticket, "sla_changed")


def test_only_what_runs_can_be_promised(play):
    ticket = play.open()
    with pytest.raises(Conflict):
        promise(play, ticket, after(5), after(1), NEXT)
    play.reply(ticket, after(1))
    with pytest.raises(Conflict):
        promise(play, ticket, after(5), after(2), FIRST)
    play.move(ticket, Status.CLOSED, after(2))
    with pytest.raises(Conflict):
        promise(play, ticket, after(5), after(3))


def test_customers_promise_nothing(play, make):
    ticket = play.open()
    for act in (
        lambda who: promise_due(who, ticket, RESOLUTION, after(5), now=after(1)),
        lambda who: release_due(who, ticket, RESOLUTION, now=after(1)),
    ):
        with pytest.raises(NotAllowed):
            act(play.customer)
        with pytest.raises(NotFound):
            act(make.customer())


def test_taken_back_what_was_changed_meanwhile_holds(play):
    ticket = play.open()
    promise(play, ticket, after(48), after(1))
    play.prioritise(ticket, Priority.CRITICAL, after(2))
    release_due(play.agent, ticket, RESOLUTION, now=after(3))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.target_s, clock.due_at) == (4 * 3600, after(4))
    assert [s.fire_at for s in play.steps(ticket, RESOLUTION)] == [after(3), after(4)]
    assert_told(play, ticket, after(3))


@pytest.mark.parametrize("is_routed", [False, True])
def test_it_stands_where_nothing_is_promised_any_more(play, owner, is_routed):
    ticket = play.open()
    promise(play, ticket, after(48), after(1))
    first_only = play.policy(targets={(p, FIRST): 36000 for p in Priority})
    if is_routed:
        play.route(ticket, play.team(first_only), after(2))
    else:
        for table in ("sla_plan_steps", "sla_targets"):
            owner.execute(f"DELETE FROM {table} WHERE (priority, metric) = ('LOW', 'RESOLUTION')")
        play.prioritise(ticket, Priority.LOW, after(2))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.due_at, clock.stopped_at) == (after(48), None)
    assert [s.fire_at for s in play.steps(ticket, RESOLUTION)] == [after(42), after(48)]
    release_due(play.agent, ticket, RESOLUTION, now=after(3))
    clock = play.clock(ticket, RESOLUTION)
    assert (clock.stopped_at, clock.stopped_reason) == (after(3), "no_target")
    assert all(s.fire_at is None for s in play.steps(ticket, RESOLUTION))
    assert_told(play, ticket, after(4))


def test_it_stands_where_no_policy_is_left(play):
    ticket = play.open()
    promise(play, ticket, after(48), after(1))
    play.sql("UPDATE sla_policies SET is_default = false")
    play.route(ticket, play.team(None), after(2))
    assert play.clock(ticket, FIRST).stopped_reason == "no_target"
    assert play.clock(ticket, RESOLUTION).due_at == after(48)
    release_due(play.agent, ticket, RESOLUTION, now=after(3))
    assert play.clock(ticket, RESOLUTION).stopped_reason == "no_target"
    assert context(play.history(ticket, "sla_policy_chosen")[-1])["policy"] is None
    assert_told(play, ticket, after(4))
