"""PostgreSQL and Valkey from their wheels, started by ourselves as direct children.

    with EmbeddedPostgres(folder) as postgres, EmbeddedValkey(folder) as valkey:
        postgres.create_database("emberone", owner="emberone_owner")
        url = postgres.url("emberone_owner", "emberone")
        redis_url = valkey.url()

Both keep everything in the folder given. On Linux they end with the thread
that started them, so start them from the main thread.
"""

import contextlib
import functools
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from emberone import server_files
from emberone.domain.errors import EmberOneError
from emberone.processes import AlreadyRunning, Lock, end, identity, spawn, wait_until, working_in
from emberone.wheels import wheel_postgres, wheel_valkey

#: PostgreSQL settings for servers whose data nobody will miss: several times faster.
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

SUPERUSER = "postgres"

#: What the server calls itself, for whoever wonders where the data lies.
CLUSTER_NAME = "emberone-embedded"

_START_SECONDS = 60.0
#: Where postmaster.pid says how far the server has come.
_STATUS_LINE = 7


class ServerFailed(EmberOneError):
    """An embedded server could not be started."""


def tell(line: str) -> None:
    """Say one line to the person at the terminal."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class Server(ABC):
    """What both servers share: a folder, a lock, one child process, a log."""

    name: str
    #: What makes it stop in good order.
    polite: signal.Signals
    #: The seconds it may take for that.
    patience = 20.0
    #: What it gets when the process that started it is gone.
    when_parent_dies: signal.Signals

    def __init__(self, data_dir: Path, say: Callable[[str], None]) -> None:
        self.data_dir = data_dir.absolute()
        #: The server's own folder.
        self.home = self.data_dir / self.name
        self.log = self.data_dir / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.say = say
        self.user = server_files.server_user(self.home)
        self._lock = Lock(self.data_dir / f"{self.name}.lock")
        self._pid_file = self.data_dir / f"{self.name}.child"

    @abstractmethod
    def _prepare(self) -> list[str | Path]:
        """Make what the server needs and return its command line."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether the server takes requests."""

    def start(self, output: int | None = None) -> Self:
        """Start the server and return once it answers.

        Its log goes to the descriptor `output`, or else to the file `log`.
        Raises AlreadyRunning when another living process started it,
        ServerFailed when it does not come up.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except AlreadyRunning:
            raise AlreadyRunning(f"{self.home} is served by another process already.") from None
        try:
            self._end_leftovers()
            self._launch(self._prepare(), output)
            self._wait(self.log if output is None else None)
        except BaseException:
            self.stop()
            raise
        return self

    def _launch(self, command: list[str | Path], output: int | None) -> None:
        with contextlib.ExitStack() as stack:
            if output is None:
                output = stack.enter_context(self.log.open("ab")).fileno()
            self.process = spawn(
                command,
                user=self.user,
                when_parent_dies=self.when_parent_dies,
                directory=self.home,
                output=output,
            )
        self._pid_file.write_text(f"{self.process.pid} {identity(self.process.pid)}")

    def _wait(self, log: Path | None) -> None:
        process = self.process
        assert process is not None
        wait_until(lambda: process.poll() is not None or self._answers(), _START_SECONDS)
        if process.poll() is not None or not self._answers():
            where = f"see {log}" if log else "see its lines above"
            raise ServerFailed(f"The embedded {self.name} server did not start: {where}.")

    def _end_leftovers(self) -> None:
        """End what a killed predecessor may have left; we hold the lock, so it is nobody's."""
        with contextlib.suppress(OSError, ValueError):
            text, _, known = self._pid_file.read_text().partition(" ")
            left = int(text)
            for signal_number in (self.polite, signal.SIGKILL):
                if identity(left) == known:
                    os.kill(left, signal_number)
                    wait_until(lambda: identity(left) != known, 5)
        # PostgreSQL's own children notice within moments; most often none is left.
        if not wait_until(lambda: not working_in(self.home), 3):
            for pid in working_in(self.home):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not working_in(self.home), 3)

    def stop(self) -> None:
        """Stop the server in good order, by force when that takes too long."""
        if self.process is not None:
            end(self.process, (self.polite, self.patience), (signal.SIGQUIT, 3.0))
            self.process = None
            self._pid_file.unlink(missing_ok=True)
            self._tidy()
        self._lock.release()

    @abstractmethod
    def _tidy(self) -> None:
        """Remove what the server needs only while it runs."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class EmbeddedPostgres(Server):
    """A PostgreSQL cluster under `data_dir`, reached through a private socket.

    `bin_dir` names other binaries than the wheel's (Debian keeps version 15 in
    ``/usr/lib/postgresql/15/bin``); `tcp_port` makes it listen on 127.0.0.1
    too, without a password; `options` are settings such as THROW_AWAY.
    """

    name = "postgres"
    # A TERM would wait for every client to leave.
    polite = signal.SIGINT
    when_parent_dies = signal.SIGINT

    def __init__(
        self,
        data_dir: Path,
        bin_dir: Path | None = None,
        tcp_port: int | None = None,
        options: Mapping[str, str] | None = None,
        say: Callable[[str], None] = tell,
    ) -> None:
        super().__init__(data_dir, say)
        self.bin_dir = bin_dir or wheel_postgres()
        self.tcp_port = tcp_port
        self.options = dict(options or {})

    @functools.cached_property
    def socket_dir(self) -> Path:
        """A short private folder for the socket, whose path must stay below 100 bytes."""
        place = tempfile.gettempdir()
        if len(place) > 60 or self.user:
            # Root's own temp dir may be hidden from the user that the server runs as.
            place = "/tmp"  # noqa: S108 - the folder in it is checked to be ours and 0700
        owner = self.user.pw_uid if self.user else os.geteuid()
        digest = hashlib.sha256(f"{owner}:{self.data_dir}".encode()).hexdigest()[:12]
        return Path(place) / f"emberone-{digest}"

    def url(self, user: str = "emberone_owner", database: str = "emberone") -> str:
        """The SQLAlchemy URL for a user and a database."""
        start = f"postgresql+psycopg://{quote(user)}"
        if self.tcp_port:
            return f"{start}@127.0.0.1:{self.tcp_port}/{quote(database)}"
        query = urlencode({"host": str(self.socket_dir)}, safe="/")
        return f"{start}@/{quote(database)}?{query}"

    def connect(
        self, user: str = SUPERUSER, database: str = "postgres"
    ) -> psycopg.Connection[tuple[Any, ...]]:
        """An autocommit connection, by default as the cluster's superuser."""
        return psycopg.connect(
            host="127.0.0.1" if self.tcp_port else str(self.socket_dir),
            port=self.tcp_port or 5432,
            user=user,
            dbname=database,
            connect_timeout=5,
            autocommit=True,
        )

    def create_database(self, database: str = "emberone", owner: str = "emberone_owner") -> None:
        """Make a database and its owner, who may create roles but is no superuser.

        What exists already stays as it is.
        """
        name, role = sql.Identifier(database), sql.Identifier(owner)
        with self.connect() as connection:
            roles = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [owner])
            if not roles.fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB").format(role))
            databases = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [database]
            )
            if not databases.fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, role))

    def _prepare(self) -> list[str | Path]:
        if self.user:
            package = self.bin_dir.parent
            server_files.let_run(self.user, self.bin_dir / "postgres", package, self.say)
            server_files.let_reach(self.user, self.home, self.say)
        if not (self.home / "PG_VERSION").exists():
            self._initialise()
        server_files.check_ours(self.home)
        self._check_version()
        server_files.private_folder(self.socket_dir, self.user)
        # Whatever these say, we hold the lock and have ended what was left.
        for stale in (self.home / "postmaster.pid", *self.socket_dir.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)
        settings = {
            "listen_addresses": "127.0.0.1" if self.tcp_port else "",
            "port": str(self.tcp_port or 5432),
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "jit": "off",
            "log_checkpoints": "off",
            # By which `emberone doctor --production` knows it.
            "cluster_name": CLUSTER_NAME,
            **self.options,
        }
        pairs = [part for name, text in settings.items() for part in ("-c", f"{name}={text}")]
        return [self.bin_dir / "postgres", "-D", self.home, *pairs]

    def _initialise(self) -> None:
        """Run initdb in a folder beside the final one: an interrupted run leaves nothing half."""
        draft = self.home.with_suffix(".new")
        command: list[str | Path] = [self.bin_dir / "initdb", "-D", draft, "-U", SUPERUSER]
        command += ["-A", "trust", "-E", "UTF8", "--no-instructions"]
        if self.options.get("fsync") == "off":
            command.append("--no-sync")
        said = b""
        for locale in self._locales():
            server_files.remove(draft)
            server_files.private_folder(draft, self.user)
            initdb = spawn(
                [*command, *locale], user=self.user, directory=draft, output=subprocess.PIPE
            )
            said = initdb.communicate()[0]
            if initdb.returncode == 0:
                server_files.remove(self.home)
                draft.rename(self.home)
                return
        self.log.write_bytes(said)
        raise ServerFailed(f"initdb failed in {draft}: see {self.log}.")

    def _locales(self) -> list[list[str]]:
        """The options to try, best first: not every system's C library knows C.UTF-8."""
        if int(_major(self.bin_dir)) < 17:
            return [["--locale=C.UTF-8"], ["--locale=C"]]
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return [[*builtin, "--locale=C.UTF-8"], [*builtin, "--locale=C"]]

    def _check_version(self) -> None:
        data, server = (self.home / "PG_VERSION").read_text().strip(), _major(self.bin_dir)
        if data != server:
            raise ServerFailed(
                f"{self.home} holds data of PostgreSQL {data}, the server is {server}:"
                " carry it over with pg_dump, or set EMBERONE_DATA_DIR to another folder."
            )

    def _tidy(self) -> None:
        # Empty after a stop in good order; after any other the next start empties it.
        with contextlib.suppress(OSError):
            self.socket_dir.rmdir()

    def _answers(self) -> bool:
        # As pg_ctl does: asking the server itself would fill its log with refusals.
        try:
            lines = (self.home / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"


class EmbeddedValkey(Server):
    """A Valkey on 127.0.0.1 with a password, which forgets everything when it ends.

    Without `port` it takes a free one at its first start and keeps to it.
    """

    name = "valkey"
    polite = signal.SIGTERM
    when_parent_dies = signal.SIGKILL

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        say: Callable[[str], None] = tell,
    ) -> None:
        super().__init__(data_dir, say)
        self.port = port

    @functools.cached_property
    def password(self) -> str:
        """Made once and kept in the data directory."""
        return server_files.kept_secret(self.data_dir / "valkey.password")

    def url(self, database: int = 0) -> str:
        """The URL of one of its databases, password included."""
        if self.port is None:
            self.port = free_port()
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def _prepare(self) -> list[str | Path]:
        self.url()
        program = wheel_valkey()
        server_files.private_folder(self.home, self.user)
        # A file, because a command line is there for everyone to read.
        settings = self.home / "valkey.conf"
        server_files.write_private(
            settings,
            f'bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\nsave ""\n'
            "appendonly no\ndaemonize no\nloglevel warning\n",
            self.user,
        )
        if self.user:
            package = program.parents[2]
            server_files.let_run(self.user, program, package, self.say)
            server_files.let_reach(self.user, settings, self.say)
        return [program, settings]

    def _tidy(self) -> None:
        (self.home / "valkey.conf").unlink(missing_ok=True)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port or 0), timeout=1) as client:
                client.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with client.makefile("rb") as answers:
                    return answers.readline() == b"+OK\r\n" and answers.readline() == b"+PONG\r\n"
        except OSError:
            return False


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@functools.cache
def _major(bin_dir: Path) -> str:
    """The major version of the programs in a folder, as in the file PG_VERSION."""
    shown = subprocess.run(
        [bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return shown.stdout.split()[2].split(".")[0]
