"""Markdown as people write it, and the harmless HTML or plain text that comes out.

Two libraries do the work: markdown-it-py reads CommonMark with tables, strikethrough
and bare links; nh3 then lets through a short list of elements and nothing else,
whatever was written.
"""

from html import unescape
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

#: HTML in the text is text, pictures are files that one attaches, a line break is one.
_READER: Final = MarkdownIt(
    "commonmark", {"html": False, "linkify": True, "breaks": True, "maxNesting": 20}
).enable(["table", "strikethrough", "linkify"])
_READER.disable("image")

_ELEMENTS: Final = {
    *("p", "br", "hr", "strong", "em", "s", "a", "code", "pre", "blockquote"),
    *("ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


def to_words(text: str) -> str:
    """What a reader would see of the text, in one line: for lists."""
    return " ".join(unescape(nh3.clean(_READER.render(text), tags=set())).split())


def to_html(text: str) -> Markup:
    """The text as HTML that is safe on any page; links say that they lead elsewhere."""
    html = nh3.clean(
        _READER.render(text),
        tags=_ELEMENTS,
        attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow ugc",
    )
    return Markup(html)  # noqa: S704 - cleaned by nh3
