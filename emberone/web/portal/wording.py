"""What a customer reads about their ticket: states, what comes next, what happened."""

import hashlib
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from flask_babel import gettext, lazy_gettext

from emberone.domain.enums import Priority, Status
from emberone.queries.portal import Happening
from emberone.web.theme.formats import day_in_full

_, _l = gettext, lazy_gettext

#: A status in a customer's words.
STATUS_WORDS: Final = {
    Status.OPEN: _l("Received"),
    Status.IN_PROGRESS: _l("Being worked on"),
    Status.WAITING: _l("Waiting for your answer"),
    Status.CLOSED: _l("Resolved"),
}

#: How urgent it is, as one would say it.
PRIORITY_WORDS: Final = {
    Priority.LOW: _l("Low – whenever there is time"),
    Priority.MEDIUM: _l("Normal"),
    Priority.HIGH: _l("High – it keeps me from working"),
    Priority.CRITICAL: _l("Critical – nothing works at all"),
}

#: The same in one word.
PRIORITY_NAMES: Final = {
    Priority.LOW: _l("Low"),
    Priority.MEDIUM: _l("Normal"),
    Priority.HIGH: _l("High"),
    Priority.CRITICAL: _l("Critical"),
}


def priority_named(name: str) -> Priority | None:
    """The priority of that name, None where there is none."""
    return Priority(name) if name in Priority.__members__ else None


def print_of(*texts: str) -> str:
    """A short print of texts, the same for the same texts only."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:24]


class Line(NamedTuple):
    """Something that happened, as a small line between the comments."""

    icon: str
    text: str
    at: datetime


def what_comes_next(status: Status, reopen_until: datetime | None) -> str:
    """One sentence under the status; `reopen_until` is None where a closed ticket stays closed."""
    if status is Status.OPEN:
        return _("We have your request and answer it on this page.")
    if status is Status.IN_PROGRESS:
        return _("Somebody is on it. The answer will be on this page.")
    if status is Status.WAITING:
        return _("We need something from you to go on. Please answer below.")
    if reopen_until is not None:
        day = day_in_full(reopen_until)
        return _(
            "If it is not solved after all, write below until %(day)s and it goes on.", day=day
        )
    return _("It was resolved a while ago and stays so.")


def what_writing_does(status: Status, reopen_until: datetime | None) -> str | None:
    """What a comment brings about beside being read; None where it is nothing more."""
    if status is not Status.CLOSED:
        return None
    if reopen_until is not None:
        return _("What you write here reopens this ticket.")
    return _("What you write here opens a new ticket that refers to this one.")


def line(happening: Happening, customer_id: UUID | None) -> Line | None:
    """What happened in words; None for what is seen otherwise on the page."""
    is_own = happening.actor_id is not None and happening.actor_id == customer_id
    name = happening.actor_name
    old, new = happening.old_value or {}, happening.new_value or {}
    if happening.action == "status_changed":
        return _moved(old, new, is_own, name, happening.at)
    if happening.action == "title_changed":
        return Line("edit", _renamed(new, is_own, name), happening.at)
    if happening.action == "description_changed":
        if is_own:
            text = _("You changed the description.")
        else:
            text = _("%(name)s changed the description.", name=name or _("Support"))
        return Line("edit", text, happening.at)
    return None


def _moved(
    old: dict[str, Any], new: dict[str, Any], is_own: bool, name: str | None, at: datetime
) -> Line | None:
    if new.get("status") == Status.CLOSED:
        if is_own:
            text = _("You closed this ticket.")
        elif name:
            text = _("%(name)s marked this ticket as resolved.", name=name)
        else:
            text = _("This ticket was closed.")
        return Line("circle-check", text, at)
    if old.get("status") == Status.CLOSED:
        if is_own:
            text = _("You reopened this ticket.")
        elif name:
            text = _("%(name)s reopened this ticket.", name=name)
        else:
            text = _("This ticket was reopened.")
        return Line("rotate-clockwise", text, at)
    return None


def _renamed(new: dict[str, Any], is_own: bool, name: str | None) -> str:
    title = new.get("title", "")
    if is_own:
        return _("You changed the subject to “%(title)s”.", title=title)
    return _("%(name)s changed the subject to “%(title)s”.", name=name or _("Support"), title=title)
