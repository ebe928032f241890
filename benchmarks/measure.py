"""Measuring contenders in turn, so that whatever else the machine does falls on all of them."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: Before samples count, so often each contender runs.
WARM_UP: Final = 3
#: A row that takes longer than this ends early, with at least so many samples.
ROW_SECONDS: Final = 30.0
LEAST_SAMPLES: Final = 10

Run = Callable[[], Any]


def nothing() -> None:
    """Nothing has to be made ready."""


@dataclass(frozen=True)
class Row:
    """One thing that is measured, and who does it: `ours`, `floor`, `stock`."""

    name: str
    title: str
    contenders: Mapping[str, Run]
    samples: int
    #: Before each call, and not timed.
    prepare: Run = nothing
    #: After the last, and not timed.
    clean: Run = nothing
    #: How many things one call does, where what counts is things a second.
    batch: int | None = None


@dataclass
class Measured:
    """The milliseconds of each contender's samples."""

    row: Row
    took: dict[str, list[float]] = field(default_factory=dict)

    def median(self, contender: str) -> float:
        """The middle one."""
        return statistics.median(self.took[contender])

    def p95(self, contender: str) -> float:
        """What only one in twenty exceeds."""
        ordered = sorted(self.took[contender])
        return ordered[math.ceil(0.95 * len(ordered)) - 1]

    def ratio(self, contender: str, to: str) -> float:
        """How many times as long, by the medians."""
        return self.median(contender) / self.median(to)


def measure(row: Row, samples: int | None = None) -> Measured:
    """Run all contenders in turn: A B C, B C A, C A B, …"""
    names = list(row.contenders)
    measured = Measured(row, {name: [] for name in names})
    deadline = time.monotonic() + ROW_SECONDS
    try:
        for turn in range(-WARM_UP, samples or row.samples):
            if turn >= LEAST_SAMPLES and time.monotonic() > deadline:
                break
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                row.prepare()
                began = time.perf_counter()
                row.contenders[name]()
                took = (time.perf_counter() - began) * 1000
                if turn >= 0:
                    measured.took[name].append(took)
    finally:
        row.clean()
    return measured
