"""`make bench` from end to end on a handful of tickets; nothing here looks at how long it takes."""

import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import pytest

from benchmarks import report
from benchmarks.filler import COMMON
from benchmarks.measure import Measured, Row, measure
from benchmarks.rows import rows
from benchmarks.stage import ROOT, Stage, stage
from emberone.services import assignment

TABLES = ("tickets", "comments", "history", "sla_clocks", "sla_steps", "mail_outbox")
#: What is written under the floor and by us is compared row by row of these.
WRITES = ("open", "assign", "sweep_due", "replan")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("bench"), 60) as servers:
        yield servers


@pytest.fixture(scope="module")
def found(servers: Stage) -> dict:
    measured = [measure(row, samples=1) for row in rows(servers)]
    about = report.about(servers.owner, ROOT)
    return report.results({60: measured}, about)


def counted(servers: Stage) -> dict[str, int]:
    return {
        table: servers.owner.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in TABLES
    }


def test_counters_and_clocks_of_the_filled_database_are_those_that_triggers_would_keep(servers):
    with servers.core.app_context():
        assert assignment.reconcile_counts() == 0
    odd = servers.owner.execute(
        "SELECT count(*) FROM tickets WHERE customer_spoke_last <> coalesce((SELECT author_id ="
        " customer_id FROM comments WHERE ticket_id = tickets.id AND type = 'USER'"
        " ORDER BY created_at DESC, id DESC LIMIT 1), true)"
    ).fetchone()[0]
    assert odd == 0
    closed, late = servers.owner.execute(
        "SELECT count(*) FILTER (WHERE status = 'CLOSED') / count(*)::float8,"
        " count(*) FILTER (WHERE created_at > now()) FROM tickets"
    ).fetchone()
    assert 0.8 < closed < 1
    assert late == 0


def test_triggers_are_on_again_after_filling(servers):
    off = servers.owner.execute(
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'A'"
        " AND tgrelid IN ('tickets'::regclass, 'comments'::regclass)"
    ).fetchall()
    assert off == []


def test_pages_show_what_the_floor_and_stock_show(servers):
    title = servers.owner.execute(
        "SELECT title FROM tickets ORDER BY last_activity_at DESC, id DESC LIMIT 1"
    ).fetchone()[0]
    row = next(row for row in rows(servers) if row.name == "queue_first")
    shown = {name: run().text for name, run in row.contenders.items()}
    assert all(title.split()[0] in text for text in shown.values())
    assert COMMON in shown["ours"]


@pytest.mark.parametrize("name", WRITES)
def test_the_floor_writes_as_many_rows_as_we_do(servers, name):
    row = next(row for row in rows(servers) if row.name == name)
    written = {}
    try:
        for contender in ("ours", "floor"):
            row.prepare()
            before = counted(servers)
            row.contenders[contender]()
            after = counted(servers)
            written[contender] = {table: after[table] - before[table] for table in TABLES}
    finally:
        row.clean()
    assert written["floor"] == written["ours"]
    assert any(written["ours"].values())


def test_every_row_is_reported_and_drawn(servers, found, tmp_path):
    report.write(tmp_path, found)
    text = (tmp_path / "benchmarks.md").read_text()
    picture = ElementTree.parse(tmp_path / "benchmarks.svg").getroot()
    drawn = {part.text for part in picture.iter() if part.tag.endswith("text")}
    for row in rows(servers):
        assert f"| {row.title} |" in text
        assert row.title in drawn


def test_every_bound_is_that_of_a_row(servers):
    bounds = tomllib.loads((ROOT / "benchmarks/floors.toml").read_text())
    contenders = {row.name: set(row.contenders) for row in rows(servers)}
    assert set(bounds["floor"]) == set(contenders)
    assert all("stock" in contenders[name] for name in bounds["stock"])


def test_a_row_beyond_its_bound_is_named():
    row = Row("slow", "Something slow", {}, samples=1)
    measured = Measured(row, {"ours": [30.0], "floor": [10.0]})
    found = report.results({1000: [measured]}, {})
    assert report.exceeded(found, {"floor": {"slow": 3.1}, "stock": {}}) == []
    too_slow = report.exceeded(found, {"floor": {"slow": 2.9}, "stock": {}})
    assert len(too_slow) == 1
    assert "Something slow at 1,000 tickets" in too_slow[0]


def test_contenders_take_turns_at_being_first():
    calls = []
    contenders = {name: lambda name=name: calls.append(name) for name in ("ours", "floor", "stock")}
    measured = measure(Row("turns", "Turns", contenders, samples=3))
    assert [calls[place] for place in range(0, len(calls), 3)] == ["ours", "floor", "stock"] * 2
    assert all(len(took) == 3 for took in measured.took.values())
