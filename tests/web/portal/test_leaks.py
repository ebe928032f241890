"""Nothing internal leaks: what staff and the machine do among themselves moves nothing here."""

import re
from datetime import timedelta

import pytest

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.attachments import Upload
from emberone.domain.enums import CommentType, DraftKind, Priority, Status
from emberone.domain.lifecycle import Event
from emberone.models import Comment, Macro
from emberone.queries import portal
from emberone.services.comments import add_note, comment_as_customer, edit_comment, reply
from emberone.services.drafts import save_draft, send_reply
from emberone.services.reads import mark_read
from emberone.services.sla import sweep_sla
from emberone.services.snoozing import snooze_ticket, wake_ticket
from emberone.services.tickets import TicketChanges, assign_ticket, change_ticket
from tests.web.portal.conftest import look, plain, text_of

SECRET = "hippopotamus"


def note(agent, ticket, make):
    add_note(agent, ticket.id, f"The {SECRET} again.")


def edited_note(agent, ticket, make):
    edit_comment(agent, add_note(agent, ticket.id, "?"), SECRET, version=1)


def deleted_note(agent, ticket, make):
    comment_id = add_note(agent, ticket.id, SECRET)
    with transaction(make.admin()) as session:
        session.delete(session.get_one(Comment, comment_id))


def internal_word_of_the_machine(agent, ticket, make):
    with transaction(SYSTEM) as session:
        session.add(
            Comment(ticket_id=ticket.id, content=SECRET, type=CommentType.SYSTEM, is_internal=True)
        )


def assignment(agent, ticket, make):
    assign_ticket(agent, ticket.id, make.agent().profile_id)


def return_to_the_pool(agent, ticket, make):
    assign_ticket(agent, ticket.id, None)
    assert look(ticket.id).status is Status.OPEN


def tags(agent, ticket, make):
    change_ticket(agent, ticket.id, TicketChanges(tags=[SECRET]), version=None)


def team(agent, ticket, make):
    change_ticket(agent, ticket.id, TicketChanges(team_id=make.team(SECRET)), version=None)


def priority(agent, ticket, make):
    change_ticket(agent, ticket.id, TicketChanges(priority=Priority.CRITICAL), version=None)


def snooze(agent, ticket, make):
    snooze_ticket(agent, ticket.id, look(ticket.id).created_at + timedelta(days=3))


def snooze_and_wake(agent, ticket, make):
    snooze(agent, ticket, make)
    wake_ticket(agent, ticket.id)
    assert look(ticket.id).snoozed_until is None


def draft(agent, ticket, make):
    assert save_draft(agent, ticket.id, DraftKind.REPLY, SECRET)


def reply_on_its_way(agent, ticket, make):
    send_reply(agent, ticket.id, SECRET, Event.STAFF_REPLY, files=[Upload("x.txt", b"x")])


def macro(agent, ticket, make):
    with transaction(agent) as session:
        session.add(Macro(name=SECRET, content=SECRET, owner_id=agent.profile_id))


def internal_attachment(agent, ticket, make):
    add_note(agent, ticket.id, "See.", files=[Upload(f"{SECRET}.txt", SECRET.encode())])


def sla_step(agent, ticket, make):
    while sweep_sla(now=ticket.created_at + timedelta(days=60)):
        pass
    assert look(ticket.id).priority is not Priority.MEDIUM


def read_marks(agent, ticket, make):
    mark_read(agent, ticket.id, look(ticket.id).activity_no)


DEEDS = [
    note,
    edited_note,
    deleted_note,
    internal_word_of_the_machine,
    assignment,
    return_to_the_pool,
    tags,
    team,
    priority,
    snooze,
    snooze_and_wake,
    draft,
    reply_on_its_way,
    macro,
    internal_attachment,
    sla_step,
    read_marks,
]
of_each_deed = pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)


