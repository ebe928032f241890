"""Search: titles, descriptions and comments, few hits and many."""

import pytest
from sqlalchemy import text

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.queries import comments, history, search, tickets
from emberone.queries.paging import COUNT_LIMIT, Paging
from tests.planning import planned


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


@pytest.fixture
def many_comments(make, owner):
    """Thousands of comments; "zebra" stands in the first few, the oldest."""
    ticket = make.ticket()
    # Each comment would count up its ticket, past all the versions that went before.
    owner.execute("ALTER TABLE comments DISABLE TRIGGER comments_publish")
    owner.execute(
        "INSERT INTO comments (ticket_id, content, created_at)"
        " SELECT %s, CASE WHEN n <= 11 THEN 'A zebra' ELSE 'A horse' END || ' in stable ' || n,"
        # Pairs of the same moment: the id decides.
        " timestamptz '2026-01-01 00:00Z' + n / 2 * interval '1 minute'"
        " FROM generate_series(1, 6000) AS n",
        (ticket,),
    )
    owner.execute("ALTER TABLE comments ENABLE TRIGGER comments_publish")
    owner.execute("ANALYZE comments")
    return ticket


def listed_comments(session, words, cursor=None, size=4, **filters):
    paging = Paging(comments.CREATED, descending=True, cursor=cursor, size=size)
    wanted = comments.CommentFilters(words=words, **filters)
    return comments.list_comments(session, SYSTEM, wanted, paging)


def test_a_rare_word_in_comments_is_asked_of_its_index_and_not_walked_for(many_comments):
    with reading(SYSTEM) as session:
        with planned(session) as plans:
            assert len(listed_comments(session, "zebra").rows) == 4
        assert session.scalar(text("SHOW enable_seqscan")) == "on"
        session.execute(text("SET LOCAL enable_seqscan = off"))
        _, probe, _, page = plans()
    assert "ix_comments_search" in probe
    assert "to_tsvector" not in page
    assert "pk_comments" in page
    assert "ix_comments_created_at" not in page


def test_a_word_of_many_comments_is_walked_for(many_comments):
    with reading(SYSTEM) as session:
        with planned(session) as plans:
            assert len(listed_comments(session, "horse").rows) == 4
        page = plans()[-1]
    assert "ix_comments_created_at" in page
    assert "to_tsvector" in page


@pytest.mark.parametrize("limit", [1000, 11, 10, 3])
def test_comments_found_are_paged_to_the_end_and_back(many_comments, owner, monkeypatch, limit):
    monkeypatch.setattr(search, "HIT_LIMIT", limit)
    expected = [
        row[0]
        for row in owner.execute(
            "SELECT id FROM comments WHERE content LIKE '%zebra%' ORDER BY created_at DESC, id DESC"
        )
    ]
    forward, pages, cursor = [], [], None
    with reading(SYSTEM) as session:
        while True:
            page = listed_comments(session, "zebra", cursor)
            pages.append([row.id for row in page.rows])
            forward += pages[-1]
            if page.following is None:
                break
            cursor = page.following
        back = [[row.id for row in page.rows]]
        while page.previous is not None:
            page = listed_comments(session, "zebra", page.previous)
            back.append([row.id for row in page.rows])
    assert forward == expected
    assert len(expected) == 11
    assert back[::-1] == pages


def test_other_filters_narrow_the_comments_found(many_comments, make, comment):
    other = make.ticket()
    comment(other, "One more zebra")
    with reading(SYSTEM) as session:
        assert len(listed_comments(session, "zebra", size=50).rows) == 12
        assert len(listed_comments(session, "zebra", size=50, ticket_id=other).rows) == 1
        assert listed_comments(session, "giraffe").rows == []


def test_history_of_one_action_is_read_from_its_index(make, owner):
    ticket = make.ticket()
    owner.execute(
        "INSERT INTO history (ticket_id, action, created_at)"
        " SELECT %s, CASE WHEN n <= 5 THEN 'ticket_rare' ELSE 'ticket_often' END,"
        " timestamptz '2026-01-01 00:00Z' + n * interval '1 minute'"
        " FROM generate_series(1, 6000) AS n",
        (ticket,),
    )
    owner.execute("ANALYZE history")
    with reading(SYSTEM) as session:
        with planned(session) as plans:
            wanted = history.HistoryFilters(action="ticket_rare")
            page = history.list_history(session, wanted, Paging(history.CREATED, True))
        assert len(page.rows) == 5
        assert "ix_history_action" in plans()[0]
