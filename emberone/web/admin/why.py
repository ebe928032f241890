"""Why something happened to a ticket: what history recorded with it, in a person's words."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from emberone.domain import assignment
from emberone.domain.enums import AssignmentStrategy, StepAction
from emberone.domain.errors import EmberOneError
from emberone.domain.feedback import SkipReason
from emberone.domain.lifecycle import THANKS_DISMISSED
from emberone.domain.sla_story import Change
from emberone.queries.history import Entry
from emberone.services.handing_over import Leaving
from emberone.web.admin.limits import CAUSES, METRIC_NAMES
from emberone.web.errors import refusal_text
from emberone.web.theme.formats import time_full

#: What is quoted of a text in one line.
QUOTE_LENGTH: Final = 120

#: What the change itself says already, and what only machines read: the entry's page has it all.
_SAID = frozenset(
    {
        "oldRating", "newRating", "oldTeamId", "newTeamId", "oldTags", "newTags", "number",
        "clock", "step", "stepNo", "cycle", "targetS", "offsetS", "dueAt", "at",
        "policyId", "policyVersionId", "chosenBy", "version", "commentId", "authorId", "profileId",
        "draftId", "refusal", "type", "until", "cause", "closesAt",
    }
)  # fmt: skip

#: Which step of a clock raised a priority (SLA rule 24): a reference for machines.
_STEP = re.compile(r"SLA step [0-9a-f-]{36}")

#: Why this agent among those who could (assignment rule 6).
_STRATEGIES: Final[Mapping[str, Any]] = {
    AssignmentStrategy.ROUND_ROBIN: _l("longest without a new ticket"),
    AssignmentStrategy.LEAST_LOADED: _l("most room"),
    AssignmentStrategy.LEAST_UTILISED: _l("least load for the capacity"),
}

#: Why the other agents were out (assignment rule 11).
OUT_REASONS: Final[Mapping[str, Any]] = {
    assignment.NOT_IN_TEAM: _l("not in the team"),
    assignment.INACTIVE: _l("deactivated"),
    assignment.ABSENT: _l("absent"),
    assignment.AWAY: _l("away"),
    assignment.OFF_HOURS: _l("outside working hours"),
    assignment.SKILL: _l("without the skill"),
    assignment.FULL: _l("full"),
    assignment.PACED: _l("had enough for now"),
    assignment.OWN_TICKET: _l("asked it themselves"),
    assignment.HANDED_OFF: _l("gave it away"),
}

#: Why an agent's tickets were handed over (assignment rules 10 and 13).
_HAND_OVERS: Final[Mapping[str, Any]] = {
    Leaving.AWAY: _l("the agent went away"),
    Leaving.ABSENT: _l("the agent is absent"),
    Leaving.DEACTIVATED: _l("the agent was deactivated"),
    Leaving.OTHER_ROLE: _l("the agent has another role"),
}

#: What a step of a time limit did.
STEP_ACTIONS: Final[Mapping[str, Any]] = {
    StepAction.NOTIFY_ASSIGNEE: _l("told the agent"),
    StepAction.NOTIFY_ADMINS: _l("told the admins"),
    StepAction.NOTIFY_PERSON: _l("told a named person"),
    StepAction.RAISE_PRIORITY: _l("raised the priority"),
    StepAction.REASSIGN: _l("asked for another agent"),
    StepAction.COMMENT: _l("noted it here"),
}

#: What became of a time limit.
CLOCK_CHANGES: Final[Mapping[str, Any]] = {
    Change.STARTED: _l("started"),
    Change.PAUSED: _l("paused"),
    Change.RESUMED: _l("resumed"),
    Change.RETARGETED: _l("got another target"),
    Change.MET: _l("met"),
    Change.STOPPED: _l("stopped"),
    Change.REOPENED: _l("goes on"),
    Change.TAKEN_BACK: _l("stands as it did at the closing"),
    Change.DISREGARDED: _l("counts for nothing"),
    Change.PROMISED: _l("due as promised"),
    Change.RELEASED: _l("due by its target again"),
}

#: Why a customer was not asked for a rating (feedback rules 2, 3 and 4).
SKIP_REASONS: Final[Mapping[str, Any]] = {
    SkipReason.IMPORTED: _l("the ticket was imported"),
    SkipReason.INACTIVITY: _l("the ticket was closed because the customer did not answer"),
    SkipReason.MASS_CLOSE: _l("many tickets were closed at once"),
    SkipReason.REOPENED: _l("the ticket was reopened"),
    SkipReason.NOT_A_CUSTOMER: _l("the requester is not a customer"),
    SkipReason.UNDELIVERABLE: _l("the customer's address takes no letters"),
    SkipReason.DECLINED: _l("the customer does not want to be asked"),
    SkipReason.NO_STAFF_REPLY: _l("nobody answered the customer in public"),
    SkipReason.THROTTLED: _l("the customer was asked a short while ago"),
}

#: What the product says of why it closed a ticket; people's own words stay as they are.
_CLOSING_REASONS: Final = frozenset({SkipReason.INACTIVITY.value, SkipReason.MASS_CLOSE.value})


def skip_reason(reason: str | None) -> str:
    """Why a customer was not asked, in words."""
    return str(SKIP_REASONS.get(reason or "", reason or _("unknown")))


def held_because(refusal: Mapping[str, Any] | None, last_error: str | None) -> str:
    """Why a reply was held, in the reader's language; as it was written down before it had parts."""
    if refusal is not None:
        return refusal_text(EmberOneError.of_kept(refusal))
    return _(last_error) if last_error else ""


