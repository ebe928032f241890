"""Whether this process is alive, and whether everything it needs is there.

Each thing is asked in a thread of its own, so that one that does not answer
costs its deadline and nothing more, however often it is asked.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify
from sqlalchemy import text

from emberone.config import Settings
from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.queries.health import OK, broker_problem, sweep_states

logger = logging.getLogger(__name__)

blueprint = Blueprint("health", __name__)

#: The longest that `/readyz` waits for all its checks together.
DEADLINE_S = 2.0

Check = Callable[[], dict[str, str]]


@blueprint.get("/healthz")
def alive() -> Response:
    """Answer 200 as long as the process answers at all; nothing else is asked."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer 200 once database, broker and the first run of every sweep are there, else 503."""
    checks = current_app.extensions["emberone.readiness"].checks()
    is_ready = all(state == OK for state in checks.values())
    return jsonify(status="ready" if is_ready else "not ready", checks=checks), (
        200 if is_ready else 503
    )


def init_health(app: Flask, settings: Settings) -> None:
    """Prepare the readiness checks of this process."""

    def database() -> dict[str, str]:
        with app.app_context():
            return check_database()

    app.extensions["emberone.readiness"] = Readiness(
        {"database": database, "broker": lambda: check_broker(settings.redis_url)}
    )


class Readiness:
    """Asks every check at once, and never twice a check that has not answered yet."""

    def __init__(self, checks: dict[str, Check]) -> None:
        self._checks = checks
        self._asked: dict[str, Future[dict[str, str]]] = {}
        self._lock = Lock()
        self._threads: ThreadPoolExecutor | None = None

    def checks(self) -> dict[str, Any]:
        """Name → OK or what is missing."""
        with self._lock:
            # Made at the first question: threads do not survive the fork of the web process.
            self._threads = self._threads or ThreadPoolExecutor(len(self._checks), "readiness")
            for name, check in self._checks.items():
                if name not in self._asked:
                    self._asked[name] = self._threads.submit(check)
            asked = dict(self._asked)
        wait(asked.values(), timeout=DEADLINE_S)
        found: dict[str, Any] = {}
        for name, future in asked.items():
            found |= self._result(name, future)
        return found

    def _result(self, name: str, future: Future[dict[str, str]]) -> dict[str, str]:
        if not future.done():
            return {name: f"no answer within {DEADLINE_S:g} s"}
        with self._lock:
            if self._asked.get(name) is future:
                del self._asked[name]
        error = future.exception()
        if error is None:
            return future.result()
        logger.info("health.missing", extra={"check": name, "error": type(error).__name__})
        # Its kind and not its words, which may hold addresses and passwords.
        return {name: f"not reachable ({type(error).__name__})"}


def check_database() -> dict[str, str]:
    """Whether the database answers, and which sweeps have run."""
    with reading(SYSTEM) as session:
        session.execute(text("SET LOCAL statement_timeout = '1500ms'"))
        return {"database": OK, **sweep_states(session)}


def check_broker(url: str) -> dict[str, str]:
    """Whether the broker takes a connection."""
    problem = broker_problem(url, seconds=1.0)
    return {"broker": f"not reachable ({problem})" if problem else OK}
