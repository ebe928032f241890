"""Paging by key: every row once, in every order, while rows come and go."""

from datetime import UTC, datetime, timedelta

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority, Status
from emberone.queries import comments, history, profiles, tickets
from emberone.queries.paging import BadCursor, Paging, count_up_to

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def some_tickets(make):
    """Twenty-three tickets with many ties: three times, every status and priority, no agent."""
    customer, agent, team = make.customer(), make.agent(), make.team()
    made = []
    for n in range(23):
        columns = {"status": list(Status)[n % 4], "priority": list(Priority)[n % 3]}
        if n % 2:
            columns |= {"assigned_agent_id": agent.profile_id, "team_id": team}
        made.append(make.ticket(customer, now=START + timedelta(days=n % 3), **columns))
    return made


def page_of(order, *, descending, cursor=None, size=5, filters=None):
    with reading(SYSTEM) as session:
        return tickets.list_tickets(
            session,
            SYSTEM,
            filters or tickets.TicketFilters(),
            Paging(tickets.ORDERS[order], descending, cursor, size),
        )


def walk(order, *, descending, between=None):
    """Every page from the first to the last, and what was on them."""
    pages = [page_of(order, descending=descending)]
    while pages[-1].following:
        if between:
            between(len(pages))
        pages.append(page_of(order, descending=descending, cursor=pages[-1].following))
        assert len(pages) < 100
    return pages


@pytest.mark.parametrize("order", sorted(tickets.ORDERS))
@pytest.mark.parametrize("descending", [True, False])
def test_a_walk_shows_every_row_once_in_order_and_back_again(some_tickets, order, descending):
    pages = walk(order, descending=descending)
    rows = [row for page in pages for row in page.rows]
    assert sorted(row.id for row in rows) == sorted(some_tickets)
    keys = {
        "created": lambda row: (row.created_at, row.id),
        "activity": lambda row: (row.last_activity_at, row.id),
        "number": lambda row: row.number,
        "priority": lambda row: (row.priority.rank, row.created_at, row.id),
        "status": lambda row: (list(Status).index(row.status), row.created_at, row.id),
    }
    assert rows == sorted(rows, key=keys[order], reverse=descending)
    assert pages[0].previous is None

    page = pages[-1]
    for before in reversed(pages[:-1]):
        page = page_of(order, descending=descending, cursor=page.previous)
        assert page.rows == before.rows
    assert page.previous is None


@pytest.mark.parametrize("order", ["created", "number", "priority", "status"])
def test_rows_that_come_meanwhile_neither_hide_nor_repeat_others(some_tickets, make, order):
    def insert(n):
        make.ticket(priority=list(Priority)[n % 4], status=list(Status)[n % 4])

    rows = [row.id for page in walk(order, descending=True, between=insert) for row in page.rows]
    assert len(rows) == len(set(rows))
    assert set(some_tickets) <= set(rows)


def test_a_page_whose_first_row_was_deleted_still_has_its_place(some_tickets, owner):
    first = page_of("number", descending=False)
    owner.execute("DELETE FROM tickets WHERE id = %s", [first.rows[-1].id])
    second = page_of("number", descending=False, cursor=first.following)
    assert second.rows[0].number == first.rows[-1].number + 1


def test_a_cursor_of_another_order_is_refused(some_tickets):
    cursor = page_of("created", descending=True).following
    for order in ("number", "priority", "status"):
        with pytest.raises(BadCursor):
            page_of(order, descending=True, cursor=cursor)


@pytest.mark.parametrize(
    "cursor",
    ["x", "a", "a!!!!", "aW10", "bbnVsbA", "aeyJhIjoxfQ", "a" + "W1tbW1tb" * 3000, "aWyJhIl0", "é"],
)
def test_a_cursor_that_we_did_not_write_is_refused(some_tickets, cursor):
    with pytest.raises(BadCursor):
        page_of("number", descending=True, cursor=cursor)


def test_counting_stops_one_past_the_limit(some_tickets):
    from sqlalchemy import select

    from emberone.models import Ticket

    with reading(SYSTEM) as session:
        assert count_up_to(session, select(Ticket.id)) == 23
        assert count_up_to(session, select(Ticket.id), limit=10) == 11


def test_people_with_one_name_are_listed_once_each(make):
    people = {make.customer("Jo Bloggs").profile_id for _ in range(7)}
    seen, cursor = [], None
    while True:
        with reading(SYSTEM) as session:
            page = profiles.list_profiles(
                session,
                profiles.ProfileFilters(),
                Paging(profiles.ORDERS["name"], False, cursor, 3),
            )
        seen += [row.id for row in page.rows]
        cursor = page.following
        if cursor is None:
            break
    assert len(seen) == 7
    assert set(seen) == people


def test_history_and_comments_are_walked_to_the_end(some_tickets):
    for order, listed in (
        (history.CREATED, lambda s, p: history.list_history(s, history.HistoryFilters(), p)),
        (
            comments.CREATED,
            lambda s, p: comments.list_comments(s, SYSTEM, comments.CommentFilters(), p),
        ),
    ):
        seen, cursor = [], None
        while True:
            with reading(SYSTEM) as session:
                page = listed(session, Paging(order, True, cursor, 4))
            seen += [row.id for row in page.rows]
            cursor = page.following
            if cursor is None:
                break
        assert len(seen) == len(set(seen))
        assert len(seen) == (23 if order is history.CREATED else 0)
