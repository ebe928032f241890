"""The demo's script: people, macros and conversations, read from the TOML files beside it.

Whatever the files say is checked while it is read, so that a slip of the pen is
one line that names the file and the conversation. `README.md` beside the files
says how one is written.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from emberone.domain.enums import Availability, Priority

E = TypeVar("E", bound=StrEnum)

FOLDER: Final = Path(__file__).parent
#: How long after its opening a ticket is sorted into its team.
SORTING: Final = timedelta(minutes=1)

_SPAN: Final = re.compile(r"(?:(\d+)d)? ?(?:(\d+)h)? ?(?:(\d+)m)? ?(?:(\d+)s)?")


class ScriptError(Exception):
    """Something in the demo's files is not as it should be."""


class Act(StrEnum):
    """What can happen on a ticket after it was opened; each is a key of a turn."""

    #: The customer comments.
    CUSTOMER = "customer"
    REPLY = "reply"
    REPLY_AND_WAIT = "reply_and_wait"
    REPLY_AND_CLOSE = "reply_and_close"
    NOTE = "note"
    #: By `by`, or by the customer where nobody is named.
    CLOSE = "close"
    REOPEN = "reopen"
    RATE = "rate"
    #: To whom.
    ASSIGN = "assign"
    PRIORITY = "priority"
    TEAM = "team"
    TAGS = "tags"
    #: For how long it is put aside.
    SNOOZE = "snooze"


#: Acts whose value is what is said.
SPOKEN: Final = frozenset(
    {Act.CUSTOMER, Act.REPLY, Act.REPLY_AND_WAIT, Act.REPLY_AND_CLOSE, Act.NOTE}
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that happened on a ticket."""

    #: How long before the first start.
    ago: timedelta
    act: Act
    #: What the act's key says: a text, a key of the cast, a rating, …
    value: Any
    #: Key of who does it; None: the ticket's agent, or the customer where it is theirs to do.
    by: str | None
    #: Said with a rating.
    words: str | None
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """One ticket from its opening on."""

    #: The file and the title, for messages.
    place: str
    customer: str
    title: str
    text: str
    #: How long before the first start it was opened.
    ago: timedelta
    team: str | None
    tags: tuple[str, ...]
    priority: Priority
    #: Who gets it from the one who sorts it; None: the machine chooses.
    agent: str | None
    #: Who of staff wrote it down for the customer, e.g. on the phone.
    taken_by: str | None
    files: tuple[str, ...]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the cast."""

    name: str
    #: None: the address of the demo's account of this role.
    email: str | None
    #: How long before the first start they became known.
    since: timedelta


@dataclass(frozen=True, slots=True)
class AgentRole(Person):
    """An agent, and what assignment knows of them."""

    teams: tuple[str, ...]
    capacity: int
    skills: tuple[str, ...]
    availability: Availability
    #: In how long a week of absence begins; None: in none.
    absent_in: timedelta | None
    #: Left the firm: known, but no longer allowed in.
    has_left: bool


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody who plays, by the keys that conversations use."""

    admins: Mapping[str, Person]
    agents: Mapping[str, AgentRole]
    customers: Mapping[str, Person]
    #: key → name.
    teams: Mapping[str, str]
    #: Tags that a ticket's agent must master.
    skills: tuple[str, ...]

    @property
    def staff(self) -> set[str]:
        """The keys of those who answer."""
        return {*self.admins, *self.agents}


@cache
def cast() -> Cast:
    """The people and teams of `people.toml`."""
    name = "people.toml"
    table = Table(name, parsed(FOLDER / name))
    teams = table.take("teams", dict)
    read = Cast(
        admins={key: _person(row) for key, row in table.tables("admins")},
        agents={key: _agent(row, teams) for key, row in table.tables("agents")},
        customers={key: _person(row) for key, row in table.tables("customers")},
        teams=teams,
        skills=tuple(table.take("skills", list)),
    )
    table.end()
    return read


@cache
def stories() -> tuple[Story, ...]:
    """Every conversation, in the order of their opening."""
    found: list[Story] = []
    for path in sorted((FOLDER / "conversations").glob("*.toml")):
        table = Table(path.name, parsed(path))
        found += [read_story(row) for row in table.rows("ticket")]
        table.end()
    return tuple(sorted(found, key=lambda story: -story.ago))


def contents(name: str) -> bytes:
    """A file that somebody in the script attaches."""
    return (FOLDER / "files" / name).read_bytes()


def parsed(path: Path) -> dict[str, Any]:
    """What a file says, or the line that cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"{path.name}: {error}") from None


