"""Macros: the places that a text leaves open, and what sending it changes beside the status."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Self
from uuid import UUID

from emberone.domain.enums import Priority
from emberone.domain.errors import Invalid


@dataclass(frozen=True, slots=True)
class ReplyChanges:
    """What sending a reply changes about its ticket; None and empty change nothing."""

    priority: Priority | None = None
    team_id: UUID | None = None
    #: Added to those that the ticket has.
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != NO_CHANGES

    def then(self, later: Self) -> "ReplyChanges":
        """Both, one after the other: the later priority and team hold, and all the tags."""
        return ReplyChanges(
            priority=later.priority or self.priority,
            team_id=later.team_id or self.team_id,
            tags=(*self.tags, *(tag for tag in later.tags if tag not in self.tags)),
        )


NO_CHANGES: Final = ReplyChanges()


@dataclass(frozen=True, slots=True)
class Filling:
    """Whom and what a text speaks of, where it leaves that open."""

    customer_name: str
    ticket_number: int
    ticket_title: str
    agent_name: str


def _first(name: str) -> str:
    """The first name, past titles; the whole where no more than titles and one word are there."""
    words = name.split()
    titles = list(takewhile(lambda word: word.endswith("."), words))
    rest = words[len(titles) :]
    if not rest or (titles and len(rest) == 1):
        return name
    return rest[0].rstrip(",")


#: What a text may leave open → what is put there.
PLACEHOLDERS: Final[Mapping[str, Callable[[Filling], str]]] = {
    "customer.name": lambda filling: filling.customer_name,
    "customer.first_name": lambda filling: _first(filling.customer_name),
    "ticket.number": lambda filling: str(filling.ticket_number),
    "ticket.title": lambda filling: filling.ticket_title,
    "agent.name": lambda filling: filling.agent_name,
    "agent.first_name": lambda filling: _first(filling.agent_name),
}

_PLACE: Final = re.compile(r"\{\{[ \t]*([^{}\n]*?)[ \t]*\}\}")

#: A place that a text cut short ends within.
_CUT_OFF: Final = re.compile(r"\{(\{[^{}\n]*\}?)?$")

#: What Markdown would read in a name or title: emphasis, code, links in any guise, entities,
#: table rows; an underscore or a point inside a word is left alone where Markdown leaves it.
_SIGNS: Final = re.compile(
    r"[\\`*\[\]<|~]"
    r"|(?<![^\W_])_|_(?![^\W_])"
    r"|&(?=#?\w+;)"
    r"|:(?=//)|(?<=\w)\.(?=[^\W\d_]{2})|(?<=\S)@(?=\S)"
)
#: What would begin a heading, a quotation or a list.
_BEGINNING: Final = re.compile(r"^(?=[#>+=-])|(?<=^\d)(?=[.)])|(?<=^\d\d)(?=[.)])")


def check_places(content: str) -> None:
    """Raise Invalid where the text leaves something open that nobody can fill."""
    unknown = [name for name in _PLACE.findall(content) if name not in PLACEHOLDERS]
    if unknown:
        wrong = ", ".join(f"{{{{{name}}}}}" for name in dict.fromkeys(unknown))
        known = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)
        raise Invalid(
            "Nothing stands for %(wrong)s. These can be used: %(known)s.",
            field="content",
            wrong=wrong,
            known=known,
        )


def fill(content: str, filling: Filling) -> str:
    """The text with its places filled: in one go, so that what is put there is never read again.

    Names and titles are other people's words: the signs of Markdown in them stay signs.
    """

    def value(place: re.Match[str]) -> str:
        known = PLACEHOLDERS.get(place[1])
        return place[0] if known is None else _plain(known(filling))

    return _PLACE.sub(value, content)


def shown(content: str, value: Callable[[str], str]) -> str:
    """The beginning of a text to look at: each place as `value` words it, one cut off left out."""

    def words(place: re.Match[str]) -> str:
        return value(place[1]) if place[1] in PLACEHOLDERS else place[0]

    return _CUT_OFF.sub("…", _PLACE.sub(words, content))


def _plain(value: str) -> str:
    escaped = _SIGNS.sub(r"\\\g<0>", " ".join(value.split()))
    return _BEGINNING.sub(r"\\", escaped, count=1)
