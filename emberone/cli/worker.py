"""`emberone worker`: Celery on one queue, in this process."""

import logging
import os
import signal
import warnings
from typing import Any

import click

from emberone.child import die_with_parent
from emberone.config import Settings
from emberone.jobs import MAIL_THREADS

#: Queue → how Celery works it off. Mail waits on the network, so threads serve it best.
POOLS = {
    "work": ["--pool", "prefork", "--concurrency", "2"],
    "mail": ["--pool", "threads", "--concurrency", str(MAIL_THREADS)],
}


@click.command("worker")
@click.option("--queue", type=click.Choice(sorted(POOLS)), default="work", show_default=True)
def command(queue: str) -> None:
    """Work off one queue of background jobs."""
    Settings.from_env()
    # Before Celery is imported: a TERM then ends within worker_soft_shutdown_timeout.
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
    from celery.signals import worker_process_init

    from workers.app import celery

    # Celery's warning is about pickle, which we do not accept.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")
    # A line for every sweep every few seconds would bury the others.
    for chatty in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    worker_process_init.connect(_tie_to_worker)
    celery.worker_main(
        [
            *("--quiet", "worker", "--queues", queue, "--hostname", f"{queue}@%h"),
            *("--loglevel", "INFO", "--without-gossip", "--without-mingle"),
            *POOLS[queue],
        ]
    )


def _tie_to_worker(**details: Any) -> None:
    # The children of a killed worker would otherwise wait for work forever.
    die_with_parent(os.getppid(), signal.SIGKILL)
