"""One run: load, faults, draining, and what is found in the end."""

import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from emberone.config import Settings
from emberone.core import create_core
from emberone.db import db
from emberone.jobs import Job
from emberone.services.delivery import LEASE_S
from tests.workers.chaos.faults import Trouble
from tests.workers.chaos.invariants import COULD_BE_TAKEN, INVARIANTS, Facts, Finding
from tests.workers.chaos.load import Load, people
from tests.workers.chaos.stage import Stage

#: How far the second host's clock is off, to one side or the other.
CLOCK_S: Final = 300
#: The product has so long to come up, and to deal with what is left.
PATIENCE: Final = 180.0

#: What is still to be done, one count for each kind.
_LEFT: Final = (
    COULD_BE_TAKEN,
    "SELECT count(*) FROM sla_steps WHERE fire_at IS NOT NULL AND fired_at IS NULL"
    " AND cancelled_at IS NULL AND skipped_reason IS NULL AND dead_at IS NULL",
    "SELECT count(*) FROM drafts WHERE state = 'waiting'",
    "SELECT count(*) FROM feedback_requests WHERE state = 'PENDING' AND dead_at IS NULL",
)
_LETTERS_LEFT: Final = "SELECT count(*) FROM mail_outbox WHERE state IN ('queued', 'sending')"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and what came of it."""

    seed: int
    seconds: float
    clock_s: int
    faults: dict[str, int]
    restarts: dict[str, int]
    interrupted: dict[str, int]
    findings: list[Finding]
    #: Seconds from the last fault until nothing was left.
    drained_s: float
    #: The ends of the processes' logs, for a failure.
    logs: str

    @property
    def holds(self) -> bool:
        """Whether every invariant holds."""
        return all(finding.holds for finding in self.findings)

    def table(self) -> str:
        """All of it, for people."""
        wide = max(len(finding.name) for finding in self.findings)
        lines = [f"{name:<{wide}}       {count} ×" for name, count in self.faults.items()]
        lines.append(f"{'clock of the second host':<{wide}}       {self.clock_s:+d} s")
        lines += [
            f"{finding.name:<{wide}}  {'ok  ' if finding.holds else 'FAIL'} {finding.figures}"
            for finding in self.findings
        ]
        lines.append(f"{'started again':<{wide}}       {_counts(self.restarts)}")
        lines.append(f"{'cut short or refused':<{wide}}       {_counts(self.interrupted)}")
        lines.append(
            f"{'seed':<{wide}}       {self.seed}"
            f" ({self.seconds:g} s of load, drained in {self.drained_s:.0f} s)"
        )
        return "\n".join(lines)


def run(folder: Path, seconds: float, seed: int) -> Outcome:
    """Let the product live through `seconds` of faults that the seed decides."""
    random = Random(seed)
    clock_s = random.choice([-CLOCK_S, CLOCK_S])
    with Stage(folder, clock_s=clock_s) as stage:
        core = create_core(Settings.from_env(stage.environment))
        with core.app_context():
            everyone = people(stage)
        stage.look_after()
        stage.wait("the web", lambda: stage.answers("/healthz"), PATIENCE)
        stage.wait(
            "every sweep", lambda: stage.value("SELECT count(*) FROM sweep_runs") == len(Job)
        )
        load, trouble = Load(stage, core, everyone, seed), Trouble(stage, random)
        _suffer(stage, load, trouble, seconds)
        began = time.monotonic()
        _drain(stage)
        drained_s = time.monotonic() - began
        if load.crashes:
            raise load.crashes[0]
        with stage.sql() as sql:
            facts = Facts(stage, core, load, trouble, sql)
            findings = [look(facts) for look in INVARIANTS]
        with core.app_context():
            db.engine.dispose()
        return Outcome(
            seed,
            seconds,
            clock_s,
            dict(trouble.counts),
            dict(stage.restarts),
            dict(load.done.interrupted),
            findings,
            drained_s,
            stage.log_tail(),
        )


def _suffer(stage: Stage, load: Load, trouble: Trouble, seconds: float) -> None:
    """Load and faults at once."""
    load.start()
    try:
        # Who has a page before them has something to be held up in.
        stage.wait("a first page", lambda: load.done.pages, PATIENCE)
        end = time.monotonic() + seconds
        following = time.monotonic() + 1
        while (now := time.monotonic()) < end:
            trouble.end_due()
            if now >= following:
                trouble.begin_next()
                following = time.monotonic() + trouble.random.uniform(0.4, 1.6)
            stage.look_after()
            time.sleep(0.1)
    finally:
        trouble.end_all()
        load.stop()


def _drain(stage: Stage) -> None:
    """Let the product finish everything that is due, as hours would."""

    def is_done() -> bool:
        stage.look_after()
        return all(stage.value(left) == 0 for left in _LEFT)

    stage.wait("everything but mail", is_done, PATIENCE)

    def is_delivered() -> bool:
        stage.look_after()
        _make_due(stage)
        return stage.value(_LETTERS_LEFT) == 0

    stage.wait("every letter", is_delivered, PATIENCE)


def _make_due(stage: Stage) -> None:
    """End the pauses of what was put off, and the leases of what the dead had in hand.

    Nobody who lives holds a letter for so long: the mail server answers at once by now.
    """
    with stage.sql() as sql:
        sql.execute(
            "UPDATE mail_outbox SET leased_until = now() WHERE state = 'sending'"
            " AND leased_until < now() + make_interval(secs => %s)",
            [LEASE_S - 15],
        )
        sql.execute(
            "UPDATE mail_outbox SET send_after = now() WHERE state = 'queued' AND send_after > now()"
        )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing"
