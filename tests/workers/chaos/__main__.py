"""`make chaos`: the real processes under load and faults, and a table of what came of it.

python -m tests.workers.chaos [SECONDS] [SEED]
"""

import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.workers.chaos.run import run


def main(arguments: list[str]) -> int:
    """Run once; exit status 1 where an invariant does not hold."""
    seconds = float(arguments[0]) if arguments else 60.0
    seed = int(arguments[1]) if len(arguments) > 1 else int(time.time()) % 100_000
    # What a connection that was torn off sent is not worth a line each.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    print(f"{seconds:g} s of faults, seed {seed} …", flush=True)
    with tempfile.TemporaryDirectory(
        prefix="emberone-chaos-", ignore_cleanup_errors=True
    ) as folder:
        outcome = run(Path(folder) / "product", seconds, seed)
    print(outcome.table())
    if not outcome.holds:
        print(outcome.logs)
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
