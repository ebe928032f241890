"""A broker and real processes for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emberone.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.workers.processes import Processes, running_valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with running_valkey(tmp_path / "broker") as server:
        yield server


@pytest.fixture
def processes(
    tmp_path: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, database: object
) -> Iterator[Processes]:
    with Processes(tmp_path, postgres, valkey) as started:
        yield started
        # Shown with a failure only.
        print(started.said())
