"""Twenty seconds of faults; `make chaos` has as many as one likes."""

from pathlib import Path

from tests.workers.chaos.run import run

#: As good as any other; a seed that once found something is worth a test of its own.
SEED = 7


def test_nothing_is_lost_doubled_or_misdated_whatever_dies(servers_folder: Path) -> None:
    outcome = run(servers_folder / "chaos", 20, SEED)
    assert outcome.holds, f"{outcome.table()}\n{outcome.logs}"
