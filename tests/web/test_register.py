"""Registering and confirming: a customer with a sign-in, and nothing told to whoever asks."""

import itertools
import re
import time

import pytest
from sqlalchemy import select

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import MailState, Role
from emberone.mail.rendering import render
from emberone.mail.site import Site
from emberone.models import Letter, Profile, User
from emberone.services.profiles import set_active
from emberone.services.sign_in_letters import LETTERS_PER_HOUR
from tests.web.conftest import PASSWORD, Browser

WRONG = "E-mail address or password is wrong."
ANA = {"full_name": "Ana Costa", "email": "ana@example.org", "password": PASSWORD}


def letters(kind=None) -> list[Letter]:
    with reading(SYSTEM) as session:
        statement = select(Letter).order_by(Letter.created_at, Letter.id)
        found = list(session.scalars(statement))
    return [letter for letter in found if kind is None or letter.letter == kind]


def link_in(letter: Letter, settings) -> str:
    """The path of the link in a letter, as its reader gets it."""
    text = render(letter.letter, letter.params, Site.from_settings(settings)).text
    return re.search(r"https?://[^/\s]+(/(?:confirm|reset)/\S+)", text)[1]


def register(browser: Browser, **changes):
    browser.get("/register")
    return browser.post("/register", data={**ANA, **changes})


@pytest.fixture
def seconds_pass(monkeypatch):
    """Links asked for one after the other are not asked for within the same second."""
    ticks = itertools.count()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: time.monotonic() + next(ticks))


def person(email) -> tuple[Profile | None, User | None]:
    with reading(SYSTEM) as session:
        profile = session.scalar(select(Profile).where(Profile.email == email))
        return profile, session.scalar(select(User).where(User.email == email))


def test_whoever_registers_and_confirms_is_a_customer_and_signed_in(web, browser, settings):
    answer = register(browser)
    assert (answer.status_code, answer.location) == (302, "/register/sent")
    assert "Look into your mailbox" in browser.get(answer.location).text
    profile, user = person("ana@example.org")
    assert (profile.role, profile.full_name, profile.user_id) == (
        Role.CUSTOMER,
        "Ana Costa",
        str(user.id),
    )
    assert user.confirmed_at is None
    (letter,) = letters()
    assert (letter.letter, letter.to_email, letter.ticket_id, letter.state) == (
        "confirm",
        "ana@example.org",
        None,
        MailState.QUEUED,
    )
    link = link_in(letter, settings)
    page = browser.get(link)
    assert page.status_code == 200
    assert "Confirm and sign in" in page.text
    answer = browser.post(link, data={"password": PASSWORD})
    assert answer.status_code == 302
    assert browser.get("/portal/").status_code == 200
    assert person("ana@example.org")[1].confirmed_at is not None


def test_a_confirmation_changes_nothing_before_its_button_is_pressed(web, browser, settings):
    register(browser)
    link = link_in(letters()[0], settings)
    for _ in range(3):
        assert browser.get(link).status_code == 200
        assert browser.head(link).status_code == 200
    assert person("ana@example.org")[1].confirmed_at is None
    assert browser.post(link, data={"password": PASSWORD}).status_code == 302


def test_whoever_holds_the_letter_but_not_the_password_confirms_nothing(web, browser, settings):
    """A stranger registers with my address; my click must not open the account for them."""
    register(browser, password="known to the stranger")
    mine = web.test_client()
    link = link_in(letters()[0], settings)
    for wrong in ("", "what I guess is right", "x" * 100_000):
        assert mine.post(link, data={"password": wrong}).status_code == 200
    assert person("ana@example.org")[1].confirmed_at is None


def test_a_confirmation_works_once_and_for_three_days(web, browser, settings, monkeypatch):
    register(browser)
    link = link_in(letters()[0], settings)
    later = time.time() + 3 * 86_400 + 5
    with monkeypatch.context() as patch:
        patch.setattr("itsdangerous.timed.time.time", lambda: later)
        assert browser.get(link).status_code == 410
        assert browser.post(link, data={"password": PASSWORD}).status_code == 410
    assert browser.post(link, data={"password": PASSWORD}).status_code == 302
    other = web.test_client()
    assert other.get(link).status_code == 410
    answer = other.post(link, data={"password": PASSWORD})
    assert answer.status_code == 410
    assert "no longer valid" in answer.text
    assert other.get("/portal/").status_code == 302


