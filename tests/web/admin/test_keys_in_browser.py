"""The panel by keyboard: what can be pressed, where the focus stands, and how it is turned off."""

import pytest

from emberone.domain.enums import Status
from tests.browsing import check_page, expect
from tests.web.admin.conftest import look

QUEUE = "/admin/ticket/?view=all&sort=number"


def focused(page):
    return page.locator(":focus")


def stands_on(page, title):
    expect(page.locator("tr:has(:focus-visible) .cell-main a")).to_have_text(title)


def press(page, *keys):
    for key in keys:
        # A page that is drawn already may not listen yet.
        page.wait_for_load_state()
        page.keyboard.press(key)


@pytest.fixture
def three(open_ticket):
    return [open_ticket(f"The {name} one") for name in ("first", "second", "third")]


@pytest.fixture
def queue(visit, agent, three):
    """The queue of the agent, read once already, so that no title has a mark; newest first."""
    from emberone.services.reads import mark_read

    for ticket in three:
        mark_read(agent, ticket.id, 99)
    return visit(agent, QUEUE)


@pytest.fixture
def page(visit, agent, three):
    return visit(agent, f"/admin/ticket/{three[0].number}/")


def test_one_goes_through_the_list_opens_a_row_and_comes_back_to_it(queue):
    press(queue, "j")
    stands_on(queue, "The third one")
    press(queue, "j", "j", "k")
    stands_on(queue, "The second one")
    press(queue, "o")
    expect(queue.locator("h1")).to_have_text("The second one")
    press(queue, "u")
    stands_on(queue, "The second one")
    press(queue, "j", "Enter")
    expect(queue.locator("h1")).to_have_text("The first one")


def test_after_a_reply_one_goes_on_to_the_next_ticket_and_may_take_it_back(queue):
    queue.goto(queue.url.split("/admin")[0] + QUEUE)
    press(queue, "j", "o")
    expect(queue.locator("h1")).to_have_text("The third one")
    press(queue, "?")
    help_of_keys = queue.get_by_role("dialog")
    expect(help_of_keys).to_contain_text("Send what is written")
    expect(help_of_keys).to_contain_text("Send and go to the next ticket")
    press(queue, "Escape")
    expect(help_of_keys).to_be_hidden()
    press(queue, "r")
    expect(queue.locator("#composer-text")).to_be_focused()
    queue.keyboard.type("Try another cable.")
    # This once: nothing is remembered of it.
    queue.keyboard.press("Control+Shift+Enter")
    expect(queue.locator("h1")).to_have_text("The second one")
    expect(queue.locator("[name=onward]")).not_to_be_checked()
    message = queue.locator(".messages .notice")
    expect(message).to_contain_text("leaves in a few seconds")
    press(queue, "z")
    expect(queue.locator("h1")).to_have_text("The third one")
    expect(queue.locator("#composer-text")).to_have_value("Try another cable.")
    # From now on: the next page has it ticked.
    queue.locator("[name=onward]").check()
    queue.locator("#composer-text").press("Control+Enter")
    expect(queue.locator("h1")).to_have_text("The second one")
    expect(queue.locator("[name=onward]")).to_be_checked()
    check_page(queue)


def test_what_was_sent_on_the_way_to_the_next_ticket_is_no_draft_any_more(queue):
    """Else whoever comes back to the ticket finds it in the box, and sends it once more."""
    press(queue, "j", "o")
    expect(queue.locator("h1")).to_have_text("The third one")
    address = queue.url
    queue.locator("#composer-text").fill("Said once.")
    queue.keyboard.press("Control+Shift+Enter")
    expect(queue.locator("h1")).to_have_text("The second one")
    queue.goto(address)
    expect(queue.locator(".outgoing")).to_contain_text("Said once.")
    expect(queue.locator("#composer-text")).to_have_value("")


def test_the_list_knows_to_which_ticket_one_has_walked(queue):
    press(queue, "j", "Enter")
    expect(queue.locator("h1")).to_have_text("The third one")
    press(queue, "J")
    expect(queue.locator("h1")).to_have_text("The second one")
    press(queue, "]")
    expect(queue.locator("h1")).to_have_text("The first one")
    press(queue, "[")
    expect(queue.locator("h1")).to_have_text("The second one")
    press(queue, "u")
    stands_on(queue, "The second one")


