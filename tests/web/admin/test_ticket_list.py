"""The queue: filters, order, pages, search, and what it costs."""

import re
from datetime import UTC, datetime

import pytest

from emberone.domain.enums import Priority, Status
from tests.web.admin.conftest import look


def numbers(page):
    """The tickets of a list, in order."""
    return [int(n) for n in re.findall(r'href="/admin/ticket/(\d+)/\?[^"]*at=', page)]


def listed(browser, query=""):
    answer = browser.get(f"/admin/ticket/?{query}")
    assert answer.status_code == 200
    return numbers(answer.get_data(as_text=True))


def test_the_panel_begins_with_what_has_to_be_done(as_agent, as_admin, agent, make):
    mine = look(make.ticket(assigned_agent_id=agent.profile_id))
    make.ticket(status=Status.CLOSED)
    answer = as_agent.get("/admin/", follow_redirects=True)
    assert answer.request.full_path == "/admin/ticket/?view=mine"
    assert numbers(answer.get_data(as_text=True)) == [mine.number]
    assert as_admin.get("/admin/").location == "/admin/ticket/?view=all"
    make.ticket()
    assert as_admin.get("/admin/").location == "/admin/ticket/?view=unassigned"


def test_a_row_shows_what_an_agent_needs(as_agent, open_ticket, agent, make):
    from emberone.services.tickets import TicketChanges, change_ticket

    team = make.team("Billing")
    ticket = open_ticket("Charged twice")
    changes = TicketChanges(agent_id=agent.profile_id, team_id=team, tags=["refund"])
    change_ticket(agent, ticket.id, changes, version=None)
    page = as_agent.get("/admin/ticket/").get_data(as_text=True)
    for words in (f"#{ticket.number}", "Charged twice", "Carl Customer", "Ana Agent", "Billing"):
        assert words in page
    assert "refund" in page
    assert "sla-badge--on_track" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=ACTIVE", "ab"),
        ("status=CLOSED", "d"),
        ("status=WAITING", "c"),
        ("priority=CRITICAL", "b"),
        ("agent=me", "b"),
        ("agent=none", "acd"),
        ("agent={agent}", "b"),
        ("team={team}", "c"),
        ("tag=vpn", "d"),
        ("tag=VPN", ""),
        ("customer={customer}", "abcd"),
        ("customer={agent}", ""),
        ("from=2026-01-03", "cd"),
        ("to=2026-01-02", "ab"),
        ("from=2026-01-02&to=2026-01-02", "b"),
        ("from=2026-01-03&to=2026-01-02", ""),
        ("status=ACTIVE&agent=me&priority=CRITICAL", "b"),
        ("status=CLOSED&agent=me", ""),
    ],
)
def test_filters(as_agent, make, agent, customer, query, expected):
    team = make.team()
    made = {}
    for n, (name, columns) in enumerate(
        {
            "a": {},
            "b": {
                "status": Status.IN_PROGRESS,
                "priority": Priority.CRITICAL,
                "assigned_agent_id": agent.profile_id,
            },
            "c": {"status": Status.WAITING, "team_id": team},
            "d": {"status": Status.CLOSED, "tags": ["vpn"]},
        }.items()
    ):
        now = datetime(2026, 1, n + 1, 12, tzinfo=UTC)
        made[look(make.ticket(customer, now=now, **columns)).number] = name
    query = query.format(agent=agent.profile_id, team=team, customer=customer.profile_id)
    assert "".join(sorted(made[number] for number in listed(as_agent, query))) == expected


def test_a_list_is_walked_to_its_end_and_back(as_agent, make, agent):
    urgent = look(make.ticket(priority=Priority.HIGH, assigned_agent_id=agent.profile_id))
    other = look(make.ticket(assigned_agent_id=agent.profile_id))
    make.ticket()
    page = as_agent.get("/admin/ticket/?view=mine").get_data(as_text=True)
    (first,) = re.findall(rf'href="(/admin/ticket/{urgent.number}/\?[^"]+)"', page)
    query = first.replace("&amp;", "&").split("?")[1]
    step = as_agent.get(f"/admin/ticket/walk/?{query}&way=next").location
    assert step.startswith(f"/admin/ticket/{other.number}/?")
    onward = step.split("?")[1]
    assert as_agent.get(f"/admin/ticket/walk/?{onward}&way=next").location == (
        "/admin/ticket/?view=mine"
    )
    shown = as_agent.get(step).get_data(as_text=True)
    assert "way=next" in shown
    assert 'href="/admin/ticket/?view=mine"' in shown
    # Whatever one does on the page keeps the place in the list.
    closed = as_agent.post(f"/admin/ticket/{other.number}/close/?{onward}").location
    assert closed == step
    back = as_agent.get(f"/admin/ticket/walk/?{onward}&way=previous").location
    assert back.startswith(f"/admin/ticket/{urgent.number}/?")


def test_what_moved_since_one_read_it_is_unread(as_agent, make, agent, open_ticket):
    from emberone.services.comments import add_note
    from emberone.services.reads import mark_read

    ticket = open_ticket()
    assert "Unread:" in as_agent.get("/admin/ticket/").get_data(as_text=True)
    mark_read(agent, ticket.id, look(ticket.id).activity_no)
    assert "Unread:" not in as_agent.get("/admin/ticket/").get_data(as_text=True)
    add_note(make.agent(), ticket.id, "News.")
    assert "Unread:" in as_agent.get("/admin/ticket/").get_data(as_text=True)


