"""Read marks: what is news to whom; and who has a ticket open now."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.errors import NotAllowed, NotFound
from emberone.models import Ticket, TicketRead
from emberone.queries.reads import last_visit, looking_now
from emberone.queries.timeline import pulse
from emberone.queries.views import unread
from emberone.services import comments, drafts, reads, tickets

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def ana(make):
    return make.agent("Ana")


@pytest.fixture
def ben(make):
    return make.agent("Ben")


@pytest.fixture
def customer(make):
    return make.customer("Carl")


@pytest.fixture
def ticket(customer):
    return tickets.open_ticket(customer, customer.profile_id, "Help", "It broke.", now=NOW)


def _number(ticket):
    with reading(SYSTEM) as session:
        return session.get_one(Ticket, ticket).activity_no


def _is_unread(actor, ticket):
    number = _number(ticket)
    with reading(actor) as session:
        return unread(session, actor, {ticket: number}) == {ticket}


def test_a_ticket_marked_unread_is_new_to_that_person_only(ana, ben, ticket):
    for actor in (ana, ben):
        reads.mark_read(actor, ticket, _number(ticket))
    reads.mark_unread(ana, ticket)
    assert (_is_unread(ana, ticket), _is_unread(ben, ticket)) == (True, False)
    reads.mark_read(ana, ticket, _number(ticket))
    assert not _is_unread(ana, ticket)


def test_a_ticket_never_read_can_be_marked_unread_too(ana, ticket):
    reads.mark_unread(ana, ticket)
    assert _is_unread(ana, ticket)


def test_marking_unread_keeps_when_one_was_there(ana, ticket):
    reads.mark_read(ana, ticket, _number(ticket), now=NOW)
    reads.mark_unread(ana, ticket)
    with reading(ana) as session:
        assert last_visit(session, ana, ticket) == NOW


def test_a_ticket_that_is_not_there_cannot_be_unread(ana):
    with pytest.raises(NotFound):
        reads.mark_unread(ana, uuid4())


def test_customers_have_no_marks(customer, ticket):
    for act in (reads.mark_unread, reads.look_at, reads.look_away):
        with pytest.raises(NotAllowed):
            act(customer, ticket)
    with reading(SYSTEM) as session:
        assert session.scalars(select(TicketRead)).all() == []


def test_what_one_notes_oneself_is_no_news_to_one(ana, ben, ticket):
    for actor in (ana, ben):
        reads.mark_read(actor, ticket, _number(ticket))
    drafts.leave_note(ana, ticket, "Call them.")
    assert (_is_unread(ana, ticket), _is_unread(ben, ticket)) == (False, True)


def test_ones_own_note_does_not_hide_what_one_has_not_seen(ana, customer, ticket):
    reads.mark_read(ana, ticket, _number(ticket))
    comments.comment_as_customer(customer, ticket, "Hello?")
    drafts.leave_note(ana, ticket, "Call them.")
    assert _is_unread(ana, ticket)


def test_looking_marks_as_read_up_to_the_number_and_not_without_one(ana, customer, ticket):
    reads.look_at(ana, ticket)
    assert _is_unread(ana, ticket)
    reads.look_at(ana, ticket, _number(ticket))
    assert not _is_unread(ana, ticket)
    comments.comment_as_customer(customer, ticket, "Hello?")
    assert _is_unread(ana, ticket)


def test_colleagues_see_who_looks_until_they_go_or_fall_silent(ana, ben, ticket):
    def seen_by(actor, moment):
        with reading(actor) as session:
            return looking_now(session, actor, ticket, moment)

    reads.look_at(ana, ticket, now=NOW)
    assert seen_by(ben, NOW) == ["Ana"]
    assert seen_by(ana, NOW) == []
    assert seen_by(ben, NOW + timedelta(seconds=61)) == []
    reads.look_at(ana, ticket, now=NOW + timedelta(seconds=50))
    assert seen_by(ben, NOW + timedelta(seconds=61)) == ["Ana"]
    reads.look_away(ana, ticket)
    assert seen_by(ben, NOW + timedelta(seconds=61)) == []


def test_pages_that_fell_silent_are_forgotten_with_the_next(ana, make, ticket, owner):
    reads.look_at(ana, ticket, now=NOW)
    reads.look_at(ana, make.ticket(), now=NOW + timedelta(minutes=11))
    assert owner.execute("SELECT count(*) FROM ticket_viewers").fetchone() == (1,)


def test_who_comes_and_goes_is_news_to_open_pages_and_staying_is_not(ana, ben, ticket, owner):
    [number] = owner.execute("SELECT number FROM tickets WHERE id = %s", [ticket]).fetchone()

    def tag(actor):
        with reading(actor) as session:
            return pulse(session, actor, number).tag

    before = tag(ben), tag(ana)
    reads.look_at(ana, ticket)
    after = tag(ben), tag(ana)
    assert after[0] != before[0]
    assert after[1] == before[1]
    reads.look_at(ana, ticket)
    assert tag(ben) == after[0]
    reads.look_away(ana, ticket)
    assert tag(ben) == before[0]
