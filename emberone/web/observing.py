"""What is told of every request: a reference, one line in the log, one measurement.

The line names the endpoint and not the address, which may hold a secret (a
feedback link) or somebody's search.
"""

import logging
import time
from typing import Any

from flask import Flask, Response, g, request
from flask_login import current_user
from prometheus_client import Histogram

from emberone.logs import bind, unbind
from emberone.web.errors import request_id

logger = logging.getLogger(__name__)

#: Asked all the time, by machines or for files; measured and not told.
_QUIET = {"theme.asset", "health.alive", "health.ready", "metrics.metrics"}

#: Where an address names a ticket, by endpoint's argument; the log speaks of `ticket=1024`.
_TICKET_ARGUMENT = "number"

_SECONDS = Histogram(
    "emberone_request_seconds",
    "How long requests took, by endpoint.",
    ["endpoint", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


def init_observing(app: Flask) -> None:
    """Give every request its reference, before anything else looks at it."""
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(_end)


def _begin() -> None:
    g.began_at = time.perf_counter()
    told: dict[str, Any] = {"request_id": request_id()}
    number = (request.view_args or {}).get(_TICKET_ARGUMENT)
    if number is not None:
        told["ticket"] = number
    bind(**told)


def _tell(response: Response) -> Response:
    response.headers.setdefault("X-Request-ID", request_id())
    seconds = time.perf_counter() - g.get("began_at", time.perf_counter())
    endpoint = request.endpoint or "none"
    # The class of the status: one series an endpoint and not one for every code.
    _SECONDS.labels(endpoint, request.method, f"{response.status_code // 100}xx").observe(seconds)
    if endpoint not in _QUIET and response.status_code != 304:
        logger.info(
            "web.request",
            extra={
                "method": request.method,
                "endpoint": endpoint,
                "status": response.status_code,
                "ms": round(seconds * 1000),
                **_who(),
            },
        )
    return response


def _who() -> dict[str, str]:
    # Only who was asked for already: a file or a lost database wants nobody loaded.
    if "_login_user" not in g:
        return {}
    profile_id = getattr(current_user, "profile_id", None)
    return {"profile_id": str(profile_id)} if profile_id else {}


def _end(error: BaseException | None) -> None:
    unbind()
