"""Measure the product beside its floors and stock Flask-Admin.

    python -m benchmarks             1,000 and 100,000 tickets and the workers under load,
                                     and write docs/benchmarks.*
    python -m benchmarks 1000        one size, and only say what came out

Exit status 1: something takes longer than `floors.toml` allows.
"""

import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from benchmarks import engines, mail, report
from benchmarks.measure import Measured, measure
from benchmarks.rows import rows
from benchmarks.stage import ROOT, stage

SIZES: Final = (1_000, 100_000)


def main(arguments: list[str]) -> int:
    """Measure, write where everything was measured, and judge."""
    sizes = tuple(map(int, arguments)) or SIZES
    measured: dict[int, list[Measured]] = {}
    about = {}
    for size in sizes:
        measured[size], about = run(size)
    figures = list(_engines()) if sizes == SIZES else []
    found = report.results(measured, about, figures)
    for rows_of_size in found["sizes"].values():
        print("\n" + report.table(rows_of_size))
    if sizes == SIZES:
        report.write(ROOT / "docs", found)
        print("docs/benchmarks.md is written.")
    too_slow = report.exceeded(found, tomllib.loads((ROOT / "benchmarks/floors.toml").read_text()))
    for line in too_slow:
        print(line)
    return 1 if too_slow else 0


def _engines() -> Iterator[engines.Figure]:
    for figure in chain(engines.measure(engines.MINUTE), mail.measure(engines.MINUTE)):
        print(engines.worded(figure), flush=True)
        yield figure


def run(size: int, samples: int | None = None) -> tuple[list[Measured], dict[str, object]]:
    """Measure every row at one size, saying what is being done."""
    began = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {words}", flush=True)

    say(f"filling a database with {size:,} tickets …")
    with (
        tempfile.TemporaryDirectory(prefix="emberone-bench-", ignore_cleanup_errors=True) as folder,
        stage(Path(folder), size) as servers,
    ):
        measured = []
        about = report.about(servers.owner, ROOT)
        for row in rows(servers):
            one = measure(row, samples)
            took = ", ".join(f"{name} {one.median(name):.1f} ms" for name in one.took)
            say(f"{row.title}: {took}")
            measured.append(one)
        return measured, about


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
