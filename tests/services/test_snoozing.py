"""Putting a ticket aside: until its moment, or until something happens on it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Availability, Status
from emberone.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from emberone.domain.lifecycle import Event
from emberone.models import HistoryEntry, SLAClock, Ticket
from emberone.queries import views
from emberone.services import agents, comments, drafts, publishing, reads, tickets
from emberone.services.assignment import sweep_assignments
from emberone.services.sla import sweep_sla
from emberone.services.snoozing import snooze_ticket, wake_ticket

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(hours=0, minutes=0, seconds=0):
    return NOW + timedelta(hours=hours, minutes=minutes, seconds=seconds)


FRIDAY = at(96)


@pytest.fixture
def ana(make):
    return make.agent("Ana")


@pytest.fixture
def customer(make):
    return make.customer("Carl")


@pytest.fixture
def ticket(ana, customer, owner):
    """Ana's, answered once, so that only its resolution is due: after 24 hours."""
    owner.execute("UPDATE sla_targets SET calendar_id = NULL")
    ticket = tickets.open_ticket(customer, customer.profile_id, "Help", "It broke.", now=NOW)
    tickets.assign_ticket(ana, ticket, ana.profile_id, now=NOW)
    comments.reply(ana, ticket, "I look.", Event.STAFF_REPLY, now=at(minutes=1))
    return ticket


@pytest.fixture
def asleep(ana, ticket):
    snooze_ticket(ana, ticket, FRIDAY, now=at(minutes=5))
    return ticket


def look(ticket):
    with reading(SYSTEM) as session:
        return session.get_one(Ticket, ticket)


def told(ticket):
    """What history tells of it: action, cause or moment, whether customers may see it, who."""
    with reading(SYSTEM) as session:
        entries = session.scalars(
            select(HistoryEntry)
            .where(HistoryEntry.ticket_id == ticket, HistoryEntry.action.in_(["snoozed", "woken"]))
            .order_by(HistoryEntry.created_at, HistoryEntry.id)
        ).all()
    assert all(entry.is_internal for entry in entries)
    return [
        (entry.action, *entry.details["additionalContext"].values(), entry.actor_id)
        for entry in entries
    ]


def is_unread(actor, ticket, now):
    with transaction(SYSTEM, now=now) as session:
        row = session.get_one(Ticket, ticket)
        return views.unread(session, actor, {ticket: row.activity_no}) == {ticket}


@pytest.mark.rule("feedback 13")
def test_a_ticket_is_put_aside_and_history_says_until_when(ana, asleep):
    assert look(asleep).snoozed_until == FRIDAY
    assert told(asleep) == [("snoozed", FRIDAY.isoformat(), ana.profile_id)]


def test_another_moment_replaces_the_first_and_the_same_changes_nothing(ana, asleep):
    version = look(asleep).version
    snooze_ticket(ana, asleep, FRIDAY, now=at(1))
    assert look(asleep).version == version
    snooze_ticket(ana, asleep, FRIDAY + timedelta(days=1), now=at(1))
    assert look(asleep).snoozed_until == FRIDAY + timedelta(days=1)
    assert len(told(asleep)) == 2


@pytest.mark.rule("feedback 13")
def test_only_the_next_year_can_be_chosen(ana, ticket):
    for wrong in (at(minutes=5), at(-1), at(minutes=6) + timedelta(days=366)):
        with pytest.raises(Invalid):
            snooze_ticket(ana, ticket, wrong, now=at(minutes=5))
    assert look(ticket).snoozed_until is None
    assert told(ticket) == []


def test_a_closed_ticket_is_not_put_aside(ana, ticket):
    tickets.close_ticket(ana, ticket, now=at(minutes=2))
    with pytest.raises(Conflict):
        snooze_ticket(ana, ticket, FRIDAY, now=at(minutes=5))
    assert look(ticket).snoozed_until is None


def test_customers_put_nothing_aside(customer, make, ticket, asleep):
    for act in (
        lambda who: snooze_ticket(who, ticket, FRIDAY),
        lambda who: wake_ticket(who, ticket),
    ):
        with pytest.raises(NotAllowed):
            act(customer)
        with pytest.raises(NotFound):
            act(make.customer())
    assert look(asleep).snoozed_until == FRIDAY


def test_what_the_customer_said_meanwhile_is_not_put_aside_unread(ana, customer, ticket):
    comments.comment_as_customer(customer, ticket, "And now smoke.", now=at(minutes=4))
    with pytest.raises(Conflict):
        snooze_ticket(ana, ticket, FRIDAY, seen_at=at(minutes=3), now=at(minutes=5))
    assert look(ticket).snoozed_until is None
    snooze_ticket(ana, ticket, FRIDAY, seen_at=at(minutes=4), now=at(minutes=5))
    assert look(ticket).snoozed_until == FRIDAY


def test_whoever_wants_it_back_has_it_back(ana, asleep):
    wake_ticket(ana, asleep, now=at(1))
    wake_ticket(ana, asleep, now=at(2))
    assert look(asleep).snoozed_until is None
    assert told(asleep)[1:] == [("woken", "by_hand", ana.profile_id)]


@pytest.mark.rule("feedback 13")
def test_a_customers_comment_wakes_it_in_the_same_moment(customer, asleep):
    comments.comment_as_customer(customer, asleep, "It burns now.", now=at(1))
    row = look(asleep)
    assert (row.snoozed_until, row.status) == (None, Status.IN_PROGRESS)
    assert told(asleep)[1:] == [("woken", "customer", customer.profile_id)]


