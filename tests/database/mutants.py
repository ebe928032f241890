"""Takes one guard after the other out of the database, and looks whether a test turns red.

``make mutants-sql`` drops each row policy, trigger, constraint and grant in turn, and runs the tests that are near to its kind until the first one fails. Who missed
what is printed. A guard that nothing misses makes the exit status 1.

Two are tried at a time, each on a server of its own. The migrations run once on each;
a mutant is a copy of what they made. Tests run in a fork of this process, which has read
the product and them already: otherwise most of the time would go into reading again.
"""

import argparse
import multiprocessing
import os
import re
import sys
from collections import Counter, deque
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Final

import psycopg
import pytest

from emberone.embedded import EmbeddedPostgres
from tests.conftest import (
    OWNER,
    SERVER,
    TEMPLATE,
    cluster,
    migrate,
    quick_folder,
    recreate_database,
)

_ROOT: Final = Path(__file__).parents[2]
_OPTIONS: Final = ["-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:randomly"]
_PUBLIC: Final = "relnamespace = 'public'::regnamespace"
#: The database as the migrations left it.
_WHOLE: Final = "whole_emberone"

#: kind → one statement for each guard, which takes it away.
_GUARDS: Final = {
    "policy": "SELECT format('DROP POLICY %I ON %I', policyname, tablename) FROM pg_policies",
    "row security": "SELECT format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', relname)"
    f" FROM pg_class WHERE relrowsecurity AND {_PUBLIC}",
    "trigger": "SELECT format('DROP TRIGGER %I ON %I', tgname, relname) FROM pg_trigger"
    f" JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal AND {_PUBLIC}",
    "check": "SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', relname, conname)"
    " FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
    f" WHERE contype = 'c' AND {_PUBLIC}",
    "unique": "SELECT CASE WHEN conname IS NULL THEN format('DROP INDEX %I', pg_class.relname)"
    " ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) END"
    " FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
    " LEFT JOIN pg_constraint ON conindid = indexrelid AND contype = 'u'"
    f" WHERE indisunique AND NOT indisprimary AND {_PUBLIC}",
    "primary key": "SELECT format('ALTER TABLE %I DROP CONSTRAINT %I CASCADE', relname, conname)"
    " FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
    f" WHERE contype = 'p' AND relname <> 'alembic_version' AND {_PUBLIC}",
    "foreign key": "SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', relname, conname)"
    " FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
    f" WHERE contype = 'f' AND {_PUBLIC}",
    "not null": "SELECT format('ALTER TABLE %I ALTER %I DROP NOT NULL', relname, attname)"
    " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
    " WHERE attnotnull AND attnum > 0 AND NOT attisdropped AND relkind = 'r'"
    " AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND indisprimary"
    f" AND attnum = ANY (indkey)) AND attidentity = '' AND {_PUBLIC}",
    "grant": "SELECT format('REVOKE %s ON %I FROM %I', privilege_type, relname, rolname)"
    " FROM pg_class, aclexplode(relacl) JOIN pg_roles ON pg_roles.oid = grantee"
    f" WHERE rolname LIKE 'emberone\\_%' AND rolname <> '{OWNER}'"
    f" AND relkind IN ('r', 'v') AND {_PUBLIC}",
    "column grant": "SELECT format('REVOKE %s (%I) ON %I FROM %I',"
    " privilege_type, attname, relname, rolname)"
    " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid,"
    " aclexplode(attacl) JOIN pg_roles ON pg_roles.oid = grantee"
    f" WHERE rolname LIKE 'emberone\\_%' AND {_PUBLIC}",
}

_MODELS: Final = (
    "tests/database/test_migrations.py::test_the_models_and_the_migrations_say_the_same"
)

#: kind → the tests that have to miss it.
_NEAR: Final = {
    "policy": ["tests/database/test_row_policies.py"],
    "row security": ["tests/database/test_row_policies.py"],
    "trigger": [
        "tests/database/test_reviews.py",
        "tests/database/test_wait_rows.py",
        "tests/database/test_settings_history.py",
        "tests/database/test_queue_columns.py",
        "tests/database/test_triggers.py",
    ],
    "check": ["tests/database/test_constraints.py"],
    "unique": ["tests/database/test_constraints.py"],
    "primary key": ["tests/database/test_catalogue.py"],
    "foreign key": [_MODELS],
    "not null": [_MODELS],
    "grant": ["tests/database/test_grants.py"],
    "column grant": ["tests/database/test_grants.py"],
}


@dataclass(frozen=True)
class Mutant:
    """A database without one of its guards."""

    kind: str
    statement: str


