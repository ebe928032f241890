"""Digests: many letters to one of the staff within a minute leave as one (SLA rule 23)."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from emberone.db import db, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import MailState
from emberone.jobs import Job, send_nudges_with
from emberone.models import Letter
from emberone.queries.letters import DIGEST_LINES
from emberone.services import delivery, digests, letters
from tests.conftest import settings_for
from tests.smtp_sink import Sink

LIMIT = 3


@pytest.fixture
def sink(postgres, database, set_setting):
    """A mail server that the product uses, with a low limit."""
    before = database.extensions["emberone.settings"]
    set_setting(digest_above=LIMIT)
    with Sink() as sink:
        database.extensions["emberone.settings"] = settings_for(
            postgres, EMBERONE_SMTP_URL=sink.url, EMBERONE_BASE_URL="https://help.example"
        )
        yield sink
    database.extensions["emberone.settings"] = before


def write(ticket, person, letter="assigned", count=1, **params):
    """Write letters to this person, in one transaction; their keys."""
    with transaction(SYSTEM) as session:
        have = session.scalar(text("SELECT count(*) FROM mail_outbox"))
        keys = [f"{letter}:{have + n}" for n in range(count)]
        letters.write_all(
            session,
            letter=letter,
            addressed=[letters.Addressed(key, person.profile_id, ticket, params) for key in keys],
        )
    return keys


def deliver(now=None):
    while delivery.deliver_due(now=now):
        pass


def after(seconds):
    with reading(SYSTEM) as session:
        return session.scalar(text("SELECT now()")) + timedelta(seconds=seconds)


def rows(**wanted):
    with reading(SYSTEM) as session:
        return list(session.scalars(select(Letter).filter_by(**wanted).order_by(Letter.id)))


def states(**wanted):
    return Counter(str(row.state) for row in rows(**wanted))


@pytest.mark.rule("sla 23")
def test_what_comes_on_top_of_so_many_a_minute_leaves_as_one_letter(make, sink):
    agent, ticket = make.agent(), make.ticket(title="Printer burns")
    write(ticket, agent, count=LIMIT)
    deliver()
    assert len(sink.messages) == LIMIT
    write(ticket, agent, count=4)
    deliver()
    assert len(sink.messages) == LIMIT
    assert states(letter="assigned") == {"sent": LIMIT, "collapsed": 4}
    # It gathers for a minute, and whatever comes meanwhile joins it.
    write(ticket, agent, "unassignable", count=1, out={}, is_last_this_hour=False)
    deliver(after(30))
    assert len(sink.messages) == LIMIT
    deliver(after(61))
    assert len(sink.messages) == LIMIT + 1
    (digest,) = rows(letter="digest")
    assert digest.state is MailState.SENT
    assert {row.digest_id for row in rows(state=MailState.COLLAPSED)} == {digest.id}
    assert digest.params["count"] == 5
    assert digest.params["kinds"] == {"assigned": 4, "unassignable": 1}
    body = sink.messages[-1].get_body(("plain",)).get_content()
    assert body.count("Printer burns") == 5
    assert f"https://help.example/admin/ticket/details/?id={ticket}" in body
    assert "Nobody can take it" in body
    deliver(after(600))
    assert len(sink.messages) == LIMIT + 1


@pytest.mark.rule("sla 23")
def test_a_storm_that_is_there_at_once_is_one_letter(make, sink):
    agent, ticket = make.agent(), make.ticket()
    write(ticket, agent, count=DIGEST_LINES + 20)
    deliver()
    assert sink.messages == []
    deliver(after(61))
    (message,) = sink.messages
    assert message["Subject"] == f"{DIGEST_LINES + 20} tickets are yours now"
    body = message.get_body(("plain",)).get_content()
    assert "And 20 more." in body
    assert f"/admin/letter/?digest={rows(letter='digest')[0].id}" in body


def test_so_many_a_minute_leave_one_by_one_every_minute(make, sink):
    agent, ticket = make.agent(), make.ticket()
    for minute in range(3):
        write(ticket, agent, count=LIMIT)
        deliver(after(61 * minute))
    assert len(sink.messages) == 3 * LIMIT
    assert rows(letter="digest") == []


def test_each_reader_is_counted_alone(make, sink):
    one, other, ticket = make.agent(), make.agent(), make.ticket()
    write(ticket, one, count=LIMIT + 1)
    write(ticket, other, count=LIMIT)
    deliver()
    assert states(to_profile_id=one.profile_id) == {"collapsed": LIMIT + 1, "queued": 1}
    assert states(to_profile_id=other.profile_id) == {"sent": LIMIT}


@pytest.mark.rule("sla 23")
def test_letters_to_customers_and_links_to_sign_in_are_never_collapsed(make, sink):
    customer, agent = make.customer(), make.agent()
    ticket = make.ticket(customer)
    for _ in range(LIMIT + 5):
        write(
            ticket,
            customer,
            "ticket_received",
            description="",
            by_staff=False,
            content=None,
            author="C",
        )
        write(None, agent, "password_changed", changed_at="2026-01-01T00:00:00+00:00")
    deliver()
    assert len(sink.messages) == 2 * (LIMIT + 5)


def test_who_declines_digests_gets_every_letter_by_itself(make, sink, owner):
    agent, ticket = make.agent(), make.ticket()
    owner.execute(
        "UPDATE profiles SET declined_letters = '{digest}' WHERE id = %s", [agent.profile_id]
    )
    write(ticket, agent, count=LIMIT + 5)
    deliver()
    assert len(sink.messages) == LIMIT + 5


def test_the_digest_speaks_its_readers_language(make, sink, owner):
    agent, ticket = make.agent(), make.ticket()
    owner.execute("UPDATE profiles SET language = 'de' WHERE id = %s", [agent.profile_id])
    write(ticket, agent, count=LIMIT + 1)
    deliver()
    deliver(after(61))
    (message,) = sink.messages
    assert message["Content-Language"] is None
    assert message["Subject"] == f"{LIMIT + 1} Tickets gehören jetzt Ihnen"
    assert 'lang="de"' in message.get_body(("html",)).get_content()


def test_a_digest_that_was_tried_takes_no_more_lines(make, sink):
    agent, ticket = make.agent(), make.ticket()
    write(ticket, agent, count=LIMIT + 1)
    deliver()
    sink.behaviour = "defer"
    deliver(after(61))
    (digest,) = rows(letter="digest")
    assert (digest.state, digest.attempts) == (MailState.QUEUED, 1)
    sink.behaviour = "take"
    write(ticket, agent, count=LIMIT + 1)
    deliver(after(62))
    first, second = rows(letter="digest")
    assert first.params["count"] == second.params["count"] == LIMIT + 1
    deliver(after(200))
    assert len(set(sink.message_ids)) == len(sink.messages) == 2


def test_threads_together_collapse_each_letter_once_and_let_no_more_than_so_many_out(
    database, make, sink
):
    agents, ticket = [make.agent() for _ in range(3)], make.ticket()
    for agent in agents:
        write(ticket, agent, count=LIMIT - 1)
    start = threading.Barrier(8)
    failures = []

    def work(number):
        try:
            with database.app_context():
                start.wait()
                for _ in range(3):
                    write_one(ticket, agents[number % 3], number)
                    delivery.deliver_due()
                db.session.remove()
        except BaseException as error:
            failures.append(error)

    def write_one(ticket, agent, number):
        with transaction(SYSTEM) as session:
            at = session.scalar(text("SELECT clock_timestamp()::text"))
            letters.write(
                session,
                key=f"{number}:{at}",
                letter="assigned",
                to_profile_id=agent.profile_id,
                ticket_id=ticket,
                params={},
            )

    threads = [threading.Thread(target=work, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    deliver(after(61))
    written = 3 * (LIMIT - 1) + 24
    assert states(letter="assigned").total() == written
    for agent in agents:
        alone = states(letter="assigned", to_profile_id=agent.profile_id)
        assert alone["sent"] <= LIMIT
        (digest,) = rows(letter="digest", to_profile_id=agent.profile_id)
        assert digest.params["count"] == alone["collapsed"]
    assert len(set(sink.message_ids)) == len(sink.messages)


def test_without_a_mail_server_letters_are_kept_one_by_one(make, database, set_setting):
    set_setting(digest_above=1)
    write(make.ticket(), make.agent(), count=3)
    deliver()
    assert states() == {"kept": 3}


def test_erased_texts_are_not_in_a_digest_that_leaves_later(make, sink, owner):
    customer, agent = make.customer(), make.agent()
    erased, stays = make.ticket(customer, title="Secret"), make.ticket(title="Printer")
    write(erased, agent, count=LIMIT)
    write(stays, agent, count=LIMIT)
    deliver()
    owner.execute("SELECT erase_texts(%s)", [customer.profile_id])
    deliver(after(61))
    (message,) = sink.messages
    body = message.as_string()
    assert "Secret" not in body
    assert "Printer" in body


def hand_over(agent, tickets):
    with transaction(SYSTEM) as session:
        keys = [f"assigned:{ticket}" for ticket in tickets]
        letters.write_all(
            session,
            letter="assigned",
            addressed=[
                letters.Addressed(key, agent.profile_id, ticket, {})
                for key, ticket in zip(keys, tickets, strict=True)
            ],
        )
        digests.tell_together(session, keys)


def test_who_is_handed_several_tickets_gets_one_letter_at_once(make, sink):
    agent, tickets = make.agent(), [make.ticket(), make.ticket()]
    nudged = []
    send_nudges_with(nudged.append)
    hand_over(agent, tickets)
    send_nudges_with(lambda job: None)
    assert nudged == [Job.MAIL]
    deliver()
    (message,) = sink.messages
    assert message["Subject"] == "2 tickets are yours now"
    assert states() == {"collapsed": 2, "sent": 1}


def test_one_ticket_handed_over_is_the_ordinary_letter(make, sink):
    agent, ticket = make.agent(), make.ticket()
    hand_over(agent, [ticket])
    deliver()
    assert [row.letter for row in rows()] == ["assigned"]
    assert len(sink.messages) == 1
