"""The tasks: one per job, without arguments, each no more than its sweep.

A task never fails as far as Celery is concerned: what went wrong is in
`sweep_runs` and in the log, and the next sweep tries again. There are no task
retries, countdowns or ETAs: what is due stands in PostgreSQL.
"""

import gc
import logging
from collections.abc import Callable
from typing import Any, Final

from celery.signals import worker_process_init, worker_ready, worker_shutting_down

from emberone import jobs
from emberone.db import db
from emberone.jobs import Job
from emberone.services import assignment, attachments, delivery, sweeps
from workers import nudges
from workers.app import celery, core
from workers.schedule import QUEUES, RECONCILE, task_name

logger = logging.getLogger(__name__)

#: A batch makes so many objects and needs them until its end. To look for rubbish among them
#: after every 700, as Python does by itself, is a quarter of the time of re-planning.
_OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000


@celery.task(name=task_name(Job.PUBLISH))
def publish() -> None:
    """Let the replies that have waited long enough become comments."""
    _run(lambda: sweeps.run(Job.PUBLISH))


@celery.task(name=task_name(Job.ASSIGN))
def assign() -> None:
    """Give every ticket that waits for an agent one."""
    _run(lambda: sweeps.run(Job.ASSIGN))


@celery.task(name=task_name(Job.SLA))
def sla() -> None:
    """Take every SLA step that is due."""
    _run(lambda: sweeps.run(Job.SLA))


@celery.task(name=task_name(Job.REPLAN))
def replan() -> None:
    """Let some open clocks follow a changed policy or calendar; the next are asked for after."""
    # For a second, so that assignment and time limits have their turn soon.
    _run(lambda: sweeps.run(Job.REPLAN, seconds=1))


@celery.task(name=task_name(Job.WAITS))
def waits() -> None:
    """Remind customers who are asked and silent, and close their tickets at last."""
    _run(lambda: sweeps.run(Job.WAITS))


@celery.task(name=task_name(Job.FEEDBACK))
def feedback() -> None:
    """Invite the customers of closed tickets to rate them."""
    _run(lambda: sweeps.run(Job.FEEDBACK))


@celery.task(name=task_name(Job.MAIL))
def mail() -> None:
    """Deliver the letters that are due."""
    _run(lambda: sweeps.run(Job.MAIL))


@celery.task(name=RECONCILE)
def reconcile() -> None:
    """Compare the agents' counters with their tickets, and forget files that nobody has."""
    _run(assignment.reconcile_counts)
    _run(attachments.forget_unused_contents)


def _run(work: Callable[[], int]) -> None:
    try:
        with core().app_context():
            work()
    except Exception:
        # MemoryError too: outside the task's body it would end the whole worker, which
        # then takes the same message again, for ever.
        logger.exception("task.failed")


@worker_process_init.connect
def _begin_process(**details: Any) -> None:
    """A forked child makes connections of its own; those of its parent are not its to close."""
    with core().app_context():
        db.engine.dispose(close=False)
    # What was there before the first task stays, and is not looked through again.
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


@worker_shutting_down.connect
def _finish_letters(**details: Any) -> None:
    """Each thread ends with the letter in its hand, so that none is sent twice."""
    delivery.stop_delivering()


@worker_ready.connect
def _catch_up(sender: Any, **details: Any) -> None:
    """A worker that has just come does not wait for beat."""
    served = {queue.name for queue in sender.task_consumer.queues}
    for job, queue in QUEUES.items():
        if queue in served:
            nudges.send(job)


# What a sweep leads to (an assignment's letter) is nudged as from any other edge.
jobs.send_nudges_with(nudges.send)
