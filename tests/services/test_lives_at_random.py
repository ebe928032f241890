"""Tickets that live at random: after every act, whoever's it was, the engines agree with each other.

What happens is drawn from a seed; a failure names the seed and all that happened.
"""

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text

from emberone.db import reading
from emberone.domain import sla
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Metric, Priority, Status
from emberone.domain.errors import EmberOneError, Invalid
from emberone.domain.lifecycle import REPLIES
from emberone.models import SLAClock, SLAStep, Ticket
from emberone.queries.sla import stories
from emberone.services import comments, snoozing, thanks, tickets
from emberone.services.assignment import reconcile_counts, sweep_assignments
from emberone.services.due_times import promise_due, release_due
from emberone.services.feedback import sweep_feedback
from emberone.services.sla import sweep_sla
from emberone.services.tickets import TicketChanges
from emberone.services.waits import sweep_waits
from tests.everything import EVERYTHING
from tests.services.sla_play import FIRST, NEXT, RESOLUTION, START, Play

#: Three minutes of them in `.ci/run`.
SEEDS = range(60 if EVERYTHING else 3)
ACTS = 30
HOUR = 3600

PLAN = {
    1: {"percent": 75, "actions": ["NOTIFY_ASSIGNEE"]},
    2: {"percent": 100, "actions": ["RAISE_PRIORITY", "COMMENT", "NOTIFY_ADMINS"]},
    3: {"percent": 150, "actions": ["REASSIGN"]},
}


