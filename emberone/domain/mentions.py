"""Mentions: whom a note names with an `@` before the name, as people type it.

A name counts as it is spelt on the profile, in any case; a first name alone where only one
colleague has it. What stands inside a word or an address is none.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

#: What may not stand before the sign, lest it be part of an address or a path.
_BEFORE: Final = r"(?<![\w@/.+-])"


@dataclass(frozen=True, slots=True)
class Mention:
    """One place in a text that names somebody; of two with one name, both."""

    start: int
    end: int
    profile_ids: tuple[UUID, ...]


#: Finds the mentions in a piece of plain text, first to last.
Finder = Callable[[str], Iterator[Mention]]


def finder(people: Iterable[tuple[UUID, str]]) -> Finder:
    """What finds these people in texts."""
    names = _names(people)
    longest_first = sorted(names, key=len, reverse=True)
    spelt = "|".join(r"\s+".join(map(re.escape, name.split())) for name in longest_first)
    pattern = re.compile(rf"{_BEFORE}@({spelt})(?!\w)", re.IGNORECASE) if spelt else None

    def find(text: str) -> Iterator[Mention]:
        for place in pattern.finditer(text) if pattern else ():
            ids = names.get(_key(place[1]))
            # Some letters have no one lower case; then it is nobody's name.
            if ids:
                yield Mention(*place.span(), tuple(ids))

    return find


def _names(people: Iterable[tuple[UUID, str]]) -> dict[str, list[UUID]]:
    """What each is called: by the whole name, and by a first name that nobody shares."""
    whole: dict[str, list[UUID]] = {}
    first: dict[str, list[UUID]] = {}
    for profile_id, name in people:
        key = _key(name)
        if key:
            whole.setdefault(key, []).append(profile_id)
            first.setdefault(key.split()[0].rstrip(","), []).append(profile_id)
    alone = {name: ids for name, ids in first.items() if len(ids) == 1 and len(name) > 1}
    return {**alone, **whole}


def _key(name: str) -> str:
    return " ".join(name.lower().split())
