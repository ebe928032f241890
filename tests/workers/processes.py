"""The real processes as tests use them: workers and beats in process groups of their own.

    with Processes(tmp_path, postgres, valkey) as processes:
        worker = processes.start_worker()
        processes.start_beat()
        ...
        worker.kill()

Everything that was started is killed at the end, whatever the test did to it.
Nothing here sleeps for a fixed time: tests wait for facts, with a bound.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from emberone.embedded import EmbeddedPostgres, EmbeddedValkey
from emberone.processes import identity
from tests.conftest import DATABASE, OWNER

ROOT = Path(__file__).parents[2]
#: Generous: several test runs may share two cores, and nothing here is about speed.
PATIENCE = 90.0


def eventually(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until the condition holds; fail when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"Not within {seconds:g} s: {condition}"
        time.sleep(0.05)


class Process:
    """One `emberone …` process with its children, in a process group of its own."""

    def __init__(self, log: Path, environ: dict[str, str], arguments: tuple[str, ...]) -> None:
        self.log = log
        with log.open("ab") as output:
            self.main = subprocess.Popen(
                [sys.executable, "-P", "-m", "emberone", *arguments],
                env=environ,
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """Everything that it has written."""
        return self.log.read_text(errors="replace")

    @property
    def lives(self) -> bool:
        """Whether the main process runs."""
        return self.main.poll() is None

    def children(self) -> list[int]:
        """The pool's processes, oldest first."""
        listed = Path(f"/proc/{self.main.pid}/task/{self.main.pid}/children")
        with contextlib.suppress(OSError):
            return [int(pid) for pid in listed.read_text().split() if identity(int(pid))]
        return []

    def signal(self, number: signal.Signals) -> None:
        """Send the main process a signal."""
        self.main.send_signal(number)

    def kill(self) -> None:
        """kill -9 of the main process alone; its children notice by themselves."""
        self.main.kill()
        self.main.wait(PATIENCE)

    def kill_child(self) -> int:
        """kill -9 of one child; return the process it was."""
        eventually(self.children)
        victim = self.children()[0]
        os.kill(victim, signal.SIGKILL)
        return victim

    def stop(self) -> int:
        """Ask it to end in good order and return its exit status."""
        self.main.terminate()
        return self.main.wait(PATIENCE)

    def end(self) -> None:
        """Kill all that is left of the group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.main.pid, signal.SIGKILL)
        self.main.wait(PATIENCE)


class Processes:
    """Starts processes of the product on a test's database and broker; ends them all."""

    def __init__(
        self,
        directory: Path,
        postgres: EmbeddedPostgres,
        valkey: EmbeddedValkey,
        **variables: str,
    ) -> None:
        self.directory = directory
        self.started: list[Process] = []
        self.environ = {
            name: text for name, text in os.environ.items() if not name.startswith("EMBERONE_")
        } | {
            "EMBERONE_DATABASE_URL": postgres.url("emberone_app", DATABASE),
            "EMBERONE_OWNER_URL": postgres.url(OWNER, DATABASE),
            "EMBERONE_REDIS_URL": valkey.url(),
            "EMBERONE_SECRET_KEY": "only-for-tests-0123456789",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **variables,
        }

    def start(self, *arguments: str, **variables: str) -> Process:
        """Start `emberone` with these arguments."""
        log = self.directory / f"{arguments[0]}-{uuid.uuid4().hex[:6]}.log"
        process = Process(log, self.environ | variables, arguments)
        self.started.append(process)
        return process

    def start_worker(self, queue: str = "work", **variables: str) -> Process:
        """A worker on one queue."""
        return self.start("worker", "--queue", queue, **variables)

    def start_beat(self, **variables: str) -> Process:
        """A beat."""
        return self.start("beat", **variables)

    def start_web(self, port: int, **variables: str) -> Process:
        """A web process on a port of 127.0.0.1."""
        return self.start("web", EMBERONE_PORT=str(port), **variables)

    def said(self) -> str:
        """What all of them have written, for the report of a failure."""
        return "\n".join(f"--- {process.log.name}\n{process.said}" for process in self.started)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in reversed(self.started):
            process.end()


@contextlib.contextmanager
def running_valkey(directory: Path) -> Iterator[EmbeddedValkey]:
    """A broker of the test's own, on a free port."""
    with EmbeddedValkey(directory, say=lambda line: None) as valkey:
        yield valkey


def flush(valkey: EmbeddedValkey) -> None:
    """Forget everything that the broker knows, as a restart without persistence does."""
    import redis

    with redis.Redis.from_url(valkey.url()) as client:
        client.flushall()


def restart(valkey: EmbeddedValkey) -> None:
    """kill -9 of the broker, and a new one on the same port that knows nothing."""
    assert valkey.process is not None
    valkey.process.kill()
    valkey.process.wait()
    valkey.stop()
    valkey.start()
