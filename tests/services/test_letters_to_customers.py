"""What customers are told by letter, and how their mail programs put it together."""

import itertools
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.attachments import Upload
from emberone.domain.enums import MailState
from emberone.domain.imports import csv
from emberone.domain.imports.rows import Row
from emberone.domain.lifecycle import Event
from emberone.models import Letter
from emberone.services import comments, delivery, drafts, tickets
from emberone.services.correspondence import reply_key
from emberone.services.imports.csv import import_requests
from tests.conftest import settings_for
from tests.smtp_sink import Sink


def letters(*kinds):
    with reading(SYSTEM) as session:
        found = session.scalars(select(Letter).order_by(Letter.created_at, Letter.id)).all()
    return [letter for letter in found if letter.letter in kinds]


def to_customer():
    return letters("ticket_received", "staff_replied")


@pytest.fixture
def opened(make):
    """A customer, an agent, and the customer's ticket."""
    customer, agent = make.customer("Ana Costa"), make.agent("Ben Okoro")
    return (
        customer,
        agent,
        tickets.open_ticket(customer, customer.profile_id, "No VPN", "It stopped."),
    )


def reply(agent, ticket, words="Try again.", event=Event.STAFF_REPLY):
    return comments.reply(agent, ticket, words, event)


def test_who_opens_a_ticket_gets_one_letter_that_it_arrived(opened):
    customer, _, ticket = opened
    (letter,) = to_customer()
    assert (letter.key, letter.letter) == (f"received:{ticket}", "ticket_received")
    assert (letter.to_profile_id, letter.ticket_id) == (customer.profile_id, ticket)
    assert letter.params["by_staff"] is False
    assert letter.params["description"] == "It stopped."


def test_what_staff_say_while_opening_is_in_the_same_letter(make):
    customer, agent = make.customer(), make.agent("Ben Okoro")
    tickets.open_ticket(agent, customer.profile_id, "No VPN", "Phoned.", comment="We look.")
    (letter,) = to_customer()
    assert letter.params["by_staff"] is True
    assert (letter.params["author"], letter.params["content"]) == ("Ben Okoro", "We look.")


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (Event.STAFF_REPLY, "IN_PROGRESS"),
        (Event.STAFF_REPLY_AND_WAIT, "WAITING"),
        (Event.STAFF_REPLY_AND_CLOSE, "CLOSED"),
    ],
)
def test_a_reply_is_one_letter_that_says_what_became_of_the_ticket(opened, event, status):
    _, agent, ticket = opened
    comment = reply(agent, ticket, "**Try** again.", event)
    _, letter = to_customer()
    assert letter.key == reply_key(comment)
    assert letter.params["status"] == status
    assert (letter.params["author"], letter.params["content"]) == ("Ben Okoro", "**Try** again.")


def test_notes_and_what_customers_say_are_not_mailed_to_them(opened):
    customer, agent, ticket = opened
    comments.add_note(agent, ticket, "Odd.")
    comments.comment_as_customer(customer, ticket, "And now?")
    assert len(to_customer()) == 1


def test_who_declined_these_letters_gets_none_and_the_log_says_so(opened, owner):
    customer, agent, ticket = opened
    owner.execute(
        "UPDATE profiles SET declined_letters = '{staff_replied}' WHERE id = %s",
        (customer.profile_id,),
    )
    reply(agent, ticket)
    assert to_customer()[1].state is MailState.SUPPRESSED


def test_a_deleted_comment_is_not_sent_after_all(opened, make):
    _, agent, ticket = opened
    comments.delete_comment(make.admin(), reply(agent, ticket))
    letter = to_customer()[1]
    assert (letter.state, letter.last_error) == (MailState.SUPPRESSED, "The comment was deleted.")


def test_a_refused_reply_writes_no_letter(opened):
    _, agent, ticket = opened
    with pytest.raises(ValueError):
        reply(agent, ticket, event=Event.CLOSE)
    assert len(to_customer()) == 1


def test_a_letter_keeps_the_title_its_thread_began_with(opened):
    _, agent, ticket = opened
    tickets.change_ticket(
        agent, ticket, tickets.TicketChanges(title="VPN on Ana's laptop"), version=None
    )
    reply(agent, ticket)
    first, second = to_customer()
    assert second.params["follows"] == first.key
    assert (second.params["topic"], second.params["title"]) == ("No VPN", "VPN on Ana's laptop")


