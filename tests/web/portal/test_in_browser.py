"""A customer's whole life in a real browser: by mouse, by keyboard alone, on a phone, unscripted."""

from collections.abc import Callable
from typing import Any

import pytest

from emberone.db import reading
from emberone.domain.lifecycle import Event
from emberone.queries.portal import own_tickets
from emberone.services.comments import add_note, reply
from emberone.services.tickets import close_ticket
from tests.browsing import PHONE, SOON, check_page, expect
from tests.web.portal.conftest import look


@pytest.fixture
def visit(visit: Callable[..., Any], customer: Any) -> Callable[..., Any]:
    """Signs the customer in, on a phone unless told otherwise, and opens an address."""
    return lambda path, **options: visit(customer, path, **{"viewport": PHONE, **options})


def only_ticket(customer: Any) -> Any:
    with reading(customer) as session:
        (row,) = own_tickets(session, customer).rows
    return row


def ticket_id(owner: Any) -> Any:
    return owner.execute("SELECT id FROM tickets").fetchone()[0]


def press_until(page: Any, words: str, key: str = "Tab") -> None:
    """Walk through the page until what has the focus is called so."""
    called = (
        "() => { const e = document.activeElement; if (e === document.body) return '';"
        " return [e.labels?.[0]?.textContent, e.getAttribute('aria-label'), e.textContent]"
        ".filter(Boolean).join(' ') }"
    )
    for _ in range(60):
        page.keyboard.press(key)
        if words in page.evaluate(called):
            return
    raise AssertionError(f"The keyboard does not reach {words!r}.")


def test_the_whole_life_by_mouse(visit, agent, customer, owner):
    page = visit("/portal/", viewport={"width": 1400, "height": 900})
    page.click("text=Ask something")
    page.fill("#title", "Printer on fire")
    page.fill("#description", "It **burns**.")
    page.select_option("#priority", "HIGH")
    page.click("main button:has-text('Send')")
    page.locator(".message strong", has_text="burns").wait_for()
    page.fill("#text", "Is anybody there?")
    page.dblclick("button:has-text('Send')")
    page.locator(".message", has_text="Is anybody there?").wait_for()
    expect(page.locator(".message", has_text="Is anybody there?")).to_have_count(1)
    page.fill("#text", "Half a sentence")
    add_note(agent, ticket_id(owner), "They sound nervous.")
    reply(agent, ticket_id(owner), "Yes. **Use water.**", Event.STAFF_REPLY)
    page.locator(".message--staff strong", has_text="Use water.").wait_for(timeout=SOON)
    assert page.input_value("#text") == "Half a sentence"
    assert "nervous" not in page.content()
    page.fill("#text", "It worked, thnaks.")
    page.click("button:has-text('Send')")
    page.locator(".message", has_text="thnaks").locator("text=Edit").click()
    page.fill("#text", "It worked, thanks.")
    page.click("main button:has-text('Save')")
    page.locator(".message", has_text="It worked, thanks.").wait_for()
    page.fill("#text", "All is well.")
    page.click("text=It is solved")
    page.locator("dialog button", has_text="Confirm").click()
    page.locator(".message", has_text="All is well.").wait_for()
    page.locator(".rating__star").nth(4).click()
    page.fill("#rating-text", "Quick and kind.")
    page.click("text=Send my rating")
    page.locator("text=You gave 5 stars of 5.").wait_for()
    page.fill("#text", "It burns again!")
    page.click("button:has-text('Send')")
    page.locator(".message-event", has_text="You reopened this ticket.").wait_for()
    page.click(".portal-nav:has-text('My tickets')")
    page.fill("#search", "burns again")
    page.keyboard.press("Enter")
    page.locator(".own-ticket", has_text="Printer on fire").wait_for()
    after = look(ticket_id(owner))
    assert (after.status, after.feedback_rating) == ("OPEN", 5)


