"""How the product's log reads: time, level, logger, event, and what the event carries."""

import json
import logging
import re
import time
from contextvars import ContextVar

#: What every record has; the rest came with `extra`.
_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "data"}

#: What every line of this request carries besides its own.
_bound: ContextVar[dict[str, object]] = ContextVar("bound", default={})  # noqa: B039 - never changed


def bind(**values: object) -> None:
    """Let every line from here on carry these values, until :func:`unbind`."""
    _bound.set(values)


def unbind() -> None:
    """Let the lines that follow stand for themselves."""
    _bound.set({})


#: Addresses that end in a secret: links to rate, to confirm an address, to choose a password.
_SECRET = re.compile(r"(/(?:f|confirm|reset)/)[^/?\s\"']+")


class WithoutTokens(logging.Filter):
    """Cuts the secret out of addresses that another library writes into a log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record through, its message without tokens."""
        record.msg, record.args = _SECRET.sub(r"\1…", record.getMessage()), None
        return True


class EventFormatter(logging.Formatter):
    """One line: ``2026-01-31T12:00:00Z INFO emberone.mail mail.delivered mail_id=…``."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%SZ"
    default_msec_format = None

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line, with the event's own values at its end."""
        own = {name: value for name, value in vars(record).items() if name not in _USUAL}
        extras = {**own, **_bound.get()}
        words = [f"{name}={_one_line(value)}" for name, value in extras.items()]
        return " ".join([super().formatMessage(record), *words])


def log_to_stderr() -> None:
    """Send every log of this process to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(EventFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Alembic says in every process which plugins it stands on.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)


def _one_line(value: object) -> str:
    text = str(value)
    # Quoted as in JSON, which every reader of logfmt takes.
    is_plain = text and text.isprintable() and not set(text) & set(' "=')
    return text if is_plain else json.dumps(text, ensure_ascii=False)
