"""The list of a customer's own tickets: finding one again."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from emberone.db import transaction
from emberone.domain.enums import CommentType, Status
from emberone.domain.lifecycle import Event
from emberone.models import Comment
from emberone.services.comments import comment_as_customer, reply
from tests.web.portal.conftest import text_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def titles(page: str) -> list[str]:
    return re.findall(r'class="own-ticket__title"[^>]*>([^<]*)</a>', page)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.OPEN, "Received"),
        (Status.IN_PROGRESS, "Being worked on"),
        (Status.WAITING, "Waiting for your answer"),
        (Status.CLOSED, "Resolved"),
    ],
)
def test_a_ticket_is_told_in_the_customers_words(make, client_of, owner, status, words):
    customer = make.customer()
    ticket_id = make.ticket(customer, title="Invoice 77 & the rest", status=status)
    (number,) = owner.execute("SELECT number FROM tickets WHERE id = %s", [ticket_id]).fetchone()
    page = text_of(client_of(customer).get("/portal/"))
    assert titles(page) == ["Invoice 77 &amp; the rest"]
    assert f"#{number}" in page
    assert words in page


def test_whoever_has_asked_nothing_is_told_so(make, client_of):
    assert "No tickets yet" in text_of(client_of(make.customer()).get("/portal/"))


def test_staff_have_no_portal(make, client_of):
    for person in (make.agent(), make.admin()):
        assert client_of(person).get("/portal/").status_code == 403


def test_the_latest_news_come_first_and_pages_follow_by_key(make, client_of):
    customer = make.customer()
    for number in range(60):
        make.ticket(customer, title=f"Ticket {number:02}", now=NOW + timedelta(hours=number))
    client = client_of(customer)
    seen, address, addresses = [], "/portal/", []
    while address:
        page = text_of(client.get(address))
        addresses.append(address)
        seen.append(titles(page))
        following = re.search(r'href="(/portal/\?cursor=a[^"]*)"', page)
        address = following and following[1]
    assert [len(page) for page in seen] == [25, 25, 10]
    assert [title for page in seen for title in page] == [
        f"Ticket {number:02}" for number in reversed(range(60))
    ]
    back = re.search(r'href="(/portal/\?cursor=b[^"]*)"', page)[1]
    assert titles(text_of(client.get(back))) == seen[1]


@pytest.mark.parametrize("cursor", ["x", "a", "aW10", "b!!", "a" * 3000, "%00"])
def test_a_page_that_cannot_be_found_is_refused(make, client_of, cursor):
    answer = client_of(make.customer()).get(f"/portal/?cursor={cursor}")
    assert answer.status_code == 400


@pytest.fixture
def found(client):
    """The titles that a search finds, or a filter lets through."""

    def search(**values):
        return titles(text_of(client.get("/portal/", query_string=values)))

    return search


@pytest.mark.parametrize(
    "words",
    ["flame", "flames", "prin", "#{number}", "{number}", "burns", "extinguisher", "bucket of wat"],
)
def test_a_ticket_is_found_by_its_number_its_words_and_what_was_said(
    ask, agent, customer, found, make, words
):
    ticket = ask("Printer in flames")
    ask("Scanner", "It is cold.")
    make.ticket(title="Somebody else's printer in flames burns", description="extinguisher")
    comment_as_customer(customer, ticket.id, "I have a bucket of water.")
    reply(agent, ticket.id, "Use the extinguisher.", Event.STAFF_REPLY)
    assert found(search=words.format(number=ticket.number)) == ["Printer in flames"]


@pytest.mark.parametrize("words", ["%", "_", "secret", "'", "Ana", "#99999999999999999999", "zz"])
def test_nothing_is_found_by_what_is_not_there(ask, agent, found, words):
    ticket = ask("Printer in flames")
    with transaction(agent) as session:
        session.add(
            Comment(
                ticket_id=ticket.id,
                author_id=agent.profile_id,
                content="A secret.",
                type=CommentType.INTERNAL,
                is_internal=True,
            )
        )
    assert found(search=words) == []


def test_open_and_resolved_are_told_apart(make, customer, found):
    for status in Status:
        make.ticket(customer, title=status.value, status=status)
    assert set(found()) == {status.value for status in Status}
    assert set(found(show="open")) == {"OPEN", "IN_PROGRESS", "WAITING"}
    assert found(show="closed") == ["CLOSED"]
    assert found(show="open", search="closed") == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/portal/?show=open", "Nothing is open"),
        ("/portal/?show=closed", "Nothing is resolved yet"),
        ("/portal/?search=%3Cb%3E", "No ticket of yours has “&lt;b&gt;” in it."),
    ],
)
def test_an_empty_list_says_why(client, address, words):
    assert words in text_of(client.get(address))


@pytest.mark.parametrize("query", ["show=secret", "search=" + "x" * 501])
def test_what_nobody_can_have_typed_is_refused(client, query):
    assert client.get(f"/portal/?{query}").status_code == 400


def test_the_pager_keeps_the_search(make, customer, client):
    for number in range(30):
        make.ticket(customer, title=f"Printer {number}", status=Status.CLOSED)
    page = text_of(client.get("/portal/?show=closed&search=printer"))
    assert len(titles(page)) == 25
    following = re.search(r'href="(/portal/\?[^"]*cursor=a[^"]*)"', page)[1].replace("&amp;", "&")
    assert len(titles(text_of(client.get(following)))) == 5


def test_the_list_asks_no_more_questions_for_more_tickets(make, customer, client, statements):
    counts = []
    for _ in range(2):
        for _ in range(12):
            make.ticket(customer)
        statements()
        text_of(client.get("/portal/?search=ticket"))
        counts.append(len(statements()))
    assert counts[0] == counts[1] <= 5
