"""Figures for Prometheus: requests of all web processes, and what the database says of the work."""

import hmac
import ipaddress
import os
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import text

from emberone.config import Settings
from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.errors import NotAllowed
from emberone.mail.site import current_settings
from emberone.queries import health, jobs

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Everything that is measured, in Prometheus' text format.

    With EMBERONE_METRICS_TOKEN set, whoever brings it may read; without one, only
    an installation that nobody but this machine reaches answers.
    """
    _require_reader(current_settings())
    registry = CollectorRegistry()
    registry.register(_Work())
    figures = generate_latest(registry) + generate_latest(_requests())
    return Response(figures, content_type=CONTENT_TYPE_LATEST)


def _require_reader(settings: Settings) -> None:
    token = settings.metrics_token
    if token is None:
        if not _is_private(settings):
            raise NotAllowed(_("Set EMBERONE_METRICS_TOKEN to read figures from here."))
        return
    given = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {token}".encode()):
        raise NotAllowed(_("Figures are read with the token of EMBERONE_METRICS_TOKEN."))


def _is_private(settings: Settings) -> bool:
    """Whether nobody but this machine reaches us: it listens on loopback and is reached there."""
    hosts = (settings.host, urlsplit(settings.base_url).hostname or "")
    return all(_is_loopback(host) for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _requests() -> CollectorRegistry:
    """The measurements of all web processes where they share a folder, else of this one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared


class _Work(Collector):
    """What is due, done and given up, as the database has it when it is asked."""

    def collect(self) -> Iterable[Metric]:
        """Every figure, read in one short transaction."""
        with reading(SYSTEM) as session:
            session.execute(text("SET LOCAL statement_timeout = '5s'"))
            progress = health.sweep_progress(session)
            dead = jobs.dead_counts(session)
            figures = health.figures(session)
        yield from _sweeps(progress)
        yield _family("dead_rows", "What background work gave up on.", "kind", dead)
        for figure in figures:
            yield _family(figure.name, figure.meaning, figure.label, figure.values)


def _sweeps(progress: Iterable[health.SweepProgress]) -> Iterator[Metric]:
    known = [sweep for sweep in progress if sweep.has_run]
    yield _family(
        "sweep_age_seconds",
        "Seconds since the sweep last succeeded.",
        "job",
        {sweep.job.value: sweep.age_s or 0.0 for sweep in known},
    )
    yield _family(
        "sweep_lag_seconds",
        "Seconds that the oldest due row had waited when the sweep last ran.",
        "job",
        {sweep.job.value: sweep.lag_s or 0.0 for sweep in known},
    )
    yield _family(
        "sweep_is_failing",
        "1 where the sweep's newest outcome is an error.",
        "job",
        {sweep.job.value: float(sweep.is_failing) for sweep in known},
    )


def _family(name: str, meaning: str, label: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(f"emberone_{name}", meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
