"""The kinds of letters: what each is called, when it is written, and who reads it."""

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final

from flask_babel import lazy_gettext as _l

from emberone.mail.rendering import templates_folder

#: The letter that tells of many others.
DIGEST: Final = "digest"


class Audience(Enum):
    """Whose conversation a letter belongs to: on the same ticket they are two threads."""

    CUSTOMER = "customer"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Kind:
    """One folder below `templates/mail/`."""

    #: The folder's name, which is what the outbox keeps.
    letter: str
    name: Any
    #: One sentence: when it is written, and to whom.
    occasion: Any


_KNOWN: Final = (
    Kind(
        "ticket_received",
        _l("Ticket received"),
        _l("To the customer, when they open a ticket or staff open one for them."),
    ),
    Kind(
        "staff_replied",
        _l("Answer"),
        _l("To the customer, when somebody of the staff answers in public."),
    ),
    Kind(
        "reminder",
        _l("Reminder"),
        _l("To the customer, when a ticket has waited for their answer for some days."),
    ),
    Kind(
        "feedback_request",
        _l("Request to rate"),
        _l("To the customer, some time after their ticket was closed."),
    ),
    Kind("assigned", _l("Assigned"), _l("To the agent who is given a ticket.")),
    Kind("mention", _l("Mention"), _l("To one of the staff, when a colleague's note names them.")),
    Kind("sla_warning", _l("SLA warning"), _l("To the agent, before a time limit runs out.")),
    Kind("sla_breach", _l("SLA breach"), _l("To the agent and the admins, when it has run out.")),
    Kind("low_rating", _l("Low rating"), _l("To the admins, when a customer gives 1 or 2 stars.")),
    Kind(
        "unassignable",
        _l("Nobody can take it"),
        _l("To the admins, when no agent can take a new ticket."),
    ),
    Kind(
        DIGEST,
        _l("Digest"),
        _l("To one of the staff, in place of many letters within a minute."),
    ),
    Kind("confirm", _l("Confirm an address"), _l("To whoever registers.")),
    Kind("known", _l("Known already"), _l("To whoever registers with an address we know.")),
    Kind("reset", _l("Choose a password"), _l("To whoever asks for a link to choose one.")),
    Kind(
        "password_changed", _l("Password changed"), _l("To everybody whose password was changed.")
    ),
)
_BY_LETTER: Final = {kind.letter: kind for kind in _KNOWN}

#: The letters of a customer's own conversation.
TO_CUSTOMERS: Final = frozenset(
    {"ticket_received", "staff_replied", "reminder", "feedback_request"}
)


@cache
def all_kinds() -> tuple[Kind, ...]:
    """Every letter there is, in the order in which people meet them."""
    folders = {folder.name for folder in templates_folder().iterdir() if folder.is_dir()}
    order = [*(kind.letter for kind in _KNOWN if kind.letter in folders)]
    return tuple(kind_of(letter) for letter in [*order, *sorted(folders - set(order))])


def kind_of(letter: str) -> Kind:
    """A letter's kind; one that is no more, or not described yet, goes by its folder's name."""
    return _BY_LETTER.get(letter) or Kind(letter, letter.replace("_", " ").capitalize(), "")


def audience_of(letter: str) -> Audience:
    """Whose conversation this kind of letter belongs to."""
    return Audience.CUSTOMER if letter in TO_CUSTOMERS else Audience.STAFF


@cache
def same_thread(letter: str) -> tuple[Kind, ...]:
    """The kinds that share a thread with this one, itself included, on the same ticket."""
    return tuple(kind for kind in all_kinds() if audience_of(kind.letter) is audience_of(letter))
