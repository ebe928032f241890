"""`emberone sweep`: all due background work now, without Celery and its broker; for cron."""

import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

import click
from flask import Flask

from emberone.config import Settings
from emberone.jobs import MAIL_THREADS, Job, send_nudges_with

#: A sweep goes on for as long as something is due, in rounds of the workers' length.
_ROUND = 10.0
#: And for an hour at most, should new work come as fast as it is done.
_LONGEST = 3600.0


@click.command("sweep")
@click.option("--all", "is_all", is_flag=True, help="Every sweep, one after the other.")
@click.argument("names", nargs=-1, metavar="[NAME]…")
def command(is_all: bool, names: tuple[str, ...]) -> None:
    """Do all due background work now, without a broker.

    NAME is publish, assign, sla, replan, waits, feedback or mail. Exit status 1 when one failed;
    the others are done all the same.
    """
    jobs = _jobs(is_all, names)
    settings = Settings.from_env()
    from emberone.core import create_core
    from emberone.db import db

    app = create_core(settings)
    with app.app_context():
        failures = [job for job in jobs if not _drain(app, job)]
        db.engine.dispose()
    sys.exit(1 if failures else 0)


def _jobs(is_all: bool, names: tuple[str, ...]) -> list[Job]:
    known = ", ".join(job.value for job in Job)
    unknown = [name for name in names if name not in set(Job)]
    if unknown:
        raise click.UsageError(f"There is no sweep called {unknown[0]!r}; there are {known}.")
    if not is_all and not names:
        raise click.UsageError(f"Say --all, or which: {known}.")
    # In the order of the jobs: what the first ones lead to is mailed by the last.
    return [job for job in Job if is_all or job.value in names]


def _drain(app: Flask, job: Job) -> bool:
    """Run one sweep until nothing is due and say what it did; False when it failed."""
    rounds: list[int] = []
    try:
        if job is Job.MAIL:
            _by_many_hands(app, job, rounds)
        else:
            _go_on(job, rounds)
    except Exception as error:
        click.echo(f"{job}: {sum(rounds)} done, then failed: {error}", err=True)
        return False
    click.echo(f"{job}: {sum(rounds)} done")
    return True


def _go_on(job: Job, rounds: list[int]) -> None:
    """Run a sweep until nothing is due, and note what each round did."""
    from emberone.services import sweeps

    ends_at = time.monotonic() + _LONGEST
    while (count := sweeps.run(job, seconds=_ROUND)) > 0:
        rounds.append(count)
        if time.monotonic() > ends_at:
            break


def _by_many_hands(app: Flask, job: Job, rounds: list[int]) -> None:
    """Go on in threads, as the worker does: whoever begins while more is due asks for another."""
    hands: list[Future[None]] = []

    def work() -> None:
        with app.app_context():
            _go_on(job, rounds)

    with ThreadPoolExecutor(MAIL_THREADS) as pool:

        def one_more(asked: Job) -> None:
            if asked is job and len(hands) < MAIL_THREADS:
                hands.append(pool.submit(work))

        send_nudges_with(one_more)
        try:
            one_more(job)
            # The list grows meanwhile: who asks is not done yet.
            for hand in hands:
                hand.result()
        finally:
            send_nudges_with(lambda _: None)
