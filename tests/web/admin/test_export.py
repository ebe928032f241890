"""The CSV file: whole, filtered, harmless, and written piece by piece."""

import csv
import io
import tracemalloc

import pytest

from emberone.domain.enums import Status
from emberone.web.admin.ticket import export
from emberone.web.admin.ticket.export import safe_cell
from tests.web.admin.conftest import look


def exported(browser, query=""):
    answer = browser.get(f"/admin/ticket/export/csv/?{query}")
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="tickets.csv"'
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", '"=1', "'=1", " \t \"'=1", "\n=1",
     "\tx", "\rx", "\ufeff=1", "＝1", "＋1", "－1", "＠x", "=HYPERLINK(\"http://x\")", "  @x"],
)  # fmt: skip
def test_a_cell_that_would_be_computed_begins_with_an_apostrophe(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", "1=1", "a@b.example", "2026-01-01", "x -y", "“=”", "'quoted'"]
)
def test_any_other_cell_stays_as_it_is(text):
    assert safe_cell(text) == text


def test_the_file_holds_every_ticket_with_its_people(as_admin, agent, make, customer):
    team = make.team("Billing")
    ticket = look(
        make.ticket(
            customer, title='Quote "this", please\nand this', tags=["refund", "vpn"],
            assigned_agent_id=agent.profile_id, team_id=team,
        )
    )  # fmt: skip
    make.ticket(customer, status=Status.CLOSED, title="=cmd|' /C calc'!A0")
    first, second = exported(as_admin)
    assert first["number"] == str(ticket.number)
    assert first["title"] == 'Quote "this", please\nand this'
    assert (first["customer"], first["customer_email"]) == ("Carl Customer", "carl@example.org")
    assert (first["agent"], first["team"], first["tags"]) == ("Ana Agent", "Billing", "refund, vpn")
    assert first["closed_at"] == ""
    assert second["title"] == "'=cmd|' /C calc'!A0"
    assert second["closed_at"].endswith("+00:00")


def test_the_filters_of_the_list_hold_for_the_file(as_admin, make, customer):
    make.ticket(customer, title="zebra open")
    make.ticket(customer, title="zebra closed", status=Status.CLOSED)
    make.ticket(customer, title="horse")
    assert [row["title"] for row in exported(as_admin, "search=zebra")] == [
        "zebra open",
        "zebra closed",
    ]
    assert [row["title"] for row in exported(as_admin, "search=zebra&status=ACTIVE")] == [
        "zebra open"
    ]
    assert exported(as_admin, "search=giraffe") == []
    assert as_admin.get("/admin/ticket/export/csv/?status=NO").status_code == 400


def test_it_is_written_in_batches_and_no_transaction_stays_open(
    as_admin, make, customer, monkeypatch, owner
):
    monkeypatch.setattr(export, "BATCH_SIZE", 4)
    made = [look(make.ticket(customer)).number for _ in range(10)]
    answer = as_admin.get("/admin/ticket/export/csv/")
    lines = iter(answer.response)
    next(lines)
    next(lines)
    idle = owner.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE state = 'idle in transaction' AND datname = current_database()"
    ).fetchone()
    assert idle == (0,)
    answer.close()
    assert [int(row["number"]) for row in exported(as_admin)] == made


def test_a_large_file_needs_little_memory(as_admin, owner, customer):
    owner.execute(
        "INSERT INTO tickets (title, description, customer_id)"
        " SELECT 't', repeat('x', 5000), %s FROM generate_series(1, 6000)",
        [customer.profile_id],
    )
    tracemalloc.start()
    answer = as_admin.get("/admin/ticket/export/csv/", buffered=False)
    size = sum(len(part) for part in answer.response)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 30_000_000
    assert peak < 20_000_000


@pytest.mark.parametrize("kind", ["xlsx", "json", "csv.gz", "html"])
def test_other_formats_are_refused(as_admin, kind):
    assert as_admin.get(f"/admin/ticket/export/{kind}/").status_code == 400


def test_only_admins_export(as_agent, as_customer):
    for browser in (as_agent, as_customer):
        assert browser.get("/admin/ticket/export/csv/").status_code == 403
