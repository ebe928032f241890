"""A hostile corpus in every field of every form, and what every page makes of it: nothing."""

import csv
import io
import re
import shutil
import zipfile
from html.parser import HTMLParser
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.serving import make_server
from werkzeug.test import encode_multipart

from emberone.db import Base, reading
from emberone.domain.actor import SYSTEM
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
from emberone.web.access import ENDPOINTS, PUBLIC
from tests.web.test_access import rules

#: The tag that no page of ours has; wherever it becomes one, markup got through.
SCRIPT = (
    "\"'><x-evil onmouseover=alert(1)>{{7*7}}{%x%}${7*7}%s%(x)s</x-evil></textarea></title>"
    "</script><script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)><!--"
)
#: What Markdown might make of a text.
MARKDOWN = (
    """
[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](&#106;avascript:alert(1)) <javascript:alert(1)>
[d](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) [e](vbscript:x) [f](\tjavascript:alert(1))
![g](javascript:alert(1)) ![h](https://example.org/x.png"onerror="alert(1)) [i](https://x" onclick="alert(1))
[j][k] <a href="javascript:alert(1)" onclick="alert(1)">l</a> <iframe srcdoc="<script>alert(1)</script>">
<x-evil style="position:fixed">m</x-evil> <form action="https://example.org"><input name="password"></form>
<base href="https://example.org/"> <meta http-equiv="refresh" content="0;url=https://example.org">
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">

[k]: javascript:alert(1) "x"

```html
<script>alert(1)</script>
```
"""
    + SCRIPT
)
RTL = "invoice\u202egnp.exe\u2066.png"

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"
PDF = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n"


def _zip(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


#: Name → content, and whether a page may show it as an image.
FILES = {
    'x"><img src=x onerror=alert(1)>.svg': (SVG, False),
    "<x-evil>.html": (HTML, False),
    "app.pdf": (PDF, False),
    "gif-and-script.gif": (b"GIF89a=1;alert(1)//" + b"\0" * 20, True),
    "png-and-page.png": (PNG + HTML, True),
    "png.html": (PNG + HTML, True),
    "pdf-and-zip.pdf": (PDF + _zip(a=b"x"), False),
    "bomb.zip": (_zip(bomb=bytes(50 * 2**20)), False),
    "{{7*7}}%s%(x)s.txt": (b"x", False),
    "safe\u202egnp.txt": (b"x", False),
}


class Judge(HTMLParser):
    """Reads a page as a browser would, and complains of what none of our templates wrote."""

    #: What people's texts could turn into if nobody looked.
    FORBIDDEN = frozenset({"x-evil", "object", "embed", "base", "math", "applet", "style"})
    ADDRESSES = ("href", "src", "action", "formaction", "data", "srcdoc", "poster", "xlink:href")

    def __init__(self, is_letter: bool = False) -> None:
        super().__init__(convert_charrefs=True)
        # Mail programs know no style sheets, and its links open elsewhere.
        self.allowed = {"style", "base"} if is_letter else set()
        self.complaints: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        wrong = tag in self.FORBIDDEN - self.allowed
        forbidden = {"style", "srcdoc"} - self.allowed
        wrong |= any(name.startswith("on") or name in forbidden for name in values)
        wrong |= tag == "script" and ("nonce" not in values or "/assets/" not in values["src"])
        wrong |= tag == "meta" and values.get("http-equiv", "").lower() == "refresh"
        wrong |= tag == "form" and not values.get("action", "/").startswith(("/", "?", "#"))
        wrong |= tag == "iframe" and "allow-" in values.get("sandbox", "allow-")
        for name in self.ADDRESSES:
            address = re.sub(r"[\x00-\x20]", "", values.get(name, "")).lower()
            wrong |= address.startswith(("javascript:", "vbscript:", "data:text", "data:image/svg"))
        if tag in {"img", "script", "iframe", "link"}:
            wrong |= not values.get("src", values.get("href", "/")).startswith(("/", "data:image/"))
        if wrong:
            self.complaints.append(f"<{tag} {values}>")

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def judged(text: str, *, is_letter: bool = False) -> Judge:
    judge = Judge(is_letter)
    judge.feed(text)
    judge.close()
    return judge


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
        ids = self._ids()
        adapter = web.url_map.bind("localhost")
        for rule in rules(web):
            if "GET" not in rule.methods or rule.endpoint in {"security.logout", "health.ready"}:
                continue
            kind = rule.endpoint.partition(".")[0]
            row = ids.get(kind, UUID(int=0))
            values = {name: self._value(rule, name, ids, row) for name in rule.arguments}
            address = adapter.build(rule.endpoint, values)
            for query in ({"id": str(row)}, {"id": SCRIPT}, {**_HOSTILE_ARGUMENTS, "id": str(row)}):
                yield rule.endpoint, self.clients[who].get(address, query_string=query)

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


def test_formulas_are_computed_in_no_export(world, web, make):
    formula = '=HYPERLINK("http://example.org/?"&A1,"x")'
    make.ticket(world.persons["customer"], title=formula)
    answer = world.clients["admin"].get("/admin/ticket/export/csv/")
    cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
    assert f"'{formula}" in cells
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
def test_chromium_runs_nothing_of_it_and_refuses_nothing_of_ours(world, web):
    server = make_server("127.0.0.1", 0, web, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    events: list[str] = []
    host = f"http://127.0.0.1:{server.server_port}"
    visits = {
        "agent": ["/admin/ticket/", world.address, f"{world.address}?tab=activity",
                  "/admin/ticket/?search=%3Cx-evil%3E", "/admin/comment/"],
        "admin": ["/admin/profile/", "/admin/team/", "/admin/history/", "/admin/letter/"],
        "customer": ["/portal/", f"/portal/{world.number}/"],
    }  # fmt: skip
    try:
        with playwright.sync_playwright() as tools:
            browser = tools.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            for who, addresses in visits.items():
                page = browser.new_context().new_page()
                page.on("dialog", lambda dialog: (events.append("dialog"), dialog.dismiss()))
                page.on("pageerror", lambda error: events.append(str(error)))
                page.on("console", lambda m: events.append(m.text) if m.type == "error" else None)
                page.add_init_script(
                    "addEventListener('securitypolicyviolation', e => console.error('CSP', e.blockedURI))"
                )
                cookie = world.clients[who].get_cookie(web.config["SESSION_COOKIE_NAME"])
                page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": host}])
                for address in addresses:
                    answer = page.goto(host + address, wait_until="load")
                    assert answer.status == 200, address
                    page.evaluate(
                        "document.querySelectorAll('*').forEach(element =>"
                        " element.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})))"
                    )
                    assert page.query_selector("x-evil") is None
            browser.close()
    finally:
        server.shutdown()
        thread.join()
    assert events == []
