"""Snoozing on a ticket's page and in the queue, with the forms that need no script."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from emberone.db import transaction
from emberone.domain.actor import SYSTEM
from emberone.services import comments, tickets
from emberone.services.snoozing import snooze_ticket
from tests.web.admin.conftest import look


@pytest.fixture
def ticket(open_ticket):
    return open_ticket()


@pytest.fixture
def snooze(as_agent, ticket):
    """Sends the form and returns what the next page says."""

    def send(**form):
        answer = as_agent.post(f"/admin/ticket/{ticket.number}/snooze/", data=form)
        assert (answer.status_code, answer.location) == (303, f"/admin/ticket/{ticket.number}/")
        return page(as_agent, ticket)

    return send


def page(browser, ticket):
    return browser.get(f"/admin/ticket/{ticket.number}/").get_data(as_text=True)


def come_back(ticket):
    with transaction(SYSTEM) as session:
        session.execute(
            text("UPDATE tickets SET snoozed_until = now() - interval '1 minute' WHERE id = :id"),
            {"id": ticket.id},
        )


def in_days(days):
    return (datetime.now(UTC) + timedelta(days=days)).replace(hour=9, minute=30)


@pytest.mark.parametrize("when", ["tomorrow", "week"])
def test_a_moment_that_has_a_name(snooze, ticket, when):
    said = snooze(when=when)
    until = look(ticket.id).snoozed_until
    assert (until.hour, until.minute) == (9, 0)
    # In the morning of that day, which early in the morning is more than so many days away.
    assert timedelta() < until - datetime.now(UTC) <= timedelta(days=7, hours=9)
    assert "Snoozed until" in said
    assert f"/admin/ticket/{ticket.number}/wake/" in said


def test_a_day_and_a_time_of_ones_own(snooze, ticket):
    wanted = in_days(3)
    snooze(when="at", until=f"{wanted:%Y-%m-%dT%H:%M}")
    assert look(ticket.id).snoozed_until == wanted.replace(second=0, microsecond=0)


def test_nine_is_nine_where_the_agent_sits(as_agent, snooze, ticket):
    as_agent.set_cookie("zone", "Asia/Tokyo")
    said = snooze(when="tomorrow")
    assert look(ticket.id).snoozed_until.hour == 0
    assert "Time zone: Asia/Tokyo" in said
    assert re.search(r"Snoozed until \w{3} \d+ \w{3}, 09:00", said)


@pytest.mark.parametrize("zone", ["Nowhere/At_All", "../../etc/passwd", "America", "x" * 3000])
def test_a_browser_that_names_no_zone_gets_the_products(as_agent, ticket, zone):
    as_agent.set_cookie("zone", zone)
    assert "Time zone: UTC" in page(as_agent, ticket)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"when": "at", "until": "2020-01-01T10:00"}, "has passed already"),
        ({"when": "at", "until": f"{in_days(400):%Y-%m-%dT%H:%M}"}, "more than a year"),
        ({"when": "at", "until": "soon"}, "no day and time"),
        ({"when": "at", "until": "9999-12-31T23:59"}, "no day and time"),
        ({"when": "at", "until": ""}, "Say until when"),
        ({}, "Say until when"),
    ],
)
def test_what_cannot_be_is_said_clearly(snooze, ticket, form, message):
    assert message in snooze(**form)
    assert look(ticket.id).snoozed_until is None


def test_a_moment_that_nobody_offered_is_not_understood(as_agent, ticket):
    for form in ({"when": "never"}, {"when": "week", "drawn": "yesterday"}):
        answer = as_agent.post(f"/admin/ticket/{ticket.number}/snooze/", data=form)
        assert answer.status_code == 400
    assert look(ticket.id).snoozed_until is None


def test_the_form_knows_what_its_page_had_seen(as_agent, customer, snooze, ticket):
    drawn = re.search(r'name="drawn" value="([^"]+)"', page(as_agent, ticket))[1]
    comments.comment_as_customer(customer, ticket.id, "Now it smokes.")
    assert "has written meanwhile" in snooze(when="week", drawn=drawn)
    assert look(ticket.id).snoozed_until is None


def test_it_leaves_the_lists_and_is_found_under_snoozed(as_agent, agent, snooze, ticket):
    tickets.assign_ticket(agent, ticket.id, agent.profile_id)
    mine = "/admin/ticket/?view=mine"
    assert ticket.title in as_agent.get(mine).text
    snooze(when="week")
    assert ticket.title not in as_agent.get(mine).text
    aside = as_agent.get("/admin/ticket/?view=snoozed").text
    assert ticket.title in aside
    assert "Snoozed until" in aside


def test_waking_brings_it_back_at_once(as_agent, agent, ticket):
    snooze_ticket(agent, ticket.id, in_days(3))
    answer = as_agent.post(f"/admin/ticket/{ticket.number}/wake/")
    assert answer.status_code == 303
    said = page(as_agent, ticket)
    assert "The ticket is back." in said
    assert "Snoozed until" not in said


def test_what_has_come_back_says_so_on_its_row_and_in_its_head(as_agent, agent, ticket):
    tickets.assign_ticket(agent, ticket.id, agent.profile_id)
    snooze_ticket(agent, ticket.id, in_days(3))
    come_back(ticket)
    row = as_agent.get("/admin/ticket/?view=mine").text
    assert "Back from snooze" in row
    assert "unread-dot" in row
    assert "Back from snooze" in page(as_agent, ticket)
    comments.add_note(agent, ticket.id, "Looking.")
    tickets.close_ticket(agent, ticket.id)
    assert "Back from snooze" not in page(as_agent, ticket)


def test_a_closed_ticket_offers_no_snooze(as_agent, agent, ticket):
    tickets.close_ticket(agent, ticket.id)
    assert f"/admin/ticket/{ticket.number}/snooze/" not in page(as_agent, ticket)


def test_the_timeline_says_who_put_it_aside_and_what_brought_it_back(
    as_agent, agent, customer, ticket
):
    snooze_ticket(agent, ticket.id, in_days(3))
    comments.comment_as_customer(customer, ticket.id, "Now it smokes.")
    lines = as_agent.get(f"/admin/ticket/{ticket.number}/?tab=activity").text
    assert "put the ticket aside until" in lines
    assert "wrote, which brought back the ticket" in lines


def test_an_early_time_limit_is_named(snooze, ticket):
    assert "A time limit ends on" in snooze(when="week")


class TestGivingToAnAgent:
    """Who gets a ticket must see it, and who gives it is told so."""

    @pytest.fixture
    def asleep(self, agent, ticket):
        snooze_ticket(agent, ticket.id, in_days(3))
        return look(ticket.id)

    def test_taking_it_says_that_it_is_back(self, as_agent, asleep):
        answer = as_agent.post(
            f"/admin/ticket/{asleep.number}/take/", data={"version": asleep.version}
        )
        assert answer.status_code == 303
        assert "The ticket is yours. It was put aside, and is back." in page(as_agent, asleep)

    @pytest.mark.parametrize("is_given", [True, False])
    def test_saving_says_so_where_it_was_given(self, as_agent, agent, asleep, is_given):
        form = {
            "version": asleep.version,
            "title": asleep.title,
            "description": asleep.description,
            "priority": "HIGH",
            "agent": str(agent.profile_id) if is_given else "",
        }
        answer = as_agent.post(f"/admin/ticket/{asleep.number}/change/", data=form)
        assert answer.status_code == 303
        said = page(as_agent, asleep)
        assert "The ticket was saved." in said
        assert ("It was put aside, and is back." in said) is is_given

    def test_so_does_giving_many(self, as_agent, agent, asleep, open_ticket):
        awake = open_ticket("Awake")
        chosen = [f"{one.id}.{one.version}.{one.activity_no}" for one in (asleep, awake)]
        answer = as_agent.post("/admin/ticket/bulk/", data={"act": "take", "chosen": chosen})
        assert answer.status_code == 303
        said = as_agent.get("/admin/ticket/").get_data(as_text=True)
        assert "2 tickets were assigned. 1 of them was put aside, and is back." in said