class Life(Play):
    """One ticket, four teams that promise different things, and everybody who may touch it."""

    def __init__(self, make, seed):
        super().__init__(make)
        self.draw = random.Random(seed)
        self.staff = [self.agent, make.agent(), make.admin()]
        metrics = (FIRST, NEXT, RESOLUTION)
        quick = {(p, m): HOUR * (2 + p.rank) for p in Priority for m in metrics}
        some = {(p, m): 30 * HOUR for p in (Priority.LOW, Priority.HIGH) for m in metrics[::2]}
        answers = {(p, NEXT): 5 * HOUR for p in Priority}
        self.teams = [
            self.team(self.policy("Quick", targets=quick, steps=PLAN)),
            self.team(self.policy("Some", targets=some, steps={1: PLAN[1]})),
            self.team(self.policy("Answers", targets=answers)),
            self.team(None),
            None,
        ]
        self.now = START
        customer = self.customer.profile_id
        self.id = tickets.open_ticket(self.customer, customer, "Help", "It broke.", now=START)
        self.log: list[str] = []

    def act(self):
        """Let some time pass and something happen; a refusal is an outcome like others."""
        hours = self.draw.choice([0.0, 0.02, self.draw.uniform(0, 5), self.draw.uniform(0, 60)])
        self.now += timedelta(hours=self.draw.choice([hours, hours, 24.0 * 8]), seconds=1)
        name = self.draw.choice([name for name in dir(self) if name.startswith("do_")])
        outcome = self.attempt(name)
        self.log.append(f"{self.now:%m-%d %H:%M:%S} {name}{outcome and f' ({outcome})'}")
        # What only a constraint of the database refuses, no person can understand.
        assert outcome != Invalid.__doc__, self.log

    def attempt(self, name):
        """What it was refused with; nothing where it was done."""
        try:
            getattr(self, name)(self.now)
        except EmberOneError as refusal:
            return refusal.message
        return ""

    def change(self, now: datetime, **values):
        tickets.change_ticket(self.agent, self.id, TicketChanges(**values), version=None, now=now)

    def do_reply(self, now):
        event = self.draw.choice(REPLIES)
        comments.reply(self.draw.choice(self.staff), self.id, f"Try {now}.", event, now=now)

    def do_speak(self, now):
        comments.comment_as_customer(self.customer, self.id, f"Hello {now}?", now=now)

    def do_say_the_last_word(self, now):
        comments.say_and_close(self.customer, self.id, f"Bye {now}.", now=now)

    def do_close(self, now):
        tickets.close_ticket(self.draw.choice([self.agent, self.customer]), self.id, now=now)

    def do_reopen(self, now):
        tickets.reopen_ticket(self.draw.choice([*self.staff, self.customer]), self.id, now=now)

    def do_dismiss_thanks(self, now):
        thanks.dismiss_thanks(self.agent, self.id, now=now)

    def do_prioritise(self, now):
        self.change(now, priority=self.draw.choice(list(Priority)))

    def do_route(self, now):
        self.change(now, team_id=self.draw.choice(self.teams))

    def do_both(self, now):
        priority, team = self.draw.choice(list(Priority)), self.draw.choice(self.teams)
        self.change(now, priority=priority, team_id=team)

    def do_assign(self, now):
        whom = self.draw.choice([*(who.profile_id for who in self.staff[:2]), None])
        tickets.assign_ticket(self.staff[2], self.id, whom, now=now)

    def do_promise(self, now):
        due_at = now + timedelta(hours=self.draw.randint(1, 60))
        promise_due(self.agent, self.id, self.draw.choice(list(Metric)), due_at, now=now)

    def do_release(self, now):
        release_due(self.agent, self.id, self.draw.choice(list(Metric)), now=now)

    def do_snooze(self, now):
        until = now + timedelta(hours=self.draw.randint(1, 50))
        snoozing.snooze_ticket(self.agent, self.id, until, now=now)

    def do_rate(self, now):
        tickets.rate_ticket(self.customer, self.id, self.draw.randint(1, 5), None, now=now)

    def do_sweep(self, now):
        for sweep in (sweep_sla, sweep_assignments, sweep_waits, sweep_feedback):
            sweep(now=now)

    def check(self):
        """What holds between any two acts."""
        with reading(SYSTEM) as session:
            ticket = session.get_one(Ticket, self.id)
            clocks = session.scalars(select(SLAClock).filter_by(ticket_id=self.id)).all()
            told = {(s.metric, s.cycle): s for s in stories(session, self.id, self.now)}
            of_ticket = select(SLAStep).join(SLAClock).where(SLAClock.ticket_id == self.id)
            steps = session.scalars(of_ticket).all()
            waits = session.scalar(
                text("SELECT count(*) FROM waits WHERE ticket_id = :id"), {"id": self.id}
            )
            asked = session.scalar(
                text(
                    "SELECT count(*) FROM feedback_requests WHERE ticket_id = :id"
                    " AND (state = 'PENDING' OR state = 'SENT' AND voided_at IS NULL)"
                ),
                {"id": self.id},
            )
        by_id = {clock.id: clock for clock in clocks}
        for clock in clocks:
            self.check_clock(ticket, clock, told[clock.metric, clock.cycle])
        for step in steps:
            self.check_step(ticket, by_id[step.clock_id], step)
        running = Counter(clock.metric for clock in clocks if clock.timing.is_open)
        assert max(running.values(), default=1) == 1
        is_quiet = ticket.status is Status.WAITING and not ticket.customer_spoke_last
        assert waits == is_quiet
        assert asked <= (ticket.status is Status.CLOSED)
        assert reconcile_counts() == 0

    def check_clock(self, ticket, clock, told):
        assert told.timing == sla.settle(clock.timing, self.now)
        if not clock.timing.is_open:
            return
        assert ticket.status is not Status.CLOSED
        if clock.metric is NEXT:
            assert ticket.customer_spoke_last
        if clock.metric is RESOLUTION and not clock.timing.is_due_by_hand:
            assert clock.timing.is_running == (ticket.status is not Status.WAITING)

    def check_step(self, ticket, clock, step):
        may_fire = clock.timing.is_running and ticket.status in {Status.OPEN, Status.IN_PROGRESS}
        is_over = step.fired_at is not None or step.skipped_reason is not None
        assert (
            (step.fire_at is not None or is_over) if may_fire else (step.fire_at is None or is_over)
        )


@pytest.mark.rule("sla 21")
@pytest.mark.rule("sla 25")
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_to_a_ticket_its_engines_agree(make, seed):
    life = Life(make, seed)
    for _ in range(ACTS):
        life.act()
        try:
            life.check()
        except AssertionError as error:
            raise AssertionError("\n".join([f"seed {seed}", *life.log])) from error
