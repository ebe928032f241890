"""How the product's log reads: time, level, logger, event, and what the event carries."""

import logging
import time

#: What every record has; the rest came with `extra`.
_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "data"}


class EventFormatter(logging.Formatter):
    """One line: ``2026-01-31T12:00:00Z INFO emberone.mail mail.delivered mail_id=…``."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%SZ"
    default_msec_format = None

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line, with the event's own values at its end."""
        extras = {name: value for name, value in vars(record).items() if name not in _USUAL}
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
    return repr(text) if not text or not text.isprintable() or " " in text else text
