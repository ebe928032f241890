"""The whole product as real processes, each of which can be killed."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from emberone.embedded import THROW_AWAY, EmbeddedPostgres, EmbeddedValkey, free_port
from tests.conftest import DATABASE, OWNER

EMBERONE = Path(sys.executable).with_name("emberone")
ROOT = Path(__file__).parents[2]
NOTHING: Mapping[str, str] = {}


class Product:
    """PostgreSQL, Valkey, a mail server and EmberOne's processes, each of which can be killed."""

    def __init__(self, folder: Path, *, program: Path = EMBERONE, cwd: Path = ROOT) -> None:
        self.folder = folder
        #: The installed command, and where it is started.
        self.program, self.cwd = program, cwd
        bin_dir = os.environ.get("EMBERONE_TEST_POSTGRES_BIN")
        self.postgres = EmbeddedPostgres(
            folder,
            bin_dir=Path(bin_dir) if bin_dir else None,
            # What was committed must be there after a crash, as it would be in earnest.
            options={**THROW_AWAY, "synchronous_commit": "on"},
        )
        self.valkey = EmbeddedValkey(folder)
        self.port = free_port()
        self.smtp_port = free_port()
        self.letters = folder / "letters"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.letters.mkdir(parents=True)
        self.postgres.start()
        self.valkey.start()
        self.postgres.create_database(DATABASE, owner=OWNER)
        self.run("migrate")
        self.start_mail_server()
        return self

    def start_mail_server(self) -> None:
        """Take letters into files."""
        self._spawn(
            "smtp",
            [
                *(sys.executable, "-m", "tests.smtp_sink"),
                *("--port", str(self.smtp_port), "--folder", str(self.letters)),
            ],
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in list(self._processes):
            self.kill(name)
        self.valkey.stop()
        self.postgres.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What the processes are told."""
        return {
            **{name: text for name, text in os.environ.items() if not name.startswith("EMBERONE_")},
            "EMBERONE_DATABASE_URL": self.postgres.url("emberone_app", DATABASE),
            "EMBERONE_OWNER_URL": self.postgres.url(OWNER, DATABASE),
            "EMBERONE_REDIS_URL": self.valkey.url(),
            "EMBERONE_SMTP_URL": f"smtp://127.0.0.1:{self.smtp_port}",
            "EMBERONE_SECRET_KEY": "only-for-tests-0123456789",
            "EMBERONE_PORT": str(self.port),
            "EMBERONE_DATA_DIR": str(self.folder),
        }

    def run(self, *arguments: str, text: str = "", **more: str) -> str:
        """Run a command to its end and return what it printed; fails where it fails."""
        done = subprocess.run(
            [self.program, *arguments],
            env={**self.environment, **more},
            cwd=self.cwd,
            input=text,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self, name: str, *arguments: str, **more: str) -> None:
        """Start one of EmberOne's processes under a name; `more` are variables of its own."""
        self._spawn(name, [str(self.program), *arguments], self.cwd, more)

    def _spawn(
        self, name: str, command: list[str], cwd: Path = ROOT, more: Mapping[str, str] = NOTHING
    ) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                env={**self.environment, **more},
                cwd=cwd,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL a process and all it started, and forget it."""
        process = self._processes.pop(name)
        # Its session may be empty already.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    def process(self, name: str) -> "subprocess.Popen[bytes] | None":
        """The process of that name, while it is there."""
        return self._processes.get(name)

    def restart_postgres_immediately(self) -> None:
        """What a crash of the database host looks like: SIGQUIT, and up again."""
        assert self.postgres.process is not None
        self.postgres.process.send_signal(signal.SIGQUIT)
        self.postgres.process.wait(30)
        self.postgres.stop()
        self.postgres.start()

    def wipe_broker(self) -> None:
        """Take the broker away with everything it held, and bring an empty one."""
        assert self.valkey.process is not None
        self.valkey.process.kill()
        self.valkey.process.wait(30)
        self.valkey.stop()
        self.valkey.start()

    @contextmanager
    def sql(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection that sees everything."""
        with self.postgres.connect("postgres", DATABASE) as connection:
            yield connection

    def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row."""
        with self.sql() as connection:
            row = connection.execute(sql, values).fetchone()  # type: ignore[arg-type]
            return row[0] if row else None

    def broken_chains(self) -> list[tuple[Any, ...]]:
        """Tickets whose history does not lead from its first entry to the row as it stands."""
        with self.sql() as connection:
            return connection.execute(
                """
                WITH change AS (
                    SELECT ticket_id, key, old_value -> key AS was, new_value -> key AS became,
                        lag(new_value -> key) OVER chain AS before,
                        row_number() OVER (chain ROWS UNBOUNDED PRECEDING) AS n,
                        lead(1) OVER chain IS NULL AS is_last
                    FROM history, unnest(ARRAY['status', 'priority', 'assignedAgentId']) AS key
                    WHERE new_value ? key
                    WINDOW chain AS (PARTITION BY ticket_id, key ORDER BY created_at, id)
                )
                SELECT ticket_id, key, was, before, became FROM change
                JOIN tickets ON tickets.id = ticket_id
                WHERE (n > 1 AND was IS DISTINCT FROM before) OR (is_last AND became IS DISTINCT FROM
                    CASE key WHEN 'status' THEN to_jsonb(status) WHEN 'priority' THEN to_jsonb(priority)
                        ELSE coalesce(to_jsonb(assigned_agent_id), 'null') END)
                """
            ).fetchall()

    def letters_named(self, part: str) -> list[str]:
        """The raw letters delivered so far in which this text occurs."""
        texts = [path.read_text(errors="replace") for path in sorted(self.letters.glob("*.eml"))]
        return [text for text in texts if part in text]

    def answers(self, path: str) -> bool:
        """Whether the web process says yes to this address."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return bool(answer.status == 200)

    def log_tail(self) -> str:
        """The end of every process's log, for a failure's message."""
        return "\n".join(
            f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-25:])
            for path in sorted(self.folder.glob("*.log"))
        )

    def wait(self, what: str, holds: Callable[[], Any], seconds: float = 120) -> Any:
        """Wait until something holds and return it; fails with what the processes said."""
        end = time.monotonic() + seconds
        while True:
            try:
                found = holds()
            except (psycopg.OperationalError, urllib.error.URLError, ConnectionError):
                found = None
            if found:
                return found
            assert time.monotonic() < end, f"{what} did not happen.\n{self.log_tail()}"
            time.sleep(0.1)
