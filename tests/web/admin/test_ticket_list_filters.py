"""The queue's filters: each is a chip, and goes along wherever the list leads."""

import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest

from emberone.domain.enums import Priority, Status
from tests.browsing import PHONE, check_page, expect
from tests.web.admin.conftest import look
from tests.web.admin.test_ticket_list import numbers


@pytest.fixture
def narrow(make, agent, customer):
    """27 tickets that every filter leaves, one that each would take away, and those filters."""
    team = make.team("Billing")
    columns = {
        "title": "The zebra took it",
        "status": Status.OPEN,
        "priority": Priority.HIGH,
        "assigned_agent_id": agent.profile_id,
        "team_id": team,
        "tags": ["vip"],
    }
    made = [look(make.ticket(customer, **columns)).number for _ in range(27)]
    make.ticket(customer, **{**columns, "priority": Priority.LOW})
    day = look_at(made[0]).created_at.date().isoformat()
    filters = {
        "search": "zebra",
        "status": "OPEN",
        "priority": "HIGH",
        "agent": str(agent.profile_id),
        "team": str(team),
        "tag": "vip",
        "customer": str(customer.profile_id),
        "from": day,
        "to": day,
    }
    return made, filters


def look_at(number):
    from tests.web.admin.conftest import rows

    ((ticket_id,),) = rows("SELECT id FROM tickets WHERE number = :number", number=number)
    return look(ticket_id)


def arguments(address):
    return dict(parse_qsl(urlsplit(address).query))


def opened(browser, address="/admin/ticket/", **filters):
    answer = browser.get(address, query_string=filters or None)
    assert answer.status_code == 200
    return unescape(answer.get_data(as_text=True))


def test_every_filter_is_a_chip_that_takes_off_nothing_else(as_agent, narrow):
    _made, filters = narrow
    page = opened(as_agent, view="mine", **filters)
    chips = dict(re.findall(r'href="([^"]+)" aria-label="Remove filter ([^"]+)"', page))
    assert set(chips.values()) == {
        "Search", "Status", "Priority", "Agent", "Team", "Tag", "Customer", "Created"
    }  # fmt: skip
    everything = {"view": "mine", **filters}
    gone = {label: set(everything) - set(arguments(address)) for address, label in chips.items()}
    assert gone.pop("Created") == {"from", "to"}
    assert gone == {label: {label.lower()} for label in gone}
    for name in ("Ana Agent", "Billing", "Carl Customer"):
        assert re.search(rf'class="chip">.*?{name}', page)


def test_filters_survive_paging_the_way_through_and_a_bookmark(as_agent, narrow):
    made, filters = narrow
    first = opened(as_agent, sort="number", desc="0", **filters)
    assert numbers(first.replace("&", "&amp;")) == made[:25]
    following = re.search(r'href="([^"]+)" rel="next"', first)[1]
    assert arguments(following).items() >= filters.items()
    # The address is all that there is to it: another browser shows the same.
    second = opened(as_agent, following)
    assert numbers(second) == made[25:]
    last = re.search(rf'href="(/admin/ticket/{made[24]}/[^"]+)"', first)[1]
    onward = urlsplit(last).query
    step = as_agent.get(f"/admin/ticket/walk/?{onward}&way=next").location
    assert step.startswith(f"/admin/ticket/{made[25]}/?")
    assert arguments(step).items() >= filters.items()
    back = re.search(r'href="(/admin/ticket/\?[^"]+)"', opened(as_agent, step))[1]
    assert arguments(back).items() >= filters.items()


def test_the_form_of_filters_keeps_what_it_does_not_show(as_agent, narrow):
    _made, filters = narrow
    page = opened(as_agent, view="mine", sort="number", desc="0", size="50", **filters)
    form = re.search(r'<form class="filter-bar".*?</form>', page, re.S)[0]
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
    assert hidden == {"view": "mine", "sort": "number", "desc": "0", "size": "50"}
    chosen = re.findall(r'<option value="([^"]+)" selected', form)
    assert set(chosen) == {filters[n] for n in ("status", "priority", "agent", "team", "customer")}


def test_a_customer_is_found_by_a_few_letters(visit, agent, make, customer):
    mine, other = make.ticket(customer), make.ticket(make.customer("Dora Other"))
    page = visit(agent, "/admin/ticket/?view=all")
    page.locator(".filter-bar summary", has_text="More").click()
    page.locator("#filter-customer-ts-control").fill("car")
    page.get_by_role("option", name="Carl Customer").click()
    expect(page.locator("[data-rows] tr")).to_have_count(1)
    expect(page.locator(f"#t{look(mine).number}")).to_be_visible()
    expect(page.locator(f"#t{look(other).number}")).to_have_count(0)
    expect(page.locator(".chip")).to_contain_text("Carl Customer")


def test_a_filter_acts_at_once_and_one_stands_where_one_stood(visit, agent, make, customer):
    make.ticket(customer, priority=Priority.HIGH)
    make.ticket(customer, priority=Priority.LOW)
    page = visit(agent, "/admin/ticket/?view=all")
    expect(page.locator("[data-rows] tr")).to_have_count(2)
    expect(page.locator(".filter-bar__apply")).to_be_hidden()
    page.select_option("#filter-priority", "HIGH")
    expect(page.locator("[data-rows] tr")).to_have_count(1)
    expect(page.locator("#filter-priority")).to_be_focused()
    assert dict(parse_qsl(urlsplit(page.url).query)) == {"view": "all", "priority": "HIGH"}


def test_going_through_a_filters_choices_by_keyboard_waits_for_enter(visit, agent, make, customer):
    make.ticket(customer, status=Status.OPEN)
    make.ticket(customer, status=Status.WAITING)
    page = visit(agent, "/admin/ticket/?view=all")
    select = page.locator("#filter-status")
    select.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(select).to_have_value("OPEN")
    expect(page.locator("[data-rows] tr")).to_have_count(2)
    page.keyboard.press("Enter")
    expect(page.locator("[data-rows] tr")).to_have_count(1)


def test_on_a_phone_filters_are_behind_a_button_and_without_a_script_they_are_not(
    visit, agent, make, customer
):
    make.ticket(customer)
    page = visit(agent, "/admin/ticket/?view=all", viewport=PHONE)
    expect(page.locator("#filter-status")).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    expect(page.locator("#filter-status")).to_be_visible()
    check_page(page)
    page = visit(
        agent, "/admin/ticket/?view=all&search=", viewport=PHONE, java_script_enabled=False
    )
    page.select_option("#filter-status", "WAITING")
    page.locator(".filter-bar__apply").click()
    expect(page.locator("[data-rows] tr")).to_have_count(0)


def test_a_lookup_is_small_and_finds_signs_as_they_are(as_agent, owner, make):
    owner.execute(
        "INSERT INTO profiles (email, full_name, role)"
        " SELECT 'x' || n || '@example.org', 'Xaver ' || n, 'CUSTOMER' FROM generate_series(1, 50) n"
    )
    found = as_agent.get("/admin/ticket/ajax/lookup/?name=customer&query=xaver&limit=1000").json
    assert len(found) == 20
    assert as_agent.get("/admin/ticket/ajax/lookup/?name=customer&query=%25").json == []
