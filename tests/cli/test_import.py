"""`emberone import`, as a person at a terminal runs it."""

import csv
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg
import pytest

from emberone.embedded import EmbeddedPostgres
from tests.conftest import DATABASE, OWNER, recreate_database
from tests.imports import EVENT_LOG, REQUESTS, product_on, read_log, story, take_in

ROOT = Path(__file__).parents[2]

HEADER = "number,incident_state,priority,caller_id,assigned_to,sys_updated_by,sys_updated_at"
ROW = "INC1,New,3 - Moderate,Caller 1,?,Updated by 1,01-03-2016 10:00"

#: The command several times in one process: starting one takes longer than being refused.
ONE_AFTER_ANOTHER = """
import json, sys
from emberone.cli import main
for arguments in json.load(sys.stdin):
    try:
        main(["import", *arguments])
    except SystemExit as ended:
        print(ended.code, flush=True)
"""


class Program:
    """Runs `emberone import` against the test's database."""

    def __init__(self, server: EmbeddedPostgres, database: str = DATABASE) -> None:
        self._server = server
        self._database = database

    def start(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        return self._started("-m", "emberone", "import", *map(str, arguments))

    def _started(self, *arguments: str) -> "subprocess.Popen[str]":
        environ = {k: v for k, v in os.environ.items() if not k.startswith("EMBERONE_")}
        environ |= {
            "EMBERONE_DATABASE_URL": self._server.url("emberone_app", self._database),
            "EMBERONE_SECRET_KEY": "only-for-tests-0123456789",
            # Nothing listens there: an import needs no broker.
            "EMBERONE_REDIS_URL": "redis://127.0.0.1:1/0",
        }
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        """The exit status, stdout and stderr."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def refuses(self, *arguments: str | Path) -> str:
        """The one line with which it refuses, having written nothing."""
        status, out, err = self(*arguments)
        assert (status, out) == (2, ""), (status, out, err)
        assert len(err.splitlines()) == 1, err
        assert err.startswith("emberone: ")
        return err

    def refuses_each(self, calls: Iterable[tuple[str | Path, ...]]) -> list[str]:
        """The one line with which it refuses each of the calls, having written nothing."""
        calls = [[str(argument) for argument in call] for call in calls]
        process = self._started("-c", ONE_AFTER_ANOTHER)
        out, err = process.communicate(json.dumps(calls), timeout=120)
        assert process.returncode == 0, err
        assert out.split() == ["2"] * len(calls), (out, err)
        lines = err.splitlines()
        assert len(lines) == len(calls), err
        assert all(line.startswith("emberone: ") for line in lines), err
        return lines


@pytest.fixture
def program(postgres: EmbeddedPostgres, database) -> Program:
    return Program(postgres)


@pytest.fixture
def write(tmp_path: Path):
    numbers = itertools.count(1)

    def to(content: str | bytes) -> Path:
        path = tmp_path / f"rows {next(numbers)}.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to


@pytest.fixture
def nothing_written(owner: psycopg.Connection) -> Iterator[None]:
    yield
    for table in ("tickets", "profiles", "history", "imported_rows", "teams"):
        assert owner.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_an_event_log_is_summed_up_and_comes_in_once(program, write, owner):
    part = write("".join(EVENT_LOG.read_text().splitlines(keepends=True)[:101]))
    status, out, err = program("servicenow", part)
    assert (status, err) == (0, "")
    tickets = len({row["number"] for row in read_log(part)})
    assert out == f"imported {tickets} tickets, 100 events, 0 rejected, 0 already there\n"
    assert program("servicenow", part)[1] == (
        "imported 0 tickets, 0 events, 0 rejected, 100 already there\n"
    )
    assert owner.execute("SELECT count(*) FROM tickets").fetchone() == (tickets,)


def test_a_table_of_requests_is_summed_up_and_comes_in_once(program, write):
    part = write("".join(REQUESTS.read_text().splitlines(keepends=True)[:31]))
    assert program("csv", part) == (0, "imported 30 tickets, 0 rejected, 0 already there\n", "")
    assert program("csv", part) == (0, "imported 0 tickets, 0 rejected, 30 already there\n", "")


def test_bad_rows_of_an_event_log_are_named_and_the_rest_goes_in(program, write, owner):
    rows = [
        ROW,
        ROW.replace("New", "-100"),
        ROW.replace("New", "?"),
        ROW.replace("01-03-2016", "31-02-2016"),
        ROW.replace("3 - Moderate", "0 - Now"),
        ROW.replace("INC1", "?"),
        ROW.replace("INC1", "INC\0"),
        ROW + ",more",
        "INC1",
        '"INC1,New',
        ROW.replace("New", "Closed").replace("10:00", "11:00"),
        ROW.replace("INC1", "INC2"),
    ]
    status, out, err = program("servicenow", write("\r\n".join([HEADER, *rows])))
    assert status == 0
    assert out == "imported 2 tickets, 3 events, 9 rejected, 0 already there\n"
    lines = sorted(err.splitlines(), key=lambda line: int(line.split(":")[0].split()[1]))
    assert [line.split(":")[0] for line in lines] == [f"line {line}" for line in range(3, 12)]
    assert lines[0] == "line 3: the state '-100' is unknown"
    assert lines[8] == "line 11: a quotation mark is never closed"
    assert owner.execute("SELECT status::text FROM tickets ORDER BY number").fetchall() == [
        ("CLOSED",),
        ("OPEN",),
    ]


def test_bad_rows_of_a_table_are_named_and_the_rest_goes_in(program, write, owner):
    table = io.StringIO()
    csv.writer(table).writerows(
        [
            ["title", "body", "priority"],
            ["a", "quoted\nline", "high"],
            ["", "", ""],
            ["b", "x" * 1_000_000, ""],
            ["c", "", "someday"],
            ["d", "a\0b", ""],
            ["e", "ok", "", "too much"],
            ["f", "ok", "4"],
        ]
    )
    status, out, err = program("csv", write(table.getvalue()))
    assert (status, out) == (0, "imported 2 tickets, 5 rejected, 0 already there\n")
    assert sorted(err.splitlines()) == [
        "line 4: title and description are both empty",
        "line 5: The description is longer than 100,000 characters.",
        "line 6: the priority 'someday' is unknown",
        "line 7: it contains a NUL character",
        "line 8: it has 4 fields, the header has 3",
    ]
    assert owner.execute(
        "SELECT title, priority::text FROM tickets ORDER BY number"
    ).fetchall() == [
        ("a", "HIGH"),
        ("f", "LOW"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1", "cp1252", "utf-16"])
def test_encodings_are_found_out(program, write, owner, encoding):
    path = write("title;body\r\nGröße;Crème brûlée\r\n".encode(encoding))
    assert program("csv", path)[0] == 0
    assert owner.execute("SELECT title, description FROM tickets").fetchall() == [
        ("Größe", "Crème brûlée")
    ]


def test_columns_are_mapped(program, write, owner):
    path = write("Betreff,Dringlichkeit,wann\nDrucker,1,03/04/2016\n")
    arguments = ("--map", "title=betreff", "--map", "priority=Dringlichkeit")
    status, out, err = program("csv", path, *arguments, "--map", "created_at=wann")
    assert (status, err.count("--dates")) == (0, 1)
    assert "0 tickets, 1 rejected" in out
    program("csv", path, *arguments, "--map", "created_at=wann", "--dates", "dmy")
    assert owner.execute(
        "SELECT title, priority::text, created_at = '2016-04-03Z' FROM tickets"
    ).fetchall() == [("Drucker", "CRITICAL", True)]


def test_a_header_alone_is_nothing_to_do(program, write, nothing_written):
    assert program("csv", write("title,body\n"))[:2] == (
        0,
        "imported 0 tickets, 0 rejected, 0 already there\n",
    )
    assert program("servicenow", write(HEADER))[:2] == (
        0,
        "imported 0 tickets, 0 events, 0 rejected, 0 already there\n",
    )


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("kind", ["csv", "servicenow"])
def test_a_file_that_is_no_table_is_refused(program, write, tmp_path, kind):
    cases = (
        (write(b""), "is empty"),
        (tmp_path, "is not a file"),
        (tmp_path / "missing.csv", "No such file"),
        (write(Path(sys.executable).resolve().read_bytes()[:100_000]), "no header"),
        (write(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00" * 100), "column"),
        (write(b"just words\nmore words\n"), "column"),
        (write(b'title,"body\n1,2\n'), "no header"),
    )
    lines = program.refuses_each((kind, path) for path, _ in cases)
    for line, (_, reason) in zip(lines, cases, strict=True):
        assert reason in line


@pytest.mark.usefixtures("nothing_written")
def test_a_header_that_will_not_do_is_refused(program, write):
    cases = (
        ("servicenow", HEADER.replace(",priority", ""), "lacks the columns priority"),
        ("servicenow", HEADER + ",number", "'number' twice"),
        ("csv", "id,colour", "no column for a title"),
        ("csv", "title,title", "'title' occurs twice"),
    )
    calls = ((kind, write(f"{header}\n{ROW}\n")) for kind, header, _ in cases)
    for line, (*_, reason) in zip(program.refuses_each(calls), cases, strict=True):
        assert reason in line


@pytest.mark.usefixtures("nothing_written")
def test_a_map_that_will_not_do_is_refused(program, write):
    path = write("title,body\na,b\n")
    cases = (
        ("title", "FIELD=COLUMN"),
        ("title=", "FIELD=COLUMN"),
        ("colour=title", "no field 'colour'"),
        ("status=zustand", "no column 'zustand'"),
    )
    lines = program.refuses_each(("csv", path, "--map", pair) for pair, _ in cases)
    for line, (_, reason) in zip(lines, cases, strict=True):
        assert reason in line


def test_a_missing_variable_is_one_line(write):
    environ = {k: v for k, v in os.environ.items() if not k.startswith("EMBERONE_")}
    done = subprocess.run(
        [sys.executable, "-m", "emberone", "import", "csv", str(write("title\na\n"))],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "EMBERONE_DATABASE_URL" in done.stderr


def test_a_database_without_tables_is_one_line_and_not_one_for_every_row(postgres, database):
    with postgres.connect() as connection:
        connection.execute("DROP DATABASE IF EXISTS bare WITH (FORCE)")
    postgres.create_database("bare", owner=OWNER)
    assert "migrate" in Program(postgres, "bare").refuses("csv", REQUESTS)


def imported(owner: psycopg.Connection) -> int:
    return owner.execute("SELECT count(*) FROM imported_rows").fetchone()[0]


def until_some_are_in(owner: psycopg.Connection, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 60
    while imported(owner) < 50:
        assert process.poll() is None, "It ended before it could be interrupted."
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_import_goes_on_to_the_same_database(program, postgres, owner, write):
    part = write("".join(EVENT_LOG.read_text().splitlines(keepends=True)[:801]))
    process = program.start("servicenow", part)
    until_some_are_in(owner, process)
    process.kill()
    process.communicate()
    # The server notices the dead client at its next word.
    taken = imported(owner)
    assert taken < 800

    status, out, _ = program("servicenow", part)
    assert status == 0
    assert int(out.split(" already")[0].split()[-1]) >= taken
    assert imported(owner) == 800
    recreate_database(postgres, "at_once")
    with product_on(postgres, "at_once"):
        take_in(read_log(part))
    expected = story(postgres, "at_once", without="^sla_")
    found = story(postgres, DATABASE, without="^sla_")
    for table, lines in expected.items():
        assert found[table] == lines, table


@pytest.mark.parametrize("kind", ["csv", "servicenow"])
def test_ctrl_c_says_how_to_go_on(program, owner, kind):
    process = program.start(kind, REQUESTS if kind == "csv" else EVENT_LOG)
    until_some_are_in(owner, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == (
        "emberone: interrupted; what came in stays. Run the same command again to go on.\n"
    )
    rows = int(out.split()[3 if kind == "servicenow" else 1])
    # The transaction at hand may have ended just before.
    assert 0 <= imported(owner) - rows <= 100
    halves = owner.execute(
        "SELECT count(*) FROM tickets WHERE NOT EXISTS"
        " (SELECT FROM imported_rows WHERE ticket_id = tickets.id)"
    )
    assert halves.fetchone() == (0,)