@pytest.fixture
def ticket(ask, agent, customer):
    """A ticket that was talked about, with an older and a newer one beside it."""
    ask("The older one")
    ticket = ask("The one in the middle", "It burns.")
    reply(agent, ticket.id, "Does it still burn?", Event.STAFF_REPLY)
    comment_as_customer(customer, ticket.id, "It does.")
    ask("The newer one")
    return look(ticket.id)


@pytest.fixture
def do(deed, agent, ticket, make):
    """Does the internal deed, which must have done something."""

    def done(owner):
        before = traces(owner)
        deed(agent, ticket, make)
        assert traces(owner) != before

    return done


def traces(owner):
    tables = ("tickets", "comments", "history", "drafts", "macros", "ticket_reads", "attachments")
    return [
        owner.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        for table in (*tables, "sla_steps", "team_members")
    ]


def list_and_page(client, ticket):
    addresses = ("/portal/", "/portal/?show=open", f"/portal/{ticket.number}/")
    return [text_of(client.get(address)) for address in addresses]


@of_each_deed
def test_no_timestamp_moves(client, ticket, do, owner):
    def moments():
        return [re.findall(r"<time [^>]*>", page) for page in list_and_page(client, ticket)]

    before = moments()
    assert all(before)
    do(owner)
    assert moments() == before


@of_each_deed
def test_no_count_moves(client, ticket, do, owner):
    def counts():
        pages = list_and_page(client, ticket)
        marks = ("<article", "own-ticket__title", "message-event", "<li", "badge", "tone")
        return [[page.count(mark) for mark in marks] for page in pages] + [
            len(plain(page)) for page in pages
        ]

    before = counts()
    do(owner)
    assert counts() == before


@of_each_deed
def test_no_order_moves(client, ticket, do, owner):
    def order():
        titles = re.findall(
            r'class="own-ticket__title"[^>]*>([^<]*)<', text_of(client.get("/portal/"))
        )
        ids = re.findall(r'id="(comment-[^"]*)"', list_and_page(client, ticket)[-1])
        return titles, ids

    before = order()
    assert len(before[0]) == 3
    assert len(before[1]) == 2
    do(owner)
    assert order() == before


@of_each_deed
def test_no_etag_moves(client, ticket, do, owner):
    address = f"/portal/{ticket.number}/changes/"
    before = client.get(address)
    tag = before.headers["ETag"]
    assert tag in text_of(client.get(f"/portal/{ticket.number}/")).replace("&#34;", '"')
    do(owner)
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    after = client.get(address)
    assert after.headers["ETag"] == tag
    assert plain(after.text) == plain(before.text)
    assert "Last-Modified" not in after.headers


@of_each_deed
def test_no_search_tells(client, ticket, do, owner):
    def found():
        return [
            plain(text_of(client.get("/portal/", query_string={"search": words})))
            for words in (SECRET, "burn", "middle", str(ticket.number))
        ]

    before = found()
    assert "Nothing found" in before[0]
    assert all("The one in the middle" in page for page in before[1:])
    do(owner)
    assert found() == before


@of_each_deed
def test_no_history_tells(client, customer, ticket, do, owner):
    def history():
        with reading(customer) as session:
            return portal.happenings(session, ticket.id)

    before = history()
    lines = plain(list_and_page(client, ticket)[-1])
    do(owner)
    assert history() == before
    assert plain(list_and_page(client, ticket)[-1]) == lines


@of_each_deed
def test_every_byte_and_every_header_stays(client, ticket, do, owner):
    def answers():
        found = []
        for path in (
            "",
            f"{ticket.number}/",
            f"{ticket.number}/edit/",
            f"{ticket.number}/changes/",
        ):
            answer = client.get(f"/portal/{path}")
            headers = {
                name: plain(value)
                for name, value in answer.headers
                # Lengths vary with the token's time; a cookie says when it was given.
                if name not in {"Date", "Content-Length", "Set-Cookie", "X-Request-ID"}
            }
            found.append((answer.status_code, headers, plain(answer.text)))
        return found

    before = answers()
    do(owner)
    assert answers() == before
    assert SECRET not in str(before)
