"""The supervisor, with small programs in the place of the product's."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emberone.processes import identity, wait_until

START = """
import os, sys
from emberone.supervisor import *
from emberone import supervisor as module
module._FIRST_PAUSE = 0.01
def python(name, code, **more):
    return Program(name, [sys.executable, "-c", code], dict(os.environ), **more)
WAIT = "import signal, time; print('waits', flush=True); time.sleep(100)"
POLITE = '''
import signal, sys, time
def leave(*_):
    print("leaves", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, leave)
print("waits", flush=True)
time.sleep(100)
'''
DEAF = "import signal; signal.signal(15, signal.SIG_IGN); " + WAIT
try:
    with Supervisor() as supervisor:
{body}
        while True:
            supervisor.turn(10)
except EmberOneError as error:
    print(f"{{type(error).__name__}}: {{error}}", flush=True)
"""


class Supervised:
    """A supervisor as a process of its own, and what it has shown so far."""

    def __init__(self, body: str, log: Path) -> None:
        self.log = log
        script = START.format(body=textwrap.indent(textwrap.dedent(body), " " * 8))
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", script],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def lines(self) -> list[str]:
        return [re.sub(" +", " ", line) for line in self.log.read_text().splitlines()]

    def shows(self, line: str, times: int = 1) -> None:
        assert wait_until(lambda: self.lines.count(line) >= times, 20), self.lines

    def ends(self) -> list[str]:
        self.process.wait(20)
        return self.lines


Run = Callable[[str], Supervised]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started: list[Supervised] = []

    def start(body: str) -> Supervised:
        started.append(Supervised(body, tmp_path / f"log{len(started)}"))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def test_stages_stop_in_the_opposite_order(run: Run) -> None:
    it = run(
        """
        supervisor.start(python("first", POLITE))
        supervisor.start(python("second", POLITE))
        supervisor.start(python("third", POLITE))
        """
    )
    for name in ("first", "second", "third"):
        it.shows(f"{name} | waits")
    it.process.send_signal(signal.SIGTERM)

    leaving = [line for line in it.ends() if "leaves" in line]
    assert leaving == ["third | leaves", "second | leaves", "first | leaves"]
    assert it.lines[-1] == "Stopped: Somebody asked everything to stop."


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_reaches_the_supervisor_only(
    run: Run, number: signal.Signals
) -> None:
    it = run('supervisor.start(python("polite", POLITE))')
    it.shows("polite | waits")
    os.killpg(it.process.pid, number)

    assert it.ends()[-3:] == [
        "emberone | stopping …",
        "polite | leaves",
        "Stopped: Somebody asked everything to stop.",
    ]


def test_what_does_not_stop_in_time_is_ended_by_force(run: Run) -> None:
    it = run('supervisor.start(python("deaf", DEAF, patience=0.3))')
    it.shows("deaf | waits")
    it.process.send_signal(signal.SIGTERM)

    assert "emberone | deaf did not stop in time: ended by force." in it.ends()


def test_a_second_request_is_in_a_hurry(run: Run) -> None:
    it = run('supervisor.start(python("deaf", DEAF, patience=100))')
    it.shows("deaf | waits")

    def asks_until_it_ends() -> bool:
        it.process.send_signal(signal.SIGINT)
        return it.process.poll() is not None

    assert wait_until(asks_until_it_ends, 20)


def test_grandchildren_end_too(run: Run, tmp_path: Path) -> None:
    note = tmp_path / "grandchild"
    it = run(
        f"""
        code = "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c',"
        code += " 'import time; time.sleep(100)']);"
        code += f"open({str(note)!r}, 'w').write(str(child.pid)); print('waits', flush=True);"
        code += "child.wait()"
        supervisor.start(python("parent", code))
        """
    )
    it.shows("parent | waits")
    it.process.send_signal(signal.SIGTERM)
    it.ends()

    grandchild = int(note.read_text())
    assert wait_until(lambda: identity(grandchild) is None, 5)


def test_a_process_that_dies_is_started_again(run: Run) -> None:
    it = run(
        """
        supervisor.is_ready = True
        supervisor.start(python("mortal", "print('lived'); raise SystemExit(3)"))
        """
    )
    it.shows("mortal | lived", times=6)
    it.process.send_signal(signal.SIGTERM)

    assert "emberone | mortal ended (exit status 3); starting it again in 0.01 s." in it.ends()


def test_a_process_that_keeps_dying_at_start_ends_everything(run: Run) -> None:
    it = run(
        """
        supervisor.start(python("healthy", POLITE))
        supervisor.start(python("mortal", "import os; os.kill(os.getpid(), 9)"))
        """
    )

    assert it.ends()[-1] == (
        "Hopeless: mortal keeps dying at start (SIGKILL, 4 times): see its lines above."
    )
    assert "healthy | leaves" in it.lines or "healthy | waits" not in it.lines


def test_a_wrong_setting_is_not_tried_again(run: Run) -> None:
    it = run("""supervisor.start(python("wrong", "import sys; print('why'); sys.exit(2)"))""")

    assert it.ends()[-1] == "Hopeless: wrong cannot start: see its line above."
    assert it.lines.count("wrong | why") == 1


def test_a_single_run_tells_its_exit_status(run: Run) -> None:
    it = run(
        """
        status = supervisor.run_once(python("once", "print('done'); raise SystemExit(7)"))
        supervisor.say(f"status {status}")
        supervisor.request_stop()
        """
    )

    assert it.ends()[:2] == ["once | done", "emberone | status 7"]


def test_lines_are_shown_whole_and_bytes_as_they_are(run: Run) -> None:
    it = run(
        """
        code = "import os, time; os.write(1, b'begin'); time.sleep(0.1);"
        code += "os.write(1, b' end\\\\n' + 'ä'.encode() + b'\\\\n\\\\nunfinished')"
        supervisor.run_once(python("once", code))
        supervisor.request_stop()
        """
    )

    assert it.ends()[:3] == ["once | begin end", "once | ä", "once | unfinished"]


def test_a_reader_who_leaves_ends_everything(tmp_path: Path) -> None:
    body = 'supervisor.start(python("chatty", "while True: print(1, flush=True)"))'
    script = START.format(body=" " * 8 + body)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.wait(20)
