"""The two doors to the database."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from emberone.db import as_system, db, now_of, on_commit, open_reading, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Status
from emberone.domain.errors import NotAllowed, TemporarilyUnavailable
from emberone.models import HistoryEntry, Profile, Ticket


def test_a_query_outside_a_door_is_refused(database):
    with pytest.raises(RuntimeError, match="outside"):
        db.session.scalar(select(Profile))


def test_transactions_do_not_nest(database):
    with (
        transaction(SYSTEM),
        pytest.raises(RuntimeError, match="nest"),
        transaction(SYSTEM),
    ):
        pass


def test_a_reading_cannot_write(make):
    customer = make.customer()
    with (
        pytest.raises(Exception, match="read-only"),
        reading(customer) as session,
    ):
        session.execute(text("UPDATE profiles SET full_name = 'x'"))


def test_a_transaction_interrupts_a_reading_and_gives_it_back(make):
    customer = make.customer()
    open_reading(SYSTEM)
    mine = db.session.get(Profile, customer.profile_id)
    with transaction(SYSTEM) as session:
        session.get(Profile, customer.profile_id).full_name = "New"
    assert mine.full_name != "New"
    assert db.session.get(Profile, customer.profile_id).full_name == "New"


def test_a_reading_changes_hands_inside_its_transaction(make):
    customer, other = make.customer(), make.customer()
    mine, theirs = make.ticket(customer), make.ticket(other)
    open_reading(SYSTEM)
    assert set(db.session.scalars(select(Ticket.id))) == {mine, theirs}
    open_reading(customer)
    assert set(db.session.scalars(select(Ticket.id))) == {mine}


def test_any_exception_rolls_back(make):
    customer = make.customer()
    with pytest.raises(ZeroDivisionError), transaction(SYSTEM) as session:
        session.add(Ticket(title="x", description="", customer_id=customer.profile_id))
        session.flush()
        1 / 0  # noqa: B018
    with reading(SYSTEM) as session:
        assert session.scalar(select(Ticket)) is None


def test_now_is_the_transactions_and_goes_into_history(make):
    then = datetime(2020, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
    ticket = make.ticket(now=then)
    with reading(SYSTEM) as session:
        assert session.get(Ticket, ticket).created_at == then
        assert session.scalar(select(HistoryEntry)).created_at == then
    with transaction(SYSTEM, now=then) as session:
        assert now_of(session) == then


def test_as_system_keeps_the_person_in_history(make):
    agent = make.agent()
    ticket = make.ticket()
    with transaction(agent) as session:
        with as_system(session):
            session.get(Ticket, ticket).status = Status.WAITING
        assert session.scalar(text("SELECT current_user")) == "emberone_agent"
    with reading(SYSTEM) as session:
        entry = session.scalars(
            select(HistoryEntry).where(HistoryEntry.action == "status_changed")
        ).one()
        assert entry.actor_id == agent.profile_id
        assert entry.details["source"] == "agent_dashboard"


def test_hooks_run_once_after_the_commit_and_never_matter(database):
    seen = []

    def hook():
        seen.append(1)
        raise RuntimeError("broker gone")

    with transaction(SYSTEM) as session:
        on_commit(session, "a", hook)
        on_commit(session, "a", hook)
        assert seen == []
    assert seen == [1]


def test_a_rolled_back_transaction_runs_no_hook(database):
    seen = []
    with pytest.raises(ZeroDivisionError), transaction(SYSTEM) as session:
        on_commit(session, "a", lambda: seen.append(1))
        1 / 0  # noqa: B018
    assert seen == []


def test_a_refusal_of_the_database_is_said_in_the_domains_words(make):
    agent = make.agent()
    with pytest.raises(NotAllowed), transaction(agent) as session:
        session.execute(text("DELETE FROM tickets"))


@pytest.fixture
def lose_connection(postgres):
    """Let the server end the session of whoever has a door open."""

    def lose(session):
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        with postgres.connect() as server:
            # It answers once the other is gone, or after five seconds.
            assert server.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone()[0]

    return lose


def test_what_was_read_whole_stays_so_when_the_connection_is_lost_afterwards(
    database, lose_connection
):
    with reading(SYSTEM) as session:
        lose_connection(session)
    with reading(SYSTEM) as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_a_transaction_does_not_fail_with_the_connection_of_the_reading_before_it(
    database, lose_connection
):
    open_reading(SYSTEM)
    lose_connection(db.session())
    with transaction(SYSTEM) as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_a_refusal_is_not_lost_with_the_connection(database, lose_connection):
    with pytest.raises(NotAllowed), transaction(SYSTEM) as session:
        lose_connection(session)
        raise NotAllowed


@pytest.mark.parametrize("door", [reading, transaction])
def test_a_lost_connection_is_a_service_that_is_away(database, lose_connection, door):
    with pytest.raises(TemporarilyUnavailable), door(SYSTEM) as session:
        lose_connection(session)
        session.scalar(text("SELECT 1"))


def test_a_commit_that_was_lost_is_not_said_to_have_worked(database, lose_connection):
    with pytest.raises(TemporarilyUnavailable), transaction(SYSTEM) as session:
        lose_connection(session)
