"""A nudge never makes anybody wait for the broker."""

import logging
import signal
import time

import pytest

from emberone.jobs import Job
from workers import nudges

#: Half a second is what a nudge may take; the rest is for a busy machine.
BOUND = 3.0


@pytest.fixture
def send(valkey, settings, monkeypatch):
    """Nudge through this test's broker, however lately another was lost; say how long it took."""
    for name, value in {
        "EMBERONE_DATABASE_URL": settings.database_url,
        "EMBERONE_SECRET_KEY": settings.secret_key,
        "EMBERONE_REDIS_URL": valkey.url(),
    }.items():
        monkeypatch.setenv(name, value)
    nudges.forget_broker()

    def timed() -> float:
        monkeypatch.setattr(nudges, "_silent_until", 0.0)
        began = time.monotonic()
        nudges.send(Job.ASSIGN)
        return time.monotonic() - began

    yield timed
    nudges.forget_broker()


def waiting(valkey, queue: str = "work") -> int:
    import redis

    with redis.Redis.from_url(valkey.url()) as client:
        return client.llen(queue)


def test_a_nudge_lies_in_the_queue_of_its_job(send, valkey):
    send()
    assert waiting(valkey) == 1
    nudges.send(Job.MAIL)
    assert waiting(valkey, "mail") == 1


def test_a_broker_that_hangs_costs_half_a_second(send, valkey, caplog):
    send()
    valkey.process.send_signal(signal.SIGSTOP)
    try:
        with caplog.at_level(logging.WARNING):
            assert send() < BOUND
            assert send() < BOUND
    finally:
        valkey.process.send_signal(signal.SIGCONT)
    assert "nudge.lost" in caplog.messages


def test_a_broker_that_is_not_there_costs_less(send, valkey, caplog):
    valkey.stop()
    with caplog.at_level(logging.WARNING):
        assert send() < BOUND
        assert send() < BOUND
    assert caplog.messages == ["nudge.lost", "nudge.lost"]
    valkey.start()
    send()
    assert waiting(valkey) == 1


def test_a_broker_that_was_lost_is_left_alone_for_a_while(send, valkey, caplog):
    valkey.stop()
    send()
    valkey.start()
    nudges.send(Job.ASSIGN)
    assert waiting(valkey) == 0
    send()
    assert waiting(valkey) == 1


def test_who_forgets_the_broker_finds_another_at_once(send, valkey, monkeypatch):
    monkeypatch.setenv("EMBERONE_REDIS_URL", "redis://127.0.0.1:1/0")
    send()
    monkeypatch.setenv("EMBERONE_REDIS_URL", valkey.url())
    nudges.forget_broker()
    nudges.send(Job.ASSIGN)
    assert waiting(valkey) == 1
