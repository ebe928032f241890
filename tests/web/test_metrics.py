"""Figures for a monitoring system, and what is told of every request."""

import logging
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from emberone.jobs import Job
from emberone.services import sweeps
from emberone.web import create_app

TOKEN = "a-token-for-prometheus"


def figures(answer):
    """(name, labels) → value."""
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


@pytest.fixture
def local(web, settings):
    """An installation that only this machine reaches."""
    return create_app(replace(settings, host="127.0.0.1", base_url="http://127.0.0.1:5000"))


def test_what_waits_and_how_work_goes_is_read_from_the_database(local, make):
    make.agent(), make.ticket()
    sweeps.run(Job.SLA)
    found = figures(local.test_client().get("/metrics"))
    assert found["emberone_active_tickets", "unassigned"] == 1
    assert found["emberone_agents", "AVAILABLE"] == 1
    assert found["emberone_sweep_age_seconds", "sla"] < 60
    assert found["emberone_dead_rows", "letter"] == 0
    assert ("emberone_sweep_age_seconds", "assign") not in found


def test_requests_are_counted_by_endpoint_and_class_of_status(local):
    client = local.test_client()
    name = "emberone_request_seconds_count", "feedback.page", "GET", "4xx"
    before = figures(client.get("/metrics")).get(name, 0)
    client.get("/f/no-such-token")
    assert figures(client.get("/metrics"))[name] == before + 1


def test_an_installation_that_others_reach_asks_for_its_token(web, settings):
    public = replace(settings, base_url="https://help.example.org")
    closed = create_app(public).test_client()
    assert closed.get("/metrics").status_code == 403
    client = create_app(replace(public, metrics_token=TOKEN)).test_client()
    assert client.get("/metrics").status_code == 403
    wrong = {"Authorization": "Bearer wrong"}
    assert client.get("/metrics", headers=wrong).status_code == 403
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", headers=right).status_code == 200


def test_the_log_names_the_request_and_never_its_address(local, caplog):
    with caplog.at_level(logging.INFO, logger="emberone.web.observing"):
        answer = local.test_client().get("/f/a-secret-token?rating=5")
    (record,) = [record for record in caplog.records if record.message == "web.request"]
    assert (record.endpoint, record.status, record.method) == ("feedback.page", 404, "GET")
    assert "a-secret-token" not in str(vars(record))
    assert len(answer.headers["X-Request-ID"]) == 12
