"""The button that dismisses a bare "thank you": only where there is one."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.enums import Status
from emberone.domain.lifecycle import Event
from emberone.services import comments
from tests.web.admin.conftest import look

BUTTON = re.compile(r'<form method="post" action="(/admin/ticket/\d+/dismiss/)">.*?</form>', re.S)


@pytest.fixture
def thanked(agent, customer, open_ticket):
    """A ticket that was answered and closed, for which the customer has thanked."""
    now = datetime.now(UTC) - timedelta(hours=1)
    ticket = open_ticket(now=now)
    comments.reply(agent, ticket.id, "Water.", Event.STAFF_REPLY_AND_CLOSE, now=now)
    comments.comment_as_customer(customer, ticket.id, "Thank you!")
    return look(ticket.id)


def button(browser, ticket):
    page = browser.get(f"/admin/ticket/{ticket.number}/").get_data(as_text=True)
    return BUTTON.search(page), page


@pytest.mark.rule("feedback 14")
def test_one_step_closes_it_again(as_agent, thanked):
    form, _page = button(as_agent, thanked)
    assert 'data-key="d"' in form[0]
    seen = re.search(r'name="seen" value="(\d+)"', form[0])[1]
    answer = as_agent.post(form[1], data={"seen": seen})
    assert answer.status_code == 303
    assert look(thanked.id).status is Status.CLOSED
    form, page = button(as_agent, thanked)
    assert form is None
    assert "The thank-you was dismissed" in page
    activity = as_agent.get(f"/admin/ticket/{thanked.number}/?tab=activity").text
    assert "the customer had only said thank you" in activity
    assert "thanks_dismissed" not in activity


def test_it_is_not_offered_elsewhere(as_agent, agent, thanked, open_ticket):
    assert button(as_agent, open_ticket())[0] is None
    comments.reply(agent, thanked.id, "You are welcome.", Event.STAFF_REPLY)
    assert button(as_agent, thanked)[0] is None


def test_a_page_that_is_old_dismisses_nothing(as_agent, customer, thanked):
    comments.comment_as_customer(customer, thanked.id, "It burns again.")
    form, _page = button(as_agent, thanked)
    answer = as_agent.post(form[1], data={"seen": thanked.activity_no})
    assert answer.status_code == 303
    assert look(thanked.id).status is Status.OPEN
    assert "Someone changed this meanwhile" in button(as_agent, thanked)[1]
