"""Asking the web process whether everything is there yet, beside other work."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

_PAUSE = 0.1
_NEWS_EVERY = 5.0


class Readiness(threading.Thread):
    """A thread that asks `/readyz` until it answers 200."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(daemon=True, name="readiness")
        self.is_ready = False
        #: What has not come yet, in words.
        self.waiting_for = "the web process"
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only asked
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{port}/readyz"
        self._is_stopped = threading.Event()
        self._told_at = time.monotonic()
        # A proxy of the environment knows nothing of this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def run(self) -> None:
        """Ask until the answer is yes."""
        while not self.is_ready and not self._is_stopped.wait(_PAUSE):
            self.is_ready = self._ask()

    def stop(self) -> None:
        """Ask no more."""
        self._is_stopped.set()
        self.join()

    def news(self) -> Iterator[str]:
        """Every few seconds a line that says what we wait for."""
        if time.monotonic() - self._told_at >= _NEWS_EVERY:
            self._told_at = time.monotonic()
            yield f"waiting for {self.waiting_for} …"

    def _ask(self) -> bool:
        try:
            with self._opener.open(self._url, timeout=3):
                return True
        except urllib.error.HTTPError as answer:
            self.waiting_for = _missing(answer.read(10_000)) or "the first run of every sweep"
        except (OSError, urllib.error.URLError):
            self.waiting_for = "the web process"
        return False


def _missing(body: bytes) -> str:
    """The names of the checks that are not `ok`, where the answer lists them."""
    try:
        checks: Any = json.loads(body).get("checks", {})
        return ", ".join(name for name, state in checks.items() if state not in (True, "ok"))
    except (ValueError, AttributeError):
        return ""
