"""Forgotten passwords, first passwords, changed passwords: links that work once, for one hour."""

import time
from datetime import timedelta

import pytest

from emberone.db import now_of, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Role
from emberone.models import Profile, User
from emberone.services.accounts import set_password
from emberone.services.profiles import change_profile, set_active
from tests.web.conftest import PASSWORD, Browser
from tests.web.test_register import letters, link_in, person, register

NEW = "another long password"
WRONG = "E-mail address or password is wrong."


def ask(browser: Browser, email="ana@example.org"):
    browser.get("/reset")
    return browser.post("/reset", data={"email": email})


def choose(browser: Browser, link: str, password=NEW):
    browser.get(link)
    return browser.post(link, data={"password": password, "password_confirm": password})


@pytest.fixture
def ana(make, account):
    customer = make.customer("Ana Costa", email="ana@example.org")
    account(customer)
    return customer


def test_a_link_lets_one_choose_another_password_and_ends_every_session(
    web, ana, browser, settings, client_of
):
    elsewhere = client_of(ana)
    answer = ask(browser, " ANA@example.org")
    assert "a letter with a link is on its way" in answer.text
    (letter,) = letters()
    assert (letter.letter, letter.to_email, letter.ticket_id) == ("reset", "ana@example.org", None)
    link = link_in(letter, settings)
    assert "ana@example.org" in browser.get(link).text
    assert elsewhere.get("/portal/").status_code == 200
    answer = choose(browser, link)
    assert (answer.status_code, answer.location) == (302, "/login")
    assert "Your password is set" in browser.get("/login").text
    assert elsewhere.get("/portal/").status_code == 302
    assert WRONG in web.test_client().sign_in("ana@example.org").text
    assert browser.sign_in("ana@example.org", NEW).status_code == 302
    assert [letter.letter for letter in letters()] == ["reset", "password_changed"]


def test_a_link_changes_nothing_before_its_form_is_sent(ana, browser, settings, user_of):
    ask(browser)
    link, before = link_in(letters()[0], settings), user_of(ana).password
    for _ in range(3):
        assert browser.get(link).status_code == 200
        assert browser.head(link).status_code == 200
    assert user_of(ana).password == before


def test_a_link_works_once(web, ana, browser, settings):
    ask(browser)
    link = link_in(letters()[0], settings)
    choose(browser, link)
    answer = choose(web.test_client(), link, "a third long password")
    assert answer.status_code == 410
    assert "no longer valid" in answer.text
    assert web.test_client().sign_in("ana@example.org", NEW).status_code == 302


def test_a_link_works_for_an_hour_counted_from_its_writing(ana, browser, settings, monkeypatch):
    ask(browser)
    (letter,) = letters()
    link, began = link_in(letter, settings), time.time()
    for minutes, status in ((59, 200), (61, 410)):
        with monkeypatch.context() as patch:
            patch.setattr("itsdangerous.timed.time.time", lambda m=minutes: began + m * 60)
            # Worded again now, as by a late delivery: the same link, no longer life.
            assert link_in(letter, settings) == link
            assert browser.get(link).status_code == status
    until = letter.created_at + timedelta(hours=1)
    assert letter.params["until"] == until.isoformat()


def test_asking_twice_leaves_no_link_good_after_one_was_used(web, ana, browser, settings):
    ask(browser)
    first = link_in(letters()[0], settings)
    with pytest.MonkeyPatch.context() as patch:
        later = time.time() + 30
        patch.setattr("itsdangerous.timed.time.time", lambda: later)
        ask(browser)
        second = link_in(letters()[1], settings)
        assert first != second
        assert choose(browser, second).status_code == 302
        assert browser.get(first).status_code == 410


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("", "", "choose a password"),
        ("short", "short", "at least 10 characters"),
        (NEW, "a different one", "not the same"),
        ("ana@example.org", "ana@example.org", "name or address"),
    ],
)
def test_a_password_that_will_not_do_is_refused_and_the_link_stays_good(
    ana, browser, settings, password, again, words
):
    ask(browser)
    link = link_in(letters()[0], settings)
    answer = browser.post(link, data={"password": password, "password_confirm": again})
    assert answer.status_code == 200
    assert words in answer.text
    assert choose(browser, link).status_code == 302


