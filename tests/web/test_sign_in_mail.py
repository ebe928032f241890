"""The sign-in's letters through a real mail server, and who may see their links in the panel."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import text

from emberone.db import transaction
from emberone.domain.actor import SYSTEM
from emberone.mail.site import Site
from emberone.mail.smtp import MailServer
from emberone.services import delivery
from tests.smtp_sink import Sink
from tests.web.conftest import PASSWORD
from tests.web.test_register import letters, link_in, register


def test_the_link_in_the_mail_that_arrives_opens_the_account(web, browser, settings):
    register(browser)
    site = Site.from_settings(settings)
    with Sink() as sink:
        server = MailServer(sink.url, our_name=site.domain)
        assert delivery.deliver_with(server, site) == 1
        (message,) = sink.messages
    assert message["To"].addresses[0].addr_spec == "ana@example.org"
    assert message["Subject"] == "Confirm your e-mail address"
    plain = message.get_body(("plain",)).get_content()
    page = message.get_body(("html",)).get_content()
    link = re.search(r"https?://[^/\s]+(/confirm/\S+)", plain)[1]
    assert link in page
    assert browser.post(link, data={"password": PASSWORD}).status_code == 302
    assert browser.get("/portal/").status_code == 200


def details(client, letter) -> str:
    page = client.get(f"/admin/letter/details/?id={letter.id}")
    frame = client.get(f"/admin/letter/preview/?id={letter.id}")
    return page.text + frame.text


@pytest.mark.parametrize(
    ("state", "smtp_url", "is_shown"),
    [
        ("kept", None, True),
        ("queued", None, False),
        ("kept", "smtp://127.0.0.1:1", False),
        ("dead", "smtp://127.0.0.1:1", False),
    ],
)
def test_the_panel_shows_a_link_only_where_it_is_the_one_mailbox(
    web, make, browser, client_of, settings, monkeypatch, state, smtp_url, is_shown
):
    changed = replace(settings, smtp_url=smtp_url)
    monkeypatch.setitem(web.extensions, "emberone.settings", changed)
    register(browser)
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE mail_outbox SET state = :state"), {"state": state})
    (letter,) = letters()
    words = details(client_of(make.admin()), letter)
    assert (link_in(letter, settings) in words) is is_shown
    assert "/confirm/" in words


def test_agents_see_nothing_of_the_sign_ins_letters(web, make, browser, client_of):
    register(browser)
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE mail_outbox SET state = 'kept'"))
    (letter,) = letters()
    agent = client_of(make.agent())
    for place in ("details", "preview"):
        answer = agent.get(f"/admin/letter/{place}/?id={letter.id}")
        assert answer.status_code in {403, 404}
        assert "/confirm/" not in answer.text
    assert "ana@example.org" not in agent.get("/admin/letter/").text
