"""Replies that can be taken back, and texts that are kept, in real browsers."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.enums import DraftKind
from emberone.domain.lifecycle import Event
from emberone.services import drafts, publishing, tickets
from emberone.services.tickets import TicketChanges
from tests.browsing import PHONE, check_page, expect
from tests.web.admin.conftest import rows


@pytest.fixture
def ben(make):
    return make.agent("Ben Second", email="ben@example.org")


def page_of(ticket):
    return f"/admin/ticket/{ticket.number}/"


def box_of(page):
    return page.locator("#composer-text")


def publish():
    return publishing.publish_due(now=datetime.now(UTC) + timedelta(minutes=1))


def test_a_reply_counts_down_is_taken_back_and_mended(visit, agent, open_ticket):
    ticket = open_ticket()
    page = visit(agent, page_of(ticket))
    box_of(page).fill("Try thsi.")
    page.click("[data-send]")
    card = page.locator(".outgoing")
    expect(card).to_contain_text("Try thsi.")
    expect(card.locator("[data-leaves]")).to_contain_text("sec")
    expect(card).to_be_in_viewport()
    first = card.locator("[data-leaves]").text_content()
    expect(card.locator("[data-leaves]")).not_to_have_text(first)
    expect(box_of(page)).to_have_value("")
    card.get_by_role("button", name="Take back").click()
    expect(page.locator(".outgoing")).to_have_count(0)
    expect(box_of(page)).to_have_value("Try thsi.")
    box_of(page).fill("Try this.")
    page.click("[data-send]")
    expect(page.locator(".outgoing")).to_contain_text("Try this.")
    assert publish() == 1
    expect(page.locator(".comment--staff", has_text="Try this.")).to_be_visible()
    expect(page.locator(".outgoing")).to_have_count(0)


def test_a_colleague_sees_a_reply_come_and_become_a_comment(visit, agent, ben, open_ticket):
    ticket = open_ticket()
    page = visit(agent, page_of(ticket))
    drafts.send_reply(ben, ticket.id, "I have it.", Event.STAFF_REPLY_AND_WAIT)
    card = page.locator(".outgoing", has_text="I have it.")
    expect(card).to_be_visible()
    expect(card).to_contain_text("reply by Ben Second")
    expect(card.get_by_role("button")).to_have_count(0)
    assert publish() == 1
    expect(page.locator(".comment--staff", has_text="I have it.")).to_be_visible()
    expect(card).to_have_count(0)
    expect(page.locator("[data-live=meta]")).to_contain_text("Waiting")


def test_what_is_typed_survives_a_reload_and_another_machine(visit, agent, open_ticket):
    ticket = open_ticket()
    page = visit(agent, page_of(ticket))
    page.click("label[data-key=n]")
    box_of(page).fill("Half a thought")
    expect(page.locator("[data-draft-state]")).to_have_text("Draft saved")
    page.reload()
    expect(box_of(page)).to_have_value("Half a thought")
    expect(page.locator("input[value=note]")).to_be_checked()
    other = visit(agent, page_of(ticket))
    expect(box_of(other)).to_have_value("Half a thought")
    with other.expect_response(lambda answer: answer.url.endswith("/draft/")):
        box_of(other).fill("")
    page.reload()
    expect(box_of(page)).to_have_value("")


@pytest.mark.parametrize("locale", ["en", "de"])
def test_on_a_phone_a_draft_is_kept_without_moving_the_button_below_a_thumb(
    visit, agent, open_ticket, locale
):
    page = visit(agent, page_of(open_ticket()), viewport=PHONE, locale=locale)
    box_of(page).fill("A")
    at = page.locator("[data-send]").bounding_box()
    expect(page.locator("[data-draft-state]")).to_have_text(re.compile("saved|gespeichert"))
    assert page.locator("[data-send]").bounding_box() == at


def test_on_a_phone_a_reply_taken_back_is_seen_whole(visit, agent, open_ticket):
    ticket = open_ticket()
    drafts.send_reply(agent, ticket.id, "First part.", Event.STAFF_REPLY)
    page = visit(agent, page_of(ticket), viewport=PHONE)
    page.locator(".outgoing button").first.click()
    expect(box_of(page)).to_have_value("First part.")
    below = page.locator(".panel-bar").bounding_box()
    assert page.locator("#composer").bounding_box()["y"] >= below["y"] + below["height"]


def test_what_was_typed_in_the_last_moment_is_kept_when_the_page_is_left(visit, agent, open_ticket):
    ticket = open_ticket()
    page = visit(agent, page_of(ticket))
    box_of(page).fill("In the last moment")
    page.goto("/admin/ticket/")
    page.goto(page_of(ticket))
    expect(box_of(page)).to_have_value("In the last moment")


def test_without_a_network_nothing_typed_is_lost(visit, agent, open_ticket):
    ticket = open_ticket()
    page = visit(agent, page_of(ticket))
    page.context.set_offline(True)
    box_of(page).fill("Written in a tunnel")
    state = page.locator("[data-draft-state]")
    expect(state).to_contain_text("Not saved: no connection.")
    page.click("[data-send]")
    expect(state).to_contain_text("nothing was sent")
    expect(box_of(page)).to_have_value("Written in a tunnel")
    assert rows("SELECT 1 FROM drafts") == []
    page.context.set_offline(False)
    expect(state).to_have_text("Draft saved")
    page.click("[data-send]")
    expect(page.locator(".outgoing")).to_contain_text("Written in a tunnel")
    expect(box_of(page)).to_have_value("")


def test_signed_out_one_is_told_and_finds_the_text_again(visit, agent, open_ticket):
    ticket = open_ticket()
    page = visit(agent, page_of(ticket))
    cookies = page.context.cookies()
    page.context.clear_cookies()
    box_of(page).fill("Too late for this session")
    expect(page.locator("[data-draft-state]")).to_contain_text("you are signed out")
    page.context.add_cookies(cookies)
    page.goto(page_of(ticket))
    expect(box_of(page)).to_have_value("Too late for this session")
    expect(page.locator("[data-draft-state]")).to_have_text("Draft saved")


def test_taking_back_keeps_what_was_begun_meanwhile(visit, agent, open_ticket):
    ticket = open_ticket()
    drafts.send_reply(agent, ticket.id, "First part.", Event.STAFF_REPLY)
    page = visit(agent, page_of(ticket))
    box_of(page).fill("Second part.")
    page.locator(".outgoing").get_by_role("button", name="Take back").click()
    expect(box_of(page)).to_have_value("First part.\n\nSecond part.")


def test_two_agents_on_one_ticket(visit, agent, ben, open_ticket):
    ticket = open_ticket()
    mine, theirs = visit(agent, page_of(ticket)), visit(ben, page_of(ticket))
    # They see each other.
    expect(mine.locator(".composer__colleagues")).to_have_text("Ben Second is looking at this")
    box_of(theirs).fill("I think")
    expect(mine.locator(".composer__colleagues")).to_have_text("Ben Second is writing…")
    # The other's words come while one writes, and nothing of one's own moves.
    box_of(mine).fill("Half a sentence")
    box_of(theirs).fill("I have called them.")
    theirs.click("label[data-key=n]")
    theirs.click("[data-send-note]")
    expect(mine.locator(".comment--internal", has_text="I have called them.")).to_be_visible()
    expect(box_of(mine)).to_have_value("Half a sentence")
    # What both change is not overwritten.
    mine.select_option("#priority", "HIGH")
    tickets.change_ticket(ben, ticket.id, TicketChanges(title="Their subject"), version=None)
    expect(mine.locator("h1")).to_have_text("Their subject")
    mine.click(".side-form__save button[type=submit]")
    expect(mine.locator("h1")).to_contain_text("Two versions")
    mine.goto(page_of(ticket))
    expect(box_of(mine)).to_have_value("Half a sentence")


def test_what_one_reads_is_read_and_unread_again_by_the_menu(visit, agent, open_ticket):
    ticket = open_ticket()
    page = visit(agent, "/admin/ticket/")
    expect(page.locator(".unread-dot")).to_have_count(1)
    page.goto(page_of(ticket))
    page.wait_for_load_state("networkidle")
    page.goto("/admin/ticket/")
    expect(page.locator(".unread-dot")).to_have_count(0)
    page.goto(page_of(ticket))
    page.get_by_label("More", exact=True).click()
    page.get_by_role("button", name="Mark as unread").click()
    expect(page.get_by_text("is unread again")).to_be_visible()
    expect(page.locator(".unread-dot")).to_have_count(1)


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cards_and_lines_are_in_nobodys_way(visit, agent, ben, open_ticket, width, scheme):
    ticket = open_ticket()
    drafts.send_reply(ben, ticket.id, "Stands in the way", Event.STAFF_REPLY)
    drafts.send_reply(agent, ticket.id, "Mine does too", Event.STAFF_REPLY)
    tickets.close_ticket(ben, ticket.id)
    assert publish() == 2
    tickets.reopen_ticket(ben, ticket.id)
    drafts.send_reply(agent, ticket.id, "On its way", Event.STAFF_REPLY_AND_CLOSE)
    drafts.save_draft(agent, ticket.id, DraftKind.NOTE, "For us")
    page = visit(
        agent, page_of(ticket), viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    expect(page.locator(".outgoing")).to_have_count(3)
    check_page(page)
