"""An agent's morning, by keyboard alone and with the mouse alone: from signing in to the next ticket."""

from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.enums import CommentType, Status
from emberone.services import publishing
from tests.browsing import expect, looking
from tests.web.admin.conftest import look, rows
from tests.web.conftest import PASSWORD


class Keyboard:
    """Touches nothing but keys; tabs only where no key leads."""

    def __init__(self, page):
        self.page = page

    def _press(self, *keys):
        for key in keys:
            # A page that is drawn already may not listen yet.
            self.page.wait_for_load_state()
            self.page.keyboard.press(key)

    def sign_in(self, address):
        # The cursor stands there by itself, once the page is drawn.
        expect(self.page.locator("input[name=email]")).to_be_focused()
        self.page.keyboard.type(address)
        self._press("Tab")
        self.page.keyboard.type(PASSWORD)
        self._press("Enter")

    def open_queue(self):
        self._press("g", "q")

    def open_ticket(self, title):
        for _ in range(10):
            self._press("j")
            if title in self.page.evaluate("document.activeElement.textContent"):
                break
        self._press("Enter")

    def take(self):
        self._press("a")

    def reply(self, words):
        self._press("r")
        expect(self.page.locator("#composer-text")).to_be_focused()
        self.page.keyboard.type(words)
        self._press("Control+Enter")

    def close(self):
        self._press("e")
        expect(self.page.locator("dialog")).to_be_visible()
        self._press("Tab", "Enter")

    def next(self):
        self._press("]")

    def ask_for_help(self):
        self._press("?")

    def leave_help(self):
        self._press("Escape")

    def back(self):
        self._press("u")


class Mouse:
    """Points and clicks, and types only into fields."""

    def __init__(self, page):
        self.page = page

    def sign_in(self, address):
        self.page.locator("input[name=email]").click()
        self.page.keyboard.type(address)
        self.page.locator("input[name=password]").click()
        self.page.keyboard.type(PASSWORD)
        self.page.locator("main button[type=submit]").click()

    def open_queue(self):
        self.page.get_by_role("navigation", name="Main menu").get_by_text("Tickets").click()

    def open_ticket(self, title):
        self.page.locator(".list-table").get_by_text(title).click()

    def take(self):
        self.page.get_by_role("button", name="Take it").click()

    def reply(self, words):
        self.page.locator("#composer-text").click()
        self.page.keyboard.type(words)
        self.page.locator("[data-send]").click()

    def close(self):
        self.page.locator("header.ticket-head").get_by_role("button", name="Close").click()
        self.page.get_by_role("button", name="Confirm").click()

    def next(self):
        self.page.get_by_role("link", name="Next ticket of the list").click()

    def ask_for_help(self):
        self.page.get_by_role("button", name="Keyboard shortcuts").click()

    def leave_help(self):
        self.page.locator("dialog").get_by_role("button", name="Close").click()

    def back(self):
        self.page.locator("[data-list-back]").click()


@pytest.fixture
def look_around(chromium, web):
    with looking(chromium, web) as open_page:
        yield open_page


@pytest.mark.parametrize("hands", [Keyboard, Mouse])
def test_an_agents_morning(hands, look_around, agent, account, open_ticket):
    later, first = open_ticket("Cups are missing"), open_ticket("Printer on fire")
    page = look_around("/login")
    ana = hands(page)
    title = page.locator("h1")

    ana.sign_in(account(agent))
    expect(title).to_have_text("Tickets")
    ana.open_queue()
    expect(page.locator(".view-tabs [aria-current=page]")).to_contain_text("All")
    ana.open_ticket(first.title)
    expect(title).to_have_text(first.title)

    ana.take()
    expect(page.locator(".notice--success")).to_contain_text("The ticket is yours.")
    assert look(first.id).assigned_agent_id == agent.profile_id

    ana.reply("Please pull the plug.")
    expect(page.locator(".outgoing")).to_contain_text("Please pull the plug.")
    assert look(first.id).status is Status.OPEN
    publishing.publish_due(now=datetime.now(UTC) + timedelta(minutes=1))
    expect(page.locator(".comment", has_text="Please pull the plug.")).to_be_visible()
    expect(page.locator(".outgoing")).to_have_count(0)
    assert look(first.id).status is Status.IN_PROGRESS

    ana.close()
    expect(page.locator(".ticket__meta")).to_contain_text("Closed")
    assert look(first.id).status is Status.CLOSED

    ana.ask_for_help()
    expect(page.locator("dialog")).to_contain_text("Next ticket of the list")
    ana.leave_help()
    expect(page.locator("dialog")).to_have_count(0)

    ana.next()
    expect(title).to_have_text(later.title)
    ana.back()
    expect(page.locator(".list-table")).to_contain_text(later.title)
    said = rows("SELECT author_id, type, content FROM comments WHERE ticket_id = :id", id=first.id)
    assert said == [(agent.profile_id, CommentType.USER.value, "Please pull the plug.")]
