"""Taking in tables of requests: one ticket a row, once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority, Role, Status
from emberone.domain.errors import NotAllowed
from emberone.domain.imports import csv
from emberone.domain.imports.rows import Row, row_key
from emberone.models import HistoryEntry, Profile, Ticket
from emberone.services.imports.csv import BATCH, import_requests
from emberone.services.imports.files import Record, Table
from emberone.services.imports.records import Outcome
from emberone.services.imports.spool import Spool
from tests.conftest import DATABASE
from tests.everything import long
from tests.imports import REQUESTS, dump


def take_in_file(path: Path) -> Outcome:
    """The file's rows through the service, in batches, as the command does."""
    total = Outcome()
    with Table(path) as table, Spool() as spool:
        columns = csv.choose_columns(table.header, {})
        rows = []
        for record in table.records():
            assert isinstance(record, Record)
            values = dict(zip(table.columns, record.fields, strict=True))
            key = row_key("csv", csv.content(values), 0).encode()
            rows.append(Row(record.line, values, spool.count(key)))
        for start in range(0, len(rows), BATCH):
            outcome = import_requests(SYSTEM, rows[start : start + BATCH], columns)
            total.tickets += outcome.tickets
            total.known += outcome.known
            total.rejected += outcome.rejected
    return total


def take_in(*rows: dict[str, str], actor=SYSTEM, **chosen: str) -> Outcome:
    header = list({column: None for row in rows for column in row})
    columns = csv.choose_columns(header, chosen)
    return import_requests(
        actor, [Row(line, row) for line, row in enumerate(rows, start=2)], columns
    )


def all_tickets() -> list[Ticket]:
    with reading(SYSTEM) as session:
        return list(session.scalars(select(Ticket).order_by(Ticket.number)))


def counts(owner, table: str) -> int:
    return owner.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@long
def test_two_thousand_real_requests_come_in_once(postgres, database, owner):
    outcome = take_in_file(REQUESTS)
    assert (outcome.tickets, outcome.known, outcome.rejected) == (2000, 0, [])
    made = all_tickets()
    assert len(made) == 2000
    assert {ticket.status for ticket in made} == {Status.OPEN}
    assert {ticket.priority for ticket in made} == {Priority.MEDIUM}
    assert made[0].title.startswith("hi since recruiter lead")
    assert made[1].title == "connection with icon"
    assert owner.execute("SELECT email, role::text FROM profiles").fetchall() == [
        ("requests@import.invalid", "CUSTOMER")
    ]
    # An agent is needed, and the promise begins now.
    assert counts(owner, "sla_clocks") == 4000
    assert counts(owner, "mail_outbox") == 0
    assert counts(owner, "feedback_requests") == 0

    before = dump(postgres, DATABASE)
    outcome = take_in_file(REQUESTS)
    assert (outcome.tickets, outcome.known) == (0, 2000)
    assert dump(postgres, DATABASE) == before


def test_a_row_with_a_time_is_a_ticket_of_that_time_opened_by_its_customer(database, owner):
    take_in(
        {
            "subject": "Printer",
            "body": "Broken",
            "status": "in progress",
            "priority": "high",
            "email": "Jane@example.org",
            "created": "2020-02-29 12:00",
        }
    )
    (ticket,) = all_tickets()
    then = datetime(2020, 2, 29, 12, tzinfo=UTC)
    assert (ticket.created_at, ticket.status, ticket.priority) == (
        then,
        Status.IN_PROGRESS,
        Priority.HIGH,
    )
    with reading(SYSTEM) as session:
        customer = session.get(Profile, ticket.customer_id)
        assert (customer.email, customer.role) == ("Jane@example.org", Role.CUSTOMER)
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "created")).one()
        assert (entry.created_at, entry.actor_id) == (then, customer.id)
        assert entry.details["source"] == "system"
    assert owner.execute(
        "SELECT count(*) FROM sla_clocks WHERE cause = 'import' AND breached_at IS NULL"
        " AND started_at > now() - interval '1 minute'"
    ).fetchone() == (2,)
    assert counts(owner, "mail_outbox") == 0


