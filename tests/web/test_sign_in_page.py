"""What the sign-in page offers besides its form, and how deactivation is told in the panel."""

import re
from dataclasses import replace

import pytest

from emberone.demo_accounts import DEMO_LOGINS, DEMO_PASSWORD
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Role
from emberone.services.accounts import create_account
from emberone.services.profiles import set_active
from emberone.web import create_app
from tests.web.conftest import Browser


@pytest.fixture
def demo(database):
    for email, role in zip(DEMO_LOGINS, (Role.ADMIN, Role.AGENT, Role.CUSTOMER), strict=True):
        create_account(SYSTEM, email, role.title(), role, DEMO_PASSWORD)


def test_a_demo_is_tried_with_one_click(web, demo, browser):
    page = browser.get("/login").text
    for email in DEMO_LOGINS:
        assert f'name="email" value="{email}"' in page
    data = {"email": DEMO_LOGINS[1], "password": DEMO_PASSWORD}
    assert browser.post("/login", data=data).status_code == 302
    assert browser.get("/").location == "/admin/"


def test_the_demos_password_is_shown_where_there_is_a_demo_and_to_this_machine_only(
    web, browser, settings, database
):
    assert DEMO_PASSWORD not in browser.get("/login").text
    for email, role in zip(DEMO_LOGINS, (Role.ADMIN, Role.AGENT, Role.CUSTOMER), strict=True):
        create_account(SYSTEM, email, role.title(), role, DEMO_PASSWORD)
    assert DEMO_PASSWORD in browser.get("/login").text
    app = create_app(replace(settings, host="0.0.0.0", redis_url="amqp://127.0.0.1:1//"))
    app.test_client_class = Browser
    assert DEMO_PASSWORD not in app.test_client().get("/login").text


def test_a_deactivated_agent_is_shown_as_such(web, make, account, client_of):
    admin, gone, here = make.admin(), make.agent("Gone"), make.agent("Here")
    client = client_of(admin)
    account(gone), account(here)
    set_active(admin, gone.profile_id, False)
    for reader in (client, client_of(here)):
        page = reader.get("/admin/agent/").text
        assert page.count("Deactivated") == 1
    person = client.get(f"/admin/profile/details/?id={gone.profile_id}").text
    assert re.search(r"Sign-in</dt>\s*<dd[^>]*>(?:(?!</dd>).)*Deactivated", person, re.DOTALL)


def test_staff_find_their_account_in_their_menu(web, make, client_of):
    page = client_of(make.agent()).get("/admin/ticket/").text
    assert 'href="/account/"' in page
