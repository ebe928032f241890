"""Macros in the reply box: filled in where one writes, with what sending changes, and by keyboard."""

import re
from html import unescape

import pytest
from sqlalchemy import text

from emberone.db import transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import DraftKind, Priority, Status
from emberone.domain.lifecycle import Event
from emberone.domain.macros import ReplyChanges
from emberone.services import drafts, macros, publishing, tickets
from emberone.services.macros import MacroValues
from tests.browsing import PHONE, check_page, expect
from tests.web.admin.conftest import look, rows

JSON = {"Accept": "application/json"}


@pytest.fixture
def team(make):
    return make.team("Orders")


@pytest.fixture
def refund(admin, team):
    """Everybody's: says something, waits, and changes all that a macro can."""
    changes = ReplyChanges(Priority.HIGH, team, ("refund",))
    words = "Hello {{customer.first_name}}, your money for #{{ticket.number}} is on its way."
    values = MacroValues("Refund", words, Event.STAFF_REPLY_AND_WAIT, changes, is_shared=True)
    return macros.make_macro(admin, values)


@pytest.fixture
def thanks(agent):
    """The agent's own, which only says something."""
    return macros.make_macro(agent, MacroValues("Thank you", "Thanks! {{agent.name}}"))


def chosen(team, **more):
    return {"set_priority": "HIGH", "set_team": str(team), "add_tag": ["refund", "vip"], **more}


def leave():
    """Let the reply on its way leave now."""
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE drafts SET publish_after = now() - interval '1 second'"))
    publishing.publish_due()


def carried(page):
    """The fields of the chips."""
    return re.findall(r'<input type="hidden" name="(set_\w+|add_tag)" value="([^"]*)"', page)


def box(page):
    return re.search(r'<textarea[^>]*id="composer-text"[^>]*>\n(.*?)</textarea>', page, re.S)[1]


def test_the_menu_and_the_list_show_what_the_places_stand_for(as_agent, open_ticket, refund):
    ticket = open_ticket()
    page = as_agent.get(f"/admin/ticket/{ticket.number}/").get_data(as_text=True)
    option = page.split(f'id="macro-{refund}"')[1].split("</small>")[0]
    assert f"Hello Carl, your money for #{ticket.number} is on its way." in option
    page = unescape(as_agent.get("/admin/macro/").get_data(as_text=True))
    assert "Hello ‹the customer's first name›, your money for #‹the ticket's number›" in page
    assert "{{" not in page


def test_a_script_gets_the_filled_text_the_button_and_the_chips(
    as_agent, open_ticket, refund, team
):
    ticket = open_ticket()
    address = f"/admin/ticket/{ticket.number}/fill/"
    sent = {"macro": str(refund), "set_priority": "LOW", "add_tag": ["vip"]}
    answer = as_agent.post(address, data=sent, headers=JSON).json
    assert answer["text"] == f"Hello Carl, your money for #{ticket.number} is on its way."
    assert answer["verb"] == "reply_and_wait"
    # What was chosen before stays, unless the macro says otherwise.
    assert carried(answer["changes"]) == [
        ("set_priority", "HIGH"),
        ("set_team", str(team)),
        ("add_tag", "vip"),
        ("add_tag", "refund"),
    ]
    assert "Orders" in answer["changes"]
    assert rows("SELECT 1 FROM drafts") == []


def test_without_a_script_the_page_comes_back_with_it_below_what_was_typed(
    as_agent, open_ticket, refund, thanks
):
    ticket = open_ticket()
    page = as_agent.get(f"/admin/ticket/{ticket.number}/").text
    select = re.search(r'<select[^>]*name="macro">(.*?)</select>', page, re.S)[1]
    assert re.findall(r">([^<]+)</option>", select) == ["Refund", "Thank you"]
    address = f"/admin/ticket/{ticket.number}/fill/"
    sent = {"macro": str(refund), "text": "My own words.", "kind": "reply", "wish": "reply"}
    page = as_agent.post(address, data=sent).text
    assert box(page).startswith("My own words.\n\nHello Carl, your money")
    assert re.search(r'value="reply_and_wait" data-send>', page)
    assert ("set_priority", "HIGH") in carried(page)
    sent = {**dict(carried(page)), "text": box(page), "kind": "reply", "wish": "reply_and_wait"}
    page = as_agent.post(address, data={**sent, "drop": "set_priority"}).text
    assert "set_priority" not in dict(carried(page))
    assert "set_team" in dict(carried(page))
    assert box(page).startswith("My own words.")
    assert re.search(r'value="reply_and_wait" data-send>', page)


