"""Signing in and out: who may, what a browser keeps, and what guessing costs."""

import re
from dataclasses import replace

import pytest
from flask import request
from sqlalchemy import event

from emberone.config import Settings
from emberone.db import db, now_of, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Role
from emberone.domain.errors import ConfigurationError, Conflict, Invalid, NotAllowed
from emberone.embedded import EmbeddedValkey
from emberone.jobs import send_nudges_with
from emberone.models import Profile, User
from emberone.services.accounts import create_account, hash_password, set_password
from emberone.web import create_app
from emberone.web.security import is_local
from emberone.web.throttle import REDIS_TIMEOUT_S
from tests.web.conftest import PASSWORD, Browser

WRONG = "E-mail address or password is wrong."


def cookie(answer, name="emberone_session"):
    (found,) = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith(name)]
    return found


@pytest.mark.parametrize(
    ("role", "home"),
    [(Role.ADMIN, "/admin/"), (Role.AGENT, "/admin/"), (Role.CUSTOMER, "/portal/")],
)
def test_the_right_password_leads_to_where_the_person_works(
    web, make, account, browser, role, home
):
    answer = browser.sign_in(account(make.person(role)))
    assert answer.status_code == 302
    assert browser.get(answer.location).location == home


def test_the_address_counts_in_any_case_and_with_spaces_around(web, make, account, browser):
    email = account(make.customer(email="Ana.Costa@example.org"))
    assert browser.sign_in(f"  {email.upper()} ").status_code == 302


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("known@example.org", "not the password"),
        ("unknown@example.org", PASSWORD),
        ("known@example.org", ""),
        ("", PASSWORD),
        ("", ""),
        ("not an address", PASSWORD),
        ("known@example.org", "x" * 100_000),
        ("x" * 1000 + "@example.org", PASSWORD),
        ("%@example.org", PASSWORD),
    ],
)
def test_whatever_is_wrong_is_told_in_the_same_words(web, make, account, browser, email, password):
    account(make.customer(email="known@example.org"))
    answer = browser.sign_in(email, password)
    assert answer.status_code == 200
    assert WRONG in answer.get_data(as_text=True)
    assert browser.get("/portal/").status_code == 302


def test_a_deactivated_person_is_refused_in_the_same_words(
    web, make, account, browser, change_user
):
    make.admin()
    agent = make.agent()
    email = account(agent)
    change_user(agent, active=False)
    assert WRONG in browser.sign_in(email).get_data(as_text=True)


def test_deactivating_signs_a_person_out_at_once(web, make, account, client_of):
    from emberone.services.profiles import set_active

    agent = make.agent()
    client = client_of(agent)
    assert client.get("/").location == "/admin/"
    admin = make.admin()
    account(admin)
    set_active(admin, agent.profile_id, False)
    assert client.get("/").location == "/login"


def test_a_sign_in_without_a_person_is_refused(web, browser):
    with transaction(SYSTEM) as session:
        user = User(email="a@example.org", password=hash_password(PASSWORD), fs_uniquifier="u")
        user.confirmed_at = now_of(session)
        session.add(user)
    assert WRONG in browser.sign_in("a@example.org").get_data(as_text=True)


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_the_first_sign_in_belongs_to_the_person_known_by_the_confirmed_address(
    web, make, browser, is_confirmed
):
    customer = make.customer(email="Ana@example.org")
    with transaction(SYSTEM) as session:
        user = User(email="ana@example.org", password=hash_password(PASSWORD), fs_uniquifier="u")
        session.add(user)
        session.flush()
        if is_confirmed:
            user.confirmed_at = user.created_at
        user_id = str(user.id)
    answer = browser.sign_in("ana@example.org")
    with reading(SYSTEM) as session:
        linked = session.get_one(Profile, customer.profile_id).user_id
    if is_confirmed:
        assert linked == user_id
        assert browser.get("/portal/").status_code == 200
    else:
        assert linked is None
        assert "Please confirm your e-mail address first" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/portal/?cursor=x", "/portal/?cursor=x"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("\t//evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("evil.example", "/"),
        ("", "/"),
    ],
)
@pytest.mark.parametrize("place", ["query", "form"])
def test_after_the_sign_in_only_an_address_here_is_followed(
    web, make, account, wanted, reached, place
):
    email = account(make.customer())
    browser = web.test_client()
    data = {"email": email, "password": PASSWORD}
    browser.get("/login")
    if place == "form":
        answer = browser.post("/login", data={**data, "next": wanted})
    else:
        answer = browser.post("/login", query_string={"next": wanted}, data=data)
    assert (answer.status_code, answer.location) == (302, reached)


