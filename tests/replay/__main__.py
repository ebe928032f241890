"""`make replay`: live through a ServiceNow event log and print how promises were kept."""

import sys
import tempfile
from pathlib import Path

from emberone.core import create_core
from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.embedded import THROW_AWAY, EmbeddedPostgres
from tests.conftest import DATABASE, migrate, settings_for
from tests.factories import Make
from tests.replay.log import Replay, read
from tests.replay.report import report

_LOG = Path(__file__).parents[1] / "data" / "servicenow_event_log.csv"


def main() -> int:
    """Replay the file that is named, or the one that tests have."""
    steps = read(Path(sys.argv[1]) if len(sys.argv) > 1 else _LOG)
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", options=THROW_AWAY)
        with server:
            migrate(server, DATABASE)
            with create_core(settings_for(server)).app_context():
                make = Make()
                replay = Replay(make.agent(capacity=10_000), make.customer())
                replay.run(steps)
                with reading(SYSTEM) as session:
                    print(report(session, replay))
    return 0


if __name__ == "__main__":
    sys.exit(main())
