"""`emberone explain`: the whole story of a ticket's clocks, or one line that says why not."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from emberone.config import Settings
from emberone.domain.enums import Priority, Status
from emberone.services.sla import sweep_sla
from tests.services.sla_play import Play, after

ROOT = Path(__file__).parents[2]

#: After the ticket's own two lines.
STORY = """
FIRST_RESPONSE (cycle 1): met at 2026-03-02 10:00:00
  target 4 h, consumed 1 h, due 2026-03-02 13:00:00
  2026-03-02 09:00:00 – 2026-03-02 10:00:00  running 1 h: it began
  step 1 at 75 %: called off (NOTIFY_ASSIGNEE)
  step 2 at 100 %: called off (RAISE_PRIORITY, COMMENT, NOTIFY_ASSIGNEE, NOTIFY_ADMINS)

NEXT_RESPONSE (cycle 1): breached at 2026-03-02 20:00:00, done at 2026-03-02 20:30:00
  target 1 h, consumed 1 h 30 min, due 2026-03-02 20:00:00
  2026-03-02 19:00:00 – 2026-03-02 20:00:00  running 1 h: it began
  2026-03-02 20:00:00 – 2026-03-02 20:30:00  running 30 min: another target (the priority was changed)
  step 1 at 75 %: called off (NOTIFY_ASSIGNEE)
  step 2 at 100 %: called off (RAISE_PRIORITY, COMMENT, NOTIFY_ASSIGNEE, NOTIFY_ADMINS)

RESOLUTION (cycle 1): met at 2026-03-03 01:30:00
  target 8 h, consumed 7 h 30 min, due 2026-03-03 02:00:00
  2026-03-02 09:00:00 – 2026-03-02 10:00:00  running 1 h: it began
  2026-03-02 10:00:00 – 2026-03-02 19:00:00  paused: waiting for the customer
  2026-03-02 19:00:00 – 2026-03-02 20:00:00  running 1 h: no longer waiting for the customer
  2026-03-02 20:00:00 – 2026-03-03 01:30:00  running 5 h 30 min: another target (the priority was changed)
  step 1 at 75 %: fired at 2026-03-03 01:00:00 (NOTIFY_ASSIGNEE)
  step 2 at 100 %: called off (RAISE_PRIORITY, COMMENT, NOTIFY_ASSIGNEE, NOTIFY_ADMINS)
"""


@pytest.fixture
def play(make):
    return Play(make)


@pytest.fixture
def explain(database, settings: Settings):
    """Runs the command as a process of its own, without a broker."""

    def run(*arguments):
        environ = {k: v for k, v in os.environ.items() if not k.startswith("EMBERONE_")}
        return subprocess.run(
            [sys.executable, "-m", "emberone", "explain", *arguments],
            env={
                **environ,
                "EMBERONE_DATABASE_URL": settings.database_url,
                "EMBERONE_SECRET_KEY": settings.secret_key,
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_story_names_every_segment_and_step(play, explain):
    ticket = play.open()
    play.reply(ticket, after(1), Status.WAITING)
    play.speak(ticket, after(10), Status.IN_PROGRESS)
    play.prioritise(ticket, Priority.HIGH, after(11))
    play.reply(ticket, after(11.5))
    sweep_sla(now=after(16))
    play.move(ticket, Status.CLOSED, after(16.5))
    done = explain(str(play.ticket(ticket).number))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"#{play.ticket(ticket).number} Printer"
    assert lines[1].startswith("CLOSED, HIGH, under the policy Standard; now it is ")
    assert lines[2:] == STORY.splitlines()


def test_a_running_a_paused_and_an_overdue_clock_say_so(play, explain):
    ticket = play.open()
    play.move(ticket, Status.WAITING, after(1))
    number = play.ticket(ticket).number
    done = explain(f"#{number}")
    assert done.returncode == 0
    assert "RESOLUTION (cycle 1): paused" in done.stdout
    assert "target 1 d, consumed 1 h, remaining 23 h, no due time while paused" in done.stdout
    assert "FIRST_RESPONSE (cycle 1): breached at 2026-03-02 13:00:00, running" in done.stdout
    assert "overdue by" in done.stdout
    assert "– now  paused: waiting for the customer" in done.stdout


#: After the ticket's own two lines; Standard counts business hours.
BY_HOURS = """
RESOLUTION (cycle 1): met at 2026-03-03 10:00:00
  target 1 d, consumed 3 h, due 2026-03-05 15:00:00
  counted by the calendar Business hours, version 1, UTC
  2026-03-02 15:00:00 – 2026-03-02 17:00:00  running 2 h: it began
  2026-03-02 17:00:00 – 2026-03-03 09:00:00  outside hours: hours ended
  2026-03-03 09:00:00 – 2026-03-03 10:00:00  running 1 h: hours began
"""


@pytest.mark.rule("sla 25")
def test_the_story_says_what_lies_outside_hours_and_who_says_so(make, explain):
    play = Play(make, is_as_delivered=True)
    ticket = play.open(after(6))
    play.move(ticket, Status.CLOSED, after(25))
    done = explain(str(play.ticket(ticket).number))
    assert (done.returncode, done.stderr) == (0, "")
    resolution = done.stdout.split("RESOLUTION")[1].split("  step")[0]
    assert f"\nRESOLUTION{resolution}" == BY_HOURS


def test_a_ticket_without_clocks_says_so(make, explain):
    ticket = make.ticket()
    done = explain(str(ticket))
    assert done.returncode == 0
    assert "under no policy" in done.stdout
    assert "no clock has ever run" in done.stdout


@pytest.mark.parametrize(
    "word", ["abc", "", "#", "10 24", "-1", "1e3", "9" * 19, "9" * 400, "¹²", "0x1f", "\udcff"]
)
def test_a_word_that_names_no_ticket_is_one_line(explain, word):
    done = explain("--", word)
    assert_refused(done)


def test_an_unknown_ticket_is_one_line(explain):
    for word in ("999999", "#999999", str(uuid4())):
        done = explain(word)
        assert_refused(done)
        assert f"There is no ticket {word}." in done.stderr


def assert_refused(done):
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