def test_what_comes_in_closed_has_no_clock_and_is_not_asked_about(database, owner):
    take_in({"title": "a", "status": "Resolved", "date": "2020-02-29"})
    (ticket,) = all_tickets()
    assert ticket.closed_at == ticket.created_at == datetime(2020, 2, 29, tzinfo=UTC)
    assert [counts(owner, table) for table in ("sla_clocks", "feedback_requests")] == [0, 0]


def test_a_customer_who_is_here_is_found_whatever_the_case(make):
    jane = make.customer(email="jane@example.org")
    take_in(
        {"title": "a", "customer": "JANE@example.org"},
        {"title": "b", "customer": "Jane@Example.org"},
    )
    assert {ticket.customer_id for ticket in all_tickets()} == {jane.profile_id}


def test_a_new_customer_in_two_cases_is_one_customer(database, owner):
    outcome = take_in(
        {"title": "a", "customer": "JANE@example.org"},
        {"title": "b", "customer": "jane@example.org"},
    )
    assert outcome.tickets == 2
    assert counts(owner, "profiles") == 1


def test_staff_are_not_customers(make):
    make.agent(email="bob@example.org")
    outcome = take_in({"title": "a", "email": "bob@example.org"}, {"title": "b", "email": ""})
    assert [(row.line, row.reason) for row in outcome.rejected] == [
        (2, "bob@example.org is not a customer here")
    ]
    assert outcome.tickets == 1


def test_bad_rows_stay_out_and_leave_nothing(database, owner):
    outcome = take_in(
        {"title": "", "body": "", "priority": "", "status": "", "created": ""},
        {"title": "a", "body": "", "priority": "9", "status": "", "created": ""},
        {"title": "b", "body": "", "priority": "", "status": "lost", "created": ""},
        {"title": "c", "body": "x" * 100_001, "priority": "", "status": "", "created": ""},
        {"title": "d", "body": "", "priority": "", "status": "", "created": "2099-01-01"},
        {"title": "e", "body": "", "priority": "", "status": "", "created": "03/04/2016"},
        {"title": "f", "body": "\x00", "priority": "", "status": "", "created": ""},
        {"title": "g", "body": "", "priority": "", "status": "", "created": ""},
    )
    assert [row.line for row in outcome.rejected] == [2, 3, 4, 5, 6, 7, 8]
    assert [ticket.title for ticket in all_tickets()] == ["g"]
    assert counts(owner, "history WHERE action = 'created'") == 1
    assert counts(owner, "imported_rows") == 1


def test_the_same_row_three_times_is_three_tickets_and_stays_three(database):
    row = {"title": "new purchase po"}
    columns = csv.choose_columns(["title"], {})
    rows = [Row(line, row, line - 1) for line in (2, 3, 4)]
    assert import_requests(SYSTEM, rows[:2], columns).tickets == 2
    again = import_requests(SYSTEM, rows, columns)
    assert (again.tickets, again.known) == (1, 2)
    assert len(all_tickets()) == 3


def test_mapped_columns_route_the_ticket(database, make):
    team = make.team("Second line")
    take_in(
        {"titel": "a", "queue": "second line", "labels": "VPN, mail"},
        title="titel",
        team="queue",
        tags="labels",
    )
    (ticket,) = all_tickets()
    assert (ticket.title, ticket.team_id, ticket.tags) == ("a", team, ["mail", "vpn"])


def test_only_admins_and_the_product_may_import(make, owner):
    for actor in (make.agent(), make.customer()):
        with pytest.raises(NotAllowed):
            take_in({"title": "a"}, actor=actor)
    assert counts(owner, "tickets") == 0
    assert take_in({"title": "a"}, actor=make.admin()).tickets == 1
