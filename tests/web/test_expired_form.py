"""A form that comes too late: nothing is saved, and nothing typed is lost."""

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.models import Comment

TEXT = "First line\nand <b>a second</b> one."


@pytest.fixture
def number(make, owner):
    ticket_id = make.ticket()
    return owner.execute("SELECT number FROM tickets WHERE id = %s", [ticket_id]).fetchone()[0]


def nothing_was_said() -> bool:
    with reading(SYSTEM) as session:
        return session.query(Comment).count() == 0


def address_of(web, number):
    return web.url_map.bind("localhost").build("ticket.respond", {"number": number})


@pytest.mark.parametrize("reason", ["no token", "signed out"])
def test_the_text_of_a_form_that_came_too_late_is_shown_to_be_copied(
    web, make, client_of, number, reason
):
    client = client_of(make.agent())
    client.sends_token = False
    if reason == "signed out":
        client.delete_cookie("emberone_session")
    data = {"text": TEXT, "password": "my secret words", "verb": "reply"}
    answer = client.post(address_of(web, number), data=data)
    assert answer.status_code == (400 if reason == "no token" else 401)
    assert "First line\nand &lt;b&gt;a second&lt;/b&gt; one." in answer.text
    assert "copy it before you leave" in answer.text
    assert "my secret words" not in answer.text
    assert nothing_was_said()


def test_what_another_site_sent_is_not_shown_as_ones_own(web, make, client_of, number):
    client = client_of(make.agent())
    client.sends_token = False
    headers = {"Origin": "https://evil.example"}
    answer = client.post(address_of(web, number), data={"text": TEXT}, headers=headers)
    assert answer.status_code == 400
    assert "First line" not in answer.text


def test_a_form_without_words_gets_the_page_without_a_box(browser):
    browser.sends_token = False
    answer = browser.post("/login", data={"email": "ana@example.org", "password": "two words"})
    assert answer.status_code == 400
    assert "copy it before you leave" not in answer.text
    assert "two words" not in answer.text