@pytest.mark.parametrize("token", ["x", "a.b.c", "%C3%A9", "x" * 3000])
def test_a_link_that_nobody_wrote_opens_nothing(web, browser, token):
    for address in (f"/confirm/{token}", f"/reset/{token}"):
        assert browser.get(address).status_code == 410
        data = {"password": PASSWORD, "password_confirm": PASSWORD}
        assert browser.post(address, data=data).status_code == 410


def test_a_link_for_the_one_page_does_not_open_the_other(web, browser, settings):
    register(browser)
    token = link_in(letters()[0], settings).rpartition("/")[2]
    assert browser.get(f"/reset/{token}").status_code == 410


def test_who_has_not_confirmed_cannot_sign_in_and_is_told_what_to_do(web, browser, settings):
    register(browser)
    answer = browser.sign_in("ana@example.org")
    assert "Please confirm your e-mail address first" in answer.text
    assert "/confirm?email=ana@example.org" in answer.text.replace("%40", "@")
    assert WRONG not in answer.text
    assert browser.get("/portal/").status_code == 302
    # Only whoever knows the password learns of it.
    answer = browser.sign_in("ana@example.org", "not the password")
    assert "confirm your e-mail" not in answer.text
    assert WRONG in answer.text


def test_the_letter_comes_again_on_request(web, browser, settings, seconds_pass):
    register(browser)
    answer = browser.post("/confirm", data={"email": "ANA@example.org "})
    assert answer.status_code == 200
    assert len(letters("confirm")) == 2
    link = link_in(letters()[0], settings)
    assert browser.post(link, data={"password": PASSWORD}).status_code == 302
    # Confirmed: there is nothing more to send.
    web.test_client().post("/confirm", data={"email": "ana@example.org"})
    assert len(letters()) == 2


def test_a_customer_known_by_mail_finds_their_tickets_after_confirming(
    web, make, browser, settings
):
    customer = make.customer("Ana from the letter", email="Ana@example.org")
    make.ticket(customer, title="Asked by mail")
    register(browser, full_name="Somebody else's idea")
    profile, _ = person("Ana@example.org")
    assert profile.user_id is None
    link = link_in(letters()[0], settings)
    assert browser.post(link, data={"password": PASSWORD}).status_code == 302
    assert "Asked by mail" in browser.get("/portal/").text
    profile, _ = person("Ana@example.org")
    assert profile.full_name == "Ana from the letter"


@pytest.mark.parametrize("role", [Role.AGENT, Role.ADMIN])
def test_nobody_registers_into_a_role(web, make, browser, role, settings):
    make.person(role, email="ana@example.org")
    answer = register(browser)
    assert (answer.status_code, answer.location) == (302, "/register/sent")
    browser.post("/reset", data={"email": "ana@example.org"})
    profile, user = person("ana@example.org")
    assert (profile.user_id, user, letters()) == (None, None, [])


def test_whoever_registers_twice_is_told_by_letter_only(web, make, account, browser):
    account(make.customer(email="ana@example.org"))
    answer = register(browser, password="another long password")
    assert (answer.status_code, answer.location) == (302, "/register/sent")
    (letter,) = letters()
    assert letter.letter == "known"
    assert WRONG in web.test_client().sign_in("ana@example.org", "another long password").text
    assert web.test_client().sign_in("ana@example.org").status_code == 302


def test_a_second_registration_before_the_confirmation_sends_the_letter_again(
    web, browser, seconds_pass
):
    register(browser)
    first = person("ana@example.org")[1].password
    register(browser, password="another long password", full_name="Not Ana")
    assert [letter.letter for letter in letters()] == ["confirm", "confirm"]
    profile, user = person("ana@example.org")
    assert (profile.full_name, user.password) == ("Ana Costa", first)


