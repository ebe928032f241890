"""What only a browser can tell: that nothing is refused, nothing overflows, everything answers.

Needs Debian's Chromium and the playwright package; skipped, and said so, without them.
"""

import shutil
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server

from tests.web.test_theme import PAGES
from tests.web.theme_sample import create_sample

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    # All of them in one process: one server, one browser.
    pytest.mark.xdist_group("theme-in-browser"),
]

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: The budget of a cold visit to the queue, in bytes on the wire, and of a second one.
COLD, WARM = 250_000, 30_000


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_sample(), threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as tools:
        running = tools.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Any]:
    """Opens a page of the sample; at the end the browser must have had nothing to complain of."""
    contexts, complaints = [], []

    def open_page(path: str, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [c for c in complaints if "the server responded with a status" not in c] == []


@pytest.mark.parametrize("width", [400, 1400])
def test_no_page_overflows_and_nothing_is_refused(visit: Any, address: str, width: int) -> None:
    page = visit("/admin/", viewport={"width": width, "height": 800})
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for path in PAGES:
        page.goto(address + path, wait_until="load")
        assert page.evaluate(wide) <= 0, path


def test_sixteen_tickets_are_seen_at_once(visit: Any) -> None:
    page = visit("/admin/queue/")
    bottoms = "rows => rows.map(row => row.getBoundingClientRect().bottom)"
    seen = [b for b in page.locator("tbody tr").evaluate_all(bottoms) if b <= 900]
    assert len(seen) >= 16


def test_the_queue_stays_within_its_budget(visit: Any) -> None:
    page = visit("/sign-in")
    sizes: list[float] = []
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.clearBrowserCache")
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(page.url.replace("/sign-in", "/admin/queue/"), wait_until="networkidle")
    assert 0 < sum(sizes) <= COLD
    sizes.clear()
    page.reload(wait_until="networkidle")
    assert 0 < sum(sizes) <= WARM


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system_until_one_is_chosen(visit: Any, scheme: str) -> None:
    page = visit("/sign-in", color_scheme=scheme)
    other = {"light": "dark", "dark": "light"}[scheme]
    root = page.locator("html")
    assert root.get_attribute("data-bs-theme") == scheme
    page.click("[data-scheme-switch]")
    page.reload()
    assert root.get_attribute("data-bs-theme") == other
    page.click("[data-scheme-switch]")
    assert page.evaluate("localStorage.length") == 0
    page.emulate_media(color_scheme=other)
    page.wait_for_selector(f"html[data-bs-theme={other}]", timeout=5_000)


def test_dark_needs_no_script(visit: Any) -> None:
    page = visit("/sign-in", color_scheme="dark", java_script_enabled=False)
    assert page.locator("html").get_attribute("data-bs-theme") is None
    assert page.locator("[data-scheme-switch]").is_hidden()
    assert page.screenshot() != visit("/sign-in", java_script_enabled=False).screenshot()


def test_what_cannot_be_taken_back_is_asked_first(visit: Any) -> None:
    page = visit("/admin/customer/?search=henry")
    count = page.locator("tbody tr").count()
    page.locator("button[title='Delete Record']").last.click()
    page.keyboard.press("Escape")
    assert page.locator("dialog").count() == 0
    page.locator("button[title='Delete Record']").last.click()
    page.locator("dialog button", has_text="Confirm").click()
    page.wait_for_selector(".notice--success")
    assert page.locator("tbody tr").count() == count - 1


def test_selecting_all_selects_every_row(visit: Any) -> None:
    page = visit("/admin/customer/")
    page.check("[data-select-all]")
    assert page.locator("input[name=rowid]:checked").count() == 20
    page.locator("input[name=rowid]").first.uncheck()
    assert page.locator("[data-select-all]").evaluate("box => box.indeterminate")


def test_a_reference_is_found_by_typing(visit: Any) -> None:
    page = visit("/admin/order/new/")
    page.locator(".ts-control").first.click()
    with page.expect_response("**/ajax/lookup/*query=aylin*"):
        page.keyboard.type("aylin")
    page.locator(".ts-dropdown .option", has_text="Aylin Demir").first.click()
    assert page.locator("select[name=customer]").input_value() == "7"


def test_a_part_of_a_form_is_added_with_names_of_its_own(visit: Any) -> None:
    page = visit("/admin/customer/edit/?id=1")
    page.click("[data-add-inline]")
    assert page.locator("[name=notes-1-text]").is_visible()
    page.get_by_label("Text").last.fill("Second note")
    assert page.locator("[name=notes-1-text]").input_value() == "Second note"


def test_the_phones_menu_opens_and_says_so(visit: Any) -> None:
    page = visit("/admin/queue/", viewport={"width": 400, "height": 800})
    toggle = page.locator("[data-toggle-open]")
    assert page.locator("#panel-menu").is_hidden()
    toggle.click()
    assert toggle.get_attribute("aria-expanded") == "true"
    assert page.locator("#panel-menu").is_visible()


def test_the_reply_box_turns_into_a_note_from_the_keyboard(visit: Any) -> None:
    page = visit("/admin/queue/1042")
    assert page.locator(".composer__note").is_hidden()
    page.locator("input[name=kind]").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".composer__note").is_visible()
    assert page.locator(".composer__reply").is_hidden()


def test_the_first_tab_skips_to_the_content(visit: Any) -> None:
    page = visit("/admin/queue/")
    page.keyboard.press("Tab")
    assert page.locator(".skip-link").evaluate("link => link === document.activeElement")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
