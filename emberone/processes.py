"""Child processes that never outlive their parent, and locks that say who is there."""

import contextlib
import fcntl
import functools
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from emberone.domain.errors import EmberOneError

_CHILD = str(Path(__file__).with_name("child.py"))

#: How often a bounded wait looks again, in seconds.
POLL = 0.02


class AlreadyRunning(EmberOneError):
    """Something is running there already."""


def spawn(
    program: Sequence[str | Path],
    *,
    user: pwd.struct_passwd | None = None,
    when_parent_dies: signal.Signals = signal.SIGKILL,
    niceness: int = 0,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
    output: int | IO[bytes] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own, tied to this process's life.

    On Linux it gets `when_parent_dies` once the *thread* that called this has
    ended: call it from the main thread. `niceness` is added to ours; `output` takes its output and errors.
    """
    uid, gid = (user.pw_uid, user.pw_gid) if user else (-1, -1)
    wrapper = [sys.executable, "-I", "-S", _CHILD]
    numbers = [str(number) for number in (os.getpid(), int(when_parent_dies), uid, gid, niceness)]
    return subprocess.Popen(
        [*wrapper, *numbers, *map(str, program)],
        env=environ,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output if output is None else subprocess.STDOUT,
        start_new_session=True,
    )


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look until the condition holds; False when it did not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def end(process: "subprocess.Popen[bytes]", *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn and wait its seconds; at last kill the whole session."""
    for signal_number, seconds in steps:
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    if process.poll() is None:
        kill_session(process.pid)
        process.wait()


def kill_session(leader: int) -> None:
    """Kill every process of the group that this leader began."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def identity(pid: int) -> str | None:
    """What tells this process from a later one with the same number; None when gone."""
    stat = _linux_stat(pid)
    if stat is not None:
        # Field 3 is the state, field 22 the start time (proc(5)).
        return None if stat[0] in "ZX" else stat[19]
    if sys.platform.startswith("linux"):
        return None
    shown = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip() or None


def _linux_stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold anything, so count from its end.
    return text.rpartition(")")[2].split()


def working_in(directory: Path) -> list[int]:
    """The processes whose working directory this is (Linux; elsewhere none are found)."""
    wanted = str(directory.resolve())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(entry / "cwd") == wanted and identity(int(entry.name)):
                found.append(int(entry.name))
    return found


class Roll:
    """A file with the sessions that this process began, for whoever comes after its death."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def note(self, leaders: Iterable[int]) -> None:
        """Replace what is written by these."""
        text = "".join(f"{pid} {identity(pid)}\n" for pid in leaders)
        draft = self.file.with_suffix(".new")
        draft.write_text(text)
        draft.replace(self.file)

    def end_leftovers(self) -> None:
        """Kill the noted sessions that still live and wait until they are gone."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        for line in lines:
            number, _, known = line.partition(" ")
            if number.isdigit() and identity(int(number)) == known:
                kill_session(int(number))
                wait_until(functools.partial(_is_empty, int(number)), 5)


def _is_empty(session: int) -> bool:
    try:
        os.killpg(session, 0)
    except (ProcessLookupError, PermissionError):
        # Nobody's, or somebody else's by now.
        return True
    return False


class Lock:
    """A file that at most one living process holds; its text says who."""

    def __init__(self, path: Path, text: str = "") -> None:
        self.path = path
        #: What others read who find it held.
        self.text = text
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise AlreadyRunning with the holder's text."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 1000).decode(errors="replace").strip()
            os.close(descriptor)
            raise AlreadyRunning(holder or f"{self.path} is held by another process.") from None
        os.truncate(descriptor, 0)
        os.write(descriptor, self.text.encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; harmless when not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