class Table:
    """A table of a file, of which every key must be taken."""

    def __init__(self, place: str, values: Mapping[str, Any]) -> None:
        self.place, self._left = place, dict(values)

    def refused(self, why: str) -> ScriptError:
        """The error that names this place."""
        return ScriptError(f"{self.place}: {why}")

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of a key, of this kind; an error where it is missing without a default."""
        if key not in self._left:
            if default is None:
                raise self.refused(f"{key!r} is missing.")
            return default
        value = self._left.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.refused(f"{key!r} is no {kind.__name__}.")
        return value

    def maybe(self, key: str) -> str | None:
        """A text that need not be there."""
        return self.take(key, str) if self.has(key) else None

    def has(self, key: str) -> bool:
        """Whether there is something under this key."""
        return key in self._left

    def words(self, key: str) -> tuple[str, ...]:
        """A list of words, possibly none."""
        return tuple(str(word) for word in self.take(key, list, []))

    def span(self, key: str) -> timedelta:
        """A time such as `2d 3h`, `38m` or `5s`."""
        return self._span(key, self.take(key, str))

    def member(self, key: str, kind: type[E], default: E) -> E:
        """A value of an enumeration."""
        return self.read(kind, self.take(key, str, default.value))

    def read(self, kind: type[E], word: Any) -> E:
        """This word as a value of the enumeration."""
        try:
            return kind(word)
        except ValueError:
            raise self.refused(f"there is no {kind.__name__} {word!r}.") from None

    def one_of(self, word: str, known: Iterable[str]) -> str:
        """This word, which must be known."""
        if word not in known:
            raise self.refused(f"there is no {word!r}.")
        return word

    def tables(self, key: str) -> list[tuple[str, "Table"]]:
        """The tables under a key, each with its own key."""
        rows = self.take(key, dict)
        return [(name, Table(f"{self.place}, {name}", row)) for name, row in rows.items()]

    def rows(self, key: str) -> list["Table"]:
        """The tables of an array."""
        rows = self.take(key, list, [])
        return [
            Table(f"{self.place}, {key} {number}", row) for number, row in enumerate(rows, start=1)
        ]

    def the_act(self) -> Act:
        """The one act that a turn names."""
        acts = [act for act in Act if act.value in self._left]
        if len(acts) != 1:
            raise self.refused(f"one thing happens in a turn, not {len(acts)}.")
        return acts[0]

    def end(self) -> None:
        """Complain about what nobody asked for."""
        if self._left:
            raise self.refused(f"what is {', '.join(map(repr, self._left))}?")

    def _span(self, key: str, words: str) -> timedelta:
        found = _SPAN.fullmatch(words)
        if not words or found is None:
            raise self.refused(f"{key!r} is no time: {words!r}.")
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _person(row: Table) -> Person:
    person = Person(row.take("name", str), row.maybe("email"), row.span("since"))
    row.end()
    return person


def _agent(row: Table, teams: Mapping[str, str]) -> AgentRole:
    agent = AgentRole(
        name=row.take("name", str),
        email=row.maybe("email"),
        since=row.span("since"),
        teams=tuple(row.one_of(team, teams) for team in row.words("teams")),
        capacity=row.take("capacity", int),
        skills=row.words("skills"),
        availability=row.member("availability", Availability, Availability.AVAILABLE),
        absent_in=row.span("absent_in") if row.has("absent_in") else None,
        has_left=bool(row.take("has_left", bool, False)),
    )
    row.end()
    return agent


def read_story(row: Table) -> Story:
    """One conversation of a file."""
    title = row.take("title", str)
    row.place = f"{row.place} (“{title}”)"
    known = cast()
    ago = row.span("ago")
    turns = [_turn(turn, ago) for turn in row.rows("turn")]
    team, agent, taken_by = row.maybe("team"), row.maybe("agent"), row.maybe("taken_by")
    story = Story(
        place=row.place,
        customer=row.one_of(row.take("customer", str), known.customers),
        title=title,
        text=row.take("text", str).strip("\n"),
        ago=ago,
        team=team and row.one_of(team, known.teams),
        tags=row.words("tags"),
        priority=row.member("priority", Priority, Priority.MEDIUM),
        agent=agent and row.one_of(agent, known.agents),
        taken_by=taken_by and row.one_of(taken_by, known.staff),
        files=_files(row),
        turns=tuple(turns),
    )
    row.end()
    if [turn.ago for turn in turns] != sorted((turn.ago for turn in turns), reverse=True):
        raise row.refused("its turns are not in order.")
    return story


def _turn(row: Table, opened: timedelta) -> Turn:
    act = row.the_act()
    by = row.maybe("by")
    turn = Turn(
        ago=opened - row.span("after"),
        act=act,
        value=_value(row, act),
        by=by and row.one_of(by, cast().staff),
        words=row.maybe("words"),
        files=_files(row),
    )
    row.end()
    if turn.ago < timedelta(0):
        raise row.refused("it lies in the future.")
    return turn


def _value(row: Table, act: Act) -> Any:
    if act in SPOKEN:
        return row.take(act.value, str).strip("\n")
    if act in {Act.CLOSE, Act.REOPEN}:
        return row.take(act.value, bool)
    if act is Act.RATE:
        return row.take(act.value, int)
    if act is Act.TAGS:
        return row.words(act.value)
    if act is Act.SNOOZE:
        return row.span(act.value)
    word = row.take(act.value, str)
    if act is Act.PRIORITY:
        return row.read(Priority, word)
    return row.one_of(word, cast().teams if act is Act.TEAM else cast().agents)


def _files(row: Table) -> tuple[str, ...]:
    names = row.words("files")
    for name in names:
        if not (FOLDER / "files" / name).is_file():
            raise row.refused(f"there is no file {name!r}.")
    return names