def test_the_search_is_one_key_away_and_then_keys_are_letters(queue):
    press(queue, "/")
    expect(focused(queue)).to_have_attribute("name", "search")
    queue.keyboard.type("jk?")
    expect(focused(queue)).to_have_value("jk?")
    expect(queue.locator("dialog")).to_have_count(0)


def test_two_keys_lead_to_another_part_of_the_panel(queue):
    press(queue, "g", "m")
    expect(queue.locator("h1")).to_have_text("Mail")
    press(queue, "g", "q")
    expect(queue.locator("h1")).to_have_text("Tickets")


def test_a_key_with_another_held_down_is_the_browsers(queue):
    for held in ("Control", "Alt", "Meta"):
        press(queue, f"{held}+j")
    expect(queue.locator("tr:has(:focus-visible)")).to_have_count(0)


def test_a_select_keeps_its_letters(queue):
    queue.locator("#filter-status").focus()
    press(queue, "j", "?")
    expect(focused(queue)).to_have_id("filter-status")
    expect(queue.locator("dialog")).to_have_count(0)


def test_help_lists_what_works_here_and_nothing_else(queue):
    press(queue, "j", "?")
    dialog = queue.locator("dialog")
    expect(dialog).to_contain_text("Next row")
    expect(dialog).to_contain_text("g m")
    expect(dialog).not_to_contain_text("Write a reply")
    press(queue, "j")
    press(queue, "Escape")
    expect(dialog).to_have_count(0)
    stands_on(queue, "The third one")
    press(queue, "Enter")
    expect(queue.locator("h1")).to_have_text("The third one")
    press(queue, "?")
    for words in (
        "Write a reply",
        "Write an internal note",
        "Snooze the ticket",
        "Back to the list",
    ):
        expect(dialog).to_contain_text(words)
    expect(dialog).not_to_contain_text("Next row")
    check_page(queue)


def test_help_holds_the_focus_and_gives_it_back(page):
    page.locator("[data-keys-help]").focus()
    press(page, "Enter")
    dialog = page.locator("dialog[open]")
    expect(dialog).to_be_visible()
    for _ in range(6):
        press(page, "Tab")
        outside = (
            "document.activeElement !== document.body && !document.activeElement.closest('dialog')"
        )
        assert not page.evaluate(outside)
    press(page, "Escape")
    expect(page.locator("[data-keys-help]")).to_be_focused()


def test_keys_can_be_turned_off_and_stay_off(page):
    press(page, "?")
    page.locator("dialog input[type=checkbox]").press("Space")
    press(page, "Escape", "n")
    page.reload()
    press(page, "n", "?")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("#composer-text")).not_to_be_focused()
    # What needs Ctrl is no key that dictation or a stray finger could press.
    expect(page.locator("[aria-keyshortcuts]:not([data-chord])")).to_have_count(0)
    page.click("[data-keys-help]")
    page.locator("dialog input[type=checkbox]").check()
    press(page, "Escape", "n")
    expect(page.locator("#composer-text")).to_be_focused()


def test_reply_and_note_are_one_key_away(page):
    press(page, "n")
    expect(page.locator("#composer-text")).to_be_focused()
    expect(page.locator("input[name=kind][value=note]")).to_be_checked()
    press(page, "Escape", "r")
    expect(page.locator("#composer-text")).to_be_focused()
    expect(page.locator("input[name=kind][value=reply]")).to_be_checked()


@pytest.mark.parametrize("key", ["r", "n"])
def test_the_next_key_after_it_is_a_letter_already(page, key):
    """However fast one types: else the letters of a reply snooze, close and go elsewhere."""
    where = """key => {
        document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
        return document.activeElement.id;
    }"""
    page.wait_for_load_state()
    assert page.evaluate(where, key) == "composer-text"


def test_a_free_ticket_is_taken_and_then_a_leads_to_the_agent(page):
    press(page, "a")
    expect(page.locator(".notice--success")).to_contain_text("The ticket is yours.")
    expect(page.locator(".ts-wrapper").first).to_be_visible()
    press(page, "a")
    expect(page.locator(".ts-wrapper.focus #agent-ts-control")).to_be_focused()
    # The first closes its list, the second leaves the field.
    press(page, "Escape", "Escape", "n")
    expect(page.locator("#composer-text")).to_be_focused()