def test_a_page_that_needs_a_sign_in_is_reached_after_it(web, make, account, browser):
    email = account(make.customer())
    asked = browser.get("/portal/?cursor=")
    page = browser.get(asked.location).get_data(as_text=True)
    action = re.search(r'<form method="post" action="([^"]+)"', page)[1]
    answer = browser.post(action, data={"email": email, "password": PASSWORD})
    assert answer.location == "/portal/?cursor="


def test_is_local_knows_a_path_from_another_host():
    assert is_local("/admin/ticket/?search=a%20b&x=1#c")
    assert not any(map(is_local, ["", "admin", "//x", "/\\x", "/a b", "/a\nb", "http://x/"]))


def test_nothing_of_the_session_before_survives_the_sign_in(web, make, account, browser):
    """Whoever planted a session in a browser knows nothing of the one after the sign-in."""
    email = account(make.customer())
    with browser.session_transaction() as session:
        session["planted"] = "by someone else"
        session["csrf_token"] = "known to someone else"
    browser.get("/login")
    before = browser.token()
    assert browser.sign_in(email).status_code == 302
    with browser.session_transaction() as session:
        assert "planted" not in session
        assert session.get("csrf_token") != "known to someone else"
    browser.sends_token = False
    assert browser.post("/logout", data={"csrf_token": before}).status_code == 400


def test_cookies_stay_with_the_browser_and_the_site(web, make, account, browser):
    answer = browser.sign_in(account(make.customer()), remember="y")
    for name in ("emberone_session", "emberone_remember"):
        assert "HttpOnly" in cookie(answer, name)
        assert "SameSite=Lax" in cookie(answer, name)
        assert "Secure" not in cookie(answer, name)


def test_over_https_cookies_are_secure(web, settings, make, account):
    app = create_app(
        replace(settings, base_url="https://help.example.org", redis_url="amqp://127.0.0.1:1//")
    )
    app.test_client_class = Browser
    answer = app.test_client().sign_in(account(make.customer()), remember="y")
    assert "Secure" in cookie(answer)
    assert "Secure" in cookie(answer, "emberone_remember")


def test_a_remembered_browser_comes_back_without_its_session(web, make, account, browser):
    browser.sign_in(account(make.customer()), remember="y")
    browser.delete_cookie("emberone_session")
    assert browser.get("/portal/").status_code == 200


def test_without_the_token_no_form_is_taken(web, make, account, browser, client_of):
    email = account(make.customer())
    browser.get("/login")
    browser.sends_token = False
    answer = browser.post("/login", data={"email": email, "password": PASSWORD})
    assert answer.status_code == 400
    client = client_of(make.customer())
    client.sends_token = False
    assert client.post("/logout").status_code == 400
    assert client.get("/portal/").status_code == 200


def test_the_token_of_another_session_is_not_taken(web, make, account, browser):
    email = account(make.customer())
    foreign = web.test_client()
    foreign.get("/login")
    with foreign.session_transaction() as session:
        session["csrf_token"] = "1" * 40
    browser.get("/login")
    browser.sends_token = False
    data = {"email": email, "password": PASSWORD, "csrf_token": foreign.token()}
    assert browser.post("/login", data=data).status_code == 400


