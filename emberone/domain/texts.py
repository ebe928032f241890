"""What people may write: lengths, characters, and the shape of tags and addresses."""

import re
import unicodedata
from collections.abc import Iterable

from emberone.domain.errors import Invalid, Word

MAX_TITLE = 500
MAX_TEXT = 100_000
MAX_NAME = 200
MAX_TAG = 50
MAX_TAGS = 20

#: One address of any alphabet; not a list of them, nor one in the brackets of a header.
_ADDRESS = re.compile(r"[^@\s<>()\",;\\]+@[^@\s<>()\",;\\]+")


def title(text: str) -> str:
    """One trimmed line of 1 to 500 characters; raises Invalid."""
    return _checked(" ".join(text.split()), Word("title"), MAX_TITLE)


def description(text: str) -> str:
    """At most 100,000 characters, possibly none; raises Invalid."""
    return _checked(_lines(text), Word("description"), MAX_TEXT, may_be_empty=True)


def comment(text: str) -> str:
    """1 to 100,000 characters that are not all blank; raises Invalid."""
    return _checked(_lines(text), Word("comment"), MAX_TEXT)


def draft(text: str) -> str:
    """At most 100,000 characters of a comment in the making, possibly none; raises Invalid."""
    return _checked(_lines(text), Word("draft"), MAX_TEXT, may_be_empty=True)


def macro(text: str) -> str:
    """At most 100,000 characters of an answer given often, possibly none; raises Invalid."""
    return _checked(_lines(text), Word("text"), MAX_TEXT, may_be_empty=True)


def person_name(text: str) -> str:
    """One trimmed line of 1 to 200 characters; raises Invalid."""
    return _checked(" ".join(text.split()), Word("name"), MAX_NAME)


def address(text: str) -> str:
    """A trimmed e-mail address of at most 320 characters; raises Invalid."""
    checked = _checked(text.strip(), Word("e-mail address"), 320)
    # What cannot be seen would make two addresses look like one.
    is_visible = not any(unicodedata.category(sign).startswith("C") for sign in checked)
    if not is_visible or not _ADDRESS.fullmatch(checked):
        raise Invalid("That is not an e-mail address.", field="email")
    return checked


def tags(words: Iterable[str]) -> list[str]:
    """Lower case, spaces folded, sorted, none twice; at most 20 of 50 characters; raises Invalid."""
    clean = sorted({" ".join(word.lower().split()) for word in words} - {""})
    for word in clean:
        _checked(word, Word("tag"), MAX_TAG)
        if "," in word:
            raise Invalid("A tag has no comma.", field="tags")
    if len(clean) > MAX_TAGS:
        raise Invalid("A ticket has at most %(most)s tags.", field="tags", most=MAX_TAGS)
    return clean


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")


def _checked(text: str, what: Word, longest: int, *, may_be_empty: bool = False) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Invalid(
            "The %(what)s contains a character that cannot be stored.", field=what, what=what
        )
    if not may_be_empty and not text.strip():
        raise Invalid("The %(what)s is empty.", field=what, what=what)
    if len(text) > longest:
        raise Invalid(
            "The %(what)s is longer than %(most)s characters.", field=what, what=what, most=longest
        )
    return text
