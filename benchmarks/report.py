"""What came out: the results as JSON, as a page with tables, and on the terminal."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.engines import Figure
from benchmarks.measure import Measured
from benchmarks.picture import draw

_METHOD: Final = """\
1. `make bench` makes a database of each size, fills it with believable tickets
   (`benchmarks/filler.py`), and tears it down afterwards.
2. PostgreSQL and Valkey are the embedded ones with the settings of `emberone up`: every
   commit waits for the disk. No background worker runs beside.
3. Pages are asked for over HTTP on the loopback, by one client on a connection kept open, as
   an agent who is signed in. The product is served by `emberone web`, floor and stock by the
   same gunicorn with the same threads; one worker process each.
4. Writes are committed for real. Assignment, sweeps and the figures of reports are called in the
   process that measures.
5. The contenders of a row run in turn, A B C, B C A, …, after three turns that do not count,
   so that whatever else the machine does falls on all of them: read the ratios.
6. A row's ratio is that of the medians; p95 is what one sample in twenty exceeds.
7. Each row has a bound in `benchmarks/floors.toml`; `make bench` fails where it is passed.
"""

_ENGINES: Final = """\
Real processes (`benchmarks/engines.py`): two workers of two children each and one beat, on the
machine that also makes the load; each figure on fresh servers. Times are PostgreSQL's own, from
when a row was due, or its transaction began, to when a worker's statement wrote what became of
it.

What these say, and what they do not:

- A hundred tickets a second are one bare `INSERT` each, in a transaction of its own, with the
  nudge that the product sends: they show how fast what is committed gets its agent, not how
  fast people may open tickets. The product's own way to open one writes its time limits, their
  steps, history and a letter too and takes some 25 ms of processor time, so that a hundred a
  second would need two and a half cores for themselves.
- On a machine of few cores (below) PostgreSQL, four children of workers, beat and what makes
  the load share them. A figure near to what is allowed says that they are busy, and more cores
  make it smaller; only re-planning is one process and one of PostgreSQL's at a time.
- Re-planning goes on beside other work: the row below it is what people waited for meanwhile,
  called in the process that measures, one after the other.
"""

_FLOORS: Final = """\
The **floor** (`benchmarks/baselines/floor_sql.py`, `benchmarks/baselines/floor.py`) is what any
program would have to do, written before anything of ours was measured. For a page: bare
psycopg runs the least SQL that knows what the page shows, and an application without a
framework sends the very bytes that the product sent; nothing is rendered, nobody is signed
in, no role is taken. For a write: one statement that leaves as many rows in every table as
the product does (`tests/benchmarks/` compares them). For the idle sweeps: one statement that
asks whether any of the seven has something to do (replies that wait, assignment, time limits,
re-planning, waits for customers, invitations to rate, letters); the product asks in seven times
three transactions, each with a role of its own, and keeps a record of having looked.