def test_a_customer_with_a_sly_name_is_only_a_name_in_the_box(
    as_agent, agent, make, admin, open_ticket
):
    sly = make.customer("{{agent.name}} **b** <x>")
    ticket = look(tickets.open_ticket(sly, sly.profile_id, "Help", "x"))
    values = MacroValues("Hi", "Hi {{customer.name}}", is_shared=True)
    macro = macros.make_macro(admin, values)
    address = f"/admin/ticket/{ticket.number}/fill/"
    filled = as_agent.post(address, data={"macro": str(macro)}, headers=JSON).json["text"]
    assert filled == r"Hi {{agent\.name}} \*\*b\*\* \<x>"


def test_anothers_own_macro_and_one_that_is_gone_are_not_there(as_admin, open_ticket, thanks):
    ticket = open_ticket()
    address = f"/admin/ticket/{ticket.number}/fill/"
    assert as_admin.post(address, data={"macro": str(thanks)}).status_code == 404
    assert as_admin.post(address, data={"macro": str(ticket.id)}).status_code == 404
    assert as_admin.post(address, data={"set_priority": "NONE"}).status_code == 400
    assert "Thank you" not in as_admin.get(f"/admin/ticket/{ticket.number}/").text


def test_what_the_chips_say_happens_when_the_reply_leaves(as_agent, agent, open_ticket, team):
    ticket = open_ticket()
    sent = chosen(team, text="Done.", kind="reply", verb="reply_and_wait")
    answer = as_agent.post(f"/admin/ticket/{ticket.number}/respond/", data=sent)
    assert answer.status_code == 303
    assert look(ticket.id).priority is Priority.MEDIUM
    page = as_agent.get(f"/admin/ticket/{ticket.number}/").text
    assert "With it: priority High, team Orders, tags refund, vip." in page
    # They went with the reply: the next one begins without them.
    assert carried(page) == []
    leave()
    now = look(ticket.id)
    assert (now.priority, now.team_id, now.tags) == (Priority.HIGH, team, ["refund", "vip"])
    assert now.status is Status.WAITING


def test_taken_back_the_chips_and_the_button_stand_in_the_box_again(as_agent, open_ticket, team):
    ticket = open_ticket()
    address = f"/admin/ticket/{ticket.number}/"
    sent = chosen(team, text="Done.", kind="reply", verb="reply_and_close")
    as_agent.post(f"{address}respond/", data=sent)
    ((draft,),) = rows("SELECT id FROM drafts")
    as_agent.post(f"{address}take-back/", data={"id": draft})
    page = as_agent.get(address).text
    assert box(page) == "Done."
    assert dict(carried(page)) == {
        "set_priority": "HIGH",
        "set_team": str(team),
        "add_tag": "vip",
    }
    assert re.search(r'value="reply_and_close" data-send>', page)
    assert look(ticket.id).tags == []


def test_a_refused_reply_keeps_its_chips_and_so_does_the_question_whether_to_reopen(
    as_agent, agent, open_ticket, team
):
    ticket = open_ticket()
    address = f"/admin/ticket/{ticket.number}/respond/"
    refused = as_agent.post(address, data=chosen(team, text=" ", kind="reply"))
    assert refused.status_code == 422
    assert len(carried(refused.text)) == 4
    tickets.close_ticket(agent, ticket.id)
    asked = as_agent.post(address, data=chosen(team, text="Done.", kind="reply", verb="reply"))
    assert "Should your reply reopen it?" in asked.text
    assert len(carried(asked.text)) == 4


def test_a_note_changes_nothing_however_it_was_sent(as_agent, open_ticket, team):
    ticket = open_ticket()
    sent = chosen(team, text="Only for us.", kind="note")
    as_agent.post(f"/admin/ticket/{ticket.number}/respond/", data=sent)
    leave()
    now = look(ticket.id)
    assert (now.priority, now.team_id, now.tags) == (Priority.MEDIUM, None, [])


def test_what_is_chosen_is_kept_with_the_draft_as_one_types(as_agent, open_ticket, team):
    ticket = open_ticket()
    address = f"/admin/ticket/{ticket.number}/"
    sent = chosen(team, text="Hel", kind="reply", has_changes="1")
    assert as_agent.post(f"{address}draft/", data=sent).json == {"kept": True}
    assert len(carried(as_agent.get(address).text)) == 4
    # A form that knows nothing of them leaves them alone.
    as_agent.post(f"{address}draft/", data={"text": "Hello", "kind": "reply"})
    assert len(carried(as_agent.get(address).text)) == 4
    as_agent.post(f"{address}draft/", data={"text": "Hello", "kind": "reply", "has_changes": "1"})
    assert carried(as_agent.get(address).text) == []


