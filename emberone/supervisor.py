"""One foreground process that starts others, shows their logs and ends them together."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from emberone.domain.errors import EmberOneError
from emberone.processes import Roll, kill_session, spawn

#: A program that lived this long has started well; its next death begins a new count.
STARTED_WELL = 20.0
#: So many deaths in a row before everything is ready: it will not come up.
DEATHS_AT_START = 4
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
#: What the command line answers to a wrong setting, which no restart mends.
_MISCONFIGURED = 2

_COLOURS = ("36", "33", "32", "35", "34", "31")


class Stopped(EmberOneError):
    """Somebody asked everything to stop."""


class Hopeless(EmberOneError):
    """One of the processes does not come up."""


class Supervised(Protocol):
    """Something that can be started again: a program, or an embedded server."""

    name: str
    #: What makes it stop in good order.
    polite: signal.Signals
    #: The seconds it may take for that.
    patience: float
    process: "subprocess.Popen[bytes] | None"

    def start(self, output: int | None = None) -> object:
        """Start it, its log going to that descriptor."""

    def stop(self) -> None:
        """End what is left of it."""


@dataclass
class Program:
    """A command that is started as it is."""

    name: str
    command: Sequence[str | Path]
    environ: Mapping[str, str]
    patience: float = 10.0
    niceness: int = 0
    polite: signal.Signals = signal.SIGTERM
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, output: int | None = None) -> object:
        """Start it in a session of its own, to be killed when this process dies."""
        self.process = spawn(
            self.command, niceness=self.niceness, environ=self.environ, output=output
        )
        return self

    def stop(self) -> None:
        """Nothing but the process, which has ended."""
        self.process = None


@dataclass
class _Child:
    """What the supervisor remembers of one of its processes."""

    what: Supervised
    colour: str
    started_at: float = 0.0
    deaths: int = 0
    #: When to start it again; None while it runs or is not wanted.
    again_at: float | None = None
    partial: bytes = field(default=b"", repr=False)

    def send(self, number: signal.Signals) -> None:
        """Send its process a signal."""
        if self.what.process is not None:
            # Not Popen's method, which would wait for it first.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.what.process.pid, number)


class Supervisor:
    """Starts processes, prefixes their logs, restarts what dies, stops all in order.

    Use it as a context manager from the main thread: leaving it stops every
    process, the last one started first.
    """

    def __init__(self, roll: Roll | None = None) -> None:
        #: Turn it on when all is up: from then on a process may die as often as it likes.
        self.is_ready = False
        self._roll = roll
        #: Each stage starts after, and stops before, the one above it.
        self._stages: list[list[_Child]] = []
        self._selector = selectors.DefaultSelector()
        self._asked_at: float | None = None
        self._is_in_a_hurry = False
        self._is_coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._own = _Child(Program("emberone", [], {}), "1")

    def __enter__(self) -> "Supervisor":
        self._wake_read, self._wake_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        # Only to be woken: the loop looks who it was.
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        return self

    def __exit__(self, *error: object) -> None:
        self.stop_all()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _on_stop(self, number: int, frame: object) -> None:
        self.request_stop()

    def request_stop(self) -> None:
        """Stop at the next turn, as a signal would; asked again later, in a hurry."""
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
        # timeout(1) and some terminals send a signal twice at once and mean it once.
        elif now - self._asked_at > 1.0:
            self._is_in_a_hurry = True

    def say(self, line: str) -> None:
        """Show one line of our own among the logs."""
        self._show(self._own, line.encode())

    def start(self, *those: Supervised) -> None:
        """Start some processes, keep them running, and stop them together before earlier ones."""
        self._check_wanted()
        stage: list[_Child] = []
        self._stages.append(stage)
        for what in those:
            count = sum(len(stage) for stage in self._stages)
            stage.append(_Child(what, _COLOURS[count % len(_COLOURS)]))
            self._launch(stage[-1])

    def run_once(self, program: Program) -> int:
        """Run a program to its end, its log among the others; return its exit status."""
        child = _Child(program, "2")
        self._launch(child)
        process = program.process
        assert process is not None
        try:
            while self._is_running(child):
                self.turn(1.0)
        finally:
            kill_session(process.pid)
            status = process.wait()
            self._drain()
        return status

    def turn(self, seconds: float) -> None:
        """Show logs and look after the processes for at most this time, then return.

        Raises Stopped when a signal asked for it, Hopeless when a process does
        not come up.
        """
        self._check_wanted()
        self._pump(min([seconds, *self._pauses()]))
        self._check_wanted()
        for child in self._children():
            self._look_after(child)

    def stop_all(self) -> None:
        """Stop every process in good order, the last stage first, by force what takes too long."""
        if self._stages:
            self.say("stopping …")
        while self._stages:
            self._stop(self._stages.pop())
        self._drain()

    def _stop(self, stage: list[_Child]) -> None:
        running = [child for child in stage if self._is_running(child)]
        for child in running:
            child.send(child.what.polite)
        if not self._await(running, max((child.what.patience for child in running), default=0)):
            for child in filter(self._is_running, running):
                self.say(f"{child.what.name} did not stop in time: ended by force.")
                child.send(signal.SIGQUIT)
            self._await(running, 2.0, patiently=True)
        for child in stage:
            self._bury(child)
        self._note()

    def _await(self, children: list[_Child], seconds: float, *, patiently: bool = False) -> bool:
        deadline = time.monotonic() + seconds
        while any(self._is_running(child) for child in children):
            if time.monotonic() > deadline or (self._is_in_a_hurry and not patiently):
                return False
            self._pump(0.2)
        return True

    def _launch(self, child: _Child) -> None:
        read, write = os.pipe()
        os.set_blocking(read, False)
        try:
            self._selector.register(read, selectors.EVENT_READ, child)
            child.started_at = time.monotonic()
            child.again_at = None
            child.what.start(write)
            self._note()
        finally:
            os.close(write)

    def _note(self) -> None:
        # The embedded servers keep their own record, to be ended more gently.
        programs = (child.what for child in self._children() if isinstance(child.what, Program))
        if self._roll:
            self._roll.note(program.process.pid for program in programs if program.process)

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.again_at is not None:
            if child.again_at <= now:
                self._restart(child)
            return
        if child.what.process is None or self._is_running(child):
            return
        self._pump(0)
        status = self._bury(child)
        lived = now - child.started_at
        child.deaths = 1 if lived > STARTED_WELL else child.deaths + 1
        if not self.is_ready:
            self._judge(child, status)
        pause = min(_FIRST_PAUSE * 2 ** (child.deaths - 1), _LONGEST_PAUSE)
        child.again_at = now + pause
        self.say(f"{child.what.name} ended ({_reason(status)}); starting it again in {pause:g} s.")

    def _restart(self, child: _Child) -> None:
        try:
            self._launch(child)
        except EmberOneError as error:
            child.deaths += 1
            pause = min(_FIRST_PAUSE * 2 ** (child.deaths - 1), _LONGEST_PAUSE)
            child.again_at = time.monotonic() + pause
            self.say(f"{error} Trying again in {pause:g} s.")

    def _judge(self, child: _Child, status: int) -> None:
        """Give up on a process that cannot come up."""
        name = child.what.name
        if status == _MISCONFIGURED:
            raise Hopeless(f"{name} cannot start: see its line above.")
        if child.deaths >= DEATHS_AT_START:
            raise Hopeless(
                f"{name} keeps dying at start ({_reason(status)}, {child.deaths} times):"
                " see its lines above."
            )

    def _bury(self, child: _Child) -> int:
        """Kill what is left of a process's session, then take note of its end."""
        process = child.what.process
        status = 0
        if process is not None:
            # Before its number can be anybody else's: it is not waited for yet.
            kill_session(process.pid)
            status = process.wait()
        child.what.stop()
        return status

    @staticmethod
    def _is_running(child: _Child) -> bool:
        """Whether its process lives; its number stays taken until `_bury` waits for it."""
        process = child.what.process
        if process is None or process.returncode is not None:
            return False
        try:
            flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, process.pid, flags) is None
        except ChildProcessError:
            return False

    def _check_wanted(self) -> None:
        if self._asked_at is not None:
            raise Stopped()

    def _children(self) -> list[_Child]:
        return [child for stage in self._stages for child in stage]

    def _pauses(self) -> Iterator[float]:
        now = time.monotonic()
        for child in self._children():
            if child.again_at is not None:
                yield max(0.0, child.again_at - now)

    def _pump(self, seconds: float) -> None:
        """Show what the processes wrote, waiting at most this long for something."""
        for key, _ in self._selector.select(seconds):
            descriptor = key.fd
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(descriptor, 4096)
                continue
            child: _Child = key.data
            with contextlib.suppress(BlockingIOError):
                block = os.read(descriptor, 65536)
                if block:
                    *lines, child.partial = (child.partial + block).split(b"\n")
                else:
                    self._selector.unregister(descriptor)
                    os.close(descriptor)
                    lines, child.partial = [child.partial] * bool(child.partial), b""
                for line in filter(bytes.strip, lines):
                    self._show(child, line)

    def _drain(self) -> None:
        """Show what is still in the pipes."""
        for _ in range(100):
            if not any(key.data for key, _ in self._selector.select(0)):
                return
            self._pump(0)

    def _show(self, child: _Child, line: bytes) -> None:
        prefix = f"{child.what.name:<9}| "
        if self._is_coloured:
            prefix = f"\x1b[{child.colour}m{prefix}\x1b[0m"
        try:
            sys.stdout.buffer.write(prefix.encode() + line + b"\n")
            sys.stdout.buffer.flush()
        except OSError:
            # Whoever read along has gone, as after `emberone up | head`.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of our life
            self.request_stop()


def _reason(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
