"""`emberone web`: gunicorn with threads, in this process."""

import errno
import ipaddress
import logging
import os
import shutil
import socket
import tempfile
from typing import Any

import click

from emberone.child import die_with_parent
from emberone.config import Settings
from emberone.domain.errors import ConfigurationError
from emberone.logs import WithoutTokens

_THREADS = 8


@click.command("web")
def command() -> None:
    """Serve the panel, the portal and the API."""
    settings = Settings.from_env()
    check_address(settings.host, settings.port)
    if not is_loopback(settings.host):
        refuse_demo_accounts(settings)
    _serve(settings)


def check_address(host: str, port: int) -> None:
    """Raise ConfigurationError unless the web process could listen there now."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        raise ConfigurationError(f"EMBERONE_HOST: there is no address {host!r}.") from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise ConfigurationError(
                f"EMBERONE_HOST: {host} is not an address of this machine."
            ) from None
        what = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error})"
        raise ConfigurationError(
            f"Port {port} on {host} {what}: set EMBERONE_PORT to a free one."
        ) from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_demo_accounts(settings: Settings) -> None:
    """Raise ConfigurationError when accounts with a password known to everyone are there."""
    from sqlalchemy import exists, func, select

    from emberone.core import create_core
    from emberone.db import db, reading
    from emberone.demo_accounts import DEMO_LOGINS
    from emberone.domain.actor import SYSTEM
    from emberone.models.profiles import Profile

    query = select(exists().where(func.lower(Profile.email).in_(DEMO_LOGINS)))
    with create_core(settings).app_context():
        with reading(SYSTEM) as session:
            is_there = session.scalar(query)
        # No connection of this process goes into the forks.
        db.engine.dispose()
    if is_there:
        raise ConfigurationError(demo_refusal(settings.host))


def demo_refusal(host: str) -> str:
    """Why a demo is not served at an address that others can reach."""
    return (
        f"EMBERONE_HOST is {host}, but the demo's accounts have a password known to everyone:"
        " keep to 127.0.0.1, or start with an empty EMBERONE_DATA_DIR and --no-demo."
    )


def _serve(settings: Settings) -> None:
    from gunicorn.app.base import BaseApplication

    class _Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in _gunicorn_settings(settings).items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            from emberone.jobs import send_nudges_with
            from emberone.web import create_app
            from workers import nudges

            send_nudges_with(nudges.send)
            return create_app()

    # Gunicorn names the address of a request that broke it.
    for name in ("gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).addFilter(WithoutTokens())
    folder, master = tempfile.mkdtemp(prefix="emberone-metrics-"), os.getpid()
    # Before Prometheus' library is imported: all processes write their figures there.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        _Server().run()
    finally:
        # Forked workers come by here too when they end.
        if os.getpid() == master:
            shutil.rmtree(folder, ignore_errors=True)


def _gunicorn_settings(settings: Settings) -> dict[str, Any]:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": [f"{host}:{settings.port}"],
        "workers": int(os.environ.get("WEB_CONCURRENCY") or min(max(2, os.cpu_count() or 1), 8)),
        # Loaded once and shared: half the memory, and the first page comes a second sooner.
        # Nothing connects before the fork; pools and threads are made at the first request.
        "preload_app": True,
        "worker_class": "gthread",
        "threads": _THREADS,
        "timeout": 60,
        "graceful_timeout": 8,
        "keepalive": 5,
        "max_requests": 10_000,
        "max_requests_jitter": 1_000,
        "proc_name": "emberone-web",
        "loglevel": "warning",
        # It would be a socket in the user's home that several runs contend for.
        "control_socket_disable": True,
        "post_fork": _tie_to_master,
        "child_exit": _forget_gauges,
    }


def _tie_to_master(arbiter: Any, worker: Any) -> None:
    # A worker would otherwise notice a killed master only at its next heartbeat.
    die_with_parent(arbiter.pid, 9)


def _forget_gauges(arbiter: Any, worker: Any) -> None:
    """Drop the figures of a process that has ended and that only it could speak of."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
