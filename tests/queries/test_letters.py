"""The mail log."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import MailState
from emberone.domain.errors import NotAllowed
from emberone.mail.site import current_site
from emberone.queries.letters import (
    CREATED,
    LetterFilters,
    letter_details,
    letters_of,
    list_letters,
    preview,
    subject,
)
from emberone.queries.paging import Paging
from emberone.services import letters

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def five(make):
    """Five letters about one ticket, a minute apart; the agent and the ticket."""
    agent, ticket = make.agent("Ana Costa"), make.ticket(title="No VPN")
    for n in range(5):
        with transaction(SYSTEM, now=T0 + timedelta(minutes=n)) as session:
            letters.write(
                session,
                key=f"k{n}",
                letter="assigned",
                to_profile_id=agent.profile_id,
                ticket_id=ticket,
                params={"number": n},
            )
    return agent, ticket


def numbers(page):
    return [row.params["number"] for row in page.rows]


def pages(reader, **filters):
    with reading(reader) as session:
        first = list_letters(session, LetterFilters(**filters), Paging(CREATED, True, size=2))
        cursor = first.following
        second = list_letters(
            session, LetterFilters(**filters), Paging(CREATED, True, cursor=cursor, size=2)
        )
    return first, second


def test_letters_are_listed_newest_first_page_by_page(make, five):
    first, second = pages(make.admin())
    assert numbers(first) == [4, 3]
    assert numbers(second) == [2, 1]
    assert (first.rows[0].to_name, first.rows[0].to_email) == (
        "Ana Costa",
        first.rows[0].to_email,
    )
    assert first.rows[0].ticket_id == five[1]


def test_letters_are_filtered_by_state_kind_and_ticket(make, five, owner):
    owner.execute("UPDATE mail_outbox SET state = 'dead' WHERE key IN ('k1', 'k3')")
    admin = make.admin()
    assert numbers(pages(admin, state=MailState.DEAD)[0]) == [3, 1]
    assert numbers(pages(admin, letter="sla_breach")[0]) == []
    assert numbers(pages(admin, ticket_id=five[1])[0]) == [4, 3]
    assert numbers(pages(admin, ticket_id=make.ticket())[0]) == []
    assert [row.is_retryable for row in pages(admin, state=MailState.DEAD)[0].rows] == [True, True]


def test_the_mail_log_is_for_staff_only(make, five):
    with pytest.raises(NotAllowed):
        pages(make.customer())


def test_agents_see_the_letters_about_tickets_only(make, five):
    page, _ = pages(make.agent())
    assert page.rows
    assert all(row.ticket_id for row in page.rows)


def test_a_tickets_letters_are_told_oldest_first(make, five):
    agent, ticket = five
    with reading(make.agent()) as session:
        lines = letters_of(session, ticket)
        assert letters_of(session, UUID(int=0)) == []
    assert [line.created_at for line in lines] == [T0 + timedelta(minutes=n) for n in range(5)]
    assert {(line.letter, line.to_name, line.to_profile_id) for line in lines} == {
        ("assigned", "Ana Costa", agent.profile_id)
    }


def test_a_letter_is_shown_as_its_reader_sees_it_without_secrets(make, five):
    customer, ticket = make.customer(), make.ticket()
    with transaction(SYSTEM) as session:
        letters.write(
            session,
            key="f",
            letter="feedback_request",
            to_profile_id=customer.profile_id,
            ticket_id=ticket,
            params={
                "request_id": "019b5a00-0000-7000-8000-000000000001",
                "expires_at": "2026-03-16T10:00:00+00:00",
            },
        )
    with reading(make.admin()) as session:
        page = list_letters(session, LetterFilters(ticket_id=ticket), Paging(CREATED, True))
        row = letter_details(session, page.rows[0].id)
        assert letter_details(session, ticket) is None
    shown = preview(row, current_site())
    assert shown.subject == subject(row)
    assert "How did we do?" in shown.text
    assert "/f/…?rating=5" in shown.text


def test_a_letter_whose_texts_were_erased_has_no_preview(make, five, owner):
    owner.execute("UPDATE mail_outbox SET params = '{}'")
    with reading(make.admin()) as session:
        row = list_letters(session, LetterFilters(), Paging(CREATED, True)).rows[0]
    assert preview(row, current_site()) is None
    assert subject(row) is None
