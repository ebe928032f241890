"""The bar over the queue: what is done with many tickets, and what is said of it."""

import re
from html import unescape

import pytest

from emberone.domain.enums import Priority, Status
from emberone.services import comments, tickets
from tests.browsing import PHONE, check_page, expect
from tests.web.admin.conftest import look, rows


@pytest.fixture
def three(open_ticket):
    """Three tickets of the customer."""
    return [open_ticket(f"Ticket of test {n}", f"It is broken {n} times.") for n in range(3)]


def boxes(browser, query=""):
    """What the boxes of the list's rows would send."""
    page = browser.get(f"/admin/ticket/?{query}").get_data(as_text=True)
    return re.findall(r'name="chosen" form="bulk" value="([^"]+)"', page)


def act(browser, act, chosen, query="view=all", **more):
    data = {"act": act, "chosen": chosen, **more}
    return browser.post(f"/admin/ticket/bulk/?{query}", data=data)


def said(browser, answer):
    return unescape(browser.get(answer.location).get_data(as_text=True))


@pytest.mark.parametrize(
    ("verb", "more", "changed"),
    [
        ("take", {}, lambda t, agent, team: t.assigned_agent_id == agent),
        ("priority:CRITICAL", {}, lambda t, agent, team: t.priority is Priority.CRITICAL),
        ("team:{team}", {}, lambda t, agent, team: t.team_id == team),
        ("tag", {"tag": "Refund, vip"}, lambda t, agent, team: t.tags == ["refund", "vip"]),
        ("close", {"sure": "1"}, lambda t, agent, team: t.status is Status.CLOSED),
        ("snooze:week", {}, lambda t, agent, team: t.snoozed_until is not None),
    ],
)
def test_each_button_does_the_same_to_every_chosen_ticket(
    as_agent, agent, make, three, verb, more, changed
):
    team = make.team("Billing")
    chosen = boxes(as_agent)[:2]
    answer = act(as_agent, verb.format(team=team), chosen, query="view=all&sort=number", **more)
    assert answer.status_code == 303
    assert answer.location == "/admin/ticket/?view=all&sort=number"
    assert re.search(r"2 tickets (were|are)", said(as_agent, answer))
    ids = {value.split(".")[0] for value in chosen}
    for ticket in three:
        now = look(ticket.id)
        assert changed(now, agent.profile_id, team) is (str(ticket.id) in ids)
    actors = rows("SELECT DISTINCT actor_id FROM history WHERE action LIKE '%\\_changed'")
    assert {actor for (actor,) in actors} <= {agent.profile_id}


def test_tickets_are_handed_to_an_agent_and_back_to_the_pool(as_agent, make, three):
    ben = make.agent("Ben")
    answer = act(as_agent, "assign", boxes(as_agent), agent=str(ben.profile_id))
    assert "3 tickets were assigned." in said(as_agent, answer)
    assert {look(ticket.id).assigned_agent_id for ticket in three} == {ben.profile_id}
    act(as_agent, "pool", boxes(as_agent))
    assert {look(ticket.id).assigned_agent_id for ticket in three} == {None}


def test_a_tag_goes_from_all_of_them(as_agent, three):
    act(as_agent, "tag", boxes(as_agent), tag="vip")
    act(as_agent, "untag", boxes(as_agent), tag="VIP")
    assert {tuple(look(ticket.id).tags) for ticket in three} == {()}


def test_many_are_marked_read(as_agent, three):
    assert as_agent.get("/admin/ticket/").get_data(as_text=True).count("Unread:") == 3
    act(as_agent, "read", boxes(as_agent)[:2])
    assert as_agent.get("/admin/ticket/").get_data(as_text=True).count("Unread:") == 1


def test_what_refuses_is_named_with_its_reason_and_the_rest_is_done(
    as_agent, agent, admin, customer, three
):
    chosen = boxes(as_agent)
    tickets.close_ticket(admin, three[0].id)
    comments.comment_as_customer(customer, three[1].id, "And now it smokes.")
    answer = act(as_agent, "close", chosen, sure="1")
    page = unescape(answer.get_data(as_text=True))
    assert answer.status_code == 409
    assert "1 ticket was closed." in page
    assert "2 tickets stayed as they were." in page
    for ticket in three[:2]:
        assert f"#{ticket.number}" in page
        assert ticket.title in page
    assert three[2].title not in page
    assert "Someone changed this meanwhile" in page
    assert look(three[1].id).status is Status.OPEN


def test_a_ticket_that_is_gone_is_named_too(as_agent, admin, three):
    chosen = boxes(as_agent)
    tickets.delete_ticket(admin, three[0].id)
    page = act(as_agent, "take", chosen).get_data(as_text=True)
    assert "A ticket that is gone" in page
    assert "2 tickets were assigned." in page


def test_what_a_colleague_did_a_second_ago_stays(as_agent, make, three):
    ben = make.agent("Ben")
    chosen = boxes(as_agent)
    tickets.assign_ticket(ben, three[0].id, ben.profile_id)
    answer = act(as_agent, "take", chosen)
    assert "1 ticket stayed as it was." in answer.get_data(as_text=True)
    assert look(three[0].id).assigned_agent_id == ben.profile_id


def test_what_the_customer_has_said_since_is_not_put_aside(as_agent, customer, three):
    chosen, page = boxes(as_agent), as_agent.get("/admin/ticket/").get_data(as_text=True)
    drawn = re.search(r'name="drawn" value="([^"]+)"', page)[1]
    comments.comment_as_customer(customer, three[0].id, "Are you there?")
    answer = act(as_agent, "snooze:tomorrow", chosen, drawn=drawn)
    assert "The customer has written meanwhile" in answer.get_data(as_text=True)
    assert look(three[0].id).snoozed_until is None
    assert look(three[1].id).snoozed_until is not None


