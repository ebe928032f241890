"""Nudges: asking the workers for a sweep right now, without ever waiting for the broker.

A nudge buys latency only, so it may be lost: half a second is all that a
person's request pays for a broker that does not answer, and after that none is
sent for a while.
"""

import functools
import logging
import time
from typing import Final

from celery import Celery

from emberone.config import Settings
from emberone.jobs import Job
from workers.app import broker_options
from workers.schedule import EXPIRES, QUEUES, task_name

logger = logging.getLogger(__name__)

#: What the broker may take to answer, in seconds.
TIMEOUT: Final = 0.5
#: For how long a broker that did not answer is left alone; beat asks as often.
PAUSE: Final = 5.0

_silent_until = 0.0


def send(job: Job) -> None:
    """Ask for the job's sweep; a broker that cannot be reached is logged and forgotten."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    began = time.monotonic()
    try:
        _producer().send_task(
            task_name(job), queue=QUEUES[job], expires=EXPIRES, ignore_result=True
        )
    except Exception as error:
        _silent_until = time.monotonic() + PAUSE
        logger.warning(
            "nudge.lost",
            extra={
                "job": job.value,
                "error": type(error).__name__,
                "ms": round((time.monotonic() - began) * 1000),
            },
        )


def forget_broker() -> None:
    """Close what is open; the next nudge looks anew where its broker is."""
    global _silent_until
    if _producer.cache_info().currsize:
        _producer().pool.force_close_all()
    _producer.cache_clear()
    _silent_until = 0.0


@functools.cache
def _producer() -> Celery:
    """A Celery of its own, whose sockets give up sooner than the workers' may."""
    producer = Celery("emberone.nudges", set_as_current=False)
    producer.conf.update(
        # Without max_retries kombu connects again after two seconds, whatever Celery is told.
        broker_options(Settings.from_env().redis_url, socket_timeout=TIMEOUT, max_retries=0),
        task_serializer="json",
        accept_content=["json"],
        task_default_queue="work",
    )
    return producer