@dataclass
class Lane:
    """A server, and the tests that run on it now."""

    server: EmbeddedPostgres
    mutant: Mutant | None = None
    process: ForkProcess = field(init=False)

    @property
    def _said(self) -> Path:
        return self.server.data_dir / "said"

    def begin(self, mutant: Mutant | None, tests: list[str]) -> None:
        """Run tests on a copy of the database; without a mutant it lacks nothing."""
        self.mutant = mutant
        recreate_database(self.server, TEMPLATE, _WHOLE)
        if mutant is not None:
            with self.server.connect(OWNER, TEMPLATE) as connection:
                connection.execute(mutant.statement)
        fork = multiprocessing.get_context("fork")
        self.process = fork.Process(target=_ask, args=(self.server.data_dir, self._said, tests))
        self.process.start()

    def end(self) -> list[str]:
        """The tests that failed, now that they have ended."""
        self.process.join()
        said = self._said.read_text()
        if self.process.exitcode not in {0, 1}:
            raise RuntimeError(f"{self.mutant}: the tests did not run.\n{said[-2000:]}")
        failed = re.findall(r"^(?:FAILED|ERROR) .*?::(.+?)(?: - |$)", said, re.MULTILINE)
        if bool(failed) != bool(self.process.exitcode):
            raise RuntimeError(f"{self.mutant}: what failed is not said.\n{said[-2000:]}")
        return failed


def _ask(server: Path, said: Path, tests: list[str]) -> None:
    """Run tests on a server, in this process, until one fails; what they say goes to a file."""
    os.environ[SERVER] = str(server)
    with said.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    status = pytest.main([*_OPTIONS, "-x", "-rfE", "--tb=short", *tests])
    sys.stdout.flush()
    os._exit(status)


def read(tests: list[str]) -> None:
    """Read these tests, and what they need, for all forks to come."""
    os.chdir(_ROOT)
    with redirect_stdout(StringIO()) as said:
        status = pytest.main([*_OPTIONS, "--collect-only", *tests])
    if status:
        raise RuntimeError(f"The tests cannot be read.\n{said.getvalue()[-2000:]}")


def guards(connection: psycopg.Connection, kinds: list[str], words: str) -> list[Mutant]:
    """Every guard of a database, of these kinds, with these words in it."""
    return [
        Mutant(kind, statement)
        for kind in kinds
        for (statement,) in connection.execute(_GUARDS[kind] + " ORDER BY 1").fetchall()
        if words in statement
    ]


def check_whole(lanes: list[Lane], tests: list[str]) -> None:
    """Raise where a test fails already while nothing is missing."""
    for lane in lanes:
        lane.begin(None, tests)
    for lane in lanes:
        if failed := lane.end():
            raise RuntimeError(f"Nothing is missing, and yet these fail: {failed}.")


def missed_by(lanes: list[Lane], mutants: list[Mutant]) -> dict[Mutant, list[str]]:
    """Mutant → the tests that failed; each is printed as it comes."""
    found: dict[Mutant, list[str]] = {}
    waiting, idle, busy = deque(mutants), list(lanes), list[Lane]()
    while waiting or busy:
        while waiting and idle:
            lane, mutant = idle.pop(), waiting.popleft()
            lane.begin(mutant, _NEAR[mutant.kind])
            busy.append(lane)
        ready = wait([lane.process.sentinel for lane in busy])
        for lane in [lane for lane in busy if lane.process.sentinel in ready]:
            busy.remove(lane)
            idle.append(lane)
            if mutant := lane.mutant:
                found[mutant] = lane.end()
                print(f"{mutant.statement}: {', '.join(found[mutant]) or 'SURVIVED'}", flush=True)
    return found


def main() -> int:
    """Try them all, two at a time, and say which nobody missed."""
    parser = argparse.ArgumentParser(prog="make mutants-sql", description=__doc__)
    parser.add_argument("--kind", action="append", choices=_GUARDS, help="only this kind")
    parser.add_argument("--only", default="", help="only statements with these words")
    asked = parser.parse_args()
    kinds = asked.kind or list(_GUARDS)
    near = sorted({test for kind in kinds for test in _NEAR[kind]})
    read(near)
    with ExitStack() as stack:
        folder = stack.enter_context(quick_folder())
        lanes = [Lane(stack.enter_context(cluster(folder / name))) for name in ("one", "two")]
        for lane in lanes:
            migrate(lane.server, _WHOLE)
        check_whole(lanes, near)
        with lanes[0].server.connect(OWNER, _WHOLE) as connection:
            mutants = guards(connection, kinds, asked.only)
        found = missed_by(lanes, mutants)
    tried = Counter(mutant.kind for mutant in mutants)
    missed = Counter(mutant.kind for mutant in mutants if found[mutant])
    for kind, count in tried.items():
        print(f"{kind}: {missed[kind]} of {count} missed")
    return int(missed != tried)


if __name__ == "__main__":
    sys.exit(main())
