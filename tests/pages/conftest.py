"""The product with its demo, and a browser for each person of the tour."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from emberone.core import create_core
from emberone.db import db
from emberone.demo_accounts import DEMO_ADMIN, DEMO_AGENT, DEMO_CUSTOMER, DEMO_PASSWORD
from tests.browsing import CHROMIUM, OPTIONS
from tests.conftest import settings_for
from tests.journeys.product import Product
from tests.pages.scene import NEWCOMER, prepare
from tests.pages.stops import ADMIN, AGENT, CUSTOMER, NOBODY
from tests.pages.stops import NEWCOMER as NEW

_LOGINS = {CUSTOMER: DEMO_CUSTOMER, NEW: NEWCOMER, AGENT: DEMO_AGENT, ADMIN: DEMO_ADMIN}


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """Everything that serves pages, on servers and in a folder of its own.

    No worker runs: what a page shows does not change while it is looked at.
    """
    with (
        tempfile.TemporaryDirectory(prefix="emberone-pages-") as folder,
        Product(Path(folder)) as product,
    ):
        product.run("demo")
        product.start("web", "web")
        product.wait("a page", lambda: product.answers("/healthz"))
        yield product


@pytest.fixture(scope="session")
def facts(product: Product) -> dict[str, Any]:
    """Where everything is that the stops name."""
    app = create_core(settings_for(product.postgres))
    try:
        return prepare(product, app)
    finally:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running Chromium; this tour cannot do without one."""
    if CHROMIUM is None:
        pytest.fail("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as tools:
        running = tools.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def browser_of(product: Product, facts: dict[str, Any], chromium: Any) -> Callable[[str], Any]:
    """The browser of a person, who has signed in as people do: `browser_of(AGENT)`."""
    contexts: dict[str, Any] = {}

    def browser(who: str) -> Any:
        if who not in contexts:
            contexts[who] = chromium.new_context(
                base_url=f"http://127.0.0.1:{product.port}",
                locale="en-GB",
                timezone_id="UTC",
                reduced_motion="reduce",
            )
            if who != NOBODY:
                page = contexts[who].new_page()
                page.goto("/login")
                page.fill("[name=email]", _LOGINS[who])
                page.fill("[name=password]", DEMO_PASSWORD)
                page.click("main form[name=login_user_form] button[type=submit]")
                page.wait_for_url(lambda address: "/login" not in address)
                page.close()
        return contexts[who]

    return browser
