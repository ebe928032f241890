"""Two agents on one ticket in real browsers: what one does, the other sees, and loses nothing."""

import pytest

from emberone.services import comments, tickets
from emberone.services.tickets import TicketChanges
from tests.browsing import DESKTOP, SOON, check_page, expect
from tests.web.admin.conftest import rows


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
    expect(page.locator("[data-news]")).to_be_visible()
    page.click("[data-news]")
    expect(page.locator(".comment", has_text="Here I am again.")).to_be_in_viewport()


def test_on_a_desk_only_its_parts_scroll(visit, agent, open_ticket):
    page = visit(agent, f"/admin/ticket/{open_ticket().number}/", viewport=DESKTOP)
    height = page.evaluate("document.scrollingElement.scrollHeight")
    assert height == DESKTOP["height"]


def test_without_a_script_it_opens_at_the_newest_and_answers(visit, agent, open_ticket):
    ticket = open_ticket()
    for number in range(12):
        comments.add_note(agent, ticket.id, f"Note {number}. " + "Long text. " * 60)
    page = visit(agent, f"/admin/ticket/{ticket.number}/", java_script_enabled=False)
    box = page.locator(".comment", has_text="Note 11.").bounding_box()
    assert 0 <= box["y"] <= 900
    page.fill("#composer-text", "Answered without a script.")
    page.click("button[value=reply]:not(.menu-item)")
    card = page.locator(".outgoing", has_text="Answered without a script.")
    expect(card).to_be_visible()
    card.get_by_role("button", name="Take back").click()
    expect(page.locator(".outgoing")).to_have_count(0)
    assert page.input_value("#composer-text") == "Answered without a script."


def test_what_one_changes_is_not_overwritten_by_what_comes(visit, agent, admin, open_ticket):
    ticket = open_ticket()
    page = visit(agent, f"/admin/ticket/{ticket.number}/")
    save = page.locator(".side-form__save")
    expect(save).to_be_hidden()
    page.select_option("#priority", "HIGH")
    expect(save).to_be_visible()
    tickets.change_ticket(admin, ticket.id, TicketChanges(title="Their subject"), version=None)
    page.locator("h1", has_text="Their subject").wait_for(timeout=SOON)
    assert page.input_value("#priority") == "HIGH"
    page.click(".side-form__save button[type=submit]")
    expect(page.locator("h1")).to_contain_text("Two versions")


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
    for query in ("", "?tab=activity"):
        page.goto(page.url.split("?")[0] + query)
        check_page(page)


def test_a_colleague_is_named_in_a_note_by_keyboard_and_leads_to_their_page(
    visit, agent, make, open_ticket
):
    yuki = make.agent("Yuki Tanaka")
    make.admin("Yara Boss")
    ticket = open_ticket()
    page = visit(agent, f"/admin/ticket/{ticket.number}/")
    box, names = page.locator("#composer-text"), page.locator(".mentions__option")
    asked = []
    page.on("request", lambda one: asked.append(one.url) if "name=colleague" in one.url else None)
    # A customer knows no colleagues.
    box.press_sequentially("Hello @Nobody")
    box.fill("")
    page.locator("input[name=kind][value=note]").check(force=True)
    box.press_sequentially("Can you look, @y")
    expect(names).to_have_text(["Yara Boss", "Yuki Tanaka"])
    assert not any("obody" in address for address in asked)
    check_page(page)
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("Can you look, @Yuki Tanaka ")
    box.press_sequentially("and @Yara")
    expect(names).to_have_count(1)
    box.press("Escape")
    expect(names.first).to_be_hidden()
    expect(box).to_be_focused()
    box.press("Control+Enter")
    link = page.locator(".comment--internal").get_by_role("link", name="@Yuki Tanaka")
    expect(link).to_have_attribute("href", f"/admin/profile/details/?id={yuki.profile_id}")
    letters = rows("SELECT full_name FROM mail_outbox JOIN profiles ON profiles.id = to_profile_id")
    assert ("Yuki Tanaka",) in [tuple(row) for row in letters]
    page.locator(".comment--internal").hover()
    page.get_by_role("link", name="Edit this comment").click()
    page.locator("#content").press("End")
    page.locator("#content").press_sequentially(" @yara")
    expect(names).to_have_text(["Yara Boss"])
    check_page(page)
