"""Bad input and failures: a clear answer, never a traceback, never SQL, never half a write."""

import logging
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle

import pytest
from flask import abort
from sqlalchemy import text

from emberone.config import Settings
from emberone.db import db, open_reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Role
from emberone.domain.errors import (
    Conflict,
    Gone,
    IllegalTransition,
    Invalid,
    NotAllowed,
    NotFound,
    StaleWrite,
    TemporarilyUnavailable,
)
from emberone.models import Profile
from emberone.web import create_app
from emberone.web.access import ENDPOINTS, PUBLIC
from emberone.web.session import current_actor, current_profile
from tests.everything import EVERYTHING
from tests.web.conftest import Browser
from tests.web.test_access import may_enter, walked

LEAKS = re.compile(r"Traceback|psycopg|sqlalchemy|SELECT |INSERT |UPDATE |File \"")

#: What is asked instead of what is meant.
ODD = {
    "a NUL": "a\0b",
    "a malformed id": "not-an-id",
    "two ids": "1,2",
    "an id that does not exist": "00000000-0000-0000-0000-000000000000",
    "an id too long": "0" * 5000,
    "a negative number": "-1",
    "a huge number": "9" * 400,
    "half a letter": b"\xff\xfe".decode("latin-1"),
    "a formula": "=1+1",
    "a quotation mark": "'\"><script>",
    "a percent sign": "%",
    "nothing": "",
    "1 MB": "x" * 1_000_000,
}
NAMES = (
    "id", "page", "page_size", "sort", "desc", "search", "cursor", "view", "status", "query",
    "limit", "rowid",
)  # fmt: skip

FIELDS = (
    *NAMES, "version", "url", "next", "email", "password", "title", "description", "content", "text", "kind", "verb",
    "team_id", "agent_id", "customer_id", "tags", "full_name", "role", "action", "list_form_pk",
    "rating", "comment", "capacity", "skills",
)  # fmt: skip


