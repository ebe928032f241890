"""How an open list hears of others, and what that costs."""

import re

import pytest
from playwright.sync_api import Page

from emberone.domain.enums import Priority
from emberone.services import comments, tickets
from emberone.services.tickets import TicketChanges
from emberone.web.admin.ticket import queue_counts
from tests.browsing import check_page, expect
from tests.web.admin.conftest import look


def changes(browser, tag=None, query="view=all"):
    headers = {"If-None-Match": tag} if tag else {}
    return browser.get(f"/admin/ticket/changes/?{query}", headers=headers)


def tag_of(browser, query="view=all"):
    page = browser.get(f"/admin/ticket/?{query}").get_data(as_text=True)
    found = re.search(r'data-tag="([^"]+)"', page)[1]
    return f'W/"{found}"'


@pytest.fixture
def settled(monkeypatch):
    """Whoever asks has the counts as they are; and no minute ends in between."""
    monkeypatch.setattr(queue_counts, "PATIENCE", 0.0)
    monkeypatch.setattr(
        "emberone.queries.views._PULSE",
        "SELECT left(md5(string_agg(moved_by::text, ',' ORDER BY slot)), 16) FROM queue_pulse",
    )


def test_an_unchanged_list_costs_one_statement_besides_the_sign_in(
    as_agent, open_ticket, queries, settled
):
    open_ticket()
    tag = tag_of(as_agent)
    queries()
    answer = changes(as_agent, tag)
    asked = [q for q in queries() if "set_config" not in q and "users" not in q]
    assert answer.status_code == 304
    assert answer.data == b""
    assert len([q for q in asked if "FROM profiles" not in q]) == 1
    assert len(asked) <= 2


def test_whatever_happens_to_any_ticket_is_news(
    as_agent, admin, customer, agent, open_ticket, settled
):
    ticket = open_ticket()
    acts = (
        lambda: open_ticket("Another one"),
        lambda: comments.comment_as_customer(customer, ticket.id, "Again."),
        lambda: comments.add_note(admin, ticket.id, "Call them."),
        lambda: tickets.assign_ticket(admin, ticket.id, agent.profile_id),
        lambda: tickets.change_ticket(
            admin, ticket.id, TicketChanges(priority=Priority.CRITICAL), version=None
        ),
        lambda: tickets.close_ticket(admin, ticket.id),
        lambda: tickets.delete_ticket(admin, ticket.id),
    )
    tag = tag_of(as_agent)
    for act in acts:
        assert changes(as_agent, tag).status_code == 304
        act()
        answer = changes(as_agent, tag)
        assert answer.status_code == 200
        tag = answer.headers["ETag"]


def test_the_answer_has_the_counts_and_the_rows(as_agent, open_ticket, settled):
    first = open_ticket("The first")
    tag = tag_of(as_agent)
    second = open_ticket("The second")
    page = changes(as_agent, tag).get_data(as_text=True)
    assert [f't{t.number}"' in page for t in (first, second)] == [True, True]
    assert re.search(r'All<span class="view-tabs__count">2<', page)
    assert 'data-heading="2 tickets"' in page
    assert "<script" not in page


def test_an_answer_is_filtered_as_its_page_is(as_agent, open_ticket, make):
    low = open_ticket("Low", priority=Priority.LOW)
    page = changes(as_agent, query="view=all&priority=LOW").get_data(as_text=True)
    open_ticket("High", "Other words.", priority=Priority.HIGH)
    page = changes(as_agent, query="view=all&priority=LOW").get_data(as_text=True)
    assert re.findall(r'<tr id="t(\d+)"', page) == [str(low.number)]