**Stock** (`benchmarks/baselines/flask_admin_stock.py`) is Flask-Admin with its default theme
on the same tables, as its documentation shows it: no sign-in, no rules, no row policies. Its
list has fewer columns, its search sees no comments; its ticket page is the details view,
without conversation, time limits and forms; what it opens has no time limits and tells nobody.
"""


def results(
    measured: Mapping[int, Iterable[Measured]],
    about: Mapping[str, Any],
    figures: Iterable[Figure] = (),
) -> dict[str, Any]:
    """Everything that was measured, as it is kept."""
    return {
        "about": dict(about),
        "engines": [{**asdict(figure), "value": round(figure.value, 3)} for figure in figures],
        "sizes": {str(size): [_row(one) for one in rows] for size, rows in measured.items()},
    }


def _row(one: Measured) -> dict[str, Any]:
    names = list(one.took)
    found: dict[str, Any] = {"name": one.row.name, "title": one.row.title}
    found["samples"] = len(one.took[names[0]])
    found |= {
        name: {"median_ms": round(one.median(name), 3), "p95_ms": round(one.p95(name), 3)}
        for name in names
    }
    found["times_floor"] = round(one.ratio("ours", "floor"), 2)
    if "stock" in names:
        found["times_stock"] = round(one.ratio("ours", "stock"), 2)
    if one.row.batch:
        found["per_second"] = {
            name: round(one.row.batch / one.median(name) * 1000) for name in names
        }
    return found


def about(owner: psycopg.Connection[Any], root: Path) -> dict[str, Any]:
    """The machine, the versions and the commit."""
    load = os.getloadavg()
    return {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": _commit(root),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "load_at_start": [round(one, 1) for one in load],
        "versions": {
            "Python": platform.python_version(),
            "PostgreSQL": str(owner.info.parameter_status("server_version")),
            **{
                name: version(name)
                for name in ("Flask", "Flask-Admin", "SQLAlchemy", "psycopg", "gunicorn")
            },
        },
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit(root: Path) -> str:
    def git(*arguments: str) -> str:
        shown = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
        return shown.stdout.strip()

    # What a run before this one wrote is no change of the product.
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/benchmarks.*")
    return (git("rev-parse", "--short=10", "HEAD") or "unknown") + (" + changes" if changed else "")


def write(folder: Path, found: Mapping[str, Any]) -> None:
    """Write `benchmarks.json`, `benchmarks.svg` and `benchmarks.md` into the folder."""
    (folder / "benchmarks.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "benchmarks.svg").write_text(draw(found))
    (folder / "benchmarks.md").write_text(page(found))


def page(found: Mapping[str, Any]) -> str:
    """The page about it."""
    parts = [
        "# Benchmarks\n",
        "Written by `make bench`; do not edit. The figures are in [benchmarks.json](benchmarks.json).\n",
        "![How many times its floor each row takes](benchmarks.svg)\n",
    ]
    for size, rows in found["sizes"].items():
        parts += [f"## {int(size):,} tickets\n", table(rows)]
    if found["engines"]:
        parts += ["## The workers under load\n", _ENGINES, load_table(found["engines"])]
    versions = ", ".join(f"{name} {number}" for name, number in found["about"]["versions"].items())
    load = " ".join(str(one) for one in found["about"]["load_at_start"])
    parts += [
        "## Where and what\n",
        f"{found['about']['at']}, commit {found['about']['commit']}, on {found['about']['machine']}"
        f" (load when it began: {load}). {versions}.\n",
        "## How it is measured\n",
        _METHOD,
        "## What it is measured against\n",
        _FLOORS,
    ]
    return "\n".join(parts)


def load_table(figures: Iterable[Mapping[str, Any]]) -> str:
    """Each figure beside what it may be."""
    lines = ["| | measured | allowed | |", "|---|--:|--:|---|"]
    lines += [
        f"| {one['title']} | **{one['value']:.2f} {one['unit']}** | {one['allowed']:g} {one['unit']}"
        f" | {one['note']} |"
        for one in figures
    ]
    return "\n".join(lines) + "\n"


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows of one size, in Markdown."""
    lines = [
        "| median (p95), ms | ours | floor | stock | ours ÷ floor | ours ÷ stock | |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        stock = _times(row, "times_stock")
        lines.append(
            f"| {row['title']} | {_ms(row, 'ours')} | {_ms(row, 'floor')} | {_ms(row, 'stock')}"
            f" | **{row['times_floor']:.1f}** | {stock} | {_rate(row)} |"
        )
    return "\n".join(lines) + "\n"


def _ms(row: Mapping[str, Any], name: str) -> str:
    took = row.get(name)
    return f"{took['median_ms']:.1f} ({took['p95_ms']:.1f})" if took else "–"


def _times(row: Mapping[str, Any], name: str) -> str:
    return f"{row[name]:.2f}" if name in row else "–"


def _rate(row: Mapping[str, Any]) -> str:
    rate = row.get("per_second")
    return f"{rate['ours']:,} a second (floor {rate['floor']:,})" if rate else ""


def exceeded(found: Mapping[str, Any], bounds: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What took longer than its bound allows, in words."""
    slow = [
        f"{one['title']}: {one['value']:.2f} {one['unit']}, allowed are {one['allowed']:g}"
        for one in found["engines"]
        if one["value"] > one["allowed"]
    ]
    return slow + [
        f"{row['title']} at {int(size):,} tickets: {row[f'times_{to}']:.2f} times {to},"
        f" allowed are {bounds[to][row['name']]}"
        for size, rows in found["sizes"].items()
        for row in rows
        for to in ("floor", "stock")
        if row["name"] in bounds[to] and row[f"times_{to}"] > bounds[to][row["name"]]
    ]