def some(values, *about):
    """All of the values, or a quarter of them: another one for each route, the same each time."""
    values = list(values)
    if EVERYTHING:
        return values
    return random.Random(repr(about)).sample(values, max(1, len(values) // 4))


def assert_clear(answer, address):
    body = answer.get_data(as_text=True)
    assert answer.status_code < 500, (address[:200], answer.status_code, body[-2000:])
    if answer.status_code >= 400:
        assert_clear_of_leaks(answer)


def assert_clear_of_leaks(answer):
    found = LEAKS.search(answer.get_data(as_text=True))
    assert not found, found


@pytest.fixture
def addresses(web) -> Iterator[tuple[str, str, str]]:
    return [(method, address, rule.endpoint) for method, address, rule in walked(web)]


def ask_all(client, addresses, role, queries) -> None:
    """Ask every route that the role may enter for some of the queries."""
    for method, address, endpoint in addresses:
        if may_enter(role, endpoint):
            for query in some(queries, role, method, address):
                answer = client.open(
                    address,
                    method=method,
                    query_string=query,
                    headers={"X-CSRFToken": client.token()},
                    buffered=True,
                )
                assert_clear(answer, f"{method} {address} {query}")


#: Admins may ask for most; the others' routes are few, or the same.
THOROUGHLY = [(Role.ADMIN, tuple(ODD))]
BRIEFLY = [(role, ("a malformed id", "1 MB")) for role in (None, Role.CUSTOMER, Role.AGENT)]


@pytest.mark.parametrize(("role", "odds"), THOROUGHLY + BRIEFLY, ids=str)
def test_no_query_breaks_a_route(web, make, client_of, browser, addresses, role, odds):
    client = client_of(make.person(role)) if role else browser
    texts = [ODD[name] for name in odds]
    queries = [dict.fromkeys(NAMES if len(odd) < 100 else NAMES[:1], odd) for odd in texts]
    ask_all(client, addresses, role, queries)


def test_no_part_of_a_query_breaks_a_route(web, make, client_of, addresses):
    """One at a time, so that an early refusal hides nothing."""
    client = client_of(make.admin())
    odds = cycle(("1,2", "-1", "9" * 400, "\x7f%"))
    ask_all(client, addresses, Role.ADMIN, [{name: next(odds)} for name in NAMES])


@pytest.mark.parametrize(("role", "odds"), THOROUGHLY + BRIEFLY, ids=str)
def test_no_form_breaks_a_route(web, make, client_of, browser, addresses, role, odds):
    client = client_of(make.person(role)) if role else browser
    for method, address, endpoint in addresses:
        if method == "POST" and may_enter(role, endpoint):
            for odd in (ODD[name] for name in some(odds, role, address)):
                names = FIELDS if len(odd) < 10_000 else ("text", "title")
                answer = client.post(address, data=dict.fromkeys(names, odd), buffered=True)
                assert_clear(answer, f"POST {address} with {odd[:20]!r}")


BODIES = [
    (b"{", "application/json"),
    (b"[1, 2]", "application/json"),
    (b'"text"', "application/json"),
    (b'{"email": 1, "password": {}}', "application/json"),
    (b'{"email": "\\u0000", "password": "\\ud800"}', "application/json"),
    (b'{"email": "\\ud800@example.org", "password": "x"}', "application/json"),
    (b"[" * 50_000, "application/json"),
    (b"\xff\xfe", "application/x-www-form-urlencoded"),
    (b"nonsense", "multipart/form-data"),
    (b"nonsense", "multipart/form-data; boundary=x"),
    (b"--x\r\n", "multipart/form-data; boundary=x"),
    (b"", "text/plain"),
]


@pytest.mark.parametrize("role", [None, Role.ADMIN], ids=str)
def test_no_body_breaks_a_route(web, make, client_of, browser, addresses, role):
    client = client_of(make.person(role)) if role else browser
    for method, address, endpoint in addresses:
        if method == "POST" and may_enter(role, endpoint):
            for body, content_type in some(BODIES, role, address):
                answer = client.post(address, data=body, content_type=content_type, buffered=True)
                assert_clear(answer, f"POST {address} {body[:30]!r}")


NOWHERE = (
    "/nothing", "/admin/nothing", "/portal/%00", "/%00", "/assets/%00", "/assets/../../etc/passwd",
    "/assets/..%2f..%2fetc%2fpasswd", "/%ff", "/portal", "//portal/", "/portal//", "/f/%00", "/f/x",
    "/" + "x" * 5000, "/login/", "/admin/ticket/%27",
)  # fmt: skip


@pytest.mark.parametrize("role", [None, Role.CUSTOMER, Role.ADMIN])
def test_an_address_that_leads_nowhere_says_so(web, make, client_of, browser, role):
    client = client_of(make.person(role)) if role else browser
    for path in NOWHERE:
        answer = client.get(path)
        assert answer.status_code in {301, 302, 308, 400, 403, 404, 410}, path
        assert_clear(answer, path)


def test_a_method_that_nothing_takes_is_refused(web, make, client_of, addresses):
    client = client_of(make.admin())
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
        for _, address, endpoint in addresses:
            if may_enter(Role.ADMIN, endpoint):
                answer = client.open(address, method=method)
                assert answer.status_code in {404, 405}, (method, address)
                assert_clear(answer, address)
        assert client.open("/login", method=method).headers["Allow"]


def test_more_than_two_megabytes_are_not_read(browser):
    answer = browser.post("/login", data={"email": "x" * (2 * 1024 * 1024 + 1)})
    assert answer.status_code == 413
    assert_clear(answer, "/login")


def test_a_cookie_that_is_not_ours_is_no_sign_in(browser):
    for value in ("x", "..", "e30.x.y", "\0", "x" * 4000):
        browser.set_cookie("emberone_session", value)
        browser.set_cookie("emberone_remember", value)
        assert browser.get("/portal/").status_code in {302, 400}


# What goes wrong inside a view.


class Boom(Exception):
    """Secret words of ours."""


@pytest.fixture
def failing(settings: Settings, database, make, monkeypatch):
    """An application whose `/fail` does what a test says, and a browser of an agent."""
    app = create_app(replace(settings, redis_url="amqp://127.0.0.1:1//"))
    app.test_client_class = Browser
    todo = {}

    def fail():
        return todo["what"]()

    app.add_url_rule("/fail", "fail", fail, methods=["GET", "POST"])
    monkeypatch.setattr("emberone.web.access.ENDPOINTS", {**ENDPOINTS, "fail": PUBLIC})

    def ask(what, **kwargs):
        todo["what"] = what
        client = app.test_client()
        return (client.post if "data" in kwargs else client.get)("/fail", **kwargs)

    yield ask
    with app.app_context():
        db.engine.dispose()


def raising(error):
    def view():
        raise error

    return view


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid("The title is empty."), 422),
        (NotAllowed(), 403),
        (NotFound(), 404),
        (Conflict("Taken."), 409),
        (IllegalTransition(), 409),
        (StaleWrite(version=3), 409),
        (Gone(), 410),
        (TemporarilyUnavailable(), 503),
    ],
)
def test_our_own_errors_keep_their_words(failing, error, status):
    page = failing(raising(error))
    assert page.status_code == status
    assert error.message in page.get_data(as_text=True).replace("&#39;", "'")
    answer = failing(raising(error), headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.json == {
        "error": {"status": status, "code": type(error).__name__, "message": error.message}
    }


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 413, 415, 418, 422, 429, 503])
def test_every_status_has_a_page(failing, status):
    answer = failing(lambda: abort(status))
    assert answer.status_code == status
    assert f"Error {status}" in answer.get_data(as_text=True)
    assert_json = failing(lambda: abort(status), headers={"Accept": "application/json"})
    assert assert_json.json["error"]["status"] == status


