"""Rows set aside on disk, so that a file larger than memory can be put in order."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from types import TracebackType
from typing import Self

from emberone.domain.imports.rows import Row


class Spool:
    """A temporary table that vanishes with its process; a context manager."""

    def __init__(self) -> None:
        # An empty name is a temporary database on disk, deleted when it is closed.
        self._disk = sqlite3.connect("", isolation_level=None)
        self._disk.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE waiting (line INTEGER PRIMARY KEY, name TEXT NOT NULL, data TEXT NOT NULL);"
            "CREATE TABLE met (content BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID;"
            "BEGIN;"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._disk.close()

    def __len__(self) -> int:
        (rows,) = self._disk.execute("SELECT count(*) FROM waiting").fetchone()
        return int(rows)

    def put(self, group: str, line: int, values: Mapping[str, str]) -> None:
        """Set a row aside under its group's name."""
        self._disk.execute(
            "INSERT INTO waiting VALUES (?, ?, ?)",
            (line, group, json.dumps(values)),
        )

    def groups(self) -> Iterator[list[Row]]:
        """The rows of every group in file order, groups in the order in which the file names them."""
        self._disk.execute("CREATE INDEX by_name ON waiting (name, line)")
        with closing(self._disk.cursor()) as names:
            names.execute("SELECT name FROM waiting GROUP BY name ORDER BY min(line)")
            for (name,) in names:
                rows = self._disk.execute(
                    "SELECT line, data FROM waiting WHERE name = ? ORDER BY line", (name,)
                )
                yield [Row(line, json.loads(data)) for line, data in rows]

    def count(self, content: bytes) -> int:
        """How often this content has been met, this time included."""
        self._disk.execute(
            "INSERT INTO met VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1", (content,)
        )
        (times,) = self._disk.execute(
            "SELECT times FROM met WHERE content = ?", (content,)
        ).fetchone()
        return int(times)
