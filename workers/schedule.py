"""What beat issues and when: the whole schedule, and the queue of each job.

Correctness comes from here: whatever a nudge, a worker or the broker lost is
found by the next sweep. Two beats at once are harmless, since a sweep that
finds nothing due does nothing.
"""

from typing import Any, Final

from celery.schedules import crontab

from emberone.jobs import Job

#: How often a sweep is issued, in seconds.
PERIOD: Final = 5.0

#: Nothing nudges a reply whose time to be taken back is over: beat alone sends it, so it
#: looks more often. An idle look is two reads of an index's end.
PERIODS: Final[dict[Job, float]] = {**dict.fromkeys(Job, PERIOD), Job.PUBLISH: 2.0}

#: A message is dropped unread after this many seconds. Long enough for hosts whose clocks
#: are minutes apart, by which Celery measures it: with a shorter time the messages of a
#: clock that is behind would all be dropped. Short enough that workers who come back
#: after a night find ten minutes of messages and not the night's.
EXPIRES: Final = 600

#: Mail waits on the network, so it has a worker with threads of its own.
QUEUES: Final[dict[Job, str]] = {
    Job.PUBLISH: "work",
    Job.ASSIGN: "work",
    Job.SLA: "work",
    Job.REPLAN: "work",
    Job.WAITS: "work",
    Job.FEEDBACK: "work",
    Job.MAIL: "mail",
}

#: The nightly check of the counters; not a sweep.
RECONCILE: Final = "emberone.reconcile"


def task_name(job: Job) -> str:
    """What Celery calls a job."""
    return f"emberone.{job}"


ROUTES: Final[dict[str, dict[str, str]]] = {
    **{task_name(job): {"queue": queue} for job, queue in QUEUES.items()},
    RECONCILE: {"queue": "work"},
}

BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    **{
        job.value: {
            "task": task_name(job),
            "schedule": PERIODS[job],
            "options": {"expires": EXPIRES},
        }
        for job in Job
    },
    "reconcile": {
        "task": RECONCILE,
        "schedule": crontab(hour="3", minute="17"),
        "options": {"expires": 3600},
    },
}
