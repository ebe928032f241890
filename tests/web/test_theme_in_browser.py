"""What only a browser can tell: that nothing is refused, nothing overflows, everything answers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browsing import expect, looking
from tests.web.test_theme import PAGES
from tests.web.theme_sample import create_sample

#: The budget of a cold visit to the queue, in bytes on the wire, and of a second one.
COLD, WARM = 250_000, 30_000


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page of the sample."""
    with looking(chromium, create_sample()) as open_page:
        yield open_page


@pytest.mark.parametrize("width", [400, 1400])
def test_no_page_overflows_and_nothing_is_refused(visit: Any, width: int) -> None:
    page = visit("/admin/", viewport={"width": width, "height": 800})
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for path in PAGES:
        page.goto(path, wait_until="load")
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
    page.goto("/admin/queue/", wait_until="networkidle")
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
    expect(page.locator("[data-scheme-switch]")).to_be_hidden()
    assert page.screenshot() != visit("/sign-in", java_script_enabled=False).screenshot()


def test_what_cannot_be_taken_back_is_asked_first(visit: Any) -> None:
    page = visit("/admin/customer/?search=henry")
    count = page.locator("tbody tr").count()
    page.locator("button[title='Delete Record']").last.click()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    page.locator("button[title='Delete Record']").last.click()
    page.locator("dialog button", has_text="Confirm").click()
    page.wait_for_selector(".notice--success")
    expect(page.locator("tbody tr")).to_have_count(count - 1)


def test_selecting_all_selects_every_row(visit: Any) -> None:
    page = visit("/admin/customer/")
    page.check("[data-select-all]")
    expect(page.locator("input[name=rowid]:checked")).to_have_count(20)
    page.locator("input[name=rowid]").first.uncheck()
    assert page.locator("[data-select-all]").evaluate("box => box.indeterminate")


def test_a_reference_is_found_by_typing(visit: Any) -> None:
    page = visit("/admin/order/new/")
    page.locator(".ts-control").first.click()
    expect(page.locator(".ts-control input").first).to_be_focused()
    with page.expect_response("**/ajax/lookup/*query=aylin*"):
        page.keyboard.type("aylin")
    page.locator(".ts-dropdown .option", has_text="Aylin Demir").first.click()
    assert page.locator("select[name=customer]").input_value() == "7"


def test_what_is_typed_and_taken_at_once_is_what_was_typed(visit: Any) -> None:
    """Enter before the server has answered takes the first of its answer, and nothing older."""
    page = visit("/admin/order/new/")
    held: list[Any] = []
    page.route("**/ajax/lookup/*", lambda route: held.append(route))
    with page.expect_request("**/ajax/lookup/*query=aylin*"):
        page.locator(".ts-control").first.click()
        page.keyboard.type("aylin")
        page.keyboard.press("Enter")
    assert page.locator("select[name=customer]").input_value() == ""
    held[-1].continue_()
    expect(page.locator("select[name=customer]")).to_have_value("7")


def test_whoever_is_quicker_than_the_search_goes_on_in_it(visit: Any) -> None:
    page = visit("/sign-in")
    held: list[Any] = []
    page.route("**/tom-select*.js*", lambda route: held.append(route))
    with page.expect_request("**/tom-select*.js*"):
        page.goto("/admin/order/new/", wait_until="domcontentloaded")
        page.locator("select[name=customer]").focus()
    held[0].continue_()
    expect(page.locator(".ts-control input").first).to_be_focused()
    page.keyboard.type("aylin")
    page.keyboard.press("Enter")
    expect(page.locator("select[name=customer]")).to_have_value("7")


def test_a_part_of_a_form_is_added_with_names_of_its_own(visit: Any) -> None:
    page = visit("/admin/customer/edit/?id=1")
    page.click("[data-add-inline]")
    expect(page.locator("[name=notes-1-text]")).to_be_visible()
    page.get_by_label("Text").last.fill("Second note")
    assert page.locator("[name=notes-1-text]").input_value() == "Second note"


def test_the_phones_menu_opens_and_says_so(visit: Any) -> None:
    page = visit("/admin/queue/", viewport={"width": 400, "height": 800})
    toggle = page.locator(".panel-side__toggle")
    expect(page.locator("#panel-menu")).to_be_hidden()
    toggle.click()
    assert toggle.get_attribute("aria-expanded") == "true"
    expect(page.locator("#panel-menu")).to_be_visible()


def test_the_reply_box_turns_into_a_note_from_the_keyboard(visit: Any) -> None:
    page = visit("/admin/queue/1042")
    expect(page.locator(".composer__note")).to_be_hidden()
    page.locator("input[name=kind]").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".composer__note")).to_be_visible()
    expect(page.locator(".composer__reply")).to_be_hidden()


def test_the_first_tab_skips_to_the_content(visit: Any) -> None:
    page = visit("/admin/queue/")
    page.keyboard.press("Tab")
    assert page.locator(".skip-link").evaluate("link => link === document.activeElement")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
