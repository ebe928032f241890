"""Real pages in Debian's Chromium, served for a test, and no complaints.

Tests that look at what a click led to wait for it with :data:`expect`: a browser draws
when it is ready, and a look right after a click may come too early.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import expect
from werkzeug.serving import make_server

__all__ = ["CHROMIUM", "DESKTOP", "OPTIONS", "PHONE", "SOON", "check_page", "expect", "looking"]

#: Debian's, without the frame that nobody sees where it is installed: a third of the work.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")

#: A root needs the first; the others keep it from asking the network for what is not there.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: In milliseconds: the pages promise three seconds; a loaded machine may take its time to draw.
SOON = 15_000
expect.set_options(timeout=SOON)

#: A page that answers 404 or 409 is an answer, and a test that takes the network away knows
#: it; the console calls both an error.
_NO_COMPLAINTS = ("the server responded with a status", "net::ERR_INTERNET_DISCONNECTED")

PHONE = {"width": 400, "height": 850}
DESKTOP = {"width": 1400, "height": 900}


@contextmanager
def looking(chromium: Any, app: Flask) -> Iterator[Callable[..., Any]]:
    """Serves the application and opens its pages: `open_page(path, viewport=PHONE)`.

    At the end no page may have had an error in its script or its console.
    """
    server = make_server("127.0.0.1", 0, app, threaded=True)
    # A request that is still under way holds a connection: closing waits for it.
    server.daemon_threads = False
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(path: str, **options: Any) -> Any:
        home = f"http://127.0.0.1:{server.server_port}"
        context = chromium.new_context(**{"viewport": DESKTOP, "base_url": home, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else 0)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    server.shutdown()
    thread.join()
    server.server_close()
    assert [said for said in complaints if not any(word in said for word in _NO_COMPLAINTS)] == []


def check_page(page: Any) -> None:
    """The page that is open shuts nobody out (axe-core) and is no wider than its window."""
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0, page.url
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
