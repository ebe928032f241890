"""The demo's card: it leads whoever tries the demo, ticks off what really happened, and then goes."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from emberone.db import now_of, reading
from emberone.demo_accounts import (
    DEMO_ADMIN,
    DEMO_AGENT,
    DEMO_CUSTOMER,
    DEMO_RATED,
    DEMO_WATCHED,
)
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.lifecycle import Event
from emberone.models import Profile
from emberone.services import comments, feedback, sla, sla_policies, tickets
from emberone.services.demo import promises, script
from tests.browsing import check_page, looking
from tests.web.admin.conftest import rows
from tests.web.conftest import PASSWORD

TRIED = ["Answer a customer", "Leave a note", "Sign in as the customer"]
SEEN = ["is warned", "priority is raised", "asked to rate"]


@pytest.fixture
def demo(web, make, account, set_setting):
    """Of the demo what the card speaks of, under the demo's own quick promises."""
    people = (make.admin("Ada", DEMO_ADMIN), make.agent("Ben", email=DEMO_AGENT))
    admin, ben = people
    carla = make.customer("Carla", DEMO_CUSTOMER)
    for person in (*people, carla):
        account(person)
    quick = sla_policies.create_policy(admin, "Two-minute demo", promises.QUICK)
    sla_policies.make_default(admin, quick)
    set_setting(feedback_delay_s=promises.FEEDBACK_DELAY_S)
    for title, by in (
        ("Mine", carla),
        (DEMO_RATED, make.customer()),
        (DEMO_WATCHED, make.customer()),
    ):
        ticket = tickets.open_ticket(by, by.profile_id, title, "Please.", now=later(-30))
        if title == "Mine":
            tickets.assign_ticket(admin, ticket, ben.profile_id)
        if title == DEMO_RATED:
            comments.reply(ben, ticket, "So.", Event.STAFF_REPLY_AND_CLOSE, now=later(-30))


@pytest.fixture
def sign_in(demo, web):
    def signed_in(email):
        browser = web.test_client()
        assert browser.sign_in(email, PASSWORD).status_code == 302
        return browser

    return signed_in


def who(email):
    with reading(SYSTEM) as session:
        profile = session.scalars(select(Profile).where(Profile.email == email)).one()
        return Actor(profile.id, profile.role)


def number(title):
    return rows("SELECT id, number FROM tickets WHERE title = :title", title=title)[0]


def later(seconds):
    with reading(SYSTEM) as session:
        return now_of(session) + timedelta(seconds=seconds)


def card_of(browser, path="/admin/ticket/"):
    page = browser.get(path).get_data(as_text=True)
    found = re.search(r'<section class="demo-card.*?</section>', page, re.DOTALL)
    return found and re.sub(r"\s+", " ", found[0])


def ticked(card):
    """Which of the six lines are ticked off."""
    lines = card.split("<li")[1:]
    assert len(lines) == 6
    return [line for line, html in zip(TRIED + SEEN, lines, strict=True) if "Done:" in html]


def test_the_two_tickets_are_in_the_script():
    titles = [story.title for story in script.stories()]
    assert (titles.count(DEMO_WATCHED), titles.count(DEMO_RATED)) == (1, 1)


@pytest.mark.parametrize("email", [DEMO_ADMIN, DEMO_AGENT])
def test_it_ticks_off_what_happens_by_itself(sign_in, email):
    browser = sign_in(email)
    card = card_of(browser)
    assert ticked(card) == []
    for title in (DEMO_WATCHED, DEMO_RATED):
        assert f'href="/admin/ticket/{number(title).number}/"' in card
    while sla.sweep_sla(now=later(30)):
        pass
    assert ticked(card_of(browser)) == ["is warned"]
    while sla.sweep_sla(now=later(90)):
        pass
    assert ticked(card_of(browser)) == ["is warned", "priority is raised"]
    while feedback.sweep_feedback(now=later(90)):
        pass
    assert ticked(card_of(browser)) == SEEN


def test_it_ticks_off_what_the_visitor_tried_and_then_it_is_over(sign_in):
    browser = sign_in(DEMO_AGENT)
    address = re.search(r'href="/admin/ticket/(\d+)/"', card_of(browser))[1]
    [(ticket, owner)] = rows(
        "SELECT id, assigned_agent_id FROM tickets WHERE number = :number", number=int(address)
    )
    ben = who(DEMO_AGENT)
    assert owner == ben.profile_id
    comments.add_note(ben, ticket, "Looks like the pump.")
    assert ticked(card_of(browser)) == ["Leave a note"]
    comments.reply(ben, ticket, "Try this.", Event.STAFF_REPLY)
    carla = who(DEMO_CUSTOMER)
    tickets.open_ticket(carla, carla.profile_id, "One more thing", "Do you ship to Malta?")
    assert ticked(card_of(browser)) == TRIED
    for seconds in (30, 90):
        while sla.sweep_sla(now=later(seconds)) + feedback.sweep_feedback(now=later(seconds)):
            pass
    card = card_of(browser)
    assert ticked(card) == TRIED + SEEN
    assert "That was all of it" in card
    assert "data-demo-over" in card


def test_a_ticket_answered_in_time_promises_nothing_that_never_comes(sign_in):
    browser = sign_in(DEMO_ADMIN)
    comments.reply(who(DEMO_ADMIN), number(DEMO_WATCHED).id, "The red one.", Event.STAFF_REPLY)
    card = card_of(browser)
    assert card.count("answered in time") == 2
    assert card.count("Done:") == 3


def test_each_person_dismisses_it_for_themselves(sign_in):
    ben, ada = sign_in(DEMO_AGENT), sign_in(DEMO_ADMIN)
    answer = ben.post("/admin/demo/dismiss/")
    assert (answer.status_code, answer.location) == (303, "/admin/")
    assert card_of(ben) is None
    assert ben.get("/admin/demo/").status_code == 404
    assert card_of(ada) is not None
    assert card_of(ada, "/admin/demo/") is not None


def test_it_is_only_for_staff_of_the_demo(sign_in, make, client_of, web):
    real = client_of(make.admin())
    assert card_of(real) is None
    assert real.get("/admin/demo/").status_code == 404
    assert real.post("/admin/demo/dismiss/").status_code == 404
    assert sign_in(DEMO_CUSTOMER).get("/admin/demo/").status_code == 403


def test_it_is_not_where_others_could_come_in(sign_in, web, monkeypatch):
    browser = sign_in(DEMO_ADMIN)
    assert card_of(browser)
    open_to_all = replace(web.extensions["emberone.settings"], host="0.0.0.0")
    monkeypatch.setitem(web.extensions, "emberone.settings", open_to_all)
    assert card_of(browser) is None


def test_an_open_page_ticks_its_lines_off_by_itself(chromium, web, demo):
    with looking(chromium, web) as open_page:
        page = open_page("/login")
        page.fill("[name=email]", DEMO_ADMIN)
        page.fill("[name=password]", PASSWORD)
        page.click(".sign-in button[type=submit]")
        lines = page.locator(".demo-card__line--done")
        expect(page.locator(".demo-card")).to_be_visible()
        expect(lines).to_have_count(0)
        check_page(page)
        while sla.sweep_sla(now=later(30)):
            pass
        expect(lines).to_have_count(1, timeout=15_000)
        expect(lines).to_contain_text("is warned")
        page.get_by_role("button", name="Do not show this again").click()
        expect(page.locator(".list-table")).to_be_visible()
        expect(page.locator(".demo-card")).to_have_count(0)
