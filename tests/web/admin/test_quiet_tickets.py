"""Quiet tickets in the panel and the portal: what is told of them, and what can be chosen."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from emberone.domain.enums import Status
from emberone.domain.lifecycle import Event
from emberone.services import comments
from emberone.services.waits import sweep_waits
from tests.web.admin.conftest import look, rows

pytestmark = pytest.mark.rule("feedback 12")

DAY = timedelta(days=1)


@pytest.fixture
def quiet(agent, open_ticket, owner):
    """A ticket that has waited for its customer for thirty days, and is looked at only now."""
    asked = datetime.now(UTC) - 30 * DAY
    ticket = open_ticket(now=asked)
    comments.reply(agent, ticket.id, "Which one?", Event.STAFF_REPLY_AND_WAIT, now=asked)
    return ticket


@pytest.fixture
def reminded(quiet):
    """Its customer was reminded just now."""
    assert sweep_waits() == 1
    return quiet


@pytest.fixture
def closed(reminded):
    """And did not answer."""
    assert sweep_waits(now=datetime.now(UTC) + 14 * DAY) == 1
    assert look(reminded.id).status is Status.CLOSED
    return reminded


def text_of(answer):
    assert answer.status_code == 200
    page = answer.get_data(as_text=True).split("<main")[1]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_tickets_page_says_when_it_is_closed(as_agent, quiet):
    address = f"/admin/ticket/{quiet.number}/"
    assert "Customer reminded" not in text_of(as_agent.get(address))
    sweep_waits()
    page = text_of(as_agent.get(address))
    assert "Customer reminded" in page
    assert "Closes without an answer" in page
    activity = text_of(as_agent.get(f"{address}?tab=activity"))
    assert "EmberOne reminded the customer; without an answer the ticket is closed on" in activity
    assert "closesAt" not in activity


def test_its_end_is_told_to_both_in_their_own_language(as_agent, as_customer, closed, owner):
    words = "Closed because there was no answer for 7 working days."
    page = text_of(as_agent.get(f"/admin/ticket/{closed.number}/"))
    assert words in page
    assert "Customer reminded" not in page
    assert words in text_of(as_customer.get(f"/portal/{closed.number}/"))
    owner.execute("UPDATE profiles SET language = 'de'")
    words = "Geschlossen, weil es 7 Arbeitstage lang keine Antwort gab."
    assert words in text_of(as_agent.get(f"/admin/ticket/{closed.number}/"))
    assert words in text_of(as_customer.get(f"/portal/{closed.number}/"))


def test_the_letter_says_when_in_the_customers_language(as_agent, reminded, owner):
    [letter] = rows("SELECT id FROM mail_outbox WHERE letter = 'reminder'")
    address = f"/admin/letter/preview/?id={letter.id}"
    said = as_agent.get(address).get_data(as_text=True)
    assert "If we do not hear from you, we close it on" in said
    assert "within 7 days after that" in said
    owner.execute("UPDATE profiles SET language = 'de' WHERE role = 'CUSTOMER'")
    assert "Wenn wir nichts von Ihnen hören" in as_agent.get(address).get_data(as_text=True)


def test_the_letter_can_be_looked_at_before_there_is_one(as_admin, quiet):
    said = as_admin.get("/admin/letter/kinds/reminder/preview/").get_data(as_text=True)
    assert "We still wait for your answer on ticket" in said
    assert "we close it on" in said


def test_one_that_was_given_up_is_tried_again_from_the_jobs(as_admin, quiet, owner):
    owner.execute("UPDATE waits SET dead_at = now(), last_error = 'boom', attempts = 5")
    page = as_admin.get("/admin/job/").get_data(as_text=True)
    assert "Quiet ticket" in page
    as_admin.post("/admin/job/retry/", data={"kind": "wait", "id": quiet.id})
    [row] = rows("SELECT dead_at, attempts FROM waits")
    assert (row.dead_at, row.attempts) == (None, 0)


@pytest.fixture
def team(make):
    return make.team("Billing")


def save(browser, team, **typed):
    form = {"name": "Billing", "quiet_reminder_days": "", "quiet_close_days": "", "version": 1}
    return browser.post(f"/admin/team/edit/?id={team}", data={**form, **typed})


def days():
    [row] = rows("SELECT quiet_reminder_days, quiet_close_days FROM teams")
    return tuple(row)


def test_a_team_chooses_its_own_days_or_those_of_the_settings(as_admin, team):
    page = as_admin.get(f"/admin/team/edit/?id={team}").get_data(as_text=True)
    assert "as in the settings (3 working days)" in page
    assert "as in the settings (7 working days)" in page
    assert save(as_admin, team, quiet_reminder_days="2", quiet_close_days="0").status_code == 303
    assert days() == (2, 0)
    assert save(as_admin, team, version=2).status_code == 303
    assert days() == (None, None)


@pytest.mark.parametrize("typed", ["-1", "x", "91", "1.5", "9" * 30, "٣"])
def test_what_is_no_number_of_days_comes_back(as_admin, team, typed):
    answer = save(as_admin, team, quiet_reminder_days=typed, name="Bills")
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert f'value="{typed}"' in page
    assert 'value="Bills"' in page
    assert "From 0 to 90 working days." in page
    assert days() == (None, None)


def test_a_stale_team_comes_back_with_what_it_is_now(as_admin, team):
    save(as_admin, team, quiet_reminder_days="2")
    answer = save(as_admin, team, quiet_reminder_days="5")
    assert answer.status_code == 409
    page = text_of_refusal(answer)
    assert "A silent customer is reminded after 2 working days" in page
    assert days() == (2, None)


def text_of_refusal(answer):
    page = answer.get_data(as_text=True).split("<main")[1]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_agents_choose_nothing(as_agent, team):
    assert save(as_agent, team, quiet_reminder_days="2").status_code == 403
