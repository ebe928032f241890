"""`emberone beat`: Celery's clock, in this process."""

import click

from emberone.config import Settings


@click.command("beat")
def command() -> None:
    """Issue every sweep at its time."""
    Settings.from_env()
    from workers.app import celery

    # The schedule is code and every sweep is due all the time, so nothing is kept on disk.
    celery.start(
        [
            *("--quiet", "beat", "--loglevel", "WARNING"),
            *("--scheduler", "celery.beat:Scheduler", "--pidfile="),
        ]
    )
