"""One person's browser, bare enough to cost nothing beside what it measures."""

import gzip
import http.client
import re
from typing import Any, NamedTuple
from urllib.parse import urlencode

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Answer(NamedTuple):
    """What came back: the body is as it was on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The page, unpacked."""
        packed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()


class Client:
    """A connection that is kept open to one server on this machine, and its cookies."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Answer:
        """Ask for a page."""
        return self._send("GET", path, None)

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form."""
        return self._send("POST", path, urlencode(fields).encode())

    def token(self, path: str) -> str:
        """The token that the forms of this page carry."""
        found = _TOKEN.search(self.get(path).text)
        assert found, f"no form at {path}"
        return found[1]

    def _send(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {"Accept-Encoding": "gzip", "Accept": "text/html"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={text}" for name, text in self.cookies.items())
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Referer"] = f"http://127.0.0.1:{self.port}{path}"
        try:
            return self._ask(method, path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionError):
            # The server had closed it meanwhile, as servers do after some seconds.
            return self._ask(method, path, body, headers)

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
        except BaseException:
            self.close()
            raise
        found: dict[str, Any] = {name.lower(): text for name, text in response.getheaders()}
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, text = cookie.partition(";")[0].partition("=")
            self.cookies[name] = text
        return Answer(response.status, found, response.read())

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
