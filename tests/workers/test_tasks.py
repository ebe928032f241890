"""A task never fails as far as Celery can see, whatever happens in it."""

import logging

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from emberone.db import db
from workers import tasks
from workers.app import core


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("EMBERONE_DATABASE_URL", "postgresql://127.0.0.1:1/x")
    monkeypatch.setenv("EMBERONE_SECRET_KEY", "only-for-tests-0123456789")
    core.cache_clear()
    yield
    core.cache_clear()


@pytest.mark.parametrize("error", [MemoryError, SoftTimeLimitExceeded, ZeroDivisionError])
def test_what_goes_wrong_in_a_task_stays_in_its_log(caplog, error):
    def work() -> int:
        raise error

    with caplog.at_level(logging.ERROR):
        tasks._run(work)
    assert caplog.messages == ["task.failed"]
    assert caplog.records[0].exc_info[0] is error


def test_a_task_survives_a_database_that_is_not_there(caplog):
    with caplog.at_level(logging.ERROR):
        tasks.assign()
    assert "task.failed" in caplog.messages


def test_at_night_contents_that_no_file_refers_to_are_forgotten(
    monkeypatch, caplog, database, settings, owner
):
    owner.execute(
        "INSERT INTO attachment_contents (digest, size, content)"
        " VALUES (encode(sha256('x'), 'hex'), 1, 'x')"
    )
    monkeypatch.setenv("EMBERONE_DATABASE_URL", settings.database_url)
    tasks.reconcile()
    with core().app_context():
        db.engine.dispose()
    assert "task.failed" not in caplog.messages
    assert owner.execute("SELECT count(*) FROM attachment_contents").fetchone() == (0,)