def test_the_whole_life_by_keyboard_alone(visit, agent, customer, owner):
    page = visit("/portal/")
    page.keyboard.press("Tab")
    press_until(page, "New ticket")
    page.keyboard.press("Enter")
    page.locator("#title").wait_for()
    press_until(page, "Subject")
    page.keyboard.type("Printer on fire")
    press_until(page, "Tell us more")
    page.keyboard.type("It burns.")
    press_until(page, "How urgent")
    page.keyboard.press("ArrowDown")
    press_until(page, "Send")
    page.keyboard.press("Enter")
    page.locator(".message", has_text="It burns.").wait_for()
    press_until(page, "Your answer")
    page.keyboard.type("Is anybody there?")
    press_until(page, "Send")
    page.keyboard.press("Enter")
    page.locator(".message", has_text="Is anybody there?").wait_for()
    press_until(page, "Edit the request")
    page.keyboard.press("Enter")
    page.locator("#description").wait_for()
    press_until(page, "Subject")
    page.keyboard.type(" again")
    press_until(page, "Save")
    page.keyboard.press("Enter")
    page.locator("h1", has_text="again").wait_for()
    press_until(page, "It is solved")
    page.keyboard.press("Enter")
    press_until(page, "Confirm")
    page.keyboard.press("Enter")
    page.locator("#rating").wait_for()
    press_until(page, "1 star")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    press_until(page, "In your words")
    page.keyboard.type("Fine.")
    press_until(page, "Send my rating")
    page.keyboard.press("Enter")
    page.locator("text=You gave 5 stars of 5.").wait_for()
    press_until(page, "Reopen")
    page.keyboard.press("Enter")
    page.locator("text=You reopened this ticket.").wait_for()
    assert only_ticket(customer).status == "OPEN"


def test_without_a_script_everything_is_there(visit, ask, customer):
    ticket = ask()
    page = visit(f"/portal/{ticket.number}/", java_script_enabled=False)
    page.fill("#text", "Any news?")
    page.click("button:has-text('Send')")
    expect(page.locator(".message", has_text="Any news?")).to_be_visible()
    page.click("text=It is solved")
    page.locator(".rating__star").nth(2).click()
    page.click("text=Send my rating")
    expect(page.locator("text=You gave 3 stars of 5.")).to_be_visible()
    page.click("text=Reopen")
    expect(page.locator("text=You reopened this ticket.")).to_be_visible()
    assert look(ticket.id).status == "OPEN"


def test_a_ticket_closed_while_one_writes_takes_no_words_away(visit, ask, agent):
    ticket = ask()
    page = visit(f"/portal/{ticket.number}/")
    page.fill("#text", "Half a sentence")
    close_ticket(agent, ticket.id)
    page.locator("#live-hint", has_text="reopens this ticket").wait_for(timeout=SOON)
    assert page.input_value("#text") == "Half a sentence"
    page.locator("[role=alert] a", has_text="Reload the page").wait_for()


def test_with_nothing_typed_the_page_follows_by_itself(visit, ask, agent):
    ticket = ask()
    page = visit(f"/portal/{ticket.number}/")
    close_ticket(agent, ticket.id)
    page.locator("text=How did we do?").wait_for(timeout=SOON)


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_overflows_or_shuts_anybody_out(
    visit, ask, agent, customer, make, owner, scheme, width
):
    waiting, closed = ask("Printer " + "on" * 200, "x" * 400), ask("Scanner")
    reply(
        agent,
        waiting.id,
        "# Which?\n\n- `a`\n- b\n\n|x|y|\n|-|-|\n|1|2|",
        Event.STAFF_REPLY_AND_WAIT,
    )
    reply(agent, closed.id, "Done: https://example.org/" + "y" * 300, Event.STAFF_REPLY_AND_CLOSE)
    page = visit("/portal/", color_scheme=scheme, viewport={"width": width, "height": 850})
    (comment_id,) = owner.execute(
        "INSERT INTO comments (ticket_id, author_id, content) VALUES (%s, %s, 'Fresh.')"
        " RETURNING id",
        [waiting.id, customer.profile_id],
    ).fetchone()
    for path in (
        "",
        "?search=nothing",
        "?show=closed",
        "new/",
        f"{waiting.number}/",
        f"{waiting.number}/edit/",
        f"{waiting.number}/comments/{comment_id}/edit/",
        f"{closed.number}/",
    ):
        page.goto("/portal/" + path)
        check_page(page)


def test_on_a_phone_everything_is_large_enough_for_a_thumb(visit, ask):
    ticket = ask()
    for path in ("/portal/", "/portal/new/", f"/portal/{ticket.number}/"):
        page = visit(path)
        small = page.eval_on_selector_all(
            "main button, main input:not([type=hidden]), main select, main textarea, main .btn",
            "all => all.filter(e => e.offsetParent && e.getBoundingClientRect().height < 40)"
            ".map(e => e.outerHTML)",
        )
        assert small == []
    box = page.locator("#text").bounding_box()
    assert box["y"] + box["height"] <= PHONE["height"]