def test_signing_out_needs_the_button(web, make, client_of):
    client = client_of(make.customer())
    assert client.get("/logout").status_code == 405
    assert client.get("/portal/").status_code == 200
    assert client.post("/logout").location == "/login"
    assert client.get("/portal/").status_code == 302


def test_a_new_password_ends_every_session_and_remembered_browser(
    web, make, account, browser, client_of
):
    customer = make.customer()
    email = account(customer)
    other = client_of(customer)
    browser.sign_in(email, remember="y")
    set_password(customer, customer.profile_id, "another long password")
    assert other.get("/portal/").status_code == 302
    assert browser.get("/portal/").status_code == 302
    browser.delete_cookie("emberone_session")
    assert browser.get("/portal/").status_code == 302
    assert WRONG in web.test_client().sign_in(email).get_data(as_text=True)
    assert web.test_client().sign_in(email, "another long password").status_code == 302


def test_nobody_but_an_admin_sets_anothers_password(web, make, account):
    customer = make.customer()
    account(customer)
    for actor in (make.customer(), make.agent()):
        with pytest.raises(NotAllowed):
            set_password(actor, customer.profile_id, "another long password")
    set_password(make.admin(), customer.profile_id, "another long password")


def test_a_first_password_is_a_sign_in_but_not_for_who_signs_in_elsewhere(
    web, make, browser, owner
):
    customer = make.customer(email="new@example.org")
    set_password(make.admin(), customer.profile_id, "a first password")
    assert browser.sign_in("new@example.org", "a first password").status_code == 302
    owner.execute("UPDATE profiles SET user_id = 'oidc|7' WHERE id = %s", [customer.profile_id])
    with pytest.raises(Conflict, match="elsewhere"):
        set_password(make.admin(), customer.profile_id, "another long password")


@pytest.mark.parametrize("password", ["", "short", "x" * 1001])
def test_a_password_has_a_sensible_length(web, password):
    with pytest.raises(Invalid):
        create_account(SYSTEM, "a@example.org", "Ana", Role.CUSTOMER, password)
    with reading(SYSTEM) as session:
        assert session.query(User).count() == 0


def test_an_account_of_a_known_address_is_refused_whole(web, make):
    make.customer(email="ana@example.org")
    with pytest.raises(Conflict):
        create_account(SYSTEM, "ANA@example.org", "Ana", Role.ADMIN, "a long password")
    with reading(SYSTEM) as session:
        assert session.query(User).count() == 0


def test_a_hash_of_weaker_settings_is_replaced_at_the_sign_in(
    web, make, browser, account, user_of, change_user
):
    from argon2 import PasswordHasher

    customer = make.customer()
    email = account(customer)
    weak = PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(PASSWORD)
    change_user(customer, password=weak)
    assert browser.sign_in(email).status_code == 302
    assert user_of(customer).password != weak
    assert web.test_client().sign_in(email).status_code == 302


# How often one may guess.


def tries(app, email, count, password="wrong password", address="192.0.2.1"):
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return [client.sign_in(email, password).status_code for _ in range(count)]


def test_an_account_takes_ten_guesses_from_wherever_they_come(web, make, account):
    email = account(make.customer())
    assert tries(web, email, 6) == [200] * 6
    assert tries(web, email.upper() + " ", 4, address="192.0.2.2") == [200] * 4
    assert tries(web, email, 1, PASSWORD, address="192.0.2.3") == [429]
    assert tries(web, account(make.customer()), 1, PASSWORD) == [302]


