"""Every page, light and dark, on a phone and on a desk: whole, legible, and photographed."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe

from tests.browsing import expect
from tests.journeys.product import Product
from tests.pages.stops import STOPS, Stop

WIDTHS = {400: 850, 1400: 900}
SCHEMES = ("light", "dark")
#: A list as cards on a phone goes on for ever; its end looks like its beginning.
_TALLEST = 2400

_ONLY = os.environ.get("EMBERONE_PAGES_ONLY", "")
_PICTURES = os.environ.get("EMBERONE_PAGES_PICTURES")

_BROKEN_IMAGES = """
    Array.from(document.images)
        .filter(image => image.loading !== 'lazy' && image.naturalWidth === 0)
        .map(image => image.src)
        .concat(Array.from(document.querySelectorAll('svg use'))
            .filter(use => { const box = use.getBBox(); return !box.width && !box.height; })
            .filter(use => use.checkVisibility())
            .map(use => use.getAttribute('href')))
"""
_AXE_SCRIPT = Axe().axe_script
_AXE = {"resultTypes": ["violations"]}
#: Nothing but colours differs between light and dark; and a letter has no frame of a page.
_AXE_COLOURS = {
    **_AXE,
    "runOnly": {
        "type": "rule",
        "values": ["color-contrast", "link-in-text-block", "link-name", "image-alt", "list"],
    },
}
_TOO_WIDE = """
    document.documentElement.scrollWidth - document.documentElement.clientWidth
"""

#: title → the stop's endpoint that has it.
_titles: dict[str, str] = {}


class Watch:
    """Everything that a page complains about or asks others for while it is open."""

    def __init__(self, page: Any, home: str) -> None:
        self.complaints: list[str] = []
        self._home = home
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("console", self._heard)
        page.on("request", self._asked)
        page.on("response", self._answered)

    def _heard(self, said: Any) -> None:
        # What a page of an error answers is looked at below.
        if said.type == "error" and "the server responded with a status" not in said.text:
            self.complaints.append(f"console: {said.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((f"{self._home}/", "data:", "blob:")):
            self.complaints.append(f"asks another origin: {request.url}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.complaints.append(f"{response.status}: {response.url}")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "stop", [pytest.param(stop, id=stop.name) for stop in STOPS if _ONLY in stop.name]
)
def test_the_page_is_whole(
    stop: Stop,
    width: int,
    product: Product,
    facts: dict[str, Any],
    browser_of: Callable[[str], Any],
) -> None:
    context = browser_of(stop.who)
    page = context.new_page()
    watch = Watch(page, f"http://127.0.0.1:{product.port}")
    try:
        page.set_viewport_size({"width": width, "height": WIDTHS[width]})
        page.emulate_media(color_scheme="light")
        answer = page.goto(stop.path.format(**facts))
        assert answer.status == stop.status
        if stop.act:
            stop.act(page, facts)
        _judge_frame(page, stop)
        if stop.is_letter:
            # Where a letter is shown nothing may run, and axe would wait for ever: the same
            # words elsewhere.
            words = answer.text()
            page.goto("about:blank")
            page.set_content(words)
        page.evaluate(_AXE_SCRIPT)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            if not stop.is_letter:
                expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
            if _PICTURES:
                _photograph(page, Path(_PICTURES) / f"{stop.name}-{width}-{scheme}.webp")
            assert page.evaluate(_TOO_WIDE) <= 0, "it is wider than its window"
            rules = _AXE if scheme == "light" and not stop.is_letter else _AXE_COLOURS
            found = AxeResults(page.evaluate("rules => axe.run(document, rules)", rules))
            assert found.violations_count == 0, f"{scheme}\n{found.generate_report()}"
        assert page.evaluate(_BROKEN_IMAGES) == []
        assert watch.complaints == []
    finally:
        page.close()


def _judge_frame(page: Any, stop: Stop) -> None:
    """What stands around the content: a language, a name of its own, one heading above all."""
    assert page.locator("html").get_attribute("lang")
    if stop.is_letter:
        return
    assert page.locator("h1").count() == 1
    title = page.title()
    assert title
    if stop.status < 400:
        assert _titles.setdefault(title, stop.endpoint) == stop.endpoint, title


def _photograph(page: Any, path: Path) -> None:
    """Save the whole page as WebP, which takes a third of a PNG's bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seen = page.viewport_size
    height = page.evaluate("document.documentElement.scrollHeight")
    # In a window of its height, so that what stays in sight while one scrolls is drawn once.
    page.set_viewport_size({**seen, "height": min(max(height, seen["height"]), _TALLEST)})
    wire = page.context.new_cdp_session(page)
    picture = wire.send("Page.captureScreenshot", {"format": "webp", "quality": 60})
    wire.detach()
    page.set_viewport_size(seen)
    path.write_bytes(base64.b64decode(picture["data"]))
