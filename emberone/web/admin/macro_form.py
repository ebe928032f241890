"""A macro as a form carries it, and what it looks like on a ticket."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, Self
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.domain.enums import Priority
from emberone.domain.errors import Invalid
from emberone.domain.lifecycle import Event
from emberone.domain.macros import PLACEHOLDERS, Filling, ReplyChanges, check_places, fill, shown
from emberone.markdown import to_html, to_words
from emberone.queries.macros import MacroRow, recent_filling
from emberone.services.macros import MacroValues
from emberone.web.admin.params import Values
from emberone.web.theme.badges import badge_of

#: How a macro's reply is sent, by the name of the reply box's button.
WAYS: Final[Mapping[str, tuple[Event, Any]]] = {
    "reply": (Event.STAFF_REPLY, _l("Reply")),
    "reply_and_wait": (Event.STAFF_REPLY_AND_WAIT, _l("Reply and wait")),
    "reply_and_close": (Event.STAFF_REPLY_AND_CLOSE, _l("Reply and close")),
}
_WAY_OF: Final = {event: way for way, (event, label) in WAYS.items()}

#: Asked about with the permission table: whether one may keep everybody's macros.
EVERYBODYS: Final = SimpleNamespace(owner_id=None)

#: What each place stands for.
_MEANINGS: Final[Mapping[str, Any]] = {
    "customer.name": _l("the customer's name"),
    "customer.first_name": _l("the customer's first name"),
    "ticket.number": _l("the ticket's number"),
    "ticket.title": _l("the ticket's title"),
    "agent.name": _l("the name of whoever answers"),
    "agent.first_name": _l("the first name of whoever answers"),
}


@dataclass(frozen=True, slots=True)
class MacroForm:
    """What a person may say about a macro, as it was typed."""

    name: str = ""
    content: str = ""
    #: One of WAYS; empty: as the agent chooses.
    way: str = ""
    priority: Priority | None = None
    team_id: UUID | None = None
    tags: str = ""
    is_shared: bool = False

    @classmethod
    def sent(cls, values: Values) -> Self:
        """The form as it was sent."""
        return cls(
            name=values.raw("name"),
            content=values.raw("content"),
            way=values.one_of("way", WAYS) or "",
            priority=values.choice("priority", Priority),
            team_id=values.identifier("team"),
            tags=values.raw("tags"),
            is_shared=values.one_of("whose", ("everybody", "mine")) == "everybody",
        )

    @classmethod
    def of(cls, row: MacroRow) -> Self:
        """The form as the macro fills it."""
        return cls(
            name=row.name,
            content=row.content,
            way=way_of(row.event),
            priority=row.priority,
            team_id=row.team_id,
            tags=", ".join(row.tags),
            is_shared=row.is_shared,
        )

    def values(self) -> MacroValues:
        """What the service is to keep."""
        changes = ReplyChanges(self.priority, self.team_id, tuple(self.tags.split(",")))
        event = WAYS[self.way][0] if self.way else None
        return MacroValues(self.name, self.content, event, changes, self.is_shared)


@dataclass(frozen=True, slots=True)
class Place:
    """One thing that a text can leave open."""

    #: As one writes it.
    sign: str
    meaning: str
    #: On the ticket of the preview; None where there is no ticket.
    value: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a text says on the ticket where something happened last."""

    number: int | None
    title: str
    html: Markup | None
    #: What is wrong with the text.
    wrong: Invalid | None
    places: list[Place]


def way_of(event: Event | None) -> str:
    """The button of the reply box that a macro names; empty where it names none."""
    return _WAY_OF.get(event, "") if event else ""


def preview_of(session: Session, actor: Actor, content: str) -> Preview:
    """The text as it would read, and what each place stands for there."""
    filling = recent_filling(session, actor)
    places = [
        Place(_sign(name), str(_MEANINGS[name]), value(filling) if filling else None)
        for name, value in PLACEHOLDERS.items()
    ]
    wrong = None
    try:
        check_places(content)
    except Invalid as refusal:
        wrong = refusal
    if filling is None:
        return Preview(None, "", None, wrong, places)
    html = to_html(fill(content, filling)) if content.strip() else None
    return Preview(filling.ticket_number, filling.ticket_title, html, wrong, places)


def effects(row: MacroRow) -> list[tuple[str, str]]:
    """What sending does beside the text, in words."""
    found: list[tuple[str, str]] = []
    if way := way_of(row.event):
        found.append((_("Sent as"), str(WAYS[way][1])))
    if row.priority:
        found.append((_("Priority"), str(badge_of(row.priority).label)))
    if row.team_name:
        found.append((_("Team"), row.team_name))
    if row.tags:
        found.append((_("Tags"), ", ".join(row.tags)))
    return found


def in_words(content: str) -> str:
    """The beginning of a macro's text, with what each place stands for."""
    return to_words(shown(content, lambda name: f"‹{_MEANINGS[name]}›"))


def beginning_on(filling: Filling) -> Callable[[str], str]:
    """The beginning of a macro's text as it would read on a ticket, without its Markdown read."""
    return lambda content: shown(content, lambda name: PLACEHOLDERS[name](filling))


def differing(
    present: MacroForm, typed: MacroForm, teams: Mapping[str, str]
) -> list[tuple[str, str]]:
    """What is there now, in words, where it is not what was typed."""
    pairs = zip(_worded(present, teams), _worded(typed, teams), strict=True)
    return [theirs for theirs, mine in pairs if theirs != mine]


def _worded(form: MacroForm, teams: Mapping[str, str]) -> list[tuple[str, str]]:
    nothing = "–"
    tags = ", ".join(" ".join(tag.lower().split()) for tag in form.tags.split(","))
    return [
        (_("Name"), form.name.strip()),
        (_("For whom"), _("Everybody") if form.is_shared else _("Me")),
        # A browser ends lines its own way.
        (_("Text"), form.content.replace("\r\n", "\n").strip("\n") or nothing),
        (_("Sent as"), str(WAYS[form.way][1]) if form.way else nothing),
        (_("Priority"), str(badge_of(form.priority).label) if form.priority else nothing),
        (_("Team"), teams.get(str(form.team_id), nothing)),
        (_("Tags"), tags or nothing),
    ]


def _sign(name: str) -> str:
    return f"{{{{{name}}}}}"
