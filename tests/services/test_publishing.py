"""Publishing: once and in the author's name, whatever happens beside it."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event as sa_event
from sqlalchemy import select, text

from emberone.db import db, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import CommentType, DraftState, Role, Status
from emberone.domain.errors import Conflict, NotAllowed
from emberone.domain.lifecycle import Event
from emberone.jobs import Job
from emberone.models import Comment, Draft, HistoryEntry, Profile, Ticket, TicketRead, User
from emberone.services import drafts, profiles, publishing, reads, sweeps, tickets
from emberone.services.retries import MAX_ATTEMPTS

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DELAY = timedelta(seconds=15)
DUE = NOW + DELAY


@pytest.fixture
def ana(make):
    return make.agent("Ana")


@pytest.fixture
def ben(make):
    return make.agent("Ben")


@pytest.fixture
def customer(make):
    return make.customer("Carl")


@pytest.fixture
def ticket(customer):
    return tickets.open_ticket(customer, customer.profile_id, "Help", "It broke.", now=NOW)


def _rows(model, *where):
    with reading(SYSTEM) as session:
        return session.scalars(select(model).where(*where).order_by(model.id)).all()


def _ticket(ticket):
    (row,) = _rows(Ticket, Ticket.id == ticket)
    return row


def _value(statement, **values):
    with reading(SYSTEM) as session:
        return session.scalar(text(statement), values)


def _write(statement, **values):
    with transaction(SYSTEM) as session:
        session.execute(text(statement), values)


def _send(actor, ticket, words="Try this.", event=Event.STAFF_REPLY, now=NOW):
    return drafts.send_reply(actor, ticket, words, event, now=now)


def test_a_reply_becomes_its_authors_comment_with_all_that_follows(ana, ticket):
    _send(ana, ticket, event=Event.STAFF_REPLY_AND_WAIT)
    before = _ticket(ticket).public_version
    assert publishing.publish_due(now=DUE) == 1
    (comment,) = _rows(Comment)
    assert (comment.author_id, comment.content, comment.type, comment.created_at) == (
        ana.profile_id,
        "Try this.",
        CommentType.USER,
        DUE,
    )
    after = _ticket(ticket)
    assert (after.status, after.assigned_agent_id) == (Status.WAITING, ana.profile_id)
    assert after.public_version > before
    assert not after.customer_spoke_last
    assert _value("SELECT met_at FROM sla_clocks WHERE metric = 'FIRST_RESPONSE'") == DUE
    (moved,) = _rows(HistoryEntry, HistoryEntry.action == "status_changed")
    assert (moved.actor_id, moved.created_at) == (ana.profile_id, DUE)
    assert moved.details["source"] == "agent_dashboard"
    assert _rows(Draft) == []
    assert publishing.publish_due(now=DUE) == 0
    assert len(_rows(Comment)) == 1


def test_the_closing_that_a_sweep_brings_is_its_authors_from_the_panel(ana, ticket):
    _send(ana, ticket, event=Event.STAFF_REPLY_AND_CLOSE)
    assert publishing.publish_due(now=DUE) == 1
    (entry,) = _rows(HistoryEntry, HistoryEntry.action == "status_changed")
    assert entry.new_value == {"status": "CLOSED"}
    assert (entry.actor_id, entry.details["source"]) == (ana.profile_id, "agent_dashboard")
    assert _ticket(ticket).closed_at == DUE


def test_many_late_sweeps_publish_each_reply_once(database, make, ana, ben):
    for n in range(12):
        _send((ana, ben)[n % 2], make.ticket(), f"Reply {n}", Event.STAFF_REPLY_AND_CLOSE)
    late = DUE + timedelta(hours=3)
    said = _at_once(database, *[lambda: publishing.publish_due(now=late)] * 4)
    said.append(publishing.publish_due(now=late))
    assert sum(said) == 12, said
    assert sorted(row.content for row in _rows(Comment)) == sorted(f"Reply {n}" for n in range(12))
    assert len(_rows(HistoryEntry, HistoryEntry.action == "status_changed")) == 12
    assert _value("SELECT count(*) FROM mail_outbox WHERE letter = 'staff_replied'") == 12
    assert publishing.publish_due(now=late + timedelta(hours=1)) == 0


def test_reply_and_close_leaves_a_ticket_that_a_colleague_closed_closed(ana, ben, ticket):
    _send(ana, ticket, event=Event.STAFF_REPLY_AND_CLOSE)
    tickets.close_ticket(ben, ticket, now=NOW + timedelta(seconds=5))
    assert publishing.publish_due(now=DUE) == 1
    assert (len(_rows(Comment)), _ticket(ticket).status) == (1, Status.CLOSED)
    assert len(_rows(HistoryEntry, HistoryEntry.action == "status_changed")) == 1


def test_a_refusal_holds_the_reply_and_no_other(make, ana, ben, ticket):
    other = make.ticket()
    held = _send(ana, ticket)
    _send(ana, other, "Hello")
    tickets.close_ticket(ben, ticket, now=NOW + timedelta(seconds=5))
    closed = _ticket(ticket)
    assert publishing.publish_due(now=DUE) == 2
    (row,) = _rows(Draft)
    assert (row.id, row.state, row.publish_after) == (held, DraftState.HELD, None)
    assert "confirm that your reply should reopen it" in row.last_error
    assert [comment.ticket_id for comment in _rows(Comment)] == [other]
    # Staff's pages hear of it; the customer's do not.
    after = _ticket(ticket)
    assert after.activity_no == closed.activity_no + 1
    assert (after.version, after.public_version) == (closed.version, closed.public_version)
    (entry,) = _rows(HistoryEntry, HistoryEntry.action == "reply_held")
    assert (entry.is_internal, entry.ticket_id) == (True, ticket)
    assert publishing.publish_due(now=DUE + DELAY) == 0


def test_a_reply_of_somebody_demoted_is_held(make, ana, ticket):
    _send(ana, ticket)
    (profile,) = _rows(Profile, Profile.id == ana.profile_id)
    profiles.change_profile(
        make.admin(), ana.profile_id, email=profile.email, full_name=profile.full_name,
        role=Role.CUSTOMER, version=profile.version,
    )  # fmt: skip
    assert publishing.publish_due(now=DUE) == 1
    (row,) = _rows(Draft)
    assert (row.state, row.last_error) == (DraftState.HELD, "The author no longer works here.")
    assert _rows(Comment) == []


def test_a_reply_of_somebody_deactivated_is_held(make, ana, ticket):
    _send(ana, ticket)
    with transaction(SYSTEM) as session:
        user = User(email="ana@example.org", fs_uniquifier="x", active=True)
        session.add(user)
        session.flush()
        session.get_one(Profile, ana.profile_id).user_id = str(user.id)
    profiles.set_active(make.admin(), ana.profile_id, False)
    assert publishing.publish_due(now=DUE) == 1
    (row,) = _rows(Draft)
    assert (row.state, row.last_error) == (DraftState.HELD, "The author no longer works here.")


def test_an_agent_who_became_an_admin_still_answers(make, ana, ticket):
    _send(ana, ticket)
    (profile,) = _rows(Profile, Profile.id == ana.profile_id)
    profiles.change_profile(
        make.admin(), ana.profile_id, email=profile.email, full_name=profile.full_name,
        role=Role.ADMIN, version=profile.version,
    )  # fmt: skip
    assert publishing.publish_due(now=DUE) == 1
    assert [comment.author_id for comment in _rows(Comment)] == [ana.profile_id]


@pytest.fixture
def poison(owner):
    """A comment that PostgreSQL cannot take, for a reason that is nobody's rule."""
    owner.execute(
        "CREATE FUNCTION burst() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM no_such_function(); RETURN NEW; END $$"
    )
    owner.execute(
        "CREATE TRIGGER burst BEFORE INSERT ON comments FOR EACH ROW"
        " WHEN (NEW.content = 'poison') EXECUTE FUNCTION burst()"
    )