@pytest.fixture
def delivered(postgres, database):
    """Deliver everything to a real mail server; returns the messages it took."""
    before = database.extensions["emberone.settings"]

    def deliver() -> list[EmailMessage]:
        with Sink() as sink:
            database.extensions["emberone.settings"] = settings_for(
                postgres, EMBERONE_SMTP_URL=sink.url, EMBERONE_BASE_URL="https://help.example"
            )
            while delivery.deliver_due():
                pass
            return sink.messages

    yield deliver
    database.extensions["emberone.settings"] = before


def chains(messages):
    """Message-ID → the name at the top of its thread, by the headers alone (as JWZ links them)."""
    parents = {}
    for message in messages:
        names = [*str(message["References"]).split(), str(message["Message-ID"])]
        assert str(message["In-Reply-To"]) == names[-2]
        for parent, child in itertools.pairwise(names):
            if child == names[-1] or child not in parents:
                parents[child] = parent

    def top(name):
        seen = set()
        while name in parents:
            assert name not in seen
            seen.add(name)
            name = parents[name]
        return name

    return {str(message["Message-ID"]): top(str(message["Message-ID"])) for message in messages}


def test_a_mail_program_sees_each_readers_letters_about_a_ticket_as_one_thread(opened, delivered):
    customer, agent, ticket = opened
    reply(agent, ticket, "One.")
    reply(agent, ticket, "Two.", Event.STAFF_REPLY_AND_WAIT)
    tickets.open_ticket(customer, customer.profile_id, "Another", "Else.", agent_id=None)
    messages = [m for m in delivered() if "Ana Costa" in str(m["To"])]
    tops = chains(messages)
    one = {tops[str(m["Message-ID"])] for m in messages if "No VPN" in m["Subject"]}
    other = {tops[str(m["Message-ID"])] for m in messages if "Another" in m["Subject"]}
    assert (len(messages), len(one), len(other)) == (4, 1, 1)
    assert one != other
    subjects = sorted(m["Subject"].removeprefix("Re: ") for m in messages)
    assert len(set(subjects)) == 2
    assert sum(m["Subject"].startswith("Re: [#") for m in messages) == 2


def test_a_repeated_letter_has_the_same_headers(opened, delivered, owner):
    _, agent, ticket = opened
    reply(agent, ticket)
    first = delivered()
    owner.execute("UPDATE mail_outbox SET state = 'queued', sent_at = NULL")
    again = {str(m["Message-ID"]): m for m in delivered()}
    assert len(again) == len(first)
    for message in first:
        repeat = again[str(message["Message-ID"])]
        for name in ("Subject", "References", "In-Reply-To", "Date", "To"):
            assert str(repeat[name]) == str(message[name])


def test_the_files_of_a_reply_are_named_and_never_attached(opened, delivered):
    _, agent, ticket = opened
    comments.reply(
        agent, ticket, "See the file.", Event.STAFF_REPLY, files=[Upload("how to.txt", b"Turn it.")]
    )
    (file,) = to_customer()[1].params["files"]
    (message,) = [m for m in delivered() if m["Subject"].startswith("Re: ")]
    assert not list(message.iter_attachments())
    text = message.get_body(["plain"]).get_content()
    assert "how to.txt" in text
    assert f"https://help.example{file['url']}" in text


def test_the_file_of_a_draft_is_named_in_its_letter(opened, set_setting):
    _, agent, ticket = opened
    set_setting(reply_delay_s=0)
    drafts.send_reply(
        agent, ticket, "See the file.", Event.STAFF_REPLY, files=[Upload("a.txt", b"Turn it.")]
    )
    assert [file["name"] for file in to_customer()[1].params["files"]] == ["a.txt"]


def test_an_import_of_a_hundred_tickets_writes_no_letter(database):
    rows = [
        Row(n + 2, {"title": f"Ticket {n}", "description": "Broken.", "email": f"c{n}@example.org"})
        for n in range(100)
    ]
    columns = csv.choose_columns(list(rows[0].values), {})
    assert import_requests(SYSTEM, rows, columns).tickets == 100
    with reading(SYSTEM) as session:
        assert session.scalars(select(Letter)).all() == []
