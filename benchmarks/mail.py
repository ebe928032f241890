"""How fast letters leave: the real mail worker, and a server whose every answer takes its time."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from benchmarks.engines import MINUTE, Engines, Figure, fresh, wait_until
from benchmarks.stage import ROOT
from emberone.embedded import free_port
from emberone.processes import end, spawn

#: What a round trip to the mail server takes, in seconds.
ROUND_TRIP_S: Final = 0.02

#: So many letters are delivered in a run of a minute.
LETTERS: Final = 1500

_WRITTEN: Final = """
INSERT INTO mail_outbox (key, letter, params, to_profile_id, to_email)
SELECT 'bench:' || n, 'ticket_received', jsonb_build_object('name', 'Carla', 'author', 'Carla',
    'ticket_id', uuidv7(), 'number', n, 'title', 'Printer', 'priority', 'LOW',
    'description', 'It does not print.', 'by_staff', false, 'content', NULL), id, email
FROM profiles, generate_series(1, {count}) AS n WHERE email = 'customer@example.org'
"""


def delivered(engines: Engines, count: int) -> Figure:
    """Letters that wait for a worker that has just come, until the last one has left."""
    engines.value(_WRITTEN.format(count=count) + " RETURNING id")
    with _mail_worker(engines):
        wait_until(engines, "SELECT bool_and(state = 'sent') FROM mail_outbox")
    (seconds,) = engines.value(
        "SELECT extract(epoch FROM max(sent_at) - min(sent_at))::float8 FROM mail_outbox"
    )
    return Figure(
        "delivered",
        "One letter delivered, among many",
        seconds / count * 1000,
        "ms",
        40.0,
        f"{count:,} letters at {ROUND_TRIP_S * 1000:g} ms for each of the server's four answers"
        f" to one, over eight connections: {count / seconds:.0f} a second",
    )


def measure(seconds: int) -> Iterator[Figure]:
    """The one figure, on fresh servers."""
    with fresh() as engines:
        yield delivered(engines, LETTERS * seconds // MINUTE)


@contextlib.contextmanager
def _mail_worker(engines: Engines) -> Iterator[None]:
    port = free_port()
    server = [*("-m", "tests.smtp_sink"), *("--port", str(port), "--delay", str(ROUND_TRIP_S))]
    server += ["--folder", str(engines.folder / "letters")]
    environ = engines.environ | {"EMBERONE_SMTP_URL": f"smtp://127.0.0.1:{port}"}
    processes: list[subprocess.Popen[bytes]] = []
    with (engines.folder / "mail.log").open("ab") as log:
        for command, folder in (
            (server, ROOT),
            (["-P", "-m", "emberone", "worker", "--queue", "mail"], engines.folder),
        ):
            processes.append(
                spawn(
                    [sys.executable, *command],
                    when_parent_dies=signal.SIGTERM,
                    environ=environ,
                    directory=folder,
                    output=log,
                )
            )
    try:
        yield
    finally:
        for process in reversed(processes):
            end(process, (signal.SIGTERM, 30.0))