def test_a_reply_wakes_it_and_so_does_closing(ana, customer, asleep):
    comments.reply(ana, asleep, "Try this.", Event.STAFF_REPLY_AND_WAIT, now=at(1))
    assert look(asleep).snoozed_until is None
    snooze_ticket(ana, asleep, FRIDAY, now=at(2))
    tickets.close_ticket(customer, asleep, now=at(3))
    assert look(asleep).snoozed_until is None
    assert [entry[1] for entry in told(asleep) if entry[0] == "woken"] == ["reply", "closed"]


def test_who_answers_and_then_puts_it_aside_has_it_aside(ana, ticket):
    drafts.send_reply(ana, ticket, "Next week.", Event.STAFF_REPLY_AND_WAIT, now=at(1))
    snooze_ticket(ana, ticket, FRIDAY, now=at(1, seconds=5))
    assert publishing.publish_due(now=at(1, seconds=30)) == 1
    row = look(ticket)
    assert (row.snoozed_until, row.status) == (FRIDAY, Status.WAITING)


def test_a_reply_that_was_sent_after_it_was_put_aside_wakes_it(ana, asleep):
    drafts.send_reply(ana, asleep, "Done.", Event.STAFF_REPLY, now=at(1))
    assert look(asleep).snoozed_until == FRIDAY
    publishing.publish_due(now=at(1, seconds=30))
    assert look(asleep).snoozed_until is None


def test_notes_and_properties_leave_it_aside(ana, asleep):
    comments.add_note(ana, asleep, "Ordered the part.", now=at(1))
    changes = tickets.TicketChanges(tags=["part"])
    tickets.change_ticket(ana, asleep, changes, version=None, now=at(1))
    assert look(asleep).snoozed_until == FRIDAY


def test_who_is_given_it_sees_it(ana, make, asleep):
    tickets.assign_ticket(ana, asleep, make.agent("Ben").profile_id, now=at(1))
    assert look(asleep).snoozed_until is None
    assert told(asleep)[1:] == [("woken", "assigned", ana.profile_id)]


def test_its_clocks_run_on(ana, ticket):
    def clocks():
        with reading(SYSTEM) as session:
            rows = session.scalars(select(SLAClock).where(SLAClock.ticket_id == ticket)).all()
            return {clock.metric: (clock.running_since, clock.due_at) for clock in rows}

    before = clocks()
    assert any(running for running, _ in before.values())
    snooze_ticket(ana, ticket, FRIDAY, now=at(minutes=5))
    assert clocks() == before


def test_a_warning_brings_it_back(asleep):
    assert sweep_sla(now=at(17, 59)) == 0
    assert look(asleep).snoozed_until == FRIDAY
    assert sweep_sla(now=at(18, seconds=1)) == 1
    assert look(asleep).snoozed_until is None
    assert told(asleep)[1:] == [("woken", "time_limit", None)]


def test_a_breach_brings_it_back_though_nobody_is_warned(owner, asleep):
    owner.execute("UPDATE sla_steps SET cancelled_at = now(), fire_at = NULL")
    assert sweep_sla(now=at(24, seconds=1)) == 1
    assert look(asleep).snoozed_until is None


def test_one_that_came_back_by_itself_tells_no_second_time(customer, asleep):
    comments.comment_as_customer(customer, asleep, "Hello?", now=FRIDAY)
    assert look(asleep).snoozed_until is None
    assert len(told(asleep)) == 1


def test_what_comes_back_is_unread_until_it_is_read(ana, asleep):
    reads.mark_read(ana, asleep, look(asleep).activity_no, now=at(1))
    assert not is_unread(ana, asleep, FRIDAY - timedelta(seconds=1))
    assert is_unread(ana, asleep, FRIDAY)
    reads.mark_read(ana, asleep, look(asleep).activity_no, now=FRIDAY + timedelta(minutes=1))
    assert not is_unread(ana, asleep, FRIDAY + timedelta(minutes=2))


def test_reading_it_while_it_is_away_writes_nothing_new(ana, asleep, owner):
    number = look(asleep).activity_no
    for hour in (1, 2):
        reads.mark_read(ana, asleep, number, now=at(hour))
    seen = owner.execute("SELECT seen_at FROM ticket_reads").fetchall()
    assert seen == [(at(1),)]


def test_who_puts_it_aside_has_read_it(ana, make, ticket):
    ben = make.agent("Ben")
    for actor in (ana, ben):
        reads.mark_read(actor, ticket, look(ticket).activity_no, now=at(minutes=3))
    snooze_ticket(ana, ticket, FRIDAY, now=at(minutes=5))
    assert not is_unread(ana, ticket, at(1))
    assert is_unread(ben, ticket, at(1))


def test_it_counts_as_load_still(ana, asleep):
    with reading(SYSTEM) as session:
        count = session.scalar(
            text("SELECT open_count FROM agents WHERE profile_id = :id"), {"id": ana.profile_id}
        )
    assert count == 1


def test_assignment_brings_it_back_for_whom_it_gives_it_to(make, ana, customer):
    """Nobody is told of a ticket that is in none of their lists."""
    agents.set_availability(ana, ana.profile_id, Availability.AWAY)
    boss = make.admin()
    waiting, back = (
        tickets.open_ticket(customer, customer.profile_id, title, "It broke.", now=NOW)
        for title in ("Help", "Help again")
    )
    snooze_ticket(boss, waiting, FRIDAY, now=at(minutes=5))
    snooze_ticket(boss, back, at(minutes=10), now=at(minutes=5))
    agents.set_availability(ana, ana.profile_id, Availability.AVAILABLE)
    sweep_assignments(now=at(1))
    for ticket in (waiting, back):
        row = look(ticket)
        assert (row.assigned_agent_id, row.snoozed_until) == (ana.profile_id, None)
    assert told(waiting)[1:] == [("woken", "assigned", None)]
    # It was back already, as by hand.
    assert told(back)[1:] == []
