"""Celery, configured: an engine that asks PostgreSQL what is due, and keeps nothing itself.

Nothing is read or connected when this module is imported; the environment is
read when Celery first asks for a setting.
"""

import functools
from typing import Any

from celery import Celery
from flask import Flask

from emberone.config import Settings
from emberone.core import create_core
from workers import broker
from workers.schedule import BEAT_SCHEDULE, ROUTES

#: Seconds after which a running task is asked, and then forced, to end. Sweeps stop by
#: themselves after 10; both limits stay below the visibility timeout, or a task that is
#: still running would be delivered a second time.
SOFT_TIME_LIMIT, TIME_LIMIT, VISIBILITY_TIMEOUT = 45, 60, 120


def broker_options(url: str, *, socket_timeout: float, **transport: Any) -> dict[str, Any]:
    """Celery's settings of how to reach the broker, none of whose answers is awaited longer.

    `transport` are further options of kombu's Redis transport.
    """
    options: dict[str, Any] = {
        "broker_url": url,
        "broker_connection_timeout": socket_timeout,
        "broker_pool_acquire_timeout": 0.5,
        # A nudge that does not arrive at once is not worth a second try: beat repeats it.
        "task_publish_retry": False,
        "task_publish_retry_policy": {"max_retries": 0},
    }
    if url.startswith("redis"):
        options["broker_transport_options"] = {
            "socket_timeout": socket_timeout,
            "socket_connect_timeout": socket_timeout,
            "socket_keepalive": True,
            "visibility_timeout": VISIBILITY_TIMEOUT,
            # Every 5 s, and not every tenth time: a killed worker's task is back after
            # the visibility timeout, instead of a minute and a half later.
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            **transport,
        }
    return options


def configuration() -> dict[str, Any]:
    """Every setting of the workers and of beat."""
    return {
        **broker_options(Settings.from_env().redis_url, socket_timeout=5.0),
        "broker_connection_retry_on_startup": True,
        # A worker outlives any outage of the broker.
        "broker_connection_max_retries": None,
        "enable_utc": True,
        "timezone": "UTC",
        # No results: what was done stands in PostgreSQL.
        "task_ignore_result": True,
        "result_backend": None,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": SOFT_TIME_LIMIT,
        "task_time_limit": TIME_LIMIT,
        "task_default_queue": "work",
        "task_routes": ROUTES,
        "beat_schedule": BEAT_SCHEDULE,
        # In memory: every entry is due all the time, so there is nothing to remember
        # and no file that a host would depend on.
        "beat_scheduler": "celery.beat:Scheduler",
        "beat_max_loop_interval": 1,
        "worker_prefetch_multiplier": 1,
        "worker_max_tasks_per_child": 1000,
        "worker_soft_shutdown_timeout": 20,
        # A sweep that is running ends by itself: it wants nothing of the broker.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_hijack_root_logger": False,
        "worker_send_task_events": False,
    }


@functools.cache
def core() -> Flask:
    """The product without an edge: made once in each process, at its first task."""
    return create_core(Settings.from_env())


broker.install()

celery = Celery("emberone", include=["workers.tasks"], set_as_current=False)
# A function, which Celery calls when it first needs a setting.
celery.add_defaults(configuration)
