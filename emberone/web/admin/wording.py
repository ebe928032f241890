"""History in a person's words: who did what, from what to what, and why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from emberone.domain.enums import CommentType
from emberone.domain.snoozing import Cause
from emberone.queries.history import Entry
from emberone.web.admin.why import quoted, reason_of, spaced
from emberone.web.theme.badges import badge_of
from emberone.web.theme.formats import time_short

Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as the timeline draws it."""

    icon: str
    #: The person, or the product.
    actor: str
    text: str
    time: datetime
    reason: str | None
    #: `danger`, `internal` or empty: how the entry is marked.
    kind: str
    ticket_number: int | None
    id: str
    #: Where it can be read in full.
    url: str | None = None


def _label(kind: Any) -> str:
    return str(badge_of(kind).label) if kind else _("none")


def _old(entry: Entry, key: str) -> Any:
    return (entry.old_value or {}).get(key)


def _new(entry: Entry, key: str) -> Any:
    return (entry.new_value or {}).get(key)


def _created(entry: Entry, names: Names) -> str:
    status, priority = _label(_new(entry, "status")), _label(_new(entry, "priority"))
    return _("opened the ticket: %(status)s, %(priority)s", status=status, priority=priority)


def _status(entry: Entry, names: Names) -> str:
    return _(
        "changed the status from %(old)s to %(new)s",
        old=_label(_old(entry, "status")),
        new=_label(_new(entry, "status")),
    )


def _priority(entry: Entry, names: Names) -> str:
    return _(
        "changed the priority from %(old)s to %(new)s",
        old=_label(_old(entry, "priority")),
        new=_label(_new(entry, "priority")),
    )


def _assignment(entry: Entry, names: Names) -> str:
    before, after = _old(entry, "assignedAgentId"), _new(entry, "assignedAgentId")
    gone = _("someone who is gone")
    if after is None:
        return _("took the ticket from %(old)s", old=names.get(str(before), gone))
    if str(after) == str(entry.actor_id):
        return _("took the ticket")
    new = names.get(str(after), gone)
    if before is None:
        return _("gave the ticket to %(new)s", new=new)
    return _("handed the ticket from %(old)s to %(new)s", old=names.get(str(before), gone), new=new)


def _title(entry: Entry, names: Names) -> str:
    return _(
        "changed the title from “%(old)s” to “%(new)s”",
        old=quoted(_old(entry, "title")),
        new=quoted(_new(entry, "title")),
    )


def _feedback(entry: Entry, names: Names) -> str:
    old, new = entry.context.get("oldRating"), entry.context.get("newRating")
    if old is None:
        return _("rated the ticket %(new)s of 5", new=new)
    return _("changed the rating from %(old)s to %(new)s of 5", old=old, new=new)


def _team(entry: Entry, names: Names) -> str:
    old_id, new_id = entry.context.get("oldTeamId"), entry.context.get("newTeamId")
    old, new = (names.get(str(team_id), _("a deleted team")) for team_id in (old_id, new_id))
    if old_id is None:
        return _("moved the ticket from no team to %(new)s", new=new)
    if new_id is None:
        return _("moved the ticket from %(old)s to no team", old=old)
    return _("moved the ticket from %(old)s to %(new)s", old=old, new=new)


def _tags(entry: Entry, names: Names) -> str:
    old, new = set(entry.context.get("oldTags", [])), set(entry.context.get("newTags", []))
    added = ", ".join(sorted(new - old))
    removed = ", ".join(sorted(old - new))
    if added and removed:
        return _("added the tags %(added)s, removed %(removed)s", added=added, removed=removed)
    if added:
        count = len(new - old)
        return ngettext("added the tag %(names)s", "added the tags %(names)s", count, names=added)
    count = len(old - new)
    return ngettext("removed the tag %(names)s", "removed the tags %(names)s", count, names=removed)


def _deleted(entry: Entry, names: Names) -> str:
    number, title = entry.context.get("number", "?"), quoted(_old(entry, "title"))
    return _("deleted the ticket #%(number)s “%(title)s”", number=number, title=title)


def _comment_deleted(entry: Entry, names: Names) -> str:
    kind = entry.context.get("type")
    author = names.get(str(entry.context.get("authorId")), _("someone who is gone"))
    if kind == CommentType.INTERNAL.value:
        return _("deleted an internal note by %(author)s", author=author)
    if kind == CommentType.SYSTEM.value:
        return _("deleted a comment by EmberOne")
    return _("deleted a comment by %(author)s", author=author)


def _snoozed(entry: Entry, names: Names) -> str:
    until = entry.context.get("until")
    if not until:
        return _("put the ticket aside")
    return _("put the ticket aside until %(time)s", time=time_short(datetime.fromisoformat(until)))


#: What brought a ticket back before its moment had come.
_CAUSES: Final[Mapping[str, Any]] = {
    Cause.BY_HAND: _l("brought the ticket back from being put aside"),
    Cause.CUSTOMER: _l("wrote, which brought back the ticket that was put aside"),
    Cause.REPLY: _l("replied, which brought back the ticket that was put aside"),
    Cause.CLOSED: _l("closed the ticket that was put aside"),
    Cause.ASSIGNED: _l("gave away the ticket that was put aside, which brought it back"),
    Cause.TIME_LIMIT: _l("brought the ticket back for its time limit, from being put aside"),
}


def _woken(entry: Entry, names: Names) -> str:
    return str(_CAUSES.get(entry.context.get("cause", ""), _CAUSES[Cause.BY_HAND]))


