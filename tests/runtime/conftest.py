"""A temporary folder that other test runs on this machine leave alone."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    # pytest closes its own folder to every other user whenever a run begins, also to the
    # one that root lends PostgreSQL to, whose servers would be cut off in the middle.
    folder = Path(tempfile.mkdtemp(prefix="emberone-test-"))
    yield folder
    shutil.rmtree(folder)
