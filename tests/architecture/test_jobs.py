"""Every job has all that a job needs: a sweep, a task, a queue, a place in the schedule."""

import pytest

from emberone.cli.worker import POOLS
from emberone.jobs import Job
from emberone.services import sweeps
from workers import tasks
from workers.app import SOFT_TIME_LIMIT, TIME_LIMIT, VISIBILITY_TIMEOUT
from workers.schedule import BEAT_SCHEDULE, EXPIRES, PERIOD, PERIODS, QUEUES, ROUTES, task_name


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Celery reads it when it first looks at its tasks."""
    monkeypatch.setenv("EMBERONE_DATABASE_URL", "postgresql://127.0.0.1:1/x")
    monkeypatch.setenv("EMBERONE_SECRET_KEY", "only-for-tests-0123456789")


@pytest.mark.parametrize("job", list(Job))
def test_every_job_is_whole(job):
    assert job in sweeps.SWEEPS
    assert job in sweeps.OLDEST_DUE
    assert getattr(tasks, job.value).name == task_name(job)
    assert QUEUES[job] in POOLS
    assert ROUTES[task_name(job)] == {"queue": QUEUES[job]}
    entry = BEAT_SCHEDULE[job.value]
    assert entry["task"] == task_name(job)
    assert 0 < entry["schedule"] == PERIODS[job] <= PERIOD
    assert entry["options"]["expires"] == EXPIRES
    assert "args" not in entry
    assert "kwargs" not in entry


def test_everything_scheduled_is_a_task():
    for entry in BEAT_SCHEDULE.values():
        assert entry["task"] in tasks.celery.tasks
        assert entry["task"] in ROUTES


def test_a_task_ends_before_it_is_delivered_again():
    assert SOFT_TIME_LIMIT < TIME_LIMIT < VISIBILITY_TIMEOUT
