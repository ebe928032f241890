"""Every page of the theme, drawn by a throw-away application and read as HTML."""

import gzip
import json
import re
from enum import Enum
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from emberone.web import theme
from emberone.web.theme import assets, badges, error_page, formats
from emberone.web.theme.errors import WORDINGS
from tests.web.theme_sample import create_sample
from tests.web.theme_sample.page import Page

PAGES = {
    "/admin/": 200,
    "/admin/queue/": 200,
    "/admin/queue/?empty=1": 200,
    "/admin/queue/1042": 200,
    "/admin/customer/": 200,
    "/admin/customer/?page=1&sort=1&desc=1&page_size=5": 200,
    "/admin/customer/?search=nothing-like-this": 200,
    "/admin/customer/?flt0_0=maja&fltadd=2&search=a": 200,
    "/admin/customer/new/": 200,
    "/admin/customer/new/?modal=1": 200,
    "/admin/customer/edit/?id=1": 200,
    "/admin/customer/details/?id=1": 200,
    "/admin/customer/details/?id=1&modal=1": 200,
    "/admin/order/": 200,
    "/admin/order/new/": 200,
    "/admin/order/edit/?id=1": 200,
    "/sign-in": 200,
    "/feedback": 200,
    "/nothing-here": 404,
    **{f"/error/{status}": status for status in WORDINGS},
}

STOCK = re.compile(r"bootstrap4|jquery|select2|x-editable|moment\.|leaflet|glyphicon|\bfa-", re.I)
TEMPLATES = sorted(Path(theme.__file__).parent.glob("templates/**/*.html"))


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_sample(TESTING=True)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def read(client: FlaskClient, address: str) -> Page:
    return Page(client.get(address).text)


def post(client: FlaskClient, form_at: str, address: str, values: dict[str, object]) -> Page:
    """Send a form as a browser without JavaScript does, and follow to where it leads."""
    token = read(client, form_at).value("csrf_token")
    answer = client.post(address, data={"csrf_token": token, **values}, follow_redirects=True)
    assert answer.status_code == 200
    return Page(answer.text)


@pytest.mark.parametrize(("address", "status"), PAGES.items())
def test_a_page_is_whole_for_everyone(client: FlaskClient, address: str, status: int) -> None:
    response = client.get(address)
    page = Page(response.text)
    assert response.status_code == status
    assert page.all("html")[0].attributes["lang"] == "en"
    assert (page.count("main"), page.count("h1"), page.count("title")) == (1, 1, 1)
    assert page.unlabelled() == []
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    assert all(e.attributes.get("scope") for e in page.all("th"))


@pytest.mark.parametrize("address", PAGES)
def test_a_page_loads_only_the_themes_files(client: FlaskClient, address: str) -> None:
    page = read(client, address)
    assert page.addresses()
    assert all(a.startswith("/assets/") and "?v=" in a for a in page.addresses())
    assert not STOCK.search(page.html)
    for one in {a.split("#")[0] for a in page.addresses()}:
        assert client.get(one).status_code == 200


