"""What somebody hostile would type, call a file and put into one: data for every test that asks.

Nothing of it does anything anywhere: `Judge` reads what came of it as a browser would.
"""

import io
import re
import struct
import zipfile
import zlib
from html.parser import HTMLParser
from typing import Final

#: The tag that no page of ours has; wherever it becomes one, markup got through.
SCRIPT: Final = (
    "\"'><x-evil onmouseover=alert(1)>{{7*7}}{%x%}${7*7}%s%(x)s</x-evil></textarea></title>"
    "</script><script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)><!--"
)
#: What Markdown might make of a text.
MARKDOWN: Final = (
    """
[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](&#106;avascript:alert(1)) <javascript:alert(1)>
[d](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) [e](vbscript:x) [f](\tjavascript:alert(1))
![g](javascript:alert(1)) ![h](https://example.org/x.png"onerror="alert(1)) [i](https://x" onclick="alert(1))
[j][k] <a href="javascript:alert(1)" onclick="alert(1)">l</a> <iframe srcdoc="<script>alert(1)</script>">
<x-evil style="position:fixed">m</x-evil> <form action="https://example.org"><input name="password"></form>
<base href="https://example.org/"> <meta http-equiv="refresh" content="0;url=https://example.org">
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">
![n](//example.org/home.png) ![o][p] <img src="https://example.org/q.png"> <video poster=//example.org/r>
<javascript://%0aalert(1)> [s](java\nscript:alert(1)) [t](javascript&colon;alert(1)) [u](\x01javascript:alert(1))
[v](file:///etc/passwd) [w](blob:x) [x](/logout) <link rel=prefetch href=//example.org> [y](<javascript:alert(1)>)
https://example.org/"onmouseover="alert(1) www.example.org/'><x-evil> evil@example.org"><x-evil>

[k]: javascript:alert(1) "x"
[p]: https://example.org/p.png

```html"><x-evil>
<script>alert(1)</script>
```
"""
    + SCRIPT
)
RTL: Final = "invoice\u202egnp.exe\u2066.png"
FORMULA: Final = '=HYPERLINK("http://example.org/?"&A1,"x")'
#: A line that would become a header of its own where it got into one.
HEADER: Final = "Hello\r\nBcc: victim@example.org\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script>"

#: Texts that ask for more time than they have letters, when a pattern goes back and forth in them.
SLOW: Final = {
    "brackets": "[" * 20_000 + "a" + "](" * 5_000,
    "images": "![" * 20_000,
    "stars": "*a **b " * 8_000,
    "underscores": "_" * 30_000 + "a",
    "ticks": "`" * 20_000 + " " + "``a" * 5_000,
    "quotes": ">" * 20_000 + " a",
    "lists": "".join(" " * depth + "- a\n" for depth in range(300)),
    "angles": "<" * 30_000 + "a href=",
    "comments": "<!--" * 10_000,
    "entities": "&" * 30_000 + "#x",
    "addresses": "a." * 20_000 + "@" + "b." * 20_000,
    "links": "http://" * 8_000,
    "tables": "|a" * 3_000 + "\n" + "|-" * 3_000 + "\n" + "|a" * 3_000,
    "spaces": "a" + " " * 60_000 + "b",
    "tabs": "\t" * 30_000 + "\n" + "\t" * 30_000,
    "references": "[a]: b\n" * 5_000 + "[a]" * 5_000,
    "one line": "x" * 99_000,
    "one accented line": "\u0301" * 40_000,
    "many words": " ".join(f"w{number}" for number in range(16_000)),
}

#: What no field may choke on, change the page with, or hand on as more than a text.
TEXTS: Final = {
    "script": SCRIPT,
    "markdown": MARKDOWN,
    "header": HEADER,
    "formula": FORMULA,
    "right to left": RTL,
    "zero width": "pay\u200bpal\u200d\u2060\ufeff.exam\u00adple",
    "look-alikes": "\u0430dmin@\u0435xample.org \uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "control": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f\x1b[31mred\x07",
    "line ends": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "nul": "a\0b",
    "not a letter": "\ufffe\uffff\U0010ffff\ue000",
    "templates": "{{ config }} {% raw %} ${7*7} #{7*7} <%= 7*7 %> %(name)s %s %n {0.__class__}",
    "queries": "'; DROP TABLE tickets; -- \" OR 1=1 /* */ \\' || pg_sleep(9) %00 %' _",
    "paths": "../../../../etc/passwd\\..\\windows\\win.ini file:///etc/passwd //example.org/",
    "number": "9" * 400,
    "negative": "-1",
    "fraction": "1e309",
    "not a number": "NaN",
    "arabic digits": "\u0661\u0662\u0663",
    "id": "00000000-0000-0000-0000-000000000000",
    "two ids": "1,2",
    "address": "https://example.org/",
    "nothing": "",
    "blank": " \t\u00a0\u3000",
    "nested": "<div>" * 3_000 + "<x-evil>" + "</div>" * 3_000,
    "long": "\U0001f525" * 100_001,
}