def test_a_filter_that_is_on_is_shown_and_can_be_taken_off(as_agent, make):
    page = as_agent.get("/admin/ticket/?status=OPEN&priority=HIGH&sort=number").get_data(
        as_text=True
    )
    assert "Remove filter Status" in page
    assert 'href="/admin/ticket/?priority=HIGH&amp;sort=number"' in page


def test_sorting_both_ways(as_agent, make):
    low = look(make.ticket(priority=Priority.LOW)).number
    high = look(make.ticket(priority=Priority.HIGH)).number
    middle = look(make.ticket()).number
    assert listed(as_agent, "sort=priority") == [high, middle, low]
    assert listed(as_agent, "sort=priority&desc=0") == [low, middle, high]
    assert listed(as_agent, "sort=number") == [middle, high, low]
    page = as_agent.get("/admin/ticket/?sort=priority").get_data(as_text=True)
    assert 'aria-sort="descending"' in page


def test_pages_keep_filters_and_order(as_agent, make, customer):
    made = [look(make.ticket(customer)).number for _ in range(27)]
    make.ticket(customer, status=Status.CLOSED)
    address, seen = "/admin/ticket/?status=OPEN&sort=number&desc=0", []
    while address:
        page = as_agent.get(address).get_data(as_text=True)
        seen += numbers(page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        address = following and following[1].replace("&amp;", "&")
    assert seen == made


def test_an_emptied_page_leads_back_to_the_first(as_agent, make, owner, customer):
    for _ in range(26):
        make.ticket(customer)
    page = as_agent.get("/admin/ticket/?sort=number").get_data(as_text=True)
    following = re.search(r'href="([^"]+)" rel="next"', page)[1].replace("&amp;", "&")
    owner.execute("DELETE FROM tickets")
    page = as_agent.get(following).get_data(as_text=True)
    assert 'href="/admin/ticket/?sort=number" rel="prev"' in page


def test_search_finds_comments_and_a_number_jumps(as_agent, open_ticket, agent):
    from emberone.services.comments import add_note

    ticket, other = open_ticket("Printer on fire"), open_ticket("Lost parcel")
    add_note(agent, other.id, "The zebra took it.")
    assert listed(as_agent, "search=zebra") == [other.number]
    assert listed(as_agent, "search=FIRE") == [ticket.number]
    assert listed(as_agent, "search=giraffe") == []
    answer = as_agent.get(f"/admin/ticket/?search=%23{ticket.number}")
    assert answer.location == f"/admin/ticket/{ticket.number}/"
    assert listed(as_agent, "search=%239999") == []


def test_what_people_type_is_shown_as_text(as_agent, make, customer):
    make.ticket(customer, title="<script>alert(1)</script>", tags=["<b>"])
    page = as_agent.get("/admin/ticket/?search=%3Cscript%3Ealert").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_count_stops_at_a_thousand(as_agent, owner, customer):
    owner.execute(
        "INSERT INTO tickets (title, description, customer_id)"
        " SELECT 't', '', %s FROM generate_series(1, 1001)",
        [customer.profile_id],
    )
    assert "1,000+ tickets" in as_agent.get("/admin/ticket/").get_data(as_text=True)


def test_a_list_costs_the_same_few_queries_for_20_rows_and_for_200(
    as_agent, owner, customer, agent, queries
):
    def cost(query):
        as_agent.get(f"/admin/ticket/?{query}")
        return queries()

    owner.execute(
        "INSERT INTO tickets (title, description, customer_id, assigned_agent_id)"
        " SELECT 'zebra', '', %s, %s FROM generate_series(1, 20)",
        [customer.profile_id, agent.profile_id],
    )
    few = cost("size=200")
    owner.execute(
        "INSERT INTO tickets (title, description, customer_id) SELECT 'zebra', '', %s"
        " FROM generate_series(1, 180)",
        [customer.profile_id],
    )
    many = cost("size=200")
    assert len(many) == len(few)
    # Two say who asks; then the person, rows, count, limits, what is unread, views, agents,
    # teams, availability.
    assert len(few) <= 11, few
    assert len(cost("size=200&search=zebra")) <= 14


def test_the_page_of_a_ticket_costs_the_same_for_2_comments_and_for_60(
    as_agent, open_ticket, agent, queries
):
    from emberone.services.comments import add_note

    ticket = open_ticket()

    def cost():
        assert as_agent.get(f"/admin/ticket/{ticket.number}/").status_code == 200
        return len(queries())

    add_note(agent, ticket.id, "one")
    cost()
    few = cost()
    for n in range(30):
        add_note(agent, ticket.id, f"note {n}")
    queries()
    assert cost() == few
    # Fourteen for the ticket itself; what is on its way, one's own draft, one's last visit, who
    # writes, who looks, and the macros.
    assert few <= 20


def test_a_day_is_one_where_its_reader_sits(as_agent, make):
    # In Tokyo it is the third already.
    late = look(make.ticket(created_at=datetime(2026, 1, 2, 15, tzinfo=UTC)))
    assert listed(as_agent, "from=2026-01-03") == []
    assert listed(as_agent, "to=2026-01-02") == [late.number]
    as_agent.set_cookie("zone", "Asia/Tokyo")
    assert listed(as_agent, "from=2026-01-03&to=2026-01-03") == [late.number]
    assert listed(as_agent, "to=2026-01-02") == []