def test_without_a_script_closing_is_asked_about_on_a_page(as_agent, three):
    answer = act(as_agent, "close", boxes(as_agent)[:2])
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "Close 2 tickets?" in page
    assert {look(ticket.id).status for ticket in three} == {Status.OPEN}
    kept = re.findall(r'name="chosen" value="([^"]+)"', page)
    act(as_agent, "close", kept, sure="1")
    assert sorted(look(ticket.id).status.value for ticket in three) == ["CLOSED", "CLOSED", "OPEN"]


def test_none_many_and_nonsense_change_nothing(as_agent, three):
    (first, *_rest) = boxes(as_agent)
    assert "No ticket was chosen." in said(as_agent, act(as_agent, "take", []))
    assert "Choose an agent." in said(as_agent, act(as_agent, "assign", [first]))
    assert "Type a tag." in said(as_agent, act(as_agent, "tag", [first], tag=" , "))
    crowd = [f"00000000-0000-7000-8000-{n:012}.1.1" for n in range(101)]
    for verb in ("take", "close"):
        answer = act(as_agent, verb, crowd)
        assert "At most 100 tickets can be changed at once." in said(as_agent, answer)
    for verb, chosen in (
        ("dance", [first]),
        ("", [first]),
        ("priority:HUGE", [first]),
        ("priority", [first]),
        ("team:1", [first]),
        ("snooze:never", [first]),
        ("take:me", [first]),
        ("take", ["1"]),
        ("take", [f"{first}.1"]),
        ("take", [first.replace(".", ".x")]),
    ):
        assert act(as_agent, verb, chosen).status_code == 400, verb
    assert {look(ticket.id).assigned_agent_id for ticket in three} == {None}


def test_customers_do_nothing_here(as_customer, three):
    assert act(as_customer, "close", [f"{three[0].id}.1.1"], sure="1").status_code == 403
    assert look(three[0].id).status is Status.OPEN


def test_the_bar_comes_with_the_first_tick_and_shift_takes_a_row_of_them(visit, agent, three):
    page = visit(agent, "/admin/ticket/?view=all")
    bar, box = page.locator("[data-bulk]"), page.locator("[data-rows] [name=chosen]")
    expect(bar).to_be_hidden()
    top = box.nth(0).bounding_box()
    box.nth(0).check()
    expect(bar).to_be_visible()
    expect(page.locator("[data-bulk-count]")).to_have_text("1 chosen")
    # No row has moved under the hand.
    assert box.nth(0).bounding_box() == top
    box.nth(2).click(modifiers=["Shift"])
    expect(page.locator("[data-bulk-count]")).to_have_text("3 chosen")
    expect(page.get_by_label("Choose all")).to_be_checked()
    check_page(page)
    page.get_by_role("button", name="Choose none").click()
    expect(bar).to_be_hidden()
    expect(box.nth(0)).to_be_focused()


def test_chosen_tickets_are_closed_by_keyboard_after_a_question(visit, agent, three):
    page = visit(agent, "/admin/ticket/?view=all")
    page.locator("[data-rows] [name=chosen]").nth(1).focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Close", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Close 1 tickets?")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".notice")).to_contain_text("1 ticket was closed.")
    assert look(three[1].id).status is Status.CLOSED


def test_enter_in_the_tags_field_adds_the_tag(visit, agent, three):
    page = visit(agent, "/admin/ticket/?view=all", viewport=PHONE)
    page.locator("[data-rows] [name=chosen]").nth(0).check()
    check_page(page)
    page.locator("[data-bulk] summary", has_text="Tag").click()
    page.fill("#bulk-tag", "vip")
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("1 ticket was changed.")
    assert look(three[2].id).tags == ["vip"]


@pytest.mark.parametrize(
    ("act_name", "label", "told"),
    [
        ("snooze:week", "Undo", "2 tickets are back."),
        ("close", "Reopen", "2 tickets were reopened."),
    ],
)
def test_what_was_done_to_many_is_taken_back_at_once(as_agent, three, act_name, label, told):
    chosen = boxes(as_agent)[:2]
    page = said(as_agent, act(as_agent, act_name, chosen, sure="1"))
    address, form = re.search(
        r'class="notice__undo" method="post" action="([^"]+)"[^>]*>(.*?)</form>', page, re.S
    ).groups()
    assert label in form
    fields = re.findall(r'name="(act|chosen)" value="([^"]+)"', form)
    data = {
        "act": dict(fields)["act"],
        "chosen": [value for name, value in fields if name == "chosen"],
    }
    assert len(data["chosen"]) == 2
    answer = as_agent.post(address, data=data)
    assert told in said(as_agent, answer)
    for ticket in three:
        now = look(ticket.id)
        assert (now.status is Status.CLOSED, now.snoozed_until) == (False, None)


def test_everything_works_without_a_script(visit, agent, three):
    page = visit(agent, "/admin/ticket/?view=all", java_script_enabled=False)
    page.locator("[name=chosen]").nth(0).check()
    page.locator("[data-bulk] summary", has_text="Priority").click()
    page.get_by_role("button", name="Critical").click()
    expect(page.locator(".notice")).to_contain_text("1 ticket was changed.")
    assert look(three[2].id).priority is Priority.CRITICAL