def test_only_the_form_signs_in(web, make, account, browser):
    """JSON would be a second way to guess, and nobody needs it."""
    email = account(make.customer())
    browser.get("/login")
    answer = browser.post("/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 415
    assert browser.get("/portal/").status_code == 302


def test_unknown_accounts_are_bounded_like_known_ones(web):
    assert tries(web, "nobody@example.org", 11) == [200] * 10 + [429]


def test_a_right_password_begins_a_new_count(web, make, account):
    email = account(make.customer())
    for _ in range(2):
        assert tries(web, email, 9) == [200] * 9
        assert tries(web, email, 1, PASSWORD) == [302]


def test_an_address_takes_fifty_wrong_guesses_whatever_the_account(web, make, account):
    for number in range(10):
        assert tries(web, f"nobody{number}@example.org", 5) == [200] * 5
    email = account(make.customer())
    assert tries(web, email, 1, PASSWORD) == [429]
    assert tries(web, email, 1, PASSWORD, address="192.0.2.2") == [302]


def test_right_passwords_never_use_up_an_address(web, make, account):
    email = account(make.customer())
    assert [tries(web, email, 1, PASSWORD) for _ in range(52)] == [[302]] * 52


def test_the_refusal_says_when_to_try_again(web):
    client = web.test_client()
    for _ in range(10):
        client.sign_in("nobody@example.org", "wrong")
    answer = client.sign_in("nobody@example.org", "wrong")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 301


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


def app_with(settings, redis_url):
    app = create_app(replace(settings, redis_url=redis_url))
    send_nudges_with(lambda job: None)
    app.test_client_class = Browser
    return app


def test_all_processes_count_together_in_redis(web, settings, valkey):
    first, second = (app_with(settings, valkey.url()) for _ in range(2))
    assert tries(first, "redis@example.org", 5) == [200] * 5
    assert tries(second, "redis@example.org", 6) == [200] * 5 + [429]


def test_without_redis_people_sign_in_at_once_and_guessing_stays_bounded(
    web, settings, make, account, tmp_path
):
    email = account(make.customer())
    with EmbeddedValkey(tmp_path) as server:
        app = app_with(settings, server.url())
        assert tries(app, email, 1, PASSWORD) == [302]
    assert tries(app, email, 1, PASSWORD) == [302]
    assert tries(app, "nobody@example.org", 12) == [200] * 10 + [429] * 2


def test_a_redis_that_takes_connections_and_never_answers_is_not_waited_for(
    web, settings, make, account
):
    import socket

    email = account(make.customer())
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        app = app_with(settings, f"redis://127.0.0.1:{deaf.getsockname()[1]}/0")
        client = app.test_client()
        client.get("/login")
        answer = client.post("/login", data={"email": email, "password": PASSWORD})
        assert answer.status_code == 302
    # Twice at most: the first count, and one look whether it is back.
    assert 2 * REDIS_TIMEOUT_S < 0.5


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "192.0.2.9")])
def test_a_clients_address_is_believed_from_our_own_proxies_only(
    web, settings, monkeypatch, proxies, address
):
    app = create_app(replace(settings, redis_url="amqp://127.0.0.1:1//", trusted_proxies=proxies))
    monkeypatch.setitem(app.view_functions, "start.index", lambda: request.remote_addr)
    # The first of the two is what a client may have written there itself.
    answer = app.test_client().get("/", headers={"X-Forwarded-For": "10.0.0.1, 192.0.2.9"})
    assert answer.text == address


@pytest.mark.parametrize("text", ["x", "-1", "10", "1.5"])
def test_a_number_of_proxies_that_is_none_is_refused(text):
    with pytest.raises(ConfigurationError, match="EMBERONE_TRUSTED_PROXIES"):
        Settings.from_env(
            {
                "EMBERONE_DATABASE_URL": "postgresql://127.0.0.1/x",
                "EMBERONE_SECRET_KEY": "x" * 20,
                "EMBERONE_TRUSTED_PROXIES": text,
            }
        )


# What a request costs.


def test_files_and_health_ask_the_database_nothing(web, make, client_of):
    client = client_of(make.customer())
    asked = []
    with web.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
        client.get("/assets/theme.css")
        client.get("/healthz")
        assert asked == []
        client.get("/portal/")
    statements = [statement.split()[0:2] for statement in asked]
    # Who asks, the person, the person's context, the page.
    assert len(statements) == 4, asked
