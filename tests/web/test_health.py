"""Alive and ready: what a supervisor or a load balancer is told, and how soon."""

import threading
import time
from dataclasses import replace

import pytest

from emberone.config import Settings
from emberone.db import now_of, transaction
from emberone.domain.actor import SYSTEM
from emberone.embedded import EmbeddedValkey
from emberone.jobs import Job
from emberone.models import SweepRun
from emberone.web import create_app
from emberone.web.health import DEADLINE_S, Readiness


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def app(web, settings, valkey):
    return create_app(replace(settings, redis_url=valkey.url()))


def every_sweep_has_run() -> None:
    with transaction(SYSTEM) as session:
        for job in Job:
            run = session.get(SweepRun, job.value) or SweepRun(name=job.value)
            run.last_ok_at = now_of(session)
            session.add(run)


def test_ready_once_everything_is_there(app):
    every_sweep_has_run()
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ready",
        "checks": {"database": "ok", "broker": "ok", **{f"sweep:{job}": "ok" for job in Job}},
    }


def test_not_ready_before_the_first_run_of_every_sweep(app):
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert {name for name, state in answer.json["checks"].items() if state != "ok"} == {
        f"sweep:{job}" for job in Job
    }


def test_not_ready_without_a_broker_and_without_naming_its_address(web, settings):
    app = create_app(replace(settings, redis_url="redis://:secret@127.0.0.1:1/0"))
    every_sweep_has_run()
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["broker"] != "ok"
    assert answer.json["checks"]["database"] == "ok"
    assert "secret" not in answer.get_data(as_text=True)


def test_without_a_database_the_process_is_alive_and_not_ready(settings: Settings, valkey):
    app = create_app(
        replace(
            settings,
            redis_url=valkey.url(),
            database_url="postgresql+psycopg://nobody:secret@127.0.0.1:1/nothing",
        )
    )
    client = app.test_client()
    assert client.get("/healthz").json == {"status": "ok"}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["database"] != "ok"
    assert "secret" not in answer.get_data(as_text=True)


def test_a_check_that_does_not_answer_costs_its_deadline_and_is_asked_once():
    asked, release = [], threading.Event()

    def hangs() -> dict[str, str]:
        asked.append(1)
        release.wait(30)
        return {"database": "ok"}

    readiness = Readiness({"database": hangs, "broker": lambda: {"broker": "ok"}})
    started = time.monotonic()
    first = readiness.checks()
    assert DEADLINE_S <= time.monotonic() - started < DEADLINE_S + 1
    assert first == {"database": f"no answer within {DEADLINE_S:g} s", "broker": "ok"}
    readiness.checks()
    assert len(asked) == 1
    release.set()
    assert readiness.checks() == {"database": "ok", "broker": "ok"}