def reason_of(entry: Entry) -> str | None:
    """What was recorded with an entry, as far as a person wants to read it; None for nothing."""
    reason = str(entry.details.get("reason") or "")
    if entry.action == "reply_held":
        reason = held_because(entry.context.get("refusal"), reason)
    elif reason == THANKS_DISMISSED:
        reason = _("the customer had only said thank you")
    elif reason and (entry.action == "feedback_skipped" or reason in _CLOSING_REASONS):
        reason = skip_reason(reason)
    elif _STEP.fullmatch(reason):
        reason = _("because of a time limit")
    parts = [reason] if reason else []
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
        return _("not asked: %(why)s", why=_counted(value))
    if key == "waitsUntil":
        begin = time_full(datetime.fromisoformat(value))
        return _("it waits for working hours, which begin %(time)s", time=begin)
    if key == "handOver":
        return _known(_HAND_OVERS, value)
    if key == "clocks":
        return ", ".join(_clock(clock) for clock in value)
    if key == "metric":
        return _metric(value)
    if key == "percent":
        return _("%(number)s %% of the time", number=f"{value:g}")
    if key == "actions":
        return ", ".join(_known(STEP_ACTIONS, action) for action in value)
    if key == "policy":
        return _("policy: %(name)s", name=quoted(value))
    if key == "passedOver":
        return ngettext(
            "%(num)s earlier step passed over", "%(num)s earlier steps passed over", len(value)
        )
    return f"{spaced(key)}: {_plain(value)}"


def _known(names: Mapping[str, Any], value: Any) -> str:
    return str(names.get(value) or spaced(str(value)))


def _counted(out: Any) -> str:
    if not isinstance(out, Mapping):
        return _plain(out)
    return ", ".join(f"{_known(OUT_REASONS, why)} {number}" for why, number in out.items())


def _clock(clock: Mapping[str, Any]) -> str:
    change = _known(CLOCK_CHANGES, clock.get("change", ""))
    words = f"{_metric(clock.get('metric'))}: {change}"
    if clock.get("reason"):
        words += f" ({_known(CAUSES, clock['reason'])})"
    if clock.get("neverDue"):
        never = _("never due: its calendar does not open for so long")
        words += f" ({never})"
    return words


def _metric(value: Any) -> str:
    names = {metric.value: str(name) for metric, name in METRIC_NAMES.items()}
    return names.get(str(value), str(value))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{spaced(key)} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(part) for part in value)
    return quoted(value)


def quoted(text: Any) -> str:
    """A text as one line can hold it."""
    words = str(text or "")
    return words if len(words) <= QUOTE_LENGTH else f"{words[:QUOTE_LENGTH]}…"


def spaced(name: str) -> str:
    """`oldTeamId` and `old_team_id` as "old team id"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name).lower()
