"""Takes one guard after the other out of the database, and looks whether a test turns red.

``make mutants-sql`` drops each row policy, grant, trigger, unique index and check in
turn from the database that tests are given, and runs the tests that should notice until
the first one fails. A guard that nothing misses is listed, and the exit status is 1.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from emberone.embedded import EmbeddedPostgres
from tests.conftest import OWNER, SABOTAGE, TEMPLATE, migrate

_ROOT: Final = Path(__file__).parents[2]
_PUBLIC: Final = "relnamespace = 'public'::regnamespace"

#: kind → one statement for each guard, which takes it away.
_GUARDS: Final = {
    "policy": "SELECT format('DROP POLICY %I ON %I', policyname, tablename) FROM pg_policies",
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

#: kind → where it is most likely missed; then everything near the database is asked.
_FIRST: Final = {
    "policy": "tests/database/test_row_policies.py",
    "trigger": "tests/database/test_triggers.py",
    "check": "tests/database/test_constraints.py",
    "unique": "tests/database/test_constraints.py",
    "grant": "tests/database/test_grants.py",
    "column grant": "tests/database/test_grants.py",
}
_THEN: Final = ("tests/database", "tests/models", "tests/services", "tests/queries")


@dataclass(frozen=True)
class Mutant:
    """A database without one of its guards."""

    kind: str
    statement: str

    def is_missed_by(self, *tests: str) -> bool:
        """Whether one of these tests fails without the guard."""
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
            cwd=_ROOT,
            env={**os.environ, SABOTAGE: self.statement},
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode not in {0, 1} or "error" in run.stdout.splitlines()[-1]:
            raise RuntimeError(f"{self.statement}: the tests did not run.\n{run.stdout[-2000:]}")
        return run.returncode == 1

    def is_killed(self) -> bool:
        """Whether any test near the database fails without the guard."""
        return self.is_missed_by(_FIRST[self.kind]) or self.is_missed_by(*_THEN)


def guards(kinds: list[str], words: str) -> Iterator[Mutant]:
    """Every guard of a freshly migrated database, of these kinds, with these words in it."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        with server:
            migrate(server, TEMPLATE)
            with server.connect(OWNER, TEMPLATE) as connection:
                yield from _read(connection, kinds, words)


def _read(connection: psycopg.Connection, kinds: list[str], words: str) -> list[Mutant]:
    return [
        Mutant(kind, statement)
        for kind in kinds
        for (statement,) in connection.execute(_GUARDS[kind] + " ORDER BY 1").fetchall()
        if words in statement
    ]


def main() -> int:
    """Try them all, two at a time, and say which nobody missed."""
    parser = argparse.ArgumentParser(prog="make mutants-sql", description=__doc__)
    parser.add_argument("--kind", action="append", choices=_GUARDS, help="only this kind")
    parser.add_argument("--only", default="", help="only statements with these words")
    asked = parser.parse_args()
    mutants = list(guards(asked.kind or list(_GUARDS), asked.only))
    tried: Counter[str] = Counter()
    survivors: list[Mutant] = []
    with ThreadPoolExecutor(2) as pool:
        for mutant, is_killed in zip(mutants, pool.map(Mutant.is_killed, mutants), strict=True):
            tried[mutant.kind] += 1
            if not is_killed:
                survivors.append(mutant)
                print(f"survived: {mutant.statement}", flush=True)
            print(f"{tried.total()} of {len(mutants)}", file=sys.stderr, end="\r", flush=True)
    for kind, count in tried.items():
        alive = sum(mutant.kind == kind for mutant in survivors)
        print(f"{kind}: {count - alive} of {count} killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
