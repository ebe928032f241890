"""What sending a reply also changes, as the reply box carries and shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from flask_babel import gettext as _

from emberone.domain.enums import Priority
from emberone.domain.macros import ReplyChanges
from emberone.domain.texts import MAX_TAGS
from emberone.web.admin.params import Values
from emberone.web.theme.badges import badge_of

#: The field that says that the others belong to a reply box: without it nothing was chosen or taken off.
MARK: Final = "has_changes"


@dataclass(frozen=True, slots=True)
class Chip:
    """One change that sending makes, and how it is taken off."""

    #: The field that carries it, and its value.
    name: str
    value: str
    label: str
    words: str


def sent_changes(values: Values) -> ReplyChanges:
    """The changes that the reply box carries, without the one whose button was pressed."""
    changes = ReplyChanges(
        values.choice("set_priority", Priority),
        values.identifier("set_team"),
        tuple(values.words("add_tag", MAX_TAGS)),
    )
    dropped = values.raw("drop")
    if dropped == "set_priority":
        return replace(changes, priority=None)
    if dropped == "set_team":
        return replace(changes, team_id=None)
    return replace(changes, tags=tuple(tag for tag in changes.tags if f"add_tag:{tag}" != dropped))


def kept_changes(values: Values) -> ReplyChanges | None:
    """The same where the form carries them at all."""
    return sent_changes(values) if values.has(MARK) else None


def chips_of(changes: ReplyChanges, teams: Mapping[str, str]) -> list[Chip]:
    """What sending changes, in words; a team that is gone is left out."""
    chips = []
    if changes.priority:
        words = str(badge_of(changes.priority).label)
        chips.append(Chip("set_priority", changes.priority.value, _("Priority"), words))
    team = str(changes.team_id)
    if team in teams:
        chips.append(Chip("set_team", team, _("Team"), teams[team]))
    return [*chips, *(Chip("add_tag", tag, _("Tag"), tag) for tag in changes.tags)]


def worded(priority: Priority | None, team: str | None, tags: list[str]) -> str:
    """The changes in one line; empty where there is none."""
    parts: list[Any] = []
    if priority:
        parts.append(_("priority %(priority)s", priority=badge_of(priority).label))
    if team:
        parts.append(_("team %(team)s", team=team))
    if tags:
        parts.append(_("tags %(tags)s", tags=", ".join(tags)))
    return ", ".join(parts)