#: Addresses of mail that are none, or would be more than one.
ADDRESSES: Final = (
    "a@example.org\r\nBcc: b@example.org",
    "a@example.org\nb@example.org",
    "a@example.org,b@example.org",
    "<a@example.org>",
    'a"><x-evil>@example.org',
    "a@exam\u202eple.org",
    "a\0@example.org",
    "a\x0b@example.org",
    "a@example.org>\r\nRCPT TO:<b@example.org",
    "a@\u0435xample.org",
    "a@" + "x" * 500,
    "@",
    "-oQ/tmp@example.org",
)


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A picture of that size, whose pixels are these few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def archive(**members: bytes) -> bytes:
    """A zip file with these in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return target.getvalue()


PNG: Final = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde"
SVG: Final = (
    b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
)
HTML: Final = b"<!doctype html><script>alert(1)</script>"
PDF: Final = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n"

#: Name → content, and whether a page may show it as an image.
FILES: Final = {
    'x"><img src=x onerror=alert(1)>.svg': (SVG, False),
    "<x-evil>.html": (HTML, False),
    "app.pdf": (PDF, False),
    "gif-and-script.gif": (b"GIF89a=1;alert(1)//" + b"\0" * 20, True),
    "png-and-page.png": (PNG + HTML, True),
    "png.html": (PNG + HTML, True),
    "pdf-and-zip.pdf": (PDF + archive(a=b"x"), False),
    "bomb.zip": (archive(bomb=bytes(50 * 2**20)), False),
    "{{7*7}}%s%(x)s.txt": (b"x", False),
    "safe\u202egnp.txt": (b"x", False),
}

#: More of them, each two things at once, or far larger than it looks.
MORE_FILES: Final = {
    "gif-and-archive.gif": (b"GIF89a\1\0\1\0\0\0\0;" + archive(a=b"x"), True),
    "jpeg-and-script.jpg": (b"\xff\xd8\xff\xe0=1;alert(1)//" + b"\0" * 20 + HTML, True),
    "pdf-and-script.pdf": (b"%PDF-1.7=1;alert(1)//\n" + HTML, False),
    "sky.png": (png(65_000, 65_000, b"\0" * 1000), True),
    "svg.png": (SVG, False),
    "page.txt": (HTML, False),
    "text-and-page.csv": (b"a,b\r\n" + HTML, False),
    "bomb.xml": (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">]><x>&a;</x>', False),
    "worker.js.txt": (b"self.onfetch = () => alert(1)", False),
    "utf-7.txt": (b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-", False),
}

#: What a file may be called by whoever sends it.
FILE_NAMES: Final = (
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/cron.d/x",
    "C:\\a\\b.txt",
    "CON",
    "nul.txt",
    "com1.png",
    ".htaccess",
    "..",
    "...",
    "a\0b.txt",
    "a\r\nSet-Cookie: evil=1\r\n\r\n.txt",
    'a"; filename="b.html',
    "a;filename*=UTF-8''b.html",
    "n" * 400 + ".txt",
    "\U0001f525" * 200 + ".txt",
    RTL,
    "\u202e\u2066\u200b",
    "inv\u043eice.p\u0501f",
    "%2e%2e%2fx.txt",
    "%0d%0aX-Evil:%201.txt",
    "a?b#c&d=e.txt",
    " .txt",
    "setup.exe\u202egnp.png",
    "<x-evil>.txt",
    "x.txt::$DATA",
)


class Judge(HTMLParser):
    """Reads a page as a browser would, and complains of what none of our templates wrote."""

    #: What people's texts could turn into if nobody looked.
    FORBIDDEN = frozenset(
        {"x-evil", "object", "embed", "base", "math", "applet", "style", "video", "audio"}
    )
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
            # A path with two slashes is another site.
            wrong |= tag in {"form", "img", "script"} and address.startswith("//")
        if tag in {"img", "script", "iframe", "link"}:
            wrong |= not values.get("src", values.get("href", "/")).startswith(("/", "data:image/"))
        if wrong:
            self.complaints.append(f"<{tag} {values}>")

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def judged(text: str, *, is_letter: bool = False) -> Judge:
    """The judge, after reading all of it."""
    judge = Judge(is_letter)
    judge.feed(text)
    judge.close()
    return judge
