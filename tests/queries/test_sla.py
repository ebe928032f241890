"""SLA as people look at it."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.calendar_form import WEEKDAYS
from emberone.domain.enums import Priority, Status, StepAction
from emberone.domain.promises import PlannedAlert, Promises
from emberone.domain.sla import Standing
from emberone.queries.sla import clocks_of, next_due, stories
from emberone.services import calendars, sla_policies
from emberone.services.promises import choose, promised
from emberone.services.replanning import sweep_replanning
from emberone.services.sla import sweep_sla
from tests.services.sla_play import FIRST, RESOLUTION, START, Play, Statements, after


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
            promise = promises[policy.version_id, metric]
            assert clock.target_s == promise.target_s
            assert clock.calendar_version == promise.calendar_version


#: Priority by priority longer; at LOW nothing is said of a first response.
TARGETS = {
    (metric, priority): 3600 * (1 + 7 * n)
    for n, priority in enumerate(Priority)
    for metric in (FIRST, RESOLUTION)
    if (priority, metric) != (Priority.LOW, FIRST)
}


class Life:
    """Twenty-five things that happen to one ticket, as the dice say."""

    MOVES = ("reply", "speak", "move", "priority", "team", "sweep", "revive")

    def __init__(self, play, dice, teams):
        self.play, self.dice, self.teams = play, dice, teams
        self.ticket, self.now, self.status = play.open(), 0.0, Status.OPEN

    def happen(self):
        for _ in range(25):
            self.now += self.dice.choice([0.25, 1.5, 6, 30, 200])
            getattr(self, self.dice.choice(self.MOVES))()
            if self.status is not Status.CLOSED:
                assert_promises_are_in_force(self.play, self.ticket)

    def reply(self):
        self.status = self.dice.choice([Status.IN_PROGRESS, Status.WAITING, Status.CLOSED])
        self.play.reply(self.ticket, after(self.now), self.status)

    def speak(self):
        if self.status is not Status.CLOSED:
            self.status = Status.IN_PROGRESS
            self.play.speak(self.ticket, after(self.now), self.status)

    def move(self):
        self.status = self.dice.choice(list(Status))
        self.play.move(self.ticket, self.status, after(self.now))

    def priority(self):
        priority = self.dice.choice(list(Priority))
        self.play.prioritise(self.ticket, priority, after(self.now))

    def team(self):
        self.play.route(self.ticket, self.dice.choice(self.teams), after(self.now))

    def sweep(self):
        sweep_sla(now=after(self.now))

    def revive(self):
        """Closed, changed while it is, and back, by the customer or by staff."""
        self.play.move(self.ticket, Status.CLOSED, after(self.now))
        priority = self.dice.choice(list(Priority))
        self.play.prioritise(self.ticket, priority, after(self.now + 0.5))
        if self.dice.random() < 0.5:
            self.play.route(self.ticket, self.dice.choice(self.teams), after(self.now + 0.5))
        self.while_closed()
        self.now += self.dice.choice([1, 30, 200])
        self.status = self.dice.choice([Status.OPEN, Status.IN_PROGRESS, Status.WAITING])
        comes_back = self.dice.choice([self.play.speak, self.play.reply, None])
        if comes_back:
            comes_back(self.ticket, after(self.now), self.status)
        else:
            self.play.move(self.ticket, self.status, after(self.now))

    def while_closed(self):
        """Nothing else."""


class LifeByHours(Life):
    """The same, while admins change the hours and targets that count."""

    MOVES = (*Life.MOVES, "hours", "targets", "hours", "targets")

    def __init__(self, play, dice):
        self.admin = play.make.admin()
        self.calendars = {
            calendars.create_calendar(self.admin, f"Calendar {n}", *random_hours(dice)): 1
            for n in range(2)
        }
        self.policies = [
            sla_policies.create_policy(self.admin, f"Policy {n}", random_promises(dice, some))
            for n, some in enumerate([list(self.calendars)] * 2)
        ]
        sla_policies.make_default(self.admin, self.policies[0])
        super().__init__(play, dice, [None, play.team(self.policies[1])])

    def hours(self):
        self._change_hours()
        sweep_replanning(now=after(self.now))

    def targets(self):
        policy = self.dice.choice(self.policies)
        promises = random_promises(self.dice, list(self.calendars))
        sla_policies.add_version(self.admin, policy, promises)
        sweep_replanning(now=after(self.now))

    def while_closed(self):
        self._change_hours()

    def _change_hours(self):
        calendar, version = self.dice.choice(list(self.calendars.items()))
        self.calendars[calendar] = calendars.add_version(
            self.admin, calendar, *random_hours(self.dice), version=version
        )


def random_hours(dice):
    """A zone and a week with nights, lunch breaks and holidays, open at some time."""

    def window(begin, end):
        return [f"{begin:02}:{dice.choice((0, 30)):02}", f"{end % 24:02}:15"]

    days = {
        day: dice.choice(
            [
                [],
                [window(9, 12), window(13, 17)],
                [window(8, 18)],
                [window(22, 30)],
                [["00:00", "24:00"]],
            ]
        )
        for day in WEEKDAYS
    }
    days[dice.choice(WEEKDAYS)] = [window(7, 11)]
    holidays = dice.sample(range(1, 200), 20)
    dates = [
        {
            "date": str((START + timedelta(days=n)).date()),
            "windows": dice.choice([[], [window(10, 14)], [window(1, 4)]]),
        }
        for n in holidays
    ]
    zone = dice.choice(
        ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]
    )
    return zone, {"week": days, "exceptions": dates}


def random_promises(dice, some):
    """Targets of hours to days, some by each calendar and some around the clock, with a plan."""
    targets = {target: 900 * dice.randint(1, 200) for target in TARGETS if dice.random() < 0.9}
    targets[RESOLUTION, dice.choice(list(Priority))] = 3600 * dice.randint(1, 60)
    chosen = {priority: dice.choice([*some, *some, None]) for priority in Priority}
    return Promises(
        targets=targets,
        alerts=[
            PlannedAlert(Decimal(dice.choice((50, 75))), (StepAction.NOTIFY_ASSIGNEE,)),
            PlannedAlert(Decimal(100), (StepAction.RAISE_PRIORITY, StepAction.COMMENT)),
        ],
        calendars={priority: calendar for priority, calendar in chosen.items() if calendar},
    )


def assert_history_alone_tells(play, ticket, end):
    with reading(SYSTEM) as session:
        told = {(s.metric, s.cycle): s for s in stories(session, ticket, end)}
    assert set(told) == set(play.metrics(ticket))
    for (metric, cycle), story in told.items():
        stored = play.clock(ticket, metric, cycle)
        assert story.timing == stored.timing, (metric, cycle)
        assert story.calendar == stored.calendar_version
        ran = sum(s.consumed_s for s in story.segments if s.end is not None)
        assert ran == pytest.approx(stored.consumed_s, abs=1e-6) or stored.timing.is_running


@pytest.mark.rule("sla 25")
@pytest.mark.parametrize("seed", range(12))
def test_rule_25_history_alone_tells_every_stored_clock(play, seed):
    gold = play.policy(targets={(priority, metric): s for (metric, priority), s in TARGETS.items()})
    life = Life(play, random.Random(seed), [None, play.team(gold)])
    life.happen()
    end = after(life.now + 1)
    sweep_sla(now=end)
    assert_history_alone_tells(play, life.ticket, end)


@pytest.mark.rule("sla 15")
@pytest.mark.rule("sla 25")
@pytest.mark.parametrize("seed", range(8))
def test_rule_25_history_alone_tells_it_by_whatever_hours_were_in_force(play, seed):
    life = LifeByHours(play, random.Random(seed))
    life.happen()
    end = after(life.now + 1)
    sweep_sla(now=end)
    assert_history_alone_tells(play, life.ticket, end)
