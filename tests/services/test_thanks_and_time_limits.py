"""A dismissed "thank you" costs no promise: time limits stand as they did at the closing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from emberone.db import reading
from emberone.domain import sla
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority, Status
from emberone.domain.lifecycle import THANKS_DISMISSED, Event
from emberone.domain.sla import Standing
from emberone.models import HistoryEntry, SLAClock, SLAStep, Ticket
from emberone.queries.sla import clocks_of, stories
from emberone.services import comments, due_times, tickets
from emberone.services.sla import sweep_sla
from emberone.services.thanks import dismiss_thanks
from emberone.services.tickets import TicketChanges
from tests.services.sla_play import FIRST, NEXT, RESOLUTION, START, Play, after

pytestmark = pytest.mark.rule("sla 16")

DAYS_LATER = after(hours=90)


@pytest.fixture
def play(make):
    return Play(make)


@pytest.fixture
def ticket(play):
    """MEDIUM, so due after 4 h and 24 h; answered after one hour and solved after two."""
    ticket_id = tickets.open_ticket(
        play.customer, play.customer.profile_id, "No VPN", "It fails.", now=START
    )
    comments.reply(play.agent, ticket_id, "Try this.", Event.STAFF_REPLY, now=after(hours=1))
    tickets.close_ticket(play.agent, ticket_id, now=after(hours=2))
    return ticket_id


def thank(play, ticket_id, at):
    comments.comment_as_customer(play.customer, ticket_id, "Thanks!", now=at)


def stored(ticket_id):
    columns = [column for column in SLAClock.__table__.columns if column.name != "created_at"]
    with reading(SYSTEM) as session:
        rows = session.execute(select(*columns).where(SLAClock.ticket_id == ticket_id))
        return {(row.metric, row.cycle): row._mapping for row in rows}


def entries(ticket_id, action):
    with reading(SYSTEM) as session:
        return session.scalars(
            select(HistoryEntry).where(
                HistoryEntry.ticket_id == ticket_id, HistoryEntry.action == action
            )
        ).all()


def assert_history_tells(ticket_id, now):
    """From history alone comes what is stored (rule 25)."""
    with reading(SYSTEM) as session:
        told = {(s.metric, s.cycle): s for s in stories(session, ticket_id, now)}
        for clock in session.scalars(select(SLAClock).where(SLAClock.ticket_id == ticket_id)):
            story = told.pop((clock.metric, clock.cycle))
            assert story.timing == sla.settle(clock.timing, now)
            assert sum(s.consumed_s for s in story.segments) == pytest.approx(clock.consumed_s)
    assert told == {}


@pytest.mark.rule("sla 10")
@pytest.mark.rule("sla 25")
def test_what_was_solved_in_time_stays_so_though_thanks_are_dismissed_days_later(play, ticket):
    before = stored(ticket)
    thank(play, ticket, after(hours=3))
    # The sweep finds both passed meanwhile, and says so.
    while sweep_sla(now=after(hours=80)):
        pass
    assert {e.details["additionalContext"]["metric"] for e in entries(ticket, "sla_breached")} == {
        "NEXT_RESPONSE",
        "RESOLUTION",
    }
    dismiss_thanks(play.agent, ticket, now=DAYS_LATER)
    became = stored(ticket)
    begun = became.pop((NEXT, 1))
    assert became == before
    assert (begun.met_at, begun.breached_at, begun.detected_at) == (None, None, None)
    assert (begun.stopped_at, begun.stopped_reason) == (DAYS_LATER, THANKS_DISMISSED)
    taken_back = entries(ticket, "sla_breach_taken_back")
    assert {e.details["additionalContext"]["metric"] for e in taken_back} == {
        "NEXT_RESPONSE",
        "RESOLUTION",
    }
    assert all(entry.is_internal and entry.actor_id for entry in taken_back)
    assert_history_tells(ticket, DAYS_LATER)
    assert sweep_sla(now=DAYS_LATER + timedelta(days=30)) == 0


def test_no_step_is_left_to_fire(play, ticket):
    thank(play, ticket, after(hours=3))
    dismiss_thanks(play.agent, ticket, now=after(hours=4))
    with reading(SYSTEM) as session:
        pending = select(SLAStep).where(
            SLAStep.fired_at.is_(None),
            SLAStep.cancelled_at.is_(None),
            SLAStep.skipped_reason.is_(None),
        )
        assert session.scalars(pending).all() == []
        standings = {c.metric: c.standing for c in clocks_of(session, ticket, DAYS_LATER)}
    assert standings == {
        FIRST: Standing.MET,
        RESOLUTION: Standing.MET,
        NEXT: Standing.STOPPED,
    }
    assert entries(ticket, "sla_breach_taken_back") == []


def test_what_was_late_at_the_closing_stays_late(play):
    ticket = tickets.open_ticket(
        play.customer, play.customer.profile_id, "No VPN", "It fails.", now=START
    )
    comments.reply(play.agent, ticket, "Try this.", Event.STAFF_REPLY, now=after(hours=5))
    tickets.close_ticket(play.agent, ticket, now=after(hours=30))
    before = stored(ticket)
    assert before[(RESOLUTION, 1)].breached_at == after(hours=24)
    thank(play, ticket, after(hours=31))
    dismiss_thanks(play.agent, ticket, now=DAYS_LATER)
    became = stored(ticket)
    became.pop((NEXT, 1))
    assert became == before
    assert entries(ticket, "sla_breach_taken_back") == []
    assert_history_tells(ticket, DAYS_LATER)


def test_whatever_was_promised_meanwhile_is_taken_back_too(play, ticket):
    gold = play.policy(targets={(p, m): 60 for p in Priority for m in (FIRST, NEXT, RESOLUTION)})
    team = play.team(gold)
    before = stored(ticket)
    thank(play, ticket, after(hours=3))
    changes = (TicketChanges(priority=Priority.HIGH), TicketChanges(team_id=team))
    for hours, change in enumerate(changes, start=4):
        with reading(SYSTEM) as session:
            version = session.get_one(Ticket, ticket).version
        tickets.change_ticket(play.agent, ticket, change, version=version, now=after(hours=hours))
    assert stored(ticket)[(RESOLUTION, 1)].breached_at == after(hours=5)
    dismiss_thanks(play.agent, ticket, now=after(hours=6))
    became = stored(ticket)
    became.pop((NEXT, 1))
    assert became == before
    # Once more, now under the other policy from the beginning.
    thank(play, ticket, after(hours=7))
    dismiss_thanks(play.agent, ticket, now=after(hours=8))
    became = stored(ticket)
    for cycle in (1, 2):
        became.pop((NEXT, cycle))
    assert became == before
    assert_history_tells(ticket, DAYS_LATER)


@pytest.mark.rule("sla 19")
def test_a_date_that_was_promised_stands_again_and_by_whom(play):
    ticket = tickets.open_ticket(
        play.customer, play.customer.profile_id, "No VPN", "It fails.", now=START
    )
    comments.reply(play.agent, ticket, "Try this.", Event.STAFF_REPLY, now=after(hours=1))
    due_times.promise_due(play.agent, ticket, RESOLUTION, after(hours=40), now=after(hours=1))
    tickets.close_ticket(play.agent, ticket, now=after(hours=2))
    before = stored(ticket)
    # So late that the promised date lies behind and is dropped.
    thank(play, ticket, after(hours=50))
    assert stored(ticket)[(RESOLUTION, 1)].due_set_by is None
    dismiss_thanks(play.agent, ticket, now=DAYS_LATER)
    became = stored(ticket)
    became.pop((NEXT, 1))
    assert became == before
    assert before[(RESOLUTION, 1)].due_set_by == play.agent.profile_id
    assert_history_tells(ticket, DAYS_LATER)


@pytest.mark.rule("sla 4")
def test_a_first_response_that_closing_had_ended_is_ended_again(play):
    ticket = tickets.open_ticket(
        play.customer, play.customer.profile_id, "No VPN", "It fails.", now=START
    )
    tickets.close_ticket(play.agent, ticket, now=after(hours=2))
    before = stored(ticket)
    thank(play, ticket, after(hours=3))
    assert stored(ticket)[(FIRST, 1)].stopped_at is None
    dismiss_thanks(play.agent, ticket, now=DAYS_LATER)
    assert stored(ticket) == before
    assert_history_tells(ticket, DAYS_LATER)


@pytest.mark.rule("sla 2")
def test_after_a_second_thank_you_it_still_stands_as_at_the_closing(play, ticket):
    before = stored(ticket)
    for hours in (3, 60):
        thank(play, ticket, after(hours=hours))
        dismiss_thanks(play.agent, ticket, now=after(hours=hours + 40))
    became = stored(ticket)
    assert {became.pop((NEXT, n)).stopped_reason for n in (1, 2)} == {THANKS_DISMISSED}
    assert became == before
    assert_history_tells(ticket, after(hours=200))


@pytest.mark.rule("sla 10")
def test_whoever_really_comes_back_finds_the_clock_where_the_closing_left_it(play, ticket):
    thank(play, ticket, after(hours=3))
    dismiss_thanks(play.agent, ticket, now=after(hours=50))
    thank(play, ticket, after(hours=51))
    comments.reply(play.agent, ticket, "Again.", Event.STAFF_REPLY, now=after(hours=52))
    tickets.close_ticket(play.agent, ticket, now=after(hours=53))
    resolution = stored(ticket)[(RESOLUTION, 1)]
    assert (resolution.consumed_s, resolution.breached_at) == (4 * 3600, None)
    assert resolution.met_at == after(hours=53)
    assert play.clock(ticket, NEXT, 2).met_at == after(hours=52)
    assert_history_tells(ticket, after(hours=60))
    with reading(SYSTEM) as session:
        assert session.get_one(Ticket, ticket).status is Status.CLOSED