def test_who_only_watches_shares_the_counts_of_others_for_a_moment(
    as_agent, as_admin, agent, open_ticket, queries, monkeypatch
):
    monkeypatch.setattr(queue_counts, "PATIENCE", 3600.0)
    ticket = open_ticket()
    tag = tag_of(as_admin)
    tickets.assign_ticket(agent, ticket.id, agent.profile_id)
    queries()
    page = changes(as_agent, tag).get_data(as_text=True)
    counting = [q for q in queries() if q.count("count(*)") > 2]
    assert counting == []
    # One's own are nobody else's, and are always counted.
    assert re.search(r'My open<span class="view-tabs__count">1<', page)
    monkeypatch.setattr(queue_counts, "PATIENCE", 0.0)
    page = changes(as_agent, tag).get_data(as_text=True)
    assert re.search(r'Unassigned<span class="view-tabs__count">0<', page)


def test_customers_hear_nothing_of_the_queue(as_customer, open_ticket):
    open_ticket()
    assert changes(as_customer).status_code == 403


# ----------------------------------------------------------------------------- in Chromium


def ticked(page: Page) -> list[str]:
    rows = page.locator("[data-rows] tr:has(:checked)")
    return [row.get_attribute("id") for row in rows.all()]


def test_an_open_list_follows_without_losing_what_one_does(visit, agent, admin, open_ticket, make):
    keep, other, gone = (open_ticket(f"Ticket of test {n}", f"Broken {n}.") for n in range(3))
    page = visit(agent, "/admin/ticket/?view=all&status=ACTIVE")
    page.locator(f"#t{keep.number} [name=chosen]").check()
    page.locator("[data-bulk] summary", has_text="Tag").click()
    page.fill("#bulk-tag", "half a w")
    tickets.change_ticket(admin, other.id, TicketChanges(priority=Priority.CRITICAL), version=None)
    tickets.close_ticket(admin, gone.id)
    expect(page.locator(f"#t{other.number}")).to_contain_text("Critical")
    expect(page.locator(f"#t{gone.number}")).to_contain_class("is-gone")
    expect(page.locator(f"#t{gone.number} .cell-main")).to_contain_text("No longer in this list")
    # The menu is open, the half-typed word there, the tick kept, and nothing has moved.
    expect(page.locator("#bulk-tag")).to_be_focused()
    expect(page.locator("#bulk-tag")).to_have_value("half a w")
    assert ticked(page) == [f"t{keep.number}"]
    assert page.locator("[data-rows] tr").count() == 3
    check_page(page)


def test_new_tickets_are_said_and_shown_when_asked_for(visit, agent, open_ticket):
    first = open_ticket("The first", "One.")
    page = visit(agent, "/admin/ticket/?view=all")
    page.locator(f"#t{first.number} [name=chosen]").check()
    second = open_ticket("The second", "Two.")
    said = page.locator("[data-news] button")
    expect(said).to_have_text("1 new ticket")
    third = open_ticket("The third", "Three.")
    expect(said).to_have_text("2 new tickets")
    expect(page.locator(".view-tabs__link", has_text="All")).to_contain_text("3")
    assert page.locator("[data-rows] tr").count() == 1
    said.click()
    expect(page.locator("[data-rows] tr")).to_have_count(3)
    shown = [row.get_attribute("id") for row in page.locator("[data-rows] tr").all()]
    assert shown == [f"t{ticket.number}" for ticket in (third, second, first)]
    assert ticked(page) == [f"t{first.number}"]
    expect(page.locator(f"#t{third.number} .cell-main a")).to_be_focused()
    expect(said).to_have_count(0)
    check_page(page)


def test_what_was_ticked_before_a_colleague_changed_it_is_refused(visit, agent, admin, open_ticket):
    ticket = open_ticket()
    page = visit(agent, "/admin/ticket/?view=all")
    page.locator("[name=chosen]").check()
    tickets.assign_ticket(admin, ticket.id, agent.profile_id)
    expect(page.locator(f"#t{ticket.number}")).to_contain_text("Ana Agent")
    page.locator("[data-bulk] summary", has_text="Priority").click()
    page.get_by_role("button", name="Critical").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not everything was done")
    assert look(ticket.id).priority is Priority.MEDIUM