@pytest.mark.parametrize("address", PAGES)
def test_a_page_runs_nothing_that_stands_in_it(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    page = Page(response.text)
    policy = response.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'self' 'nonce-([\w-]+)'", policy)
    assert nonce
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    for script in page.all("script"):
        assert script.attributes["src"]
        assert script.attributes["nonce"] == nonce[1]
    assert page.count("style") == 0
    for element in page.elements:
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        assert "javascript:" not in (element.attributes.get("href") or "")


def test_every_request_has_a_nonce_of_its_own(client: FlaskClient) -> None:
    policies = {client.get("/sign-in").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


def test_every_response_tells_the_browser_to_be_careful(client: FlaskClient) -> None:
    headers = client.get("/sign-in").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_flask_admins_own_files_are_not_served(app: Flask, client: FlaskClient) -> None:
    assert "admin.static" not in app.view_functions
    assert client.get("/admin/static/vendor/jquery.min.js").status_code == 404


def test_a_file_is_kept_for_ever_under_its_hash_and_briefly_without(
    app: Flask, client: FlaskClient
) -> None:
    with app.test_request_context():
        address = assets.asset_url("vendor/tabler.min.css")
    response = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert response.headers["Cache-Control"] == assets.FOR_EVER
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(response.data) < 100_000
    plain = client.get("/assets/vendor/tabler.min.css")
    assert plain.headers["Cache-Control"] == assets.BRIEFLY
    assert gzip.decompress(response.data) == plain.data
    again = client.get(address, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "name", ["nothing.css", "../__init__.py", "vendor", "%00", "vendor/%2e%2e"]
)
def test_nothing_but_the_themes_files_is_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/assets/{name}").status_code == 404


def test_a_page_leaves_compressed_where_its_reader_takes_that(client: FlaskClient) -> None:
    packed = client.get("/admin/queue/", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < 12_000
    assert "Charged twice" in gzip.decompress(packed.data).decode()
    assert "Content-Encoding" not in client.get("/admin/queue/").headers


def test_a_record_is_made_changed_and_deleted_without_a_script(client: FlaskClient) -> None:
    form, values = "/admin/customer/new/", {"name": "Ida Holm", "email": "ida@example.com"}
    values |= {"plan": "Team", "joined_at": "2026-05-04T10:30", "calls_at": "08:00:00"}
    assert "Record was successfully created." in post(client, form, form, values).texts
    found = client.get("/admin/customer/?search=ida@example").text
    number = re.search(r'name="rowid" value="(\d+)"', found)
    assert number
    edit = f"/admin/customer/edit/?id={number[1]}"
    assert read(client, edit).value("joined_at") == "2026-05-04T10:30:00"
    values |= {"name": "Ida Holm-Berg", "joined_at": "2026-05-04 11:45:30"}
    values |= {"notes-0-text": "Likes tea.", "notes-0-id": ""}
    post(client, edit, edit, values)
    page = read(client, edit)
    assert page.value("joined_at") == "2026-05-04T11:45:30"
    assert page.value("notes-0-text") == "Likes tea."
    gone = post(client, edit, "/admin/customer/delete/", {"id": number[1], "url": ""})
    assert "Record was successfully deleted." in gone.texts


def test_a_refused_form_says_what_is_wrong_beside_the_field(client: FlaskClient) -> None:
    form = "/admin/customer/new/"
    page = post(client, form, form, {"name": "", "email": "x@example.com"})
    name = next(e for e in page.all("input") if e.attributes.get("name") == "name")
    assert name.attributes["aria-invalid"] == "true"
    assert "name-error" in (name.attributes["aria-describedby"] or "")
    assert page.value("email") == "x@example.com"
    assert "This field is required." in page.texts


def test_references_are_chosen_without_a_script(client: FlaskClient) -> None:
    form = "/admin/order/new/"
    page = read(client, form)
    typeahead = next(e for e in page.all("select") if e.attributes["name"] == "customer")
    assert typeahead.attributes["data-typeahead-url"] == "/admin/order/ajax/lookup/?name=customer"
    values = {"title": "Kettle", "customer": "2", "watchers": ["3", "4"]}
    assert "Record was successfully created." in post(client, form, form, values).texts
    made = client.get("/admin/order/edit/?id=2").text
    assert re.search(r'<option selected value="2">Tom Okafor', made)
    assert len(re.findall(r"<option selected", made)) == 3


def test_a_bulk_action_is_a_button_of_a_form(client: FlaskClient) -> None:
    page = read(client, "/admin/customer/")
    merge = next(e for e in page.all("button") if e.attributes.get("value") == "merge")
    assert merge.attributes["form"] == "action_form"
    assert merge.attributes["data-confirm"] == "Merge the selected customers?"
    values = {"action": "merge", "rowid": ["1", "2"]}
    done = post(client, "/admin/customer/", "/admin/customer/action/", values)
    assert "2 customers were merged." in done.texts


def test_a_filter_is_chosen_filled_in_and_removed_by_address_alone(client: FlaskClient) -> None:
    page = read(client, "/admin/customer/?search=a")
    links = [e.attributes.get("href") or "" for e in page.all("a")]
    chosen = next(link for link in links if link.endswith("fltadd=0"))
    assert "search=a" in chosen
    assert read(client, chosen).value("flt0_0") == ""
    filtered = read(client, "/admin/customer/?search=a&flt0_0=maja")
    assert filtered.value("flt0_0") == "maja"
    assert "maja.lindqvist0@example.com" in filtered.texts
    assert "tom.okafor1@example.com" not in filtered.texts
    removal = [e.attributes["href"] for e in filtered.all("a") if "Remove filter" in str(e)]
    assert removal == ["/admin/customer/?search=a"]


def test_a_sorted_column_says_so(client: FlaskClient) -> None:
    def directions(address: str) -> list[str | None]:
        return [e.attributes.get("aria-sort") for e in read(client, address).all("th")]

    assert directions("/admin/customer/?sort=1").count("ascending") == 1
    assert directions("/admin/customer/?sort=1&desc=1").count("descending") == 1
    assert not any(directions("/admin/customer/"))


def test_a_cell_is_edited_in_place(client: FlaskClient) -> None:
    page = read(client, "/admin/customer/")
    token = page.value("csrf_token")
    values = {"csrf_token": token, "list_form_pk": "5", "name": "Sofía García"}
    assert client.post("/admin/customer/ajax/update/", data=values).status_code == 200
    assert "Sofía García" in read(client, "/admin/customer/").texts


def test_what_a_person_wrote_stays_text(client: FlaskClient) -> None:
    assert "&lt;b&gt;Not bold.&lt;/b&gt;" in client.get("/admin/customer/").text
    assert "<b>Not bold" not in client.get("/admin/customer/details/?id=2").text


def test_a_forbidden_form_shows_the_error_page(client: FlaskClient) -> None:
    response = client.post("/admin/customer/new/", data={"name": "No token"})
    assert response.status_code == 400
    assert "That request could not be understood" in response.text


def test_internal_notes_are_labelled_in_words_and_by_their_look(client: FlaskClient) -> None:
    html = client.get("/admin/queue/1042").text
    note = re.search(r'<article class="comment comment--internal".*?</article>', html, re.S)
    assert note
    assert "Internal note" in note[0]
    assert "RF-2231" in note[0]
    assert html.count("comment--internal") == 1


def test_the_reply_box_has_every_verb_without_a_script(client: FlaskClient) -> None:
    buttons = [e.attributes for e in read(client, "/admin/queue/1042").all("button")]
    verbs = [b["value"] for b in buttons if b.get("name") == "verb"]
    assert verbs == ["reply", "reply_and_wait", "reply_and_close", "note"]


def test_a_closed_ticket_is_replied_to_only_after_asking(app: Flask) -> None:
    box = "{% import 'theme/_macros.html' as ui %}{{ ui.composer('/', closed=true) }}"
    with app.test_request_context():
        page = Page(render_template_string(box))
    buttons = [e.attributes for e in page.all("button")]
    assert [b["value"] for b in buttons] == ["reply", "note"]
    assert "data-confirm" in buttons[0]


@pytest.mark.parametrize("kind", sorted(badges.BADGES.keys() - {"neutral"}))
def test_a_badge_has_an_icon_and_a_word_beside_its_colour(app: Flask, kind: str) -> None:
    with app.test_request_context():
        html = render_template_string(
            "{% import 'theme/_macros.html' as ui %}{{ ui.badge(kind) }}", kind=kind
        )
        assert str(badges.BADGES[kind].label) in html
    assert f"#{badges.BADGES[kind].icon}" in html


def test_a_clock_is_read_aloud_with_its_state_and_the_time_left(app: Flask) -> None:
    shown = "{% import 'theme/_macros.html' as ui %}{{ ui.sla_badge('due_soon', '<45>', 'At 9') }}"
    with app.test_request_context():
        html = render_template_string(shown)
    assert "sla-badge--due_soon" in html
    assert 'title="At 9"' in html
    assert '<span class="visually-hidden">Due soon: </span>&lt;45&gt;' in html


def test_a_mark_knows_an_enum_by_its_value() -> None:
    status = Enum("status", {"IN_PROGRESS": "IN_PROGRESS"})
    assert badges.badge_of(status.IN_PROGRESS) is badges.BADGES["in_progress"]
    assert badges.badge_of("something else") is badges.BADGES["neutral"]


def test_messages_are_announced_by_their_weight(app: Flask) -> None:
    shown = "{% import 'theme/_macros.html' as ui %}{{ ui.alert(kind, 'Words') }}"
    with app.test_request_context():
        assert 'role="alert"' in render_template_string(shown, kind="danger")
        assert 'role="status"' in render_template_string(shown, kind="success")


@pytest.mark.parametrize("status", WORDINGS)
def test_an_error_page_says_what_is_wrong_and_leads_back(app: Flask, status: int) -> None:
    with app.test_request_context():
        html = error_page(status, detail="Request 7f3a", back_url="/somewhere")
        assert str(WORDINGS[status].title) in html
    assert f"Error {status}" in html
    assert "Request 7f3a" in html
    assert 'href="/somewhere"' in html


def test_an_error_of_ours_asks_nobody_who_is_signed_in(client: FlaskClient) -> None:
    assert "Ana Costa" in client.get("/error/404").text
    assert "Ana Costa" not in client.get("/error/503").text


def test_a_refused_sign_in_says_so_and_keeps_the_address(client: FlaskClient) -> None:
    values = {"email": "ana@example.com", "password": "wrong"}
    page = post(client, "/sign-in", "/sign-in?next=/admin/", values)
    assert "The address or the password is wrong." in page.texts
    assert page.value("email") == "ana@example.com"
    assert not page.value("password")
    assert "/login?next=/admin/" in [e.attributes.get("action") for e in page.all("form")]


INITIALS = {
    "Ana Costa": "AC",
    "Jean-Baptiste Moreau": "JM",
    "ana@example.com": "AC",
    "Claire Dubois, Lycée des Tilleuls": "CD",
    ", Ida": "I",
    "李 明": "李明",
    "Ida": "I",
    "": "?",
    "  ": "?",
    "(x)": "?",
}


@pytest.mark.parametrize(("name", "letters"), INITIALS.items())
def test_initials_stand_for_a_name(name: str, letters: str) -> None:
    assert formats.initials(name) == letters


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    used = {i for t in TEMPLATES for i in re.findall(r"\bicon\('([\w-]+)'", t.read_text())}
    used |= {badge.icon for badge in badges.BADGES.values()}
    used |= {wording.icon for wording in WORDINGS.values()}
    assert used <= assets.icon_names()


def test_an_unknown_icon_is_an_error_at_once(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(assets.UnknownIconError):
        assets.icon_url("no-such-icon")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_parses_and_holds_nothing_inline(app: Flask, template: Path) -> None:
    source = template.read_text()
    app.jinja_env.parse(source)
    assert not re.search(r"\sstyle=|\son\w+=\"|javascript:|<style", source)


def test_vendored_files_have_their_versions_and_licences() -> None:
    package = json.loads((assets.STATIC.parent / "package.json").read_text())
    vendored = assets.STATIC / "vendor"
    versions = (vendored / "VERSIONS").read_text()
    for name, version in package["dependencies"].items():
        assert f"{name} {version} (" in versions
        assert (vendored / f"LICENSE-{name.strip('@').replace('/', '-')}.txt").stat().st_size > 500
