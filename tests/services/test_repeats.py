"""What a customer sends twice without meaning to is one message."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from emberone.core import create_core
from emberone.db import db
from emberone.domain.attachments import Upload
from emberone.domain.enums import Priority, Status
from emberone.services.comments import comment_as_customer
from emberone.services.tickets import close_ticket, open_ticket

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SOON, LATER = NOW + timedelta(seconds=59), NOW + timedelta(seconds=61)
LOG, OTHER_LOG = Upload("log.txt", b"one"), Upload("log.txt", b"two")


@pytest.fixture
def customer(make):
    return make.customer()


def ask(customer, title="Printer", text="It burns.", now=NOW, **more):
    return open_ticket(customer, customer.profile_id, title, text, now=now, **more)


def contents(owner, ticket_id):
    return [
        row[0]
        for row in owner.execute(
            "SELECT content FROM comments WHERE ticket_id = %s ORDER BY id", [ticket_id]
        )
    ]


def test_the_same_words_within_a_minute_are_said_once(customer, owner):
    ticket = ask(customer)
    for now in (NOW, SOON, LATER + timedelta(seconds=61)):
        assert comment_as_customer(customer, ticket, "Any news?\r\n", now=now) == ticket
    assert contents(owner, ticket) == ["Any news?", "Any news?"]


@pytest.mark.parametrize(("files", "count"), [([LOG], 1), ([], 2), ([OTHER_LOG], 2)])
def test_other_files_make_it_another_comment(customer, owner, files, count):
    ticket = ask(customer)
    comment_as_customer(customer, ticket, "See the log.", files=[LOG], now=NOW)
    comment_as_customer(customer, ticket, "See the log.", files=files, now=SOON)
    assert len(contents(owner, ticket)) == count


def test_the_same_request_within_a_minute_is_one_ticket(customer, make):
    first = ask(customer, files=[LOG])
    assert ask(customer, now=SOON, files=[LOG]) == first
    others = [
        ask(customer, now=LATER, files=[LOG]),
        ask(customer, now=SOON),
        ask(customer, "Scanner", now=SOON, files=[LOG]),
        ask(customer, text="It smokes.", now=SOON, files=[LOG]),
        ask(customer, now=SOON, files=[LOG], priority=Priority.HIGH),
        ask(make.customer(), now=SOON, files=[LOG]),
    ]
    assert len({first, *others}) == 7


def test_a_request_that_was_closed_meanwhile_is_a_new_one(customer):
    first = ask(customer)
    close_ticket(customer, first, now=NOW)
    assert ask(customer, now=SOON) != first


def test_a_comment_that_opens_a_new_ticket_opens_one(customer, make):
    old = make.ticket(customer, status=Status.CLOSED, now=NOW - timedelta(days=30))
    new = comment_as_customer(customer, old, "It is back.", now=NOW)
    assert new != old
    assert comment_as_customer(customer, old, "It is back.", now=SOON) == new
    assert comment_as_customer(customer, old, "Again.", now=SOON) not in {old, new}


def test_two_at_once_are_one(customer, owner, settings):
    ticket = ask(customer)

    def in_a_request(act):
        with create_core(settings).app_context():
            try:
                return act()
            finally:
                db.engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        said = lambda: comment_as_customer(customer, ticket, "Hello?")  # noqa: E731
        asked = lambda: open_ticket(customer, customer.profile_id, "Fax", "?")  # noqa: E731
        found = list(pool.map(in_a_request, [said, asked, said, asked]))
    assert contents(owner, ticket) == ["Hello?"]
    assert len(set(found)) == 2
