"""What the queue is sorted and searched by is kept by the database itself."""

from datetime import UTC, datetime, timedelta

import pytest

from emberone.db import transaction
from emberone.domain.actor import SYSTEM
from emberone.models import Comment

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def say(database):
    """Lets someone say something so many minutes after the ticket was opened."""

    def said(ticket, author, minutes, **columns):
        with transaction(SYSTEM, now=T0 + timedelta(minutes=minutes)) as session:
            comment = Comment(
                ticket_id=ticket, author_id=author.profile_id, content="So.", **columns
            )
            session.add(comment)
            session.flush()
            return comment.id

    return said


@pytest.fixture
def since(owner):
    """Minutes from the opening until whoever spoke last took their turn."""

    def minutes(ticket):
        (moment,) = owner.execute(
            "SELECT unanswered_since FROM tickets WHERE id = %s", [ticket]
        ).fetchone()
        return (moment - T0) // timedelta(minutes=1)

    return minutes


def test_the_customers_oldest_unanswered_words_begin_their_wait(make, say, since):
    customer, agent = make.customer(), make.agent()
    ticket = make.ticket(customer, now=T0)
    say(ticket, customer, 5)
    assert since(ticket) == 0
    say(ticket, agent, 10)
    assert since(ticket) == 10
    say(ticket, agent, 15)
    assert since(ticket) == 10
    say(ticket, customer, 20)
    say(ticket, customer, 25)
    assert since(ticket) == 20


def test_notes_changes_and_letters_of_the_product_take_nobodys_turn(make, say, since, owner):
    customer, agent = make.customer(), make.agent()
    ticket = make.ticket(customer, now=T0)
    say(ticket, agent, 5, type="INTERNAL", is_internal=True)
    with transaction(SYSTEM, now=T0 + timedelta(minutes=6)) as session:
        session.add(Comment(ticket_id=ticket, content="Escalated.", type="SYSTEM"))
    owner.execute("UPDATE tickets SET priority = 'HIGH' WHERE id = %s", [ticket])
    assert since(ticket) == 0


def test_a_comment_that_is_deleted_gives_its_turn_back(make, say, since, owner):
    customer, agent = make.customer(), make.agent()
    ticket = make.ticket(customer, now=T0)
    say(ticket, agent, 10)
    first, second = say(ticket, customer, 20), say(ticket, customer, 30)
    owner.execute("DELETE FROM comments WHERE id = %s", [first])
    assert since(ticket) == 30
    owner.execute("DELETE FROM comments WHERE id = %s", [second])
    assert since(ticket) == 10


def test_a_turn_makes_no_form_stale(make, say, owner):
    customer, agent = make.customer(), make.agent()
    ticket = make.ticket(customer, now=T0)
    say(ticket, agent, 10)
    assert owner.execute("SELECT version FROM tickets WHERE id = %s", [ticket]).fetchone() == (1,)


def test_nobody_opens_a_ticket_that_waits_since_long_ago(make, since):
    ticket = make.ticket(now=T0, unanswered_since=T0 - timedelta(days=9))
    assert since(ticket) == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [("Ana", {"ana"}), ("ABBA", {"abb", "bba"}), ("ab", set()), ("", set()), ("ööö", {"ööö"})],
)
def test_the_three_letters_in_a_row(owner, words, expected):
    (found,) = owner.execute("SELECT trigrams(%s)", [words]).fetchone()
    assert set(found) == expected