def _reminded(entry: Entry, names: Names) -> str:
    closes_at = entry.context.get("closesAt")
    if not closes_at:
        return _("reminded the customer of the answer that we wait for")
    return _(
        "reminded the customer; without an answer the ticket is closed on %(time)s",
        time=time_short(datetime.fromisoformat(closes_at)),
    )


def _fixed(text: Any) -> Callable[[Entry, Names], str]:
    return lambda entry, names: str(text)


#: action → icon, words, mark.
WORDS: Final[Mapping[str, tuple[str, Callable[[Entry, Names], str], str]]] = {
    "created": ("plus", _created, ""),
    "status_changed": ("progress", _status, ""),
    "priority_changed": ("arrow-up", _priority, ""),
    "assignment_changed": ("user-check", _assignment, ""),
    "title_changed": ("pencil", _title, ""),
    "description_changed": ("pencil", _fixed(_l("changed the description")), ""),
    "feedback_changed": ("star", _feedback, ""),
    "team_changed": ("users-group", _team, ""),
    "tags_changed": ("tag", _tags, ""),
    "deleted": ("trash", _deleted, "danger"),
    "comment_deleted": ("trash", _comment_deleted, "danger"),
    "reply_held": ("alert-triangle", _fixed(_l("could not publish a reply")), "danger"),
    "snoozed": ("calendar-time", _snoozed, ""),
    "woken": ("bell", _woken, ""),
    "texts_erased": ("eye-off", _fixed(_l("erased a person's texts")), "danger"),
    "sla_policy_chosen": ("clock", _fixed(_l("chose the time limits")), ""),
    "sla_changed": ("clock", _fixed(_l("updated the time limits")), ""),
    "sla_step_retried": ("refresh", _fixed(_l("tried a step again")), "internal"),
    "low_rating": ("star", _fixed(_l("flagged a low rating")), "danger"),
    "earlier_feedback_changed": ("star", _fixed(_l("changed an earlier rating")), ""),
    "sla_warned": ("clock-exclamation", _fixed(_l("warned that a time limit is near")), "internal"),
    "sla_breached": ("alarm", _fixed(_l("found a time limit passed")), "danger"),
    "sla_breach_taken_back": ("alarm", _fixed(_l("took back that a time limit had passed")), ""),
    "escalated": ("flame", _fixed(_l("escalated the ticket")), "danger"),
    "assignment_skipped": ("user-off", _fixed(_l("found no agent for the ticket")), "internal"),
    "reminded": ("mail", _reminded, ""),
    "feedback_requested": ("mail", _fixed(_l("asked the customer for a rating")), ""),
    "feedback_skipped": ("mail-exclamation", _fixed(_l("asked for no rating")), ""),
}

#: Actions as a filter offers them.
ACTION_NAMES: Final[Mapping[str, Any]] = {
    "created": _l("Opened"),
    "status_changed": _l("Status changed"),
    "priority_changed": _l("Priority changed"),
    "assignment_changed": _l("Agent changed"),
    "title_changed": _l("Title changed"),
    "description_changed": _l("Description changed"),
    "feedback_changed": _l("Rated"),
    "team_changed": _l("Team changed"),
    "tags_changed": _l("Tags changed"),
    "deleted": _l("Ticket deleted"),
    "comment_deleted": _l("Comment deleted"),
    "reply_held": _l("Reply held back"),
    "snoozed": _l("Snoozed"),
    "woken": _l("Woken"),
    "texts_erased": _l("Texts erased"),
    "sla_policy_chosen": _l("Time limits chosen"),
    "sla_changed": _l("Time limits updated"),
    "sla_step_retried": _l("Step tried again"),
    "low_rating": _l("Low rating"),
    "earlier_feedback_changed": _l("Earlier rating changed"),
    "sla_warned": _l("Warned of a time limit"),
    "sla_breached": _l("Time limit passed"),
    "sla_breach_taken_back": _l("Time limit held after all"),
    "escalated": _l("Escalated"),
    "assignment_skipped": _l("No agent found"),
    "reminded": _l("Customer reminded"),
    "feedback_requested": _l("Rating asked for"),
    "feedback_skipped": _l("Rating not asked for"),
}

#: What the product does when someone acts: that person did not decide it.
_BY_PRODUCT = frozenset(
    {
        "sla_policy_chosen", "sla_changed", "sla_warned", "sla_breached",
        "sla_breach_taken_back", "escalated",
        "assignment_skipped", "reminded", "feedback_requested", "feedback_skipped", "low_rating", "reply_held",
    }
)  # fmt: skip


def line(entry: Entry, names: Names) -> Line:
    """One entry in words."""
    icon, words, kind = WORDS.get(entry.action, ("history", _fixed(spaced(entry.action)), ""))
    return Line(
        icon=icon,
        actor=_actor(entry),
        text=words(entry, names),
        time=entry.created_at,
        reason=reason_of(entry),
        kind=kind,
        ticket_number=entry.ticket_number,
        id=str(entry.id),
    )


def _actor(entry: Entry) -> str:
    if entry.action in _BY_PRODUCT or (
        entry.actor_name is None and entry.details.get("source") == "system"
    ):
        return _("EmberOne")
    return entry.actor_name or _("Someone")


def action_name(action: str) -> str:
    """An action as a filter offers it."""
    return str(ACTION_NAMES.get(action) or spaced(action).capitalize())
