"""What people wrote, as a letter carries it: as HTML with its styles inline, and as plain text.

Mail programs drop style sheets and cut letters above some hundred kilobytes; so a
long text is cut here, and the letter says where the rest is.
"""

import re
import textwrap
from typing import Final, NamedTuple

from markupsafe import Markup

from emberone.markdown import to_html

#: Above it Gmail hides the end of a letter, which has its links.
_LARGEST_HTML: Final = 60_000
_LENGTHS: Final = (20_000, 8_000, 3_000, 1_000)
#: Old mail programs show no more in one line.
_WIDTH: Final = 76

_RULE = "border: 1px solid #dfe2e6"
_MONO = "font-family: ui-monospace, Consolas, Menlo, monospace; font-size: 14px"
#: Every element that `emberone/markdown.py` lets through and that wants a style.
_STYLES: Final = {
    "p": ("", "margin: 0 0 12px;"),
    "ul": ("", "margin: 0 0 12px; padding-left: 24px;"),
    "ol": ("", "margin: 0 0 12px; padding-left: 24px;"),
    "blockquote": (
        "rule",
        "margin: 0 0 12px; padding: 0 0 0 14px; border-left: 3px solid #dfe2e6;",
    ),
    "pre": (
        "rule code",
        f"margin: 0 0 12px; padding: 10px 12px; {_RULE}; border-radius: 4px;"
        f" background: #f4f5f7; white-space: pre-wrap; word-break: break-word; {_MONO};",
    ),
    "code": ("", f"{_MONO};"),
    "table": ("", "margin: 0 0 12px; border-collapse: collapse;"),
    "th": ("rule", f"padding: 5px 9px; {_RULE}; text-align: left;"),
    "td": ("rule", f"padding: 5px 9px; {_RULE};"),
    "hr": ("rule", "margin: 16px 0; border: 0; border-top: 1px solid #dfe2e6;"),
    "a": ("link", "color: #a33a08;"),
    **{
        f"h{level}": ("", f"margin: 0 0 8px; font-size: {size}px; line-height: 1.3;")
        for level, size in enumerate((20, 18, 17, 16, 16, 16), start=1)
    },
}
#: The cleaned HTML has angle brackets in its tags only.
_OPENING: Final = re.compile(rf"<({'|'.join(sorted(_STYLES, key=len, reverse=True))})(?=[ >])")
_LOCAL_LINK: Final = re.compile(r'(?<=href=")/(?!/)')

_LIST_ITEM: Final = re.compile(r"(\s*(?:[-*+]|\d{1,3}[.)])\s+|(?:>\s?)+)")


class Excerpt(NamedTuple):
    """As much of a text as a letter carries."""

    text: str
    html: Markup
    is_cut: bool


def excerpt(text: str, base_url: str, longest: int = _LENGTHS[0]) -> Excerpt:
    """The text for both parts of a letter, cut where it is too long for one."""
    for length in (length for length in _LENGTHS if length <= longest):
        part = _cut(text, length)
        html = _styled(part, base_url)
        if len(html.encode()) <= _LARGEST_HTML:
            break
    return Excerpt(_wrapped(part), html, is_cut=len(part) < len(text.strip()))


def _cut(text: str, length: int) -> str:
    """At most so much of it, to the end of a paragraph or word where one is near."""
    text = text.strip()
    if len(text) <= length:
        return text
    part = text[:length]
    for gap in ("\n\n", "\n", " "):
        end = part.rfind(gap, length * 3 // 4)
        if end != -1:
            return part[:end].rstrip()
    return part


def _styled(text: str, base_url: str) -> Markup:
    html = _LOCAL_LINK.sub(f"{base_url}/", str(to_html(text)))
    return Markup(_OPENING.sub(_with_style, html))  # noqa: S704 - cleaned, and styled by us


def _with_style(found: re.Match[str]) -> str:
    css_class, style = _STYLES[found[1]]
    named = f' class="{css_class}"' if css_class else ""
    return f'<{found[1]}{named} style="{style}"'


def _wrapped(text: str) -> str:
    """Lines that any program shows; code and tables stay as they are."""
    lines, is_code = [], False
    for line in text.splitlines():
        is_fence = line.lstrip().startswith(("```", "~~~"))
        is_code ^= is_fence
        is_fixed = is_fence or is_code or line.startswith(("    ", "\t", "|"))
        lines += [line] if is_fixed or len(line) <= _WIDTH else _folded(line)
    return "\n".join(lines)


def _folded(line: str) -> list[str]:
    begin = _LIST_ITEM.match(line)
    mark = begin[0] if begin else ""
    return textwrap.wrap(
        line,
        _WIDTH,
        subsequent_indent=mark if ">" in mark else " " * len(mark),
        # An address that is broken leads nowhere.
        break_long_words=False,
        break_on_hyphens=False,
    )
