"""Forms of other sites do nothing here, and one's own forms work over https too."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from emberone.domain.enums import Role
from emberone.web import create_app
from emberone.web.access import ENDPOINTS, PUBLIC
from tests.browsing import expect, looking
from tests.web.conftest import _TOKEN, PASSWORD, Browser
from tests.web.test_access import ROLES, everything, may_enter, walked

#: The token in the address is the permission, and mail programs send these without a page.
NEEDS_NO_TOKEN = {"feedback.submit", "feedback.unsubscribe_now"}

#: What comes with a request that another page than ours has caused.
FORGERIES = {
    "no token": {},
    "nonsense": {"X-CSRFToken": "x"},
    "of another session": {"X-CSRFToken": "ImYi.aa.bb"},
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour of our domain": {"Sec-Fetch-Site": "same-site"},
}


@pytest.fixture
def secure(web, settings):
    """The application behind a proxy that speaks https to the world."""
    app = create_app(
        replace(
            settings,
            redis_url="amqp://127.0.0.1:1//",
            trusted_proxies=1,
            base_url="https://help.example",
        )
    )
    app.test_client_class = Browser
    return app


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role or "anonymous")
def test_no_form_of_another_site_is_taken_on_any_route(web, make, browser, client_of, owner, role):
    client = browser if role is None else client_of(make.person(role))
    token = client.token()
    before, tried = everything(owner), 0
    for method, address, rule in walked(web):
        if method == "GET" or rule.endpoint in NEEDS_NO_TOKEN or not may_enter(role, rule.endpoint):
            continue
        for name, headers in FORGERIES.items():
            # Another site cannot know the token; were it to, it would be refused all the same.
            headers = {"X-CSRFToken": token, **headers} if "Sec-Fetch-Site" in headers else headers
            answer = FlaskClient.open(client, address, method=method, headers=headers)
            assert answer.status_code == 400, (method, address, name, answer.status_code)
        tried += 1
    assert tried >= {None: 6, Role.CUSTOMER: 12, Role.AGENT: 15, Role.ADMIN: 30}[role]
    assert everything(owner) == before


def test_a_token_of_another_session_is_worth_nothing(web, make, client_of):
    mine, theirs = client_of(make.agent()), client_of(make.agent())
    with theirs.session_transaction() as session:
        session["csrf_token"] = "1" * 40
    headers = {"X-CSRFToken": mine.token()}
    answer = FlaskClient.post(theirs, "/admin/agent/availability/", headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("site", [None, "same-origin", "none"])
@pytest.mark.parametrize("referer", [None, "https://help.example/login"])
def test_one_signs_in_over_https_whether_or_not_the_browser_names_the_page(
    secure, make, account, site, referer
):
    """The sign-in's pages forbid a Referer, so browsers send none."""
    email = account(make.agent())
    client = secure.test_client()
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    page = client.get("/login", headers=headers)
    data = {"email": email, "password": PASSWORD, "csrf_token": _TOKEN.search(page.text)[1]}
    sent = {"Sec-Fetch-Site": site, "Referer": referer}
    headers |= {name: value for name, value in sent.items() if value}
    answer = FlaskClient.post(client, "/login", data=data, headers=headers)
    assert answer.status_code == 302
    cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


def test_in_a_real_browser_every_form_of_the_account_works_over_https(
    chromium, secure, make, account
):
    email = account(make.agent())
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    with looking(chromium, secure) as open_page:
        page = open_page("/login", extra_http_headers=headers)
        page.fill("[name=email]", email)
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url("**/admin/**")
        page.goto("/account/password")
        page.fill("[name=password]", PASSWORD)
        page.fill("[name=new_password]", "another good one")
        page.fill("[name=new_password_confirm]", "another good one")
        page.click("main button[type=submit]")
        expect(page.locator("body")).to_contain_text("Your password was changed")
        page.goto("/account/")
        page.click("main form button[type=submit] >> nth=0")
        expect(page.locator("body")).to_contain_text("Your choices were saved")
        page.context.clear_cookies()
        page.goto("/reset")
        page.fill("[name=email]", email)
        page.click("main button[type=submit]")
        expect(page.locator("body")).not_to_contain_text("Nothing was saved")


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.AGENT, Role.ADMIN])
def test_no_shared_cache_may_keep_what_a_person_sees(web, make, client_of, role):
    client = client_of(make.person(role))
    for method, address, rule in walked(web):
        answer = client.open(
            address, method=method, headers={"X-CSRFToken": client.token()}, buffered=True
        )
        if ENDPOINTS[rule.endpoint] == PUBLIC and rule.endpoint != "start.index":
            continue
        kept = answer.headers.get("Cache-Control", "")
        assert "private" in kept or "no-store" in kept, (method, address, kept)
