"""What became of a letter, in words: how far it is, why, and what happens next.

Read by pages, in the language of whoever looks at them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from flask_babel import format_timedelta, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from emberone.domain.enums import MailState

#: A letter that was tried this often is dead, after some eighteen hours.
MAX_ATTEMPTS: Final = 8

#: A state as a filter offers it.
STATE_NAMES: Final[dict[MailState, Any]] = {
    MailState.QUEUED: _l("Queued"),
    MailState.SENDING: _l("Being sent"),
    MailState.SENT: _l("Sent"),
    MailState.DEAD: _l("Given up"),
    MailState.KEPT: _l("Kept: no mail server"),
    MailState.SUPPRESSED: _l("Cancelled"),
    MailState.COLLAPSED: _l("In a digest"),
}

#: What the product itself writes down as the reason; a mail server's words stay as they are.
_REASONS: Final[dict[str, Any]] = {
    "No mail can reach this address.": _l("No mail can reach this address."),
    "This address no longer takes mail.": _l("This address no longer takes mail."),
    "This person is deactivated.": _l("This person is deactivated."),
    "This person chose not to get these letters.": _l(
        "This person chose not to get these letters."
    ),
    "This person is not one of the staff.": _l("This person is not one of the staff."),
    "The ticket was reopened.": _l("The ticket was reopened."),
    "The ticket was deleted.": _l("The ticket was deleted."),
    "The customer has rated already.": _l("The customer has rated already."),
    "The comment was deleted.": _l("The comment was deleted."),
    "The ticket no longer waits.": _l("The ticket no longer waits."),
    "The texts were erased.": _l("The texts were erased."),
    "Delivery was interrupted too often.": _l("Delivery was interrupted too often."),
}


class Faring(NamedTuple):
    """The columns of a letter that tell its fate."""

    state: MailState
    send_after: datetime
    attempts: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Fate:
    """Where a letter stands."""

    #: One or two words.
    name: str
    #: One sentence: why, or what happens next; None where the name says it all.
    then: str | None


def fate(letter: Faring, now: datetime) -> Fate:
    """What became of the letter so far, and what comes."""
    return Fate(str(STATE_NAMES[letter.state]), _then(letter, now))


def why(reason: str | None) -> str | None:
    """A reason as the reader's language has it."""
    return None if reason is None else str(_REASONS.get(reason, reason))


def _then(letter: Faring, now: datetime) -> str | None:
    if letter.state is MailState.QUEUED:
        return _waiting(letter, now)
    if letter.state is MailState.SENDING:
        return str(_("Attempt %(number)s is under way.", number=letter.attempts))
    if letter.state is MailState.KEPT:
        return str(_("No mail server was set, so it stays here until an admin sends it."))
    if letter.state is MailState.DEAD:
        tried = str(
            ngettext(
                "It was tried once and will not be tried again by itself.",
                "It was tried %(num)s times and will not be tried again by itself.",
                letter.attempts,
            )
        )
        return f"{_sentence(why(letter.last_error))} {tried}" if letter.last_error else tried
    if letter.state is MailState.COLLAPSED:
        return str(_("Its reader was getting many at once, so a digest tells of it."))
    if letter.state is MailState.SUPPRESSED:
        return why(letter.last_error)
    return None


def _sentence(words: str | None) -> str:
    """What a mail server said, ended as a sentence."""
    words = (words or "").rstrip()
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _waiting(letter: Faring, now: datetime) -> str:
    pause = letter.send_after - now
    is_due = pause.total_seconds() <= 0
    if letter.attempts == 0 and is_due:
        return str(_("It leaves with the next delivery."))
    when = _("now") if is_due else format_timedelta(pause, add_direction=True)
    if letter.attempts == 0:
        return str(_("It leaves %(when)s.", when=when))
    return str(
        _(
            "The last attempt failed. Tried again %(when)s: attempt %(number)s of %(most)s.",
            when=when,
            number=letter.attempts + 1,
            most=MAX_ATTEMPTS,
        )
    )