def test_what_became_of_an_action_moves_nothing_and_is_taken_back_with_a_key(page):
    before = page.locator("h1").bounding_box()
    press(page, "s", "Enter")
    message = page.locator(".messages .notice--success")
    expect(message).to_contain_text("Snoozed until")
    expect(page.locator(".ticket__meta")).to_contain_text("Snoozed until")
    assert page.locator("h1").bounding_box() == before
    check_page(page)
    press(page, "z")
    expect(message).to_contain_text("The ticket is back.")
    expect(page.locator(".ticket__meta")).not_to_contain_text("Snoozed until")
    message.get_by_role("button", name="Dismiss").click()
    expect(message).to_have_count(0)


def test_snooze_opens_its_menu_and_the_arrows_go_through_it(page):
    press(page, "s")
    entries = page.locator(".menu[open] .menu-item")
    expect(entries.first).to_be_focused()
    press(page, "ArrowDown")
    expect(entries.nth(1)).to_be_focused()
    press(page, "Home", "ArrowUp")
    expect(page.locator(".menu[open] .snooze-other button")).to_be_focused()
    press(page, "Escape")
    expect(page.locator("summary[data-key=s]")).to_be_focused()
    expect(page.locator(".menu[open]")).to_have_count(0)
    press(page, "ArrowDown", "Tab", "Shift+Tab", "Enter")
    expect(page.locator(".ticket__meta")).to_contain_text("Snoozed until")


def test_leaving_a_menu_closes_it(page):
    press(page, "s")
    expect(page.locator(".menu[open]")).to_have_count(1)
    page.locator("#composer-text").focus()
    expect(page.locator(".menu[open]")).to_have_count(0)


def test_closing_asks_first_and_escape_means_no(page, three):
    press(page, "e")
    expect(page.locator("dialog")).to_contain_text("Close the ticket without a reply?")
    press(page, "Escape")
    expect(page.locator("dialog")).to_have_count(0)
    press(page, "c", "Tab", "Enter")
    expect(page.locator(".ticket__meta")).to_contain_text("Closed")


def test_the_first_tab_offers_to_skip_to_the_content(queue):
    press(queue, "Tab")
    expect(focused(queue)).to_have_text("Skip to the content")
    press(queue, "Enter", "Tab")
    assert queue.evaluate("document.activeElement.closest('main') !== null")


def test_x_chooses_rows_and_then_the_bars_keys_work(queue, three):
    press(queue, "e", "?")
    dialog = queue.locator("dialog")
    expect(dialog).to_contain_text("Select the row")
    expect(dialog).not_to_contain_text("Close what is chosen")
    press(queue, "Escape", "j", "x", "j", "x")
    expect(queue.locator("[name=chosen]:checked")).to_have_count(2)
    stands_on(queue, "The second one")
    press(queue, "x")
    expect(queue.locator("[name=chosen]:checked")).to_have_count(1)
    press(queue, "?")
    expect(dialog).to_contain_text("Close what is chosen")
    press(queue, "Escape", "e")
    expect(dialog).to_be_visible()
    press(queue, "Tab", "Enter")
    expect(queue.locator("#t" + str(three[2].number))).to_contain_text("Closed")
    assert look(three[1].id).status is Status.OPEN


def test_a_row_that_was_drawn_anew_is_gone_on_from(queue):
    press(queue, "j")
    stands_on(queue, "The third one")
    queue.evaluate(
        "() => { const row = document.activeElement.closest('tr'); row.outerHTML = row.outerHTML; }"
    )
    press(queue, "j")
    stands_on(queue, "The second one")


def test_rows_without_check_boxes_have_no_key_to_select_them(visit, agent, admin):
    people = visit(agent, "/admin/profile/")
    press(people, "j", "?")
    expect(people.locator("dialog")).to_contain_text("Next row")
    expect(people.locator("dialog")).not_to_contain_text("Select the row")


def test_every_part_of_the_panel_has_a_key_of_its_own(visit, admin):
    page = visit(admin, "/admin/ticket/")
    keys = page.locator(".side-nav__link").evaluate_all("links => links.map((a) => a.dataset.go)")
    assert None not in keys
    assert len(set(keys)) == len(keys) > 8
