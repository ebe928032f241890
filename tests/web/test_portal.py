"""The portal: a customer's own tickets, and nothing of what staff do among themselves."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from emberone.db import transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import CommentType, Priority, Status
from emberone.models import Comment, Ticket

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def text_of(answer) -> str:
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def titles(page: str) -> list[str]:
    return re.findall(r'<td class="cell-main">([^<]*)</td>', page)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.OPEN, "We have received it"),
        (Status.IN_PROGRESS, "We are on it"),
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


def test_what_staff_do_among_themselves_changes_nothing_here(make, client_of):
    customer, agent, admin = make.customer(), make.agent(), make.admin()
    older = make.ticket(customer, title="Older", now=NOW)
    make.ticket(customer, title="Newer", now=NOW + timedelta(hours=1))
    client = client_of(customer)
    nonce = re.compile(r'nonce="[^"]*"|value="[^"]*"')
    before = nonce.sub("", text_of(client.get("/portal/")))
    with transaction(agent) as session:
        session.add(
            Comment(
                ticket_id=older,
                author_id=agent.profile_id,
                content="Secret words",
                type=CommentType.INTERNAL,
                is_internal=True,
            )
        )
    with transaction(admin) as session:
        session.execute(
            update(Ticket)
            .where(Ticket.id == older)
            .values(assigned_agent_id=agent.profile_id, team_id=None)
        )
    assert nonce.sub("", text_of(client.get("/portal/"))) == before
    with transaction(SYSTEM) as session:
        session.execute(update(Ticket).where(Ticket.id == older).values(priority=Priority.HIGH))
    assert nonce.sub("", text_of(client.get("/portal/"))) == before
    with transaction(SYSTEM) as session:
        session.execute(update(Ticket).where(Ticket.id == older).values(description="More."))
    assert titles(text_of(client.get("/portal/"))) == ["Older", "Newer"]
