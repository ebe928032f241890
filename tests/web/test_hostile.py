"""A hostile corpus in every field of every form, and what every page makes of it: nothing."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.http import parse_options_header
from werkzeug.test import encode_multipart

from emberone.db import Base, reading
from emberone.domain.actor import SYSTEM
from emberone.domain.attachments import IMAGES, Upload
from emberone.models import (
    Attachment,
    Comment,
    HistoryEntry,
    Letter,
    Macro,
    Profile,
    Tag,
    Team,
    Ticket,
)
from emberone.services.tickets import open_ticket
from emberone.web.access import ENDPOINTS, PUBLIC
from tests.browsing import looking
from tests.hostile import FILE_NAMES, FILES, HTML, MARKDOWN, MORE_FILES, PNG, RTL, SCRIPT, judged
from tests.web.test_access import rules


def test_the_judge_would_see_it():
    """The corpus itself, unescaped, is complained of; its escaped self is not."""
    assert len(judged(SCRIPT).complaints) >= 4
    assert len(judged(MARKDOWN).complaints) >= 8
    assert judged("<p>&lt;x-evil&gt;</p>").complaints == []


class World:
    """Everything that can be typed, typed by somebody hostile through the forms themselves."""

    def __init__(self, make, client_of, web) -> None:
        self.persons = {
            "admin": make.admin(SCRIPT[:190]),
            "agent": make.agent(SCRIPT[:190]),
            "customer": make.customer(SCRIPT[:190], email='"><x-evil>@example.org'),
        }
        make.skill(SCRIPT[:45].lower().replace(",", " "))
        self.clients = {name: client_of(person) for name, person in self.persons.items()}
        self.address = f"/admin/ticket/{self._open()}/"
        self.rows: dict[str, UUID] = {}
        self._type(make)

    def send(self, who: str, address: str, files: Any = (), **form: Any) -> Any:
        """Send a form as one of the persons; whatever it does, it must not break."""
        parts = [FileStorage(io.BytesIO(content), name) for name, content in files]
        boundary, body = encode_multipart(MultiDict({**form, "files": parts}))
        answer = self.clients[who].post(
            address, data=body, content_type=f"multipart/form-data; boundary={boundary}"
        )
        assert answer.status_code < 500, (address, answer.text)
        assert judged(answer.text).complaints == [], address
        return answer

    def _open(self) -> int:
        customer = self.persons["customer"].profile_id
        answer = self.send(
            "agent",
            "/admin/ticket/new/",
            [(name, content) for name, (content, _) in FILES.items()],
            customer=str(customer),
            title=SCRIPT,
            description=MARKDOWN,
            tags=SCRIPT[:45].replace(",", " "),
        )
        assert answer.status_code == 303, answer.text
        return int(answer.location.rstrip("/").rpartition("/")[2])

    def _type(self, make) -> None:
        number = int(self.address.split("/")[3])
        files = [("<x-evil>.png", PNG + HTML)]
        self.send("agent", f"{self.address}respond/", files, text=MARKDOWN, kind="note")
        self.send("agent", f"{self.address}respond/", files, text=MARKDOWN, kind="reply")
        self.send("admin", "/admin/team/new/", name=SCRIPT[:99], description=SCRIPT)
        self.send("admin", "/admin/macro/new/", name=SCRIPT[:99], content=MARKDOWN)
        self.send("admin", "/admin/profile/new/", email='"><x-evil>2@x.example', full_name=SCRIPT)
        self.send("customer", f"/portal/{number}/comment/", files, text=MARKDOWN)
        self.send("customer", "/portal/new/", files, title=SCRIPT, description=MARKDOWN)
        # Refused forms show what was typed again.
        self.send("agent", "/admin/ticket/new/", title=SCRIPT, email=SCRIPT, name=SCRIPT)
        self.send("agent", f"{self.address}respond/", [(RTL + ".exe", b"MZ")], text=MARKDOWN)
        self.send("admin", f"{self.address}change/", title=SCRIPT, version="0", seen=SCRIPT)
        self.send("customer", "/portal/new/", [(SCRIPT + ".exe", b"MZ")], title=SCRIPT)
        self.number = number

    def pages(self, web: Any, who: str) -> Any:
        """Every page of every route, about each kind of row there is, with hostile arguments too."""
        for endpoint, address in self.addresses(web):
            path, _, row = address.partition("?id=")
            for query in ({"id": row}, {"id": SCRIPT}, {**_HOSTILE_ARGUMENTS, "id": row}):
                yield endpoint, self.clients[who].get(path, query_string=query)

    def addresses(self, web: Any) -> Iterator[tuple[str, str]]:
        """Every page of every route, about one row."""
        ids = self._ids()
        adapter = web.url_map.bind("localhost")
        for rule in rules(web):
            if "GET" not in rule.methods or rule.endpoint in {"security.logout", "health.ready"}:
                continue
            kind = rule.endpoint.partition(".")[0]
            row = ids.get(kind, UUID(int=0))
            values = {name: self._value(rule, name, ids, row) for name in rule.arguments}
            yield rule.endpoint, f"{adapter.build(rule.endpoint, values)}?id={row}"

    def _value(self, rule: Any, name: str, ids: dict[str, UUID], row: UUID) -> Any:
        if name == "number":
            return self.number
        if name in {"attachment_id", "comment_id"}:
            return ids[name.removesuffix("_id")]
        converter = type(rule._converters[name]).__name__
        return row if converter == "UUIDConverter" else SCRIPT.replace("/", "")

    def _ids(self) -> dict[str, UUID]:
        kinds: dict[str, type[Base]] = {
            "ticket": Ticket, "comment": Comment, "profile": Profile, "team": Team, "tag": Tag,
            "letter": Letter, "macro": Macro, "history": HistoryEntry, "attachment": Attachment,
        }  # fmt: skip
        with reading(SYSTEM) as session:
            found = {
                kind: session.execute(
                    select(model.__table__.primary_key.columns.values()[0])
                ).scalar()
                for kind, model in kinds.items()
            }
        return {kind: row for kind, row in found.items() if row is not None} | {
            "agent": self.persons["agent"].profile_id
        }


_HOSTILE_ARGUMENTS = dict.fromkeys(
    ("search", "status", "priority", "agent", "team", "tag", "view", "tab", "cursor", "sort",
     "customer", "ticket", "author", "type", "from", "until", "state", "query", "name", "next",
     "email", "title", "q", "role"),
    SCRIPT[:180],
)  # fmt: skip


@pytest.fixture
def world(web, make, client_of):
    return World(make, client_of, web)


@pytest.mark.parametrize("who", ["admin", "agent", "customer"])
def test_no_page_makes_markup_of_what_people_typed(world, web, who):
    seen, complaints, shown = 0, [], ""
    for endpoint, answer in world.pages(web, who):
        assert answer.status_code < 500, (endpoint, answer.text)
        if answer.mimetype != "text/html":
            continue
        is_letter = endpoint in {"letter.preview", "letter.kind_preview"}
        if is_letter and answer.status_code == 200:
            policy = answer.headers["Content-Security-Policy"]
            assert "sandbox" in policy
            assert "allow-scripts" not in policy
        judge = judged(answer.text, is_letter=is_letter)
        complaints += [(endpoint, complaint) for complaint in judge.complaints]
        shown += " ".join(judge.words) if answer.status_code == 200 else ""
        seen += answer.status_code == 200 and ENDPOINTS[endpoint] != PUBLIC
    assert complaints == []
    assert seen >= {"admin": 40, "agent": 25, "customer": 8}[who]
    # It was there, as text, and no template computed it.
    assert "<x-evil onmouseover=alert(1)>{{7*7}}" in shown


def test_hostile_files_leave_as_what_no_browser_runs(world):
    with reading(SYSTEM) as session:
        files = session.scalars(select(Attachment)).all()
    first = {file.name: file for file in files if file.comment_id is None}
    assert len(first) >= len(FILES)
    for file in files:
        page = world.clients["admin"].get(f"/attachments/{file.id}/x")
        image = world.clients["admin"].get(f"/attachments/{file.id}/image")
        assert page.headers["Content-Disposition"].startswith("attachment;")
        assert page.mimetype not in {"text/html", "image/svg+xml", "text/xml", "text/javascript"}
        assert image.status_code == (
            200
            if file.media_type.startswith("image/p") or (file.media_type == "image/gif")
            else 404
        )
        for answer in (page, image):
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            if answer.status_code == 200:
                assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    # Nothing was unpacked: the bomb takes what was sent.
    assert first["bomb.zip"].size == len(FILES["bomb.zip"][0]) < 100_000
    assert not any("\u202e" in file.name or "/" in file.name for file in files)


@pytest.mark.parametrize("start", range(0, len(FILE_NAMES), 9))
def test_no_name_of_a_file_leads_anywhere_or_lies_about_it(make, client_of, start):
    names = FILE_NAMES[start : start + 9]
    # As they are: a form would already break at some of them.
    files = [Upload(name, name.encode()) for name in names]
    customer = make.customer()
    ticket_id = open_ticket(customer, customer.profile_id, "Files", "", files=files)
    client = client_of(customer)
    with reading(SYSTEM) as session:
        page = client.get(f"/portal/{session.get_one(Ticket, ticket_id).number}/")
    assert judged(page.text).complaints == []
    with reading(SYSTEM) as session:
        kept = session.scalars(select(Attachment)).all()
    assert len(kept) == len(names)
    assert len({file.name.lower() for file in kept}) == len(names)
    for file in kept:
        assert not re.search(r"[/\\\x00-\x1f\x7f\u200b\u202a-\u202e\u2066-\u2069]", file.name)
        assert file.name.strip(". ") == file.name != ""
        assert len(file.name.encode()) <= 255
        # As the page links it, and as somebody might write it.
        links = [link for link in re.findall(r'href="([^"]+)"', page.text) if str(file.id) in link]
        for address in [*links, f"/attachments/{file.id}/x"]:
            sent = client.get(address)
            assert sent.status_code == 200, address
            given = sent.headers["Content-Disposition"]
            assert "evil" not in str(sent.headers).replace(given, "").lower()
            assert given.isascii()
            _, about = parse_options_header(given)
            assert set(about) == {"filename"}, given
            if "filename*" in given:
                assert unquote(given.rpartition("filename*=UTF-8''")[2]) == file.name
        assert links, file.name


def test_two_kinds_in_one_file_are_shown_as_an_image_or_not_at_all(make, client_of):
    files = [FileStorage(io.BytesIO(content), name) for name, (content, _) in MORE_FILES.items()]
    boundary, body = encode_multipart(MultiDict({"title": "Files", "files": files}))
    client = client_of(make.customer())
    kind = f"multipart/form-data; boundary={boundary}"
    answer = client.post("/portal/new/", data=body, content_type=kind)
    assert answer.status_code == 303, answer.text
    with reading(SYSTEM) as session:
        kept = {file.name: file for file in session.scalars(select(Attachment))}
    assert set(kept) == set(MORE_FILES)
    for name, (content, is_image) in MORE_FILES.items():
        address = f"/attachments/{kept[name].id}"
        image, sent = client.get(f"{address}/image"), client.get(f"{address}/{quote(name)}")
        assert image.status_code == (200 if is_image else 404), name
        assert sent.data == content
        assert sent.headers["Content-Disposition"].startswith("attachment;")
        for one in [sent, *([image] if is_image else [])]:
            assert one.headers["X-Content-Type-Options"] == "nosniff"
            assert one.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert one.mimetype.partition("/")[0] in {"image", "text", "application"}
            assert one.mimetype not in _RUNS, (name, one.mimetype)


#: What a browser would make a page, a script or a drawing with scripts of.
_RUNS = {
    "text/html", "text/xml", "text/javascript", "text/css", "image/svg+xml", "application/xml",
    "application/xhtml+xml", "application/javascript", "multipart/x-mixed-replace",
}  # fmt: skip


def test_formulas_are_computed_in_no_export(world, web, make):
    formula = '=HYPERLINK("http://example.org/?"&A1,"x")'
    make.ticket(world.persons["customer"], title=formula)
    answer = world.clients["admin"].get("/admin/ticket/export/csv/")
    cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
    assert f"'{formula}" in cells
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


#: They would leave before anything is seen, or are no page.
NOT_LOOKED_AT = {"attachment.download", "ticket.export", "theme.asset", "metrics.metrics"}

#: Tells the test what a browser refuses, and moves the mouse over everything.
_TELLS = "addEventListener('securitypolicyviolation', e => console.error('CSP', e.blockedURI))"
_MOVES = (
    "document.querySelectorAll('*').forEach(element => {"
    " element.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));"
    " element.dispatchEvent(new Event('focus')) })"
)


@pytest.mark.parametrize("who", ["admin", "customer"])
def test_chromium_runs_nothing_of_it_and_refuses_nothing_of_ours(world, web, chromium, who):
    events: list[str] = []
    cookie = world.clients[who].get_cookie(web.config["SESSION_COOKIE_NAME"])
    with looking(chromium, web) as open_page:
        page = open_page("/healthz")
        host = page.url.removesuffix("/healthz")
        page.on("dialog", lambda dialog: (events.append("dialog"), dialog.dismiss()))
        page.on(
            "request", lambda one: one.url.startswith((host, "data:")) or events.append(one.url)
        )
        page.on("popup", lambda one: events.append(f"popup {one.url}"))
        page.on("download", lambda one: events.append(f"download {one.url}"))
        page.add_init_script(_TELLS)
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": host}])
        seen = 0
        for endpoint, address in world.addresses(web):
            if endpoint in NOT_LOOKED_AT:
                continue
            answer = page.goto(f"{host}{address}", wait_until="load")
            assert answer.status < 500, address
            page.evaluate(_MOVES)
            assert page.query_selector("x-evil") is None, address
            assert page.url.startswith(f"{host}/"), address
            seen += answer.status == 200
        assert seen >= {"admin": 35, "customer": 9}[who]
    assert events == []


def test_chromium_keeps_every_file_and_shows_an_image_as_nothing_else(world, web, chromium):
    """Opened by its own address, where no page of ours stands around it."""
    events: list[str] = []
    with reading(SYSTEM) as session:
        files = session.scalars(select(Attachment).order_by(Attachment.id)).all()
    cookie = world.clients["admin"].get_cookie(web.config["SESSION_COOKIE_NAME"])
    with looking(chromium, web) as open_page:
        host = open_page("/healthz").url.removesuffix("/healthz")
        # Not one of the pages without a complaint: around an image that is opened by itself
        # Chromium puts a style of its own, which our policy refuses.
        page = chromium.new_context().new_page()
        page.on("pageerror", lambda error: events.append(str(error)))
        page.goto(f"{host}/healthz")
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": host}])
        page.on("dialog", lambda dialog: (events.append("dialog"), dialog.dismiss()))
        page.on("request", lambda one: one.url.startswith(host) or events.append(one.url))
        for file in files:
            with page.expect_download() as kept:
                page.evaluate("address => { location.href = address }", f"/attachments/{file.id}/x")
            assert not re.search(r"[/\\\x00-\x1f\u202a-\u202e]", kept.value.suggested_filename)
            kept.value.cancel()
            if file.media_type in IMAGES:
                answer = page.goto(f"{host}/attachments/{file.id}/image")
                assert answer.headers["content-type"] == file.media_type
                assert page.evaluate("document.querySelectorAll('script').length") == 0
                page.goto(f"{host}/healthz")
        page.context.close()
    assert events == []
