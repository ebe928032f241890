"""Markdown as people write it, and the harmless HTML or plain text that comes out.

Two libraries do the work: markdown-it-py reads CommonMark with tables, strikethrough
and bare links; nh3 then lets through a short list of elements and nothing else,
whatever was written.
"""

from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import Final
from uuid import UUID

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

from emberone.domain.mentions import Finder

#: HTML in the text is text, pictures are files that one attaches, a line break is one.
_READER: Final = MarkdownIt(
    "commonmark", {"html": False, "linkify": True, "breaks": True, "maxNesting": 20}
).enable(["table", "strikethrough", "linkify"])
_READER.disable("image")


def _link_mentions(state: StateCore) -> None:
    """A rule of the reader: names with an `@` before them become links."""
    if not state.env.get("mentions"):
        return
    find, address = state.env["mentions"]
    for block, place, token in reversed(list(_plain_parts(state.tokens))):
        parts: list[Token] = []
        end = 0
        for mention in find(token.content):
            parts.append(_text(token.content[end : mention.start]))
            link = Token("link_open", "a", 1, attrs={"href": address(mention.profile_ids[0])})
            name = _text(token.content[mention.start : mention.end])
            parts += [link, name, Token("link_close", "a", -1)]
            end = mention.end
        if parts and block.children:
            block.children[place : place + 1] = [*parts, _text(token.content[end:])]


def _plain_parts(tokens: Sequence[Token]) -> Iterator[tuple[Token, int, Token]]:
    """The pieces of plain text outside links: the block each is in, its place, and itself."""
    for block in tokens:
        depth = 0
        for place, token in enumerate(block.children or ()):
            depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            if token.type == "text" and not depth:
                yield block, place, token


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


_READER.core.ruler.push("mentions", _link_mentions)

_ELEMENTS: Final = {
    *("p", "br", "hr", "strong", "em", "s", "a", "code", "pre", "blockquote"),
    *("ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


def to_words(text: str) -> str:
    """What a reader would see of the text, in one line: for lists."""
    return " ".join(unescape(nh3.clean(_READER.render(text), tags=set())).split())


def mentioned_in(text: str, find: Finder) -> set[UUID]:
    """Whom the text names; what is code or stands in a link names nobody."""
    found: set[UUID] = set()
    for _block, _place, token in _plain_parts(_READER.parse(text)):
        for mention in find(token.content):
            found.update(mention.profile_ids)
    return found


def to_html(text: str, mentions: tuple[Finder, Callable[[UUID], str]] | None = None) -> Markup:
    """The text as HTML that is safe on any page; links say that they lead elsewhere.

    `mentions` finds people's names, and says where each name leads.
    """
    html = nh3.clean(
        _READER.render(text, {"mentions": mentions}),
        tags=_ELEMENTS,
        attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow ugc",
    )
    return Markup(html)  # noqa: S704 - cleaned by nh3
