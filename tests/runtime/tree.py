"""`python app.py` as a tree of real processes, and what is left of it."""

import os
import pwd
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from emberone.embedded import free_port
from emberone.processes import identity, wait_until, working_in

ROOT = Path(__file__).parents[2]
#: Generous, because two test runs may share two cores; nothing here is about speed.
PATIENCE = 90.0


class Tree:
    """One run of the product on a data folder, from start to end."""

    def __init__(
        self,
        data_dir: Path,
        *arguments: str,
        program: list[str] | None = None,
        user: pwd.struct_passwd | None = None,
        directory: Path = ROOT,
        **variables: str,
    ) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.log = data_dir.parent / f"{uuid.uuid4().hex[:8]}.log"
        #: Every process of the tree inherits it, so that a leftover can be told.
        self.mark = f"EMBERONE_TEST_MARK={uuid.uuid4().hex}"
        ours = [text.partition("=") for text in (self.mark, f"EMBERONE_PORT={self.port}")]
        environ = {name: text for name, text in os.environ.items() if not _is_ours(name)}
        environ |= {name: text for name, _, text in ours} | variables
        environ["EMBERONE_DATA_DIR"] = str(data_dir)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [*(program or [sys.executable, str(ROOT / "app.py")]), *arguments],
                env=environ,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )

    def __enter__(self) -> "Tree":
        return self

    def __exit__(self, *error: object) -> None:
        self.kill_all()

    @property
    def said(self) -> str:
        """Everything that it has shown."""
        return self.log.read_text(errors="replace")

    def becomes_ready(self) -> "Tree":
        """Wait until it says so."""
        wait_until(lambda: " ready: http" in self.said or self.process.poll() is not None, PATIENCE)
        assert " ready: http" in self.said, self.said
        return self

    def get(self, path: str) -> int:
        """The status with which it answers a request."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", timeout=20
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    def ends(self) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(PATIENCE)

    def terminate_group(self) -> int:
        """What a terminal or a service manager does: the signal to everyone in the group."""
        os.killpg(self.process.pid, signal.SIGTERM)
        return self.ends()

    def answers(self, path: str) -> bool:
        """Whether it answers a request with 200."""
        try:
            return self.get(path) == 200
        except OSError:
            return False

    def leader(self, server: str) -> int:
        """The process of an embedded server."""
        return int((self.data_dir / f"{server}.child").read_text().split()[0])

    def left(self) -> list[int]:
        """The processes of this run that live, the servers on its data included."""
        servers = {
            pid for name in ("postgres", "valkey") for pid in working_in(self.data_dir / name)
        }
        return sorted({*servers, *self.marked()})

    def marked(self) -> list[int]:
        """The processes that this run has started and that live."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                is_ours = self.mark.encode() in (entry / "environ").read_bytes()
            except OSError:
                continue
            if is_ours and identity(int(entry.name)):
                found.append(int(entry.name))
        return found

    def leaves_nothing(self) -> None:
        """Wait until no process is left."""
        assert wait_until(lambda: not self.left(), 20), self._shown()

    def running(self, command: str) -> list[int]:
        """The processes whose command line ends like this."""
        wanted = command.split()
        return [pid for pid in self.left() if _arguments(pid)[-len(wanted) :] == wanted]

    def kill_all(self) -> None:
        """Kill every process of the run at once, and again what was just being born."""
        while pids := self.left():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        self.process.wait()

    def _shown(self) -> str:
        return "\n".join(f"{pid} {_arguments(pid)}" for pid in self.left())


def logins(said: str) -> list[str]:
    """The addresses that the run invited to sign in with."""
    return re.findall(r"sign in as (\S+)", said)


def _is_ours(name: str) -> bool:
    return name.startswith("EMBERONE_")


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    except OSError:
        return []
