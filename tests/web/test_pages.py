"""The tour of all pages (`make pages`) leaves none out; its core is looked at here."""

from collections import Counter

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.models import Ticket
from emberone.services import comments, tickets
from emberone.web.access import ENDPOINTS
from tests.browsing import check_page
from tests.pages.stops import NO_PAGES, STOPS


def test_every_page_has_a_stop_on_the_tour(web_app):
    pages = {
        rule.endpoint
        for rule in web_app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint in ENDPOINTS
    }
    visited = {stop.endpoint for stop in STOPS if stop.endpoint}
    assert sorted(visited & set(NO_PAGES)) == []
    assert sorted(pages - visited - set(NO_PAGES)) == []
    assert sorted((visited | set(NO_PAGES)) - pages) == []


def test_every_stop_has_a_name_of_its_own():
    assert [name for name, count in Counter(stop.name for stop in STOPS).items() if count > 1] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_that_people_live_on_shut_nobody_out(visit, make, scheme):
    customer, agent = make.customer("Carla Customer"), make.agent("Ana Agent")
    ticket_id = tickets.open_ticket(customer, customer.profile_id, "The cup is cold", "Why?")
    comments.add_note(agent, ticket_id, "A note with `code`.")
    comments.comment_as_customer(customer, ticket_id, "> quoted\n\nand answered")
    with reading(SYSTEM) as session:
        number = session.get_one(Ticket, ticket_id).number
    staff = visit(agent, "/admin/ticket/?view=all", color_scheme=scheme)
    check_page(staff)
    staff.goto(f"/admin/ticket/{number}/")
    check_page(staff)
    theirs = visit(customer, "/portal/", color_scheme=scheme)
    check_page(theirs)
    theirs.goto(f"/portal/{number}/")
    check_page(theirs)
    theirs.context.clear_cookies()
    theirs.goto("/login")
    check_page(theirs)
