"""The web application on the test database, and browsers that sign in for real."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import sync_playwright
from sqlalchemy import event, select, update
from werkzeug.test import TestResponse

from emberone.config import Settings
from emberone.db import db, reading, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.jobs import send_nudges_with
from emberone.models import Profile, User
from emberone.services.accounts import HASHING, hash_password
from emberone.web import create_app
from tests.browsing import CHROMIUM, OPTIONS, looking
from tests.web.invited import Invited

# A hash that takes a tenth of a second is for the world, not for a thousand tests.
HASHING.update(time_cost=1, memory_cost=64, parallelism=1)

PASSWORD = "correct horse battery"
_HASH = hash_password(PASSWORD)

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser(FlaskClient):
    """A test client that sends the session's CSRF token with every POST unless told not to."""

    sends_token = True

    def post(self, *args: Any, **kwargs: Any) -> TestResponse:
        """POST, with the token in the header that scripts would use."""
        if self.sends_token:
            headers = dict(kwargs.pop("headers", None) or {})
            headers.setdefault("X-CSRFToken", self.token())
            kwargs["headers"] = headers
        return super().post(*args, **kwargs)

    def token(self) -> str:
        """A CSRF token that belongs to this browser's session."""
        with self.session_transaction() as session:
            raw = session.setdefault("csrf_token", "0" * 40)
        app = self.application
        with app.test_request_context():
            from flask import session as flask_session
            from flask_wtf.csrf import generate_csrf

            flask_session["csrf_token"] = raw
            return str(generate_csrf())

    def sign_in(self, email: str, password: str = PASSWORD, **form: Any) -> TestResponse:
        """Open the sign-in page and send its form, as a person would."""
        page = self.get("/login")
        token = _TOKEN.search(page.get_data(as_text=True))
        assert token, page.get_data(as_text=True)
        data = {"email": email, "password": password, "csrf_token": token[1], **form}
        return super().post("/login", data=data)


@pytest.fixture(scope="session")
def web_app(settings: Settings) -> Flask:
    """The web application of this worker process, bound to its test database.

    It has no broker: guesses are counted in memory, and nudges go nowhere.
    """
    app = create_app(replace(settings, redis_url="amqp://127.0.0.1:1//"))
    send_nudges_with(lambda job: None)
    app.test_client_class = Browser
    return app


@pytest.fixture
def web(web_app: Flask, database: Flask) -> Iterator[Flask]:
    """The web application on a fresh database, its throttle forgotten."""
    web_app.extensions["emberone.limiter"].reset()
    yield web_app
    with web_app.app_context():
        db.engine.dispose()


@pytest.fixture
def browser(web: Flask) -> Browser:
    """A browser in which nobody is signed in."""
    return web.test_client()


@pytest.fixture
def account(web: Flask) -> Callable[[Actor], str]:
    """Gives a person of `make` a sign-in with PASSWORD and returns its e-mail address."""

    def give(actor: Actor) -> str:
        with transaction(SYSTEM) as session:
            profile = session.get_one(Profile, actor.profile_id)
            if profile.user_id is None:
                user = User(
                    email=profile.email,
                    password=_HASH,
                    fs_uniquifier=str(profile.id),
                    active=True,
                    confirmed_at=profile.created_at,
                )
                session.add(user)
                session.flush()
                profile.user_id = str(user.id)
            return profile.email

    return give


@pytest.fixture
def client_of(web: Flask, account: Callable[[Actor], str]) -> Callable[[Actor], Browser]:
    """A browser in which this person has signed in for real: `client_of(make.agent())`."""

    def signed_in(actor: Actor) -> Browser:
        browser: Browser = web.test_client()
        answer = browser.sign_in(account(actor))
        assert answer.status_code == 302, answer.get_data(as_text=True)
        return browser

    return signed_in


@pytest.fixture
def invited(web: Flask, make: Any, set_setting: Any) -> Invited:
    """A customer whose ticket was answered and closed, and who got the letter."""
    return Invited(make, set_setting)


@pytest.fixture
def change_user(web: Flask) -> Callable[..., None]:
    """Changes columns of a person's sign-in: `change_user(actor, active=False)`."""

    def change(actor: Actor, **columns: Any) -> None:
        with transaction(SYSTEM) as session:
            session.execute(update(User).where(User.id == _user_id(actor)).values(**columns))

    def _user_id(actor: Actor) -> Any:
        return (
            select(User.id)
            .join(Profile, Profile.email == User.email)
            .where(Profile.id == actor.profile_id)
            .scalar_subquery()
        )

    return change


@pytest.fixture
def user_of(web: Flask) -> Callable[[Actor], User]:
    """The sign-in of a person as it is now."""

    def read(actor: Actor) -> User:
        with reading(SYSTEM) as session:
            profile = session.get_one(Profile, actor.profile_id)
            return session.scalars(select(User).where(User.id == UUID(profile.user_id or ""))).one()

    return read


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium; without one the test is skipped, and the summary says so."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as tools:
        running = tools.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture
def visit(chromium: Any, web: Flask, account: Callable[..., str]) -> Iterator[Callable[..., Any]]:
    """Signs a person in and opens an address: `visit(agent, "/admin/", viewport=PHONE)`."""
    with looking(chromium, web) as open_page:

        def signed_in(person: Any, path: str, **options: Any) -> Any:
            page = open_page("/login", **options)
            page.fill("[name=email]", account(person))
            page.fill("[name=password]", PASSWORD)
            page.click("main button[type=submit]")
            page.wait_for_url(lambda address: "/login" not in address)
            page.goto(path)
            return page

        yield signed_in


@pytest.fixture
def statements(web: Any) -> Any:
    """The statements sent since the last call."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    with web.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)

    def taken() -> list[str]:
        found = list(seen)
        seen.clear()
        return found

    yield taken
    event.remove(engine, "before_cursor_execute", note)
