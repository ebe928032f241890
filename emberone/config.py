"""What the environment says, read and validated once at start.

Every variable is named ``EMBERONE_…``; README lists them. A wrong or missing
one raises :class:`~emberone.domain.errors.ConfigurationError` with one line
that names the variable.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from emberone.domain.errors import ConfigurationError

DEFAULT_PORT = 5000
MINIMUM_SECRET_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """The validated environment."""

    #: SQLAlchemy URL of the least-privileged login (``emberone_app``).
    database_url: str
    #: SQLAlchemy URL of the login that owns the tables; only `migrate` uses it.
    owner_url: str
    redis_url: str
    #: None: mail is kept and shown in the panel, nothing leaves.
    smtp_url: str | None
    secret_key: str
    #: Where people reach the product, without a trailing slash.
    base_url: str
    data_dir: Path
    host: str
    port: int
    #: How many reverse proxies of ours stand in front and name the client's address.
    trusted_proxies: int = 0
    #: Who brings it may read `/metrics`; None: only on an installation that is this machine's own.
    metrics_token: str | None = None

    @property
    def is_https(self) -> bool:
        """Whether people reach the product over TLS."""
        return self.base_url.startswith("https://")

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach the web process."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check every variable; raise ConfigurationError on the first wrong one."""
        port = read_port(environ)
        host = environ.get("EMBERONE_HOST") or "127.0.0.1"
        database_url = _database_url(environ, "EMBERONE_DATABASE_URL")
        owner_url = database_url
        if environ.get("EMBERONE_OWNER_URL"):
            owner_url = _database_url(environ, "EMBERONE_OWNER_URL")
        base_url = environ.get("EMBERONE_BASE_URL") or f"http://{_in_url(host)}:{port}"
        return cls(
            database_url=database_url,
            owner_url=owner_url,
            redis_url=_url(
                environ,
                "EMBERONE_REDIS_URL",
                {"redis", "rediss", "amqp", "amqps"},
                default="redis://127.0.0.1:6379/0",
            ),
            smtp_url=(
                _url(environ, "EMBERONE_SMTP_URL", {"smtp", "smtps", "smtp+starttls"})
                if environ.get("EMBERONE_SMTP_URL")
                else None
            ),
            secret_key=_secret_key(environ),
            base_url=_checked_url("EMBERONE_BASE_URL", base_url, {"http", "https"}).rstrip("/"),
            data_dir=read_data_dir(environ),
            host=host,
            port=port,
            trusted_proxies=_trusted_proxies(environ),
            metrics_token=_metrics_token(environ),
        )


def read_port(environ: Mapping[str, str]) -> int:
    """The TCP port of the web process, from EMBERONE_PORT."""
    text = environ.get("EMBERONE_PORT") or str(DEFAULT_PORT)
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        shown = text if len(text) < 20 else f"{text[:20]}…"
        raise ConfigurationError(f"EMBERONE_PORT must be a number from 1 to 65535, not {shown!r}.")
    return int(text)


def read_data_dir(environ: Mapping[str, str]) -> Path:
    """The folder for the embedded servers' data, from EMBERONE_DATA_DIR."""
    return Path(environ.get("EMBERONE_DATA_DIR") or "var").absolute()


def _database_url(environ: Mapping[str, str], name: str) -> str:
    text = environ.get(name)
    if not text:
        raise ConfigurationError(
            f"{name} is not set: give it a PostgreSQL URL, or use 'emberone up', which brings its own."
        )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"{name} is not a database URL.") from None
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ConfigurationError(f"{name} must be a postgresql:// URL, not {url.drivername}://.")
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _url(
    environ: Mapping[str, str], name: str, schemes: set[str], default: str | None = None
) -> str:
    return _checked_url(name, environ.get(name) or default or "", schemes)


def _checked_url(name: str, text: str, schemes: set[str]) -> str:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading the port is what validates it
    except ValueError:
        raise ConfigurationError(f"{name} is not a URL.") from None
    if parts.scheme not in schemes or not parts.hostname:
        wanted = " or ".join(f"{scheme}://…" for scheme in sorted(schemes))
        raise ConfigurationError(f"{name} must be {wanted}.")
    return text


def _secret_key(environ: Mapping[str, str]) -> str:
    key = environ.get("EMBERONE_SECRET_KEY")
    if not key:
        raise ConfigurationError("EMBERONE_SECRET_KEY is not set: give it a long random text.")
    if len(key) < MINIMUM_SECRET_LENGTH:
        raise ConfigurationError(
            f"EMBERONE_SECRET_KEY is too short: at least {MINIMUM_SECRET_LENGTH} characters."
        )
    return key


def _trusted_proxies(environ: Mapping[str, str]) -> int:
    text = environ.get("EMBERONE_TRUSTED_PROXIES") or "0"
    if not re.fullmatch("[0-9]", text):
        raise ConfigurationError(
            "EMBERONE_TRUSTED_PROXIES must be the number of proxies in front, from 0 to 9."
        )
    return int(text)


def _metrics_token(environ: Mapping[str, str]) -> str | None:
    token = environ.get("EMBERONE_METRICS_TOKEN")
    if token and len(token) < MINIMUM_SECRET_LENGTH:
        raise ConfigurationError(
            f"EMBERONE_METRICS_TOKEN is too short: at least {MINIMUM_SECRET_LENGTH} characters."
        )
    return token or None


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