def test_a_poison_reply_is_put_off_then_held_and_stops_no_other(make, ana, ticket, poison):
    bad = _send(ana, ticket, "poison")
    _send(ana, make.ticket(), "Hello")
    assert publishing.publish_due(now=DUE) == 2
    assert [comment.content for comment in _rows(Comment)] == ["Hello"]
    (row,) = _rows(Draft)
    assert (row.id, row.state, row.attempts) == (bad, DraftState.WAITING, 1)
    assert row.publish_after == DUE + timedelta(seconds=5)
    moment, pauses = DUE, []
    while row.state is DraftState.WAITING:
        pauses.append((row.publish_after - moment).total_seconds())
        moment = row.publish_after
        assert publishing.publish_due(now=moment) == 1
        (row,) = _rows(Draft)
    assert pauses == [5, 10, 20, 40]
    assert (row.state, row.attempts) == (DraftState.HELD, MAX_ATTEMPTS)
    assert row.last_error.startswith("It could not be published in 5 attempts: ")
    assert "poison" not in row.last_error


def test_an_admin_has_a_held_reply_published_in_its_authors_name(make, ana, ticket, poison, owner):
    bad = _send(ana, ticket, "poison")
    for n in range(MAX_ATTEMPTS):
        publishing.publish_due(now=DUE + timedelta(hours=n))
    owner.execute("DROP TRIGGER burst ON comments")
    admin, later = make.admin(), DUE + timedelta(days=1)
    with pytest.raises(NotAllowed):
        publishing.retry_reply(ana, bad, now=later)
    publishing.retry_reply(admin, bad, now=later)
    with pytest.raises(Conflict):
        publishing.retry_reply(admin, bad, now=later)
    assert publishing.publish_due(now=later) == 1
    (comment,) = _rows(Comment)
    assert (comment.author_id, comment.created_at) == (ana.profile_id, later)