def test_a_deactivated_person_gets_nothing(web, make, account, browser):
    admin, customer = make.admin(), make.customer(email="ana@example.org")
    account(admin), account(customer)
    set_active(admin, customer.profile_id, False)
    register(browser)
    browser.post("/reset", data={"email": "ana@example.org"})
    browser.post("/confirm", data={"email": "ana@example.org"})
    assert {letter.state for letter in letters()} <= {MailState.SUPPRESSED}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"full_name": " "}, "tell us your name"),
        ({"full_name": "x" * 201}, "tell us your name"),
        ({"email": "no address"}, "not an e-mail address"),
        ({"password": "short"}, "at least 10 characters"),
        ({"password": "aaaaaaaaaaaa"}, "four different characters"),
        ({"password": "ana@example.org"}, "name or address"),
        ({"password": "x1y2" * 300}, "at most 1000"),
    ],
)
def test_what_is_wrong_with_a_registration_is_said_beside_the_field(web, browser, changes, words):
    answer = register(browser, **changes)
    assert answer.status_code == 200
    assert words in answer.text
    assert letters() == []
    assert person("ana@example.org") == (None, None)


def test_a_registration_is_refused_kindly_where_an_admin_wants_none(web, browser, set_setting):
    assert "/register" in browser.get("/login").text
    set_setting(allows_registration=False)
    assert "/register" not in browser.get("/login").text
    assert browser.get("/register").status_code == 403
    answer = register(browser)
    assert answer.status_code == 403
    assert "You cannot register by yourself" in answer.text
    assert person("ana@example.org") == (None, None)


def test_a_name_that_anyone_may_have_typed_is_not_mailed(web, browser, settings):
    """Or registering would be a way to send people one's own words from our address."""
    register(browser, full_name="You won! See http://evil.example")
    (letter,) = letters()
    words = render(letter.letter, letter.params, Site.from_settings(settings))
    assert "evil" not in words.text + words.html + words.subject
    assert letter.params["name"] == "ana@example.org"


def test_the_pages_of_links_are_kept_out_of_caches_indexes_and_referrers(web, browser, settings):
    register(browser)
    for address in ("/register", "/reset", "/login", link_in(letters()[0], settings)):
        headers = browser.get(address).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"


def test_the_outbox_holds_no_link_that_works(web, browser, settings, owner):
    register(browser)
    token = link_in(letters()[0], settings).rpartition("/")[2]
    rows = owner.execute("SELECT row_to_json(mail_outbox)::text FROM mail_outbox").fetchall()
    assert token not in str(rows)
    claim = letters()[0].params["confirm_claim"]
    assert browser.get(f"/confirm/{claim}").status_code == 410


@pytest.mark.parametrize("address", ["/reset", "/confirm", "/register"])
def test_the_same_answer_comes_whether_somebody_has_the_address(
    web, make, account, settings, address
):
    account(make.customer(email="known@example.org"))
    make.customer(email="by-mail@example.org")
    with transaction(SYSTEM) as session:
        session.add(User(email="new@example.org", password="x", fs_uniquifier="new"))
        session.add(Profile(email="new@example.org", full_name="New", role=Role.CUSTOMER))
    pages = set()
    for email in ("known", "by-mail", "new", "nobody"):
        browser = web.test_client()
        browser.get(address)
        answer = browser.post(address, data={**ANA, "email": f"{email}@example.org"})
        words = re.sub(r'(nonce|value|content)="[^"]*"', "", answer.text)
        headers = {name for name, _ in answer.headers}
        pages.add((answer.status_code, answer.location, words, frozenset(headers)))
    assert len(pages) == 1


def test_letters_to_one_address_and_from_one_client_are_bounded(web, make, account):
    account(make.customer(email="ana@example.org"))
    for address, limit in (("/reset", 5), ("/confirm", 5)):
        tries = []
        for number in range(limit + 1):
            browser = web.test_client()
            browser.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
            browser.get(address)
            tries.append(browser.post(address, data={"email": "ana@example.org"}).status_code)
        assert tries == [200] * limit + [429]
    browser = web.test_client()
    statuses = [
        browser.post("/reset", data={"email": f"nobody{number}@example.org"}).status_code
        for number in range(31)
    ]
    assert statuses == [200] * 30 + [429]


def test_no_more_than_a_few_letters_an_hour_are_written_whatever_is_asked(
    web, make, account, settings, seconds_pass
):
    account(make.customer(email="ana@example.org"))
    for _ in range(LETTERS_PER_HOUR + 3):
        web.extensions["emberone.limiter"].reset()
        web.test_client().post("/reset", data={"email": "ana@example.org"})
    assert len(letters("reset")) == LETTERS_PER_HOUR
