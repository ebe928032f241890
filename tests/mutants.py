"""Changes the rules in one small way after the other, and looks whether a test turns red.

``make mutants`` lets mutmut change each expression of `emberone/domain/` and of
`emberone/policy.py`, and runs the tests of those that reach it: no database, so it is
minutes and not hours. What it knows already is kept in `mutants/` until the code
changes. What follows is handed to ``mutmut run``: names of mutants, `*` in them, or
``--max-children 1``.
"""

import subprocess
import sys
from collections import Counter, defaultdict
from fnmatch import fnmatch
from typing import Final

#: Of a hundred mutants so many must be noticed; docs/proofs.md says which are not, and why.
FLOOR: Final = 90
#: A test that never ends has noticed as well.
_KILLED: Final = frozenset({"killed", "timeout", "segfault", "suspicious"})


def main(asked: list[str]) -> int:
    """Run them, print each module's figures, and say whether they are good enough."""
    names = [word for word in asked if word.startswith("emberone.")]
    run = subprocess.run([sys.executable, "-m", "mutmut", "run", *asked], check=False)
    if run.returncode:
        return run.returncode
    modules = _results(names)
    for module, found in sorted(modules.items()):
        print(_line(module, found))
    total = sum(modules.values(), Counter[str]())
    print(_line("all", total))
    print("mutmut results: what survived; mutmut show NAME: how it differs.")
    return 0 if _killed(total) * 100 >= FLOOR * total.total() > 0 else 1


def _results(names: list[str]) -> dict[str, Counter[str]]:
    """How many mutants of each module ended in which way; only of these names, if any."""
    listed = subprocess.run(
        [sys.executable, "-m", "mutmut", "results", "--all", "true"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    for line in listed.splitlines():
        mutant, _, status = line.strip().rpartition(": ")
        if not names or any(fnmatch(mutant, name) for name in names):
            modules[mutant.rpartition(".")[0]][status] += 1
    return modules


def _killed(found: Counter[str]) -> int:
    return sum(found[status] for status in _KILLED)


def _line(module: str, found: Counter[str]) -> str:
    killed, count = _killed(found), found.total()
    others = ", ".join(f"{n} {status}" for status, n in found.items() if status not in _KILLED)
    return f"{module:40}{killed:5} of {count:5}{killed / count:8.1%}  {others}".rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