def test_the_page_costs_one_statement_for_any_number_of_macros(
    as_agent, agent, open_ticket, thanks, queries
):
    ticket = open_ticket()
    address = f"/admin/ticket/{ticket.number}/"
    as_agent.get(address)
    queries()
    as_agent.get(address)
    few = len(queries())
    for number in range(20):
        macros.make_macro(agent, MacroValues(f"Macro {number}", "x"))
    queries()
    as_agent.get(address)
    assert len(queries()) == few


# ----------------------------------------------------------------------------- in a browser


def test_a_macro_is_found_and_used_by_keyboard_alone(
    visit, agent, open_ticket, refund, thanks, team
):
    ticket = open_ticket()
    page = visit(agent, f"/admin/ticket/{ticket.number}/")
    words = page.locator("#composer-text")
    words.fill("Good morning!")
    opener = page.locator("[data-key=m]")
    opener.focus()
    page.keyboard.press("Enter")
    find = page.locator("#macros-find")
    expect(find).to_be_focused()
    options = page.locator("#macros-list [role=option]:visible")
    expect(options).to_have_count(2)
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.type("zebra")
    expect(options).to_have_count(0)
    expect(page.locator("[data-macros-none]")).to_be_visible()
    page.keyboard.press("Enter")
    expect(find).to_be_focused()
    page.keyboard.press("Escape")
    expect(words).to_be_focused()
    expect(page.locator("#macros-menu")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    expect(find).to_be_focused()
    page.keyboard.type("money")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    filled = f"Good morning!\n\nHello Carl, your money for #{ticket.number} is on its way."
    expect(words).to_have_value(filled)
    expect(words).to_be_focused()
    chips = page.locator("[data-changes] .chip")
    expect(chips).to_have_text(["Priority: High", "Team: Orders", "Tag: refund"])
    first = page.locator("[data-send]")
    expect(first).to_have_text("Reply and wait")
    page.locator("[data-announce]", has_text="Refund was filled in.").wait_for(state="attached")
    page.locator("[data-drop]").first.focus()
    page.keyboard.press("Enter")
    expect(chips).to_have_text(["Team: Orders", "Tag: refund"])
    expect(page.locator("[data-drop]").first).to_be_focused()
    # The page keeps it, and finds it again.
    expect(page.locator("[data-draft-state]")).to_have_text("Draft saved")
    page.reload()
    expect(chips).to_have_text(["Team: Orders", "Tag: refund"])
    expect(words).to_have_value(filled)
    words.focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".outgoing")).to_contain_text("With it: team Orders, tags refund.")
    leave()
    now = look(ticket.id)
    assert (now.priority, now.team_id, now.tags) == (Priority.MEDIUM, team, ["refund"])


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1400, "height": 900}])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_open_menu_and_the_chips_shut_nobody_out(
    visit, agent, open_ticket, refund, thanks, viewport, scheme
):
    ticket = open_ticket()
    address = f"/admin/ticket/{ticket.number}/"
    page = visit(agent, address, viewport=viewport, color_scheme=scheme)
    page.click("[data-macros-open]")
    page.locator("#macros-list [role=option]", has_text="Refund").click()
    expect(page.locator("[data-changes] .chip")).to_have_count(3)
    page.click("[data-macros-open]")
    expect(page.locator("#macros-find")).to_be_focused()
    check_page(page)


def test_where_the_caret_is_there_the_text_goes(visit, agent, open_ticket, thanks):
    ticket = open_ticket()
    page = visit(agent, f"/admin/ticket/{ticket.number}/")
    words = page.locator("#composer-text")
    words.fill("Before. After.")
    words.evaluate("e => e.setSelectionRange(8, 8)")
    page.click("[data-macros-open]")
    page.keyboard.press("Enter")
    expect(words).to_have_value("Before. Thanks! Ana Agent\n\nAfter.")
    page.keyboard.press("Control+z")
    expect(words).to_have_value("Before. After.")
    expect(page.locator("[data-draft-state]")).to_have_text("Draft saved")


def test_below_a_text_that_was_kept_the_macro_goes_on(visit, agent, open_ticket, thanks):
    ticket = open_ticket()
    drafts.save_draft(agent, ticket.id, DraftKind.REPLY, "Half a sentence")
    page = visit(agent, f"/admin/ticket/{ticket.number}/")
    page.click("[data-macros-open]")
    page.keyboard.press("Enter")
    words = page.locator("#composer-text")
    expect(words).to_have_value("Half a sentence\n\nThanks! Ana Agent")
    expect(page.locator("[data-draft-state]")).to_have_text("Draft saved")
