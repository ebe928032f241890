"""The forms that pages really have, found by walking the route table: what a new form cannot hide from."""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask import Flask
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.test import encode_multipart

#: What such a field holds is chosen, not typed.
_CHOSEN = frozenset({"checkbox", "radio", "submit", "button", "image", "reset"})


@dataclass
class Form:
    """One form as a page drew it."""

    #: The page that it stands on, and where it is sent.
    page: str
    action: str
    method: str
    endpoint: str = ""
    #: Name → what stands there.
    values: dict[str, list[str]] = field(default_factory=dict)
    #: Every name that the form may send, its buttons' too.
    names: set[str] = field(default_factory=set)
    typed: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def filled(self, **values: Any) -> MultiDict[str, Any]:
        """What is sent when these fields are changed and the others left alone."""
        filled: MultiDict[str, Any] = MultiDict(self.values)
        for name, value in values.items():
            filled.setlist(name, value if isinstance(value, list) else [value])
        return filled

    def send(self, client: Any, files: Iterable[tuple[str, bytes]] = (), **values: Any) -> Any:
        """Send it, with files in its file fields."""
        data = self.filled(**values)
        if not self.files:
            return client.post(self.action, data=data, buffered=True)
        for name in self.files:
            data.setlist(
                name, [FileStorage(io.BytesIO(content), name_) for name_, content in files]
            )
        boundary, body = encode_multipart(data)
        kind = f"multipart/form-data; boundary={boundary}"
        return client.post(self.action, data=body, content_type=kind, buffered=True)


class _Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.forms: list[Form] = []
        self._by_id: dict[str, Form] = {}
        self._open: Form | None = None
        self._select: tuple[Form, str, bool] | None = None
        self._textarea: tuple[Form, str] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = self._of_id(given["id"]) if given.get("id") else Form(self.page, "", "get")
            self._open.action = urljoin(self.page, given.get("action", ""))
            self._open.method = given.get("method", "get")
            self.forms.append(self._open)
        form = self._of_id(given["form"]) if given.get("form") else self._open
        if "formaction" in given and form is not None:
            # A button that sends the same fields elsewhere is a form of its own.
            other = Form(self.page, urljoin(self.page, given["formaction"]), "post")
            other.values, other.names = form.values, form.names
            other.typed, other.files = form.typed, form.files
            self.forms.append(other)
        if tag == "option" and self._select:
            self._choose(given)
        name = given.get("name", "")
        if not name or form is None or tag not in {"input", "select", "textarea", "button"}:
            return
        form.names.add(name)
        kind = given.get("type", "text" if tag == "input" else tag)
        if kind == "file":
            form.files.add(name)
        elif tag == "select":
            self._select = (form, name, "multiple" in given)
        elif tag == "textarea":
            form.typed.add(name)
            self._textarea, self._text = (form, name), ""
        elif tag == "input" and (kind not in _CHOSEN or "checked" in given):
            form.values.setdefault(name, []).append(given.get("value", "on"))
            if kind not in _CHOSEN | {"hidden"}:
                form.typed.add(name)
                form.values[name] = [given.get("value", "")]

    def _of_id(self, form_id: str) -> Form:
        """The form of that id, which may come later in the page than a button of it."""
        return self._by_id.setdefault(form_id, Form(self.page, "", "get"))

    def _choose(self, given: dict[str, str]) -> None:
        assert self._select
        form, name, is_multiple = self._select
        if "selected" in given:
            form.values.setdefault(name, [])
            form.values[name] = [
                *(form.values[name] if is_multiple else []),
                given.get("value", ""),
            ]
        elif not is_multiple:
            form.values.setdefault(name, [given.get("value", "")])

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea" and self._textarea:
            form, name = self._textarea
            form.values[name] = [self._text.removeprefix("\n")]
            self._textarea = None


def forms_of(app: Flask, address: str, html: str) -> list[Form]:
    """The forms of a page that change something, each with the endpoint that takes it."""
    page = _Page(address)
    page.feed(html)
    adapter = app.url_map.bind("localhost")
    found = []
    for form in page.forms:
        if form.method.lower() != "post":
            continue
        try:
            form.endpoint = adapter.match(urlsplit(form.action).path, "POST")[0]
        except HTTPException:
            raise AssertionError(
                f"{address} has a form for {form.action}, which is nowhere"
            ) from None
        found.append(form)
    return found


def every_form(app: Flask, client: Any, addresses: Iterable[str]) -> dict[str, Form]:
    """One form for each endpoint that these pages have one for; the one with most fields."""
    found: dict[str, Form] = {}
    for form in _all(app, client, addresses):
        known = found.get(form.endpoint)
        if known is None or len(known.names) < len(form.names):
            found[form.endpoint] = form
    return found


def _all(app: Flask, client: Any, addresses: Iterable[str]) -> Iterator[Form]:
    for address in addresses:
        answer = client.get(address, buffered=True)
        if answer.status_code == 200 and answer.mimetype == "text/html":
            yield from forms_of(app, address, answer.text)


def again(app: Flask, client: Any, form: Form) -> Form:
    """The same form as its page shows it now, or as it was where the page is gone."""
    found = every_form(app, client, [form.page])
    return found.get(form.endpoint, form)


def marked(html: str, name: str) -> str | None:
    """What the page says is wrong with a field."""
    found = re.search(rf'id="{re.escape(name)}-error">.*?<span>(.*?)</span>', html, re.DOTALL)
    return found[1] if found else None
