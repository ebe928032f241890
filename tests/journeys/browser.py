"""A browser just good enough to use the product: links, forms and cookies."""

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from typing import Self


class Form:
    """One form of a page: where it goes, its fields as they stand, its buttons."""

    def __init__(self, attributes: dict[str, str]) -> None:
        self.action = attributes.get("action", "")
        self.method = attributes.get("method", "get").lower()
        self.fields: list[tuple[str, str]] = []
        self.names: set[str] = set()
        #: The text on a button → the name and value it sends.
        self.buttons: dict[str, tuple[str, str]] = {}


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self._select: str | None = None
        self._textarea: tuple[str, list[str]] | None = None
        self._button: tuple[dict[str, str], list[str]] | None = None
        self._link: tuple[str, list[str]] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: text or "" for name, text in attrs}
        if tag == "a" and "href" in given:
            self._link = (given["href"], [])
        if tag == "form":
            self.forms.append(Form(given))
        if not self.forms:
            return
        form = self.forms[-1]
        if "name" in given:
            form.names.add(given["name"])
        if tag == "input" and given.get("name"):
            is_choice = given.get("type") in {"checkbox", "radio"}
            if not is_choice or "checked" in given:
                form.fields.append((given["name"], given.get("value", "on" if is_choice else "")))
        elif tag == "select":
            self._select = given.get("name")
        elif tag == "option" and self._select and "selected" in given:
            form.fields.append((self._select, given.get("value", "")))
        elif tag == "textarea" and given.get("name"):
            self._textarea = (given["name"], [])
        elif tag == "button":
            self._button = (given, [])

    def handle_data(self, data: str) -> None:
        for open_thing in (self._textarea, self._button, self._link):
            if open_thing:
                open_thing[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._textarea:
            name, parts = self._textarea
            self.forms[-1].fields.append((name, "".join(parts).removeprefix("\n")))
            self._textarea = None
        elif tag == "button" and self._button:
            given, parts = self._button
            label = " ".join("".join(parts).split())
            if self.forms:
                self.forms[-1].buttons[label] = (given.get("name", ""), given.get("value", ""))
            self._button = None
        elif tag == "a" and self._link:
            href, parts = self._link
            self.links.append((" ".join("".join(parts).split()), href))
            self._link = None
        elif tag == "select":
            self._select = None


class Browser:
    """Keeps cookies, follows redirects, fills in the forms that pages really have."""

    def __init__(self, home: str) -> None:
        self.home = home
        #: What the browser asks to be spoken to in.
        self.language = "en"
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        self.url, self.text, self.status = self.home, "", 0

    def get(self, path: str, method: str = "GET") -> Self:
        """Open a page."""
        return self._open(
            urllib.request.Request(urllib.parse.urljoin(self.url, path), method=method)
        )

    def submit(self, button: str, **values: str) -> Self:
        """Press a button of the page, with these fields filled in."""
        page = _Page(self.text)
        forms = [
            form
            for form in page.forms
            if set(values) <= form.names and any(button in label for label in form.buttons)
        ]
        assert forms, f"no form with a button {button!r} and {sorted(values)} at {self.url}"
        form = forms[0]
        exact = form.buttons.get(button)
        pressed = exact or next(pair for label, pair in form.buttons.items() if button in label)
        fields = [(name, text) for name, text in form.fields if name not in values]
        fields += list(values.items())
        if pressed[0]:
            fields.append(pressed)
        target = urllib.parse.urljoin(self.url, form.action)
        data = urllib.parse.urlencode(fields)
        if form.method == "get":
            return self.get(f"{target}?{data}")
        return self._open(
            urllib.request.Request(target, data=data.encode(), headers={"Referer": self.url})
        )

    def follow(self, text: str) -> Self:
        """Follow the first link whose text has this in it."""
        links = [href for label, href in _Page(self.text).links if text in label]
        assert links, f"no link {text!r} at {self.url}"
        return self.get(links[0])

    def _open(self, request: urllib.request.Request) -> Self:
        request.add_header("Accept-Language", self.language)
        try:
            answer = self._opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            self.url, self.status = answer.url, answer.status
            self.text = answer.read().decode()
        return self
