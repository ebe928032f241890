"""Feedback: what a rating is, and why somebody is not asked for one."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from emberone.domain.errors import Invalid, Word

RATINGS: Final = range(1, 6)
#: From here down the admins are told: feedback rule 8.
LOW_RATING: Final = 2
MAX_TEXT: Final = 10_000
#: What the key of a request's letter begins with; the request's id follows.
LETTER_KEY: Final = "feedback:"


class SkipReason(StrEnum):
    """Why a closing led to no letter: feedback rules 2, 3, 4 and 8."""

    IMPORTED = "imported"
    #: The reason that the inactivity sweep closes with.
    INACTIVITY = "inactivity"
    #: The reason that an action on many tickets at once closes with.
    MASS_CLOSE = "mass_close"
    REOPENED = "reopened"
    NOT_A_CUSTOMER = "not_a_customer"
    UNDELIVERABLE = "undeliverable"
    DECLINED = "declined"
    NO_STAFF_REPLY = "no_staff_reply"
    THROTTLED = "throttled"


class LinkState(StrEnum):
    """What a link from a letter is still good for."""

    OPEN = "open"
    EXPIRED = "expired"
    #: The ticket was reopened before anyone answered.
    VOID = "void"


def link_state(expires_at: datetime, voided_at: datetime | None, *, now: datetime) -> LinkState:
    """Whether the link can still record an answer; at `expires_at` itself it no longer does."""
    if voided_at is not None:
        return LinkState.VOID
    return LinkState.OPEN if now < expires_at else LinkState.EXPIRED


def is_low(rating: int | None) -> bool:
    """Whether the admins should hear of it."""
    return rating is not None and rating <= LOW_RATING


def checked_rating(rating: int) -> int:
    """A whole number from 1 to 5; raises Invalid."""
    if rating not in RATINGS:
        raise Invalid("Choose from one to five stars.", field="rating")
    return rating


def checked_text(text: str | None) -> str | None:
    """The customer's words, trimmed, None where there are none; raises Invalid."""
    trimmed = (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if "\x00" in trimmed or any("\ud800" <= character <= "\udfff" for character in trimmed):
        raise Invalid(
            "The %(what)s contains a character that cannot be stored.",
            field="text",
            what=Word("text"),
        )
    if len(trimmed) > MAX_TEXT:
        raise Invalid(
            "The %(what)s is longer than %(most)s characters.",
            field="text",
            what=Word("text"),
            most=MAX_TEXT,
        )
    return trimmed or None
