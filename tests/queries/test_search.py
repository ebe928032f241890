"""Search: titles, descriptions and comments, few hits and many."""

import pytest
from sqlalchemy import text

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.queries import search, tickets
from emberone.queries.paging import COUNT_LIMIT, Paging


@pytest.fixture
def comment(make):
    """Writes a comment as a bare row."""

    def write(ticket, content, **columns):
        from emberone.models import Comment

        with transaction(SYSTEM) as session:
            session.add(Comment(ticket_id=ticket, content=content, **columns))

    return write


def found(words, **filters):
    with reading(SYSTEM) as session:
        wanted = tickets.TicketFilters(hits=search.find_tickets(session, words), **filters)
        paging = Paging(tickets.ORDERS["created"], descending=True, size=50)
        rows = tickets.list_tickets(session, SYSTEM, wanted, paging).rows
        return {row.id for row in rows}, tickets.count_tickets(session, SYSTEM, wanted)


def test_words_are_found_in_title_description_and_comments(make, comment):
    by_title = make.ticket(title="The zebra escaped")
    by_description = make.ticket(description="It happened near the zebras.")
    by_comment, by_note = make.ticket(), make.ticket()
    comment(by_comment, "A zebra was seen.")
    comment(by_note, "Zebra keeper informed.", type="INTERNAL", is_internal=True)
    make.ticket(title="A horse")
    assert found("zebra") == ({by_title, by_description, by_comment, by_note}, 4)


def test_a_ticket_hit_twice_is_found_once(make, comment):
    ticket = make.ticket(title="zebra")
    comment(ticket, "zebra")
    comment(ticket, "zebra again")
    assert found("zebra") == ({ticket}, 1)


@pytest.mark.parametrize(
    "words",
    ["giraffe", "the", "%", "_", "'", '"', "';--", "&|!", ":*", "()", "\\", "<->", "-", "or", "🦓", "word " * 2000],
)  # fmt: skip
def test_words_that_nothing_has_find_nothing_and_break_nothing(make, words):
    make.ticket(title="zebra")
    assert found(words) == (set(), 0)


def test_quotes_minus_and_or_mean_what_they_mean_on_the_web(make):
    both, one = make.ticket(title="lost blue parcel"), make.ticket(title="parcel lost")
    assert found('"lost blue"')[0] == {both}
    assert found("parcel -blue")[0] == {one}
    assert found("blue or parcel")[0] == {both, one}


def test_filters_narrow_a_search(make, comment):
    high, low = make.ticket(title="zebra", priority="HIGH"), make.ticket(title="zebra")
    from emberone.domain.enums import Priority

    assert found("zebra", priority=Priority.HIGH) == ({high}, 1)
    assert low not in found("zebra", priority=Priority.HIGH)[0]


@pytest.mark.parametrize(("in_titles", "in_comments"), [(True, False), (False, True), (True, True)])
def test_many_hits_are_walked_in_order_and_not_listed(
    make, comment, monkeypatch, in_titles, in_comments
):
    monkeypatch.setattr(search, "HIT_LIMIT", 5)
    hit = set()
    for _ in range(8):
        ticket = make.ticket(title="zebra" if in_titles else "horse")
        if in_comments:
            comment(ticket, "zebra")
        hit.add(ticket)
    extra = make.ticket(title="horse" if in_titles else "zebra")
    if in_titles:
        comment(extra, "zebra")
    hit.add(extra)
    make.ticket(title="horse")
    ids, count = found("zebra")
    assert ids == hit
    assert count == COUNT_LIMIT + 1
    from emberone.domain.enums import Status

    assert found("zebra", statuses=(Status.OPEN,)) == (hit, None)


def test_the_probe_uses_the_index_and_leaves_the_planner_as_it_was(make):
    make.ticket()
    with reading(SYSTEM) as session:
        search.find_tickets(session, "zebra")
        assert session.scalar(text("SHOW enable_seqscan")) == "on"
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.execute(
            text(f"EXPLAIN {search._PROBE.text}"), {"words": "zebra", "most": 1001}
        )
        lines = "\n".join(row[0] for row in plan)
    assert "ix_tickets_search" in lines
    assert "ix_comments_search" in lines
