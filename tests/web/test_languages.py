"""Speaking to people in their language, as soon as a catalogue of it lies on the disk."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from emberone import languages
from emberone.db import db, reading
from emberone.domain.actor import SYSTEM
from emberone.domain.errors import Invalid
from emberone.jobs import send_nudges_with
from emberone.mail.rendering import render
from emberone.mail.site import Site
from emberone.models import Letter, Profile
from emberone.services.profiles import choose
from emberone.translations.__main__ import is_complete, update
from emberone.web import create_app
from emberone.web.theme.formats import time_short
from tests.web.conftest import PASSWORD, Browser

GERMAN = {
    "Sign in": "Anmelden",
    "Your account": "Ihr Konto",
    "Hello %(name)s,": "Guten Tag, %(name)s,",
    "Confirm your e-mail address": "Bestätigen Sie Ihre Adresse",
}


@pytest.fixture
def german(tmp_path, monkeypatch):
    """German is spoken; of some texts at least."""
    catalog = Catalog(locale="de")
    for text, translated in GERMAN.items():
        catalog.add(text, translated)
    path = tmp_path / "de" / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalog)
    monkeypatch.setattr(languages, "folder", lambda: tmp_path)


@pytest.fixture
def bilingual(german, web, settings):
    """The web application as it is started where German is spoken."""
    app = create_app(replace(settings, redis_url="amqp://127.0.0.1:1//"))
    send_nudges_with(lambda job: None)
    app.test_client_class = Browser
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def only_english(tmp_path, monkeypatch):
    """There is no catalogue at all."""
    monkeypatch.setattr(languages, "folder", lambda: tmp_path)


def test_without_a_catalogue_there_is_english_and_nothing_to_choose(
    only_english, web, make, client_of
):
    assert languages.available() == ("en",)
    answer = client_of(make.customer()).get("/account/", headers={"Accept-Language": "de"})
    assert '<html lang="en"' in answer.text
    assert 'name="language"' not in answer.text
    with pytest.raises(Invalid):
        choose(make.customer(), language="de", declined_letters=())


def test_a_catalogue_on_disk_is_a_language(german):
    assert languages.choices() == [("en", "English"), ("de", "Deutsch")]
    assert languages.best(["fr", "de-AT", "en"]) == "de"
    assert languages.best(["fr"]) is None


@pytest.mark.parametrize(
    ("accepted", "language", "words"),
    [
        ("de-CH,de;q=0.9,en;q=0.5", "de", "Anmelden"),
        ("fr,en;q=0.5,de;q=0.1", "en", "Sign in"),
        ("fr", "en", "Sign in"),
        ("", "en", "Sign in"),
        ("x" * 5000, "en", "Sign in"),
    ],
)
def test_a_stranger_is_spoken_to_as_the_browser_asks(bilingual, accepted, language, words):
    page = bilingual.test_client().get("/login", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}"' in page
    assert words in page


def test_what_a_person_has_chosen_comes_before_what_the_browser_asks(bilingual, make, account):
    actor = make.customer()
    client = bilingual.test_client()
    client.sign_in(account(actor))
    english = {"Accept-Language": "en"}
    assert '<html lang="en"' in client.get("/account/", headers=english).text
    answer = client.post("/account/", data={"full_name": "Ana", "language": "de"})
    assert answer.status_code == 303
    page = client.get("/account/", headers=english).text
    assert '<html lang="de"' in page
    assert "Ihr Konto" in page
    answer = client.post("/account/", data={"full_name": "Ana", "language": "xx"})
    assert answer.status_code == 422
    client.post("/account/", data={"full_name": "Ana", "language": ""})
    assert '<html lang="en"' in client.get("/account/", headers=english).text


def test_a_refusal_speaks_the_language_of_its_page(web, make, account):
    assert "de" in languages.available()
    client = web.test_client()
    client.sign_in(account(make.customer()))
    german = {"Accept-Language": "de"}
    assert "Das gibt es nicht, oder" in client.get("/portal/1/", headers=german).text
    answer = client.post("/account/", data={"full_name": "x" * 201}, headers=german)
    assert answer.status_code == 422
    assert "„Name“ ist länger als 200 Zeichen." in answer.text


def test_whoever_registers_is_written_to_in_the_language_they_came_in(bilingual, settings):
    browser = bilingual.test_client()
    browser.get("/register")
    data = {"full_name": "Ana", "email": "ana@example.org", "password": PASSWORD}
    browser.post("/register", data=data, headers={"Accept-Language": "de"})
    with reading(SYSTEM) as session:
        assert session.query(Profile).one().language == "de"
        letter = session.query(Letter).one()
    words = languages.catalogue("de")
    rendered = render(
        letter.letter, letter.params, Site.from_settings(settings), translations=words
    )
    assert rendered.subject == "Bestätigen Sie Ihre Adresse"
    assert rendered.text.startswith("Guten Tag, ana@example.org,")
    assert '<html lang="de">' in rendered.html


def test_times_are_worded_as_the_language_is_used_to(bilingual):
    moment = datetime(2026, 3, 2, 15, 4, tzinfo=UTC)
    for accepted, words in (("en", "2 Mar 2026, 15:04"), ("de", "2. März 2026, 15:04")):
        with bilingual.test_request_context(headers={"Accept-Language": accepted}):
            assert time_short(moment) == words


def test_a_catalogue_that_leaves_something_out_is_not_offered(tmp_path):
    template = Catalog()
    template.add("Sign in")
    template.add(("%(num)s star", "%(num)s stars"))
    assert update(tmp_path, template, "de") is False
    po = tmp_path / "de" / "LC_MESSAGES" / "messages.po"
    half = po.read_text().replace(
        'msgid "Sign in"\nmsgstr ""', 'msgid "Sign in"\nmsgstr "Anmelden"'
    )
    po.write_text(half)
    assert update(tmp_path, template, "de") is False
    whole = half.replace('msgstr[0] ""', 'msgstr[0] "Stern"').replace(
        'msgstr[1] ""', 'msgstr[1] "Sterne"'
    )
    po.write_text(whole)
    assert update(tmp_path, template, "de") is True
    assert po.with_suffix(".mo").exists()
    # A text that is new makes the catalogue incomplete again.
    template.add("Sign out")
    assert update(tmp_path, template, "de") is False
    assert not po.with_suffix(".mo").exists()
    assert not is_complete(template)
