"""History in a person's words: who did what, from what to what, and why."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from emberone.domain.enums import AssignmentStrategy, CommentType
from emberone.domain.feedback import SkipReason
from emberone.domain.snoozing import Cause
from emberone.queries.history import Entry
from emberone.web.admin.limits import METRIC_NAMES
from emberone.web.theme.badges import badge_of
from emberone.web.theme.formats import time_short

Names = Mapping[str, str]

#: What is quoted of a title in one line.
QUOTE_LENGTH = 120


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


def _quoted(text: Any) -> str:
    words = str(text or "")
    return words if len(words) <= QUOTE_LENGTH else f"{words[:QUOTE_LENGTH]}…"


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
        old=_quoted(_old(entry, "title")),
        new=_quoted(_new(entry, "title")),
    )


def _feedback(entry: Entry, names: Names) -> str:
    old, new = entry.context.get("oldRating"), entry.context.get("newRating")
    if old is None:
        return _("rated the ticket %(new)s of 5", new=new)
    return _("changed the rating from %(old)s to %(new)s of 5", old=old, new=new)


def _team(entry: Entry, names: Names) -> str:
    none = _("no team")
    return _(
        "moved the ticket from %(old)s to %(new)s",
        old=names.get(str(entry.context.get("oldTeamId")), none),
        new=names.get(str(entry.context.get("newTeamId")), none),
    )


def _tags(entry: Entry, names: Names) -> str:
    old, new = set(entry.context.get("oldTags", [])), set(entry.context.get("newTags", []))
    added = ", ".join(sorted(new - old))
    removed = ", ".join(sorted(old - new))
    if added and removed:
        return _("added the tags %(added)s, removed %(removed)s", added=added, removed=removed)
    if added:
        return _("added the tags %(added)s", added=added)
    return _("removed the tags %(removed)s", removed=removed)


def _deleted(entry: Entry, names: Names) -> str:
    number, title = entry.context.get("number", "?"), _quoted(_old(entry, "title"))
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
    "sla_changed": ("clock", _fixed(_l("moved the time limits")), ""),
    "sla_step_retried": ("refresh", _fixed(_l("tried a step again")), "internal"),
    "low_rating": ("star", _fixed(_l("flagged a low rating")), "danger"),
    "earlier_feedback_changed": ("star", _fixed(_l("changed an earlier rating")), ""),
    "sla_warned": ("clock-exclamation", _fixed(_l("warned that a time limit is near")), "internal"),
    "sla_breached": ("alarm", _fixed(_l("found a time limit passed")), "danger"),
    "escalated": ("flame", _fixed(_l("escalated the ticket")), "danger"),
    "assignment_skipped": ("user-off", _fixed(_l("found no agent for the ticket")), "internal"),
    "feedback_requested": ("mail", _fixed(_l("asked the customer for a rating")), ""),
    "feedback_skipped": ("mail-exclamation", _fixed(_l("asked for no rating")), ""),
}

#: What the change itself says already, and what only machines read: the entry's page has it all.
_SAID = frozenset(
    {
        "oldRating", "newRating", "oldTeamId", "newTeamId", "oldTags", "newTags", "number",
        "clock", "step", "stepNo", "cycle", "targetS", "offsetS", "dueAt", "at",
        "policyId", "policyVersionId", "chosenBy", "version", "commentId", "authorId", "profileId",
        "draftId", "type", "until", "cause",
    }
)  # fmt: skip


#: What the product does when someone acts: that person did not decide it.
_BY_PRODUCT = frozenset(
    {
        "sla_policy_chosen", "sla_changed", "sla_warned", "sla_breached", "escalated",
        "assignment_skipped", "feedback_requested", "feedback_skipped", "low_rating", "reply_held",
    }
)  # fmt: skip


#: Why this agent among those who could (assignment rule 6).
_STRATEGIES: Mapping[str, Any] = {
    AssignmentStrategy.ROUND_ROBIN: _l("longest without a new ticket"),
    AssignmentStrategy.LEAST_LOADED: _l("most room"),
    AssignmentStrategy.LEAST_UTILISED: _l("least load for the capacity"),
}


#: Why a customer was not asked for a rating (feedback rules 2, 3 and 4).
SKIP_REASONS: Final[Mapping[str, Any]] = {
    SkipReason.IMPORTED: _l("the ticket was imported"),
    SkipReason.INACTIVITY: _l("the ticket was closed because the customer did not answer"),
    SkipReason.MASS_CLOSE: _l("many tickets were closed at once"),
    SkipReason.REOPENED: _l("the ticket was reopened"),
    SkipReason.NOT_A_CUSTOMER: _l("the requester is not a customer"),
    SkipReason.UNDELIVERABLE: _l("the customer's address takes no mail"),
    SkipReason.DECLINED: _l("the customer does not want to be asked"),
    SkipReason.NO_STAFF_REPLY: _l("nobody answered the customer in public"),
    SkipReason.THROTTLED: _l("the customer was asked a short while ago"),
}


def skip_reason(reason: str | None) -> str:
    """Why a customer was not asked, in words."""
    return str(SKIP_REASONS.get(reason or "", reason or _("unknown")))


def line(entry: Entry, names: Names) -> Line:
    """One entry in words."""
    icon, words, kind = WORDS.get(
        entry.action, ("history", _fixed(entry.action.replace("_", " ")), "")
    )
    return Line(
        icon=icon,
        actor=_actor(entry),
        text=words(entry, names),
        time=entry.created_at,
        reason=_reason(entry),
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


def _reason(entry: Entry) -> str | None:
    reason = entry.details.get("reason")
    if reason and entry.action == "feedback_skipped":
        reason = skip_reason(str(reason))
    parts = [str(reason)] if reason else []
    parts += [
        _detail(key, value)
        for key, value in entry.context.items()
        if key not in _SAID and value not in (None, "", [], {})
    ]
    return " · ".join(parts) or None


def _detail(key: str, value: Any) -> str:
    if key == "strategy" and value in _STRATEGIES:
        return str(_STRATEGIES[value])
    if key == "candidates":
        return ngettext("%(num)s agent could take it", "%(num)s agents could take it", value)
    if key == "out":
        return _("not asked: %(why)s", why=_plain(value))
    if key == "clocks":
        return ", ".join(_clock(clock) for clock in value)
    if key == "metric":
        return _metric(value)
    if key == "percent":
        return _("%(number)s %% of the time", number=f"{value:g}")
    if key == "actions":
        return ", ".join(spaced(action) for action in value)
    return f"{spaced(key)}: {_plain(value)}"


def _clock(clock: Mapping[str, Any]) -> str:
    words = f"{_metric(clock.get('metric'))} {clock.get('change', '')}".strip()
    return f"{words} ({clock['reason']})" if clock.get("reason") else words


def _metric(value: Any) -> str:
    names = {metric.value: str(name) for metric, name in METRIC_NAMES.items()}
    return names.get(str(value), str(value))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{spaced(key)} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(part) for part in value)
    return _quoted(value)


def spaced(name: str) -> str:
    """`oldTeamId` and `old_team_id` as "old team id"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name).lower()


def action_name(action: str) -> str:
    """An action as a filter offers it."""
    return spaced(action).capitalize()
