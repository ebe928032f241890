"""What is tried before a change goes in, and not each time that somebody types `make test`."""

import os
from typing import Final

import pytest

#: Whether all of it is asked for, as one run of `.ci/run` does: every size, every odd value.
EVERYTHING: Final = bool(os.environ.get("EMBERONE_TEST_EVERYTHING"))

#: Marks a test that takes so long that `make test` leaves it to that run.
long = pytest.mark.skipif(not EVERYTHING, reason="long: EMBERONE_TEST_EVERYTHING=1 runs it")
