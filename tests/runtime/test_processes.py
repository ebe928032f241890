"""Children that end with their parent, locks and records that outlive a kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emberone.processes import AlreadyRunning, Lock, Roll, end, identity, spawn, wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(100)"]


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "child"
    script = (
        "import sys, time; from pathlib import Path; from emberone.processes import spawn;"
        f"child = spawn({SLEEP!r});"
        "Path(sys.argv[1] + '.new').write_text(str(child.pid));"
        "Path(sys.argv[1] + '.new').rename(sys.argv[1]);"
        "time.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(note)]) as parent:
        assert wait_until(note.exists, 10)
        child = int(note.read_text())
        assert identity(child)
        parent.kill()

    if not sys.platform.startswith("linux"):
        os.kill(child, signal.SIGKILL)
        pytest.skip("Only Linux tells a child that its parent has died.")
    assert wait_until(lambda: identity(child) is None, 5)


def test_a_program_that_is_missing_is_one_line(tmp_path: Path) -> None:
    process = spawn([tmp_path / "missing"], output=subprocess.PIPE)
    said = process.communicate()[0].decode()

    assert process.returncode == 1
    assert said == f"{tmp_path / 'missing'}: No such file or directory\n"


def test_what_ignores_a_signal_is_killed() -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True)"
    process = spawn([sys.executable, "-c", f"{stubborn}; time.sleep(100)"], output=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()

    end(process, (signal.SIGTERM, 0.1))

    assert process.returncode == -signal.SIGKILL
    process.stdout.close()


def test_a_lock_has_one_holder_and_says_who(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock", "held by the first") as held:
        with pytest.raises(AlreadyRunning, match="held by the first"):
            Lock(tmp_path / "lock", "held by the second").acquire()
        held.release()
        with Lock(tmp_path / "lock"):
            pass


def test_leftovers_on_the_roll_are_killed_with_their_session(tmp_path: Path) -> None:
    roll = Roll(tmp_path / "children")
    left = spawn(SLEEP)
    roll.note([left.pid])

    roll.end_leftovers()

    assert left.wait(5) == -signal.SIGKILL


def test_a_number_that_is_somebody_elses_by_now_is_left_alone(tmp_path: Path) -> None:
    other = spawn(SLEEP)
    (tmp_path / "children").write_text(f"{other.pid} another start time\nnonsense\n")

    Roll(tmp_path / "children").end_leftovers()

    assert other.poll() is None
    end(other)