def test_a_customer_known_by_mail_only_gets_a_password_and_sees_their_tickets(
    web, make, browser, settings
):
    customer = make.customer("Ana Costa", email="ana@example.org")
    make.ticket(customer, title="Asked by mail")
    ask(browser)
    (letter,) = letters()
    assert (letter.letter, letter.params["name"]) == ("reset", "Ana Costa")
    profile, user = person("ana@example.org")
    assert (profile.user_id, user.password, user.confirmed_at) == (None, None, None)
    assert choose(browser, link_in(letter, settings)).location == "/login"
    profile, user = person("ana@example.org")
    assert profile.user_id == str(user.id)
    assert user.confirmed_at is not None
    assert browser.sign_in("ana@example.org", NEW).status_code == 302
    assert "Asked by mail" in browser.get("/portal/").text


def test_an_admin_gives_a_sign_in_also_to_someone_who_asked_for_a_link(web, make, browser):
    customer = make.customer(email="ana@example.org")
    ask(browser)
    set_password(make.admin(), customer.profile_id, NEW)
    assert web.test_client().sign_in("ana@example.org", NEW).status_code == 302


def test_an_unconfirmed_registration_is_confirmed_by_choosing_a_password(web, browser, settings):
    register(browser, password="known to a stranger")
    ask(browser)
    (letter,) = letters("reset")
    assert choose(browser, link_in(letter, settings)).status_code == 302
    assert web.test_client().sign_in("ana@example.org", NEW).status_code == 302
    assert WRONG in web.test_client().sign_in("ana@example.org", "known to a stranger").text


def test_a_link_dies_with_deactivation_and_with_a_change_of_address(
    make, account, ana, browser, settings
):
    admin = make.admin()
    account(admin)
    ask(browser)
    link = link_in(letters()[0], settings)
    with reading(SYSTEM) as session:
        version = session.get_one(Profile, ana.profile_id).version
    change_profile(
        admin,
        ana.profile_id,
        email="ana@elsewhere.example",
        full_name="Ana Costa",
        role=Role.CUSTOMER,
        version=version,
    )
    assert browser.get(link).status_code == 410
    ask(browser, "ana@elsewhere.example")
    link = link_in(letters()[1], settings)
    assert browser.get(link).status_code == 200
    set_active(admin, ana.profile_id, False)
    assert choose(browser, link).status_code == 410


def test_a_sign_in_elsewhere_gets_no_link(web, make, browser, owner):
    customer = make.customer(email="ana@example.org")
    owner.execute("UPDATE profiles SET user_id = 'oidc|7' WHERE id = %s", [customer.profile_id])
    ask(browser)
    register(browser)
    assert letters() == []
    assert person("ana@example.org")[1] is None


# Changing it while signed in.


def change(browser: Browser, present=PASSWORD, new=NEW, again=None):
    browser.get("/account/password")
    data = {"password": present, "new_password": new, "new_password_confirm": again or new}
    return browser.post("/account/password", data=data)


@pytest.mark.parametrize("role", list(Role))
def test_a_new_password_keeps_this_session_and_ends_the_others(web, make, client_of, account, role):
    actor = make.person(role)
    email = account(actor)
    here, there = client_of(actor), client_of(actor)
    answer = change(here)
    assert (answer.status_code, answer.location) == (302, "/account/")
    assert "Your password was changed" in here.get("/account/").text
    assert there.get("/account/").status_code == 302
    assert WRONG in web.test_client().sign_in(email).text
    assert web.test_client().sign_in(email, NEW).status_code == 302
    (letter,) = letters()
    assert (letter.letter, letter.to_profile_id) == ("password_changed", actor.profile_id)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"present": "not this one"}, "not your present password"),
        ({"present": ""}, "the password that you have now"),
        ({"new": "short"}, "at least 10 characters"),
        ({"new": PASSWORD}, "same as the present one"),
        ({"again": "something else"}, "not the same"),
    ],
)
def test_a_change_that_is_wrong_changes_nothing(ana, client_of, user_of, form, words):
    client, before = client_of(ana), user_of(ana).password
    answer = change(client, **form)
    assert answer.status_code == 200
    assert words in answer.text
    assert user_of(ana).password == before
    assert letters() == []


def test_a_session_left_open_does_not_become_a_password_by_guessing(ana, client_of):
    client = client_of(ana)
    statuses = [change(client, present=f"guess number {n}").status_code for n in range(11)]
    assert statuses == [200] * 10 + [429]


def test_a_person_without_a_profile_gets_nothing(web, browser):
    with transaction(SYSTEM) as session:
        user = User(email="ana@example.org", password="x", fs_uniquifier="u")
        user.confirmed_at = now_of(session)
        session.add(user)
    ask(browser)
    assert letters() == []
