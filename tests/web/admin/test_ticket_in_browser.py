"""Two agents on one ticket in real browsers: what one does, the other sees, and loses nothing.

Needs Debian's Chromium and playwright; skipped, and said so, without them.
"""

import shutil
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server

from emberone.services import comments, tickets
from emberone.services.tickets import TicketChanges
from tests.web.conftest import PASSWORD
from tests.web.test_theme_in_browser import OPTIONS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.xdist_group("ticket-in-browser"),
]

#: The promise is three seconds; a loaded machine may take its time to draw.
SOON = 6_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as tools:
        running = tools.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture
def visit(chromium: Any, web: Any, account: Callable[..., str]) -> Iterator[Any]:
    """Opens an address as a person; at the end no page may have complained."""
    server = make_server("127.0.0.1", 0, web, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    home = f"http://127.0.0.1:{server.server_port}"
    contexts, complaints = [], []

    def open_page(person: Any, path: str, **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{home}/login")
        page.fill("[name=email]", account(person))
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.goto(home + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    server.shutdown()
    thread.join()
    assert complaints == []


def test_the_others_comment_appears_while_one_types(visit, agent, make, open_ticket):
    ticket, ben = open_ticket(), make.agent("Ben Second", email="ben@example.org")
    path = f"/admin/ticket/{ticket.number}/"
    mine, theirs = visit(agent, path), visit(ben, path)
    mine.click("label[data-key=r]")
    mine.locator("#composer-text:focus").wait_for(timeout=SOON)
    mine.keyboard.type("Half a sentence")
    theirs.click("label[data-key=n]")
    theirs.locator("#composer-text:focus").wait_for(timeout=SOON)
    theirs.keyboard.type("I have called them.")
    theirs.keyboard.press("Control+Enter")
    mine.locator(".comment--internal", has_text="I have called them.").wait_for(timeout=SOON)
    assert mine.input_value("#composer-text") == "Half a sentence"
    assert mine.evaluate("document.activeElement.id") == "composer-text"
    assert mine.locator("[data-announce]").text_content() == "New comment from Ben Second"


def test_a_reader_of_old_comments_keeps_the_line_they_read(visit, agent, customer, open_ticket):
    ticket = open_ticket()
    for number in range(12):
        comments.add_note(agent, ticket.id, f"Note {number}. " + "Long text. " * 60)
    page = visit(agent, f"/admin/ticket/{ticket.number}/")
    scroller = page.locator("[data-scroller]")
    last = page.locator(".comment").last
    assert last.evaluate("e => e.getBoundingClientRect().bottom <= innerHeight")
    scroller.evaluate("e => { e.scrollTop = -600 }")
    seen = page.locator(".comment", has_text="Note 8.")
    before = seen.bounding_box()["y"]
    comments.comment_as_customer(customer, ticket.id, "Here I am again.")
    page.locator(".comment", has_text="Here I am again.").wait_for(state="attached", timeout=SOON)
    assert abs(seen.bounding_box()["y"] - before) <= 2
    assert page.locator("[data-news]").is_visible()
    page.click("[data-news]")
    assert page.locator(".comment", has_text="Here I am again.").is_visible()


def test_without_a_script_it_opens_at_the_newest_and_answers(visit, agent, open_ticket):
    ticket = open_ticket()
    for number in range(12):
        comments.add_note(agent, ticket.id, f"Note {number}. " + "Long text. " * 60)
    page = visit(agent, f"/admin/ticket/{ticket.number}/", java_script_enabled=False)
    box = page.locator(".comment", has_text="Note 11.").bounding_box()
    assert 0 <= box["y"] <= 900
    page.fill("#composer-text", "Answered without a script.")
    page.click("button[value=reply]:not(.menu-item)")
    assert page.locator(".comment", has_text="Answered without a script.").is_visible()


def test_what_one_changes_is_not_overwritten_by_what_comes(visit, agent, admin, open_ticket):
    ticket = open_ticket()
    page = visit(agent, f"/admin/ticket/{ticket.number}/")
    save = page.locator(".side-form__save")
    assert save.is_hidden()
    page.select_option("#priority", "HIGH")
    assert save.is_visible()
    tickets.change_ticket(admin, ticket.id, TicketChanges(title="Their subject"), version=None)
    page.locator("h1", has_text="Their subject").wait_for(timeout=SOON)
    assert page.input_value("#priority") == "HIGH"
    page.click(".side-form__save button[type=submit]")
    assert "Two versions" in page.locator("h1").text_content()


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_in_the_way_of_anyone(visit, agent, customer, open_ticket, width, scheme):
    ticket = open_ticket(tags=())
    comments.add_note(agent, ticket.id, "A note with `code` and a [link](https://example.org).")
    comments.comment_as_customer(customer, ticket.id, "> quoted\n\nand answered")
    page = visit(
        agent,
        f"/admin/ticket/{ticket.number}/",
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
    )
    page.locator(".ts-wrapper").first.wait_for(timeout=SOON)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for query in ("", "?tab=activity"):
        page.goto(page.url.split("?")[0] + query)
        assert page.evaluate(wide) <= 0
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