@pytest.mark.parametrize("error", [Boom("secret"), KeyError("secret"), RuntimeError("secret")])
def test_our_fault_is_logged_with_a_reference_and_not_shown(failing, caplog, error):
    with caplog.at_level(logging.ERROR):
        page = failing(raising(error))
    assert page.status_code == 500
    body = page.get_data(as_text=True)
    assert "secret" not in body
    assert not LEAKS.search(body)
    (record,) = [record for record in caplog.records if record.message == "web.failed"]
    assert record.exc_info[1] is error
    assert f"Reference: {record.request_id}" in body
    answer = failing(raising(error), headers={"Accept": "application/json"})
    assert set(answer.json["error"]) == {"status", "code", "request_id"}


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("SELECT 1/0", 422),
        ("SELECT * FROM no_such_table", 500),
        ("INSERT INTO teams (name) VALUES ('x')", 500),
        ("SELECT 'x'::uuid", 422),
    ],
)
def test_a_refusal_of_the_database_shows_no_sql(failing, statement, status):
    def view():
        open_reading(SYSTEM)
        db.session.execute(text(statement)).all()

    answer = failing(view)
    assert answer.status_code == status
    assert not LEAKS.search(answer.get_data(as_text=True))


def lose_the_connection(postgres):
    open_reading(SYSTEM)
    pid = db.session.scalar(text("SELECT pg_backend_pid()"))
    with postgres.connect() as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    db.session.execute(text("SELECT 1"))


def test_a_connection_that_is_lost_meanwhile_is_not_our_fault(failing, postgres):
    def view():
        lose_the_connection(postgres)

    assert failing(view).status_code == 503
    assert failing(lambda: "back again").status_code == 200


def test_what_was_typed_is_given_back_where_the_database_is_away_for_a_moment(failing, postgres):
    """An answer of an hour's work, sent while PostgreSQL restarts."""
    words = {"text": "First line\nand <b>a second</b> one.", "password": "my secret words"}

    def view():
        lose_the_connection(postgres)

    answer = failing(view, data=words)
    assert answer.status_code == 503
    assert "First line\nand &lt;b&gt;a second&lt;/b&gt; one." in answer.text
    assert "copy it before you leave" in answer.text
    assert "my secret words" not in answer.text
    elsewhere = failing(view, data=words, headers={"Origin": "https://evil.example"})
    assert "First line" not in elsewhere.text


def test_without_a_database_whoever_is_signed_in_gets_a_page_that_says_so(settings: Settings):
    app = create_app(
        replace(
            settings,
            redis_url="amqp://127.0.0.1:1//",
            database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing",
        )
    )
    app.test_client_class = Browser
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = "somebody"
    for path in ("/", "/portal/", "/admin/", "/login"):
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert "Not available just now" in answer.get_data(as_text=True)
        assert_clear_of_leaks(answer)
    assert client.get("/assets/theme.css").status_code == 200


def test_after_a_refused_write_the_page_still_knows_the_person(web, make, client_of, monkeypatch):
    """The service ends the reading; the page rendered after it opens a new one."""
    customer = make.customer(name="Ana Costa")
    client = client_of(customer)

    def view():
        try:
            with transaction(current_actor()) as session:
                session.get_one(Profile, customer.profile_id).full_name = "Somebody Else"
                session.flush()
                raise Invalid("No.")
        except Invalid:
            names = db.session.scalars(db.select(Profile.full_name)).all()
            return f"{current_profile().full_name} reads {names}"

    monkeypatch.setitem(web.view_functions, "portal.tickets", view)
    answer = client.get("/portal/")
    assert answer.get_data(as_text=True) == "Ana Costa reads ['Ana Costa']"


def test_nothing_is_left_open_after_a_request(web, make, client_of):
    client = client_of(make.customer())
    for path in ("/portal/", "/portal/?cursor=x", "/login", "/nothing", "/admin/"):
        client.get(path)
        with web.app_context():
            assert db.engine.pool.checkedout() == 0, path


def test_the_headers_that_bind_the_browser_are_on_every_answer(web, make, client_of):
    client = client_of(make.customer())
    for path in ("/portal/", "/login", "/nothing", "/assets/theme.css", "/admin/"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