def test_what_one_publishes_oneself_is_no_news_to_one(ana, ben, ticket):
    for actor in (ana, ben):
        reads.mark_read(actor, ticket, _ticket(ticket).activity_no)
    _send(ana, ticket)
    publishing.publish_due(now=DUE)
    current = _ticket(ticket).activity_no
    with reading(SYSTEM) as session:
        marks = {mark.profile_id: mark.activity_no for mark in session.scalars(select(TicketRead))}
    assert marks[ana.profile_id] == current
    assert marks[ben.profile_id] < current


def test_looking_for_replies_that_are_not_there_costs_one_read_and_writes_nothing(database):
    statements: list[str] = []

    def note(connection, cursor, statement, *more):
        statements.append(statement)

    sa_event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert publishing.publish_due() == 0
    finally:
        sa_event.remove(db.engine, "before_cursor_execute", note)
    # The context and the look.
    assert len(statements) == 2


def test_the_look_reads_the_end_of_the_index(make, ana, ticket, owner):
    with transaction(SYSTEM) as session:
        session.execute(
            text(
                "INSERT INTO drafts (ticket_id, author_id, kind, content, state, event,"
                " publish_after) SELECT :ticket, :author, 'reply', 'x', 'waiting', 'STAFF_REPLY',"
                " context_now() + interval '1 hour' FROM generate_series(1, 5000)"
            ),
            {"ticket": ticket, "author": ana.profile_id},
        )
    owner.execute("ANALYZE drafts")
    statement = publishing._DUE.text.replace(":now", "NULL").replace(":limit", "50")
    plan = "\n".join(
        row[0] for row in owner.execute("EXPLAIN " + sweeps.OLDEST_DUE[Job.PUBLISH]).fetchall()
    ) + "\n".join(row[0] for row in owner.execute("EXPLAIN " + statement).fetchall())
    assert plan.count("ix_drafts_due") == 2, plan


# ------------------------------------------------------------------------------- races


def _at_once(database, *works):
    """Run each in a thread with a connection of its own, and return what each said."""
    barrier, said = threading.Barrier(len(works)), [None] * len(works)

    def run(n, work):
        with database.app_context():
            barrier.wait()
            try:
                said[n] = work()
            except Exception as error:
                said[n] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return said


def test_many_workers_publish_each_reply_once(database, make, ana, ben):
    for n in range(12):
        _send(ana if n % 2 else ben, make.ticket(), f"Reply {n}")

    def drain():
        total = 0
        while count := publishing.publish_due(now=DUE, limit=5):
            total += count
        return total

    said = _at_once(database, *[drain] * 4)
    said.append(drain())
    assert sum(said) == 12, said
    assert sorted(comment.content for comment in _rows(Comment)) == sorted(
        f"Reply {n}" for n in range(12)
    )
    assert _rows(Draft) == []


def test_taking_back_and_publishing_at_once_have_one_winner(database, make, ana):
    winners = set()
    for _ in range(15):
        draft = _send(ana, make.ticket())
        before = len(_rows(Comment))
        published, taken = _at_once(
            database,
            lambda: publishing.publish_due(now=DUE),
            lambda draft=draft: drafts.take_back(ana, draft),
        )
        is_out = len(_rows(Comment)) > before
        rest = _rows(Draft, Draft.id == draft)
        if is_out:
            assert isinstance(taken, Conflict)
            assert (published, rest) == (1, [])
        else:
            assert (published, taken) == (0, None)
            assert [row.state for row in rest] == [DraftState.WRITING]
        winners.add(is_out)


def test_a_publishing_that_holds_the_row_wins_over_who_comes_meanwhile(
    database, ana, ticket, owner, postgres
):
    draft = _send(ana, ticket)
    # In the middle of publishing: the row is locked, the comment is there, nothing committed.
    with postgres.connect("emberone_owner", "emberone") as publisher, publisher.transaction():
        publisher.execute("SELECT FROM drafts WHERE id = %s FOR UPDATE", [draft])
        publisher.execute("DELETE FROM drafts WHERE id = %s", [draft])
        result = []

        def take_back():
            with database.app_context():
                try:
                    result.append(drafts.take_back(ana, draft))
                except Conflict as error:
                    result.append(error)

        thread = threading.Thread(target=take_back)
        thread.start()
        while not owner.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
            assert thread.is_alive()
        assert publishing.publish_due(now=DUE) == 0
    thread.join(60)
    assert isinstance(result[0], Conflict)


def test_a_double_click_through_two_connections_is_one_reply(database, ana, ticket):
    said = _at_once(database, *[lambda: _send(ana, ticket)] * 4)
    assert len(set(said)) == 1
    assert len(_rows(Draft)) == 1
