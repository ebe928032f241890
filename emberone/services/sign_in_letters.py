"""The letters of the sign-in: a link to confirm an address, a link to choose a password, notices.

Steps of the sign-in pages' transactions, which run as the product. A link's
letter keeps the *claim* (who, until when) and never the token: that is worked
out from the secret key when the letter is worded (docs/decisions/0013).
"""

import hashlib
import logging
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from emberone.db import now_of
from emberone.mail.tokens import CONFIRM_WITHIN, RESET_WITHIN
from emberone.models import Letter, Profile, User
from emberone.services import letters
from emberone.services.registration import person_behind

logger = logging.getLogger(__name__)

#: So many letters an hour can be caused for one person by whoever knows the address.
LETTERS_PER_HOUR: Final = 5

_BOUNDED: Final = ("confirm", "reset", "known")


def write_confirm(session: Session, user: User, claim: str) -> None:
    """Send the link that confirms the address of a new sign-in."""
    until = now_of(session) + CONFIRM_WITHIN
    _write(session, user, "confirm", claim, {"confirm_claim": claim, "until": until.isoformat()})


def write_reset(session: Session, user: User, claim: str) -> None:
    """Send the link that lets the person choose a password."""
    until = now_of(session) + RESET_WITHIN
    _write(session, user, "reset", claim, {"reset_claim": claim, "until": until.isoformat()})


def write_known(session: Session, user: User) -> None:
    """Tell someone who registers once more that there is an account already."""
    _write(session, user, "known", now_of(session).isoformat(), {})


def write_password_changed(session: Session, user: User) -> None:
    """Tell the person that their password is another one now."""
    now = now_of(session).isoformat()
    _write(session, user, "password_changed", now, {"changed_at": now})


def _write(
    session: Session, user: User, letter: str, occasion: str, params: dict[str, str]
) -> None:
    profile = person_behind(session, user)
    if profile is None:
        return
    if letter in _BOUNDED and _written_lately(session, profile) >= LETTERS_PER_HOUR:
        logger.info("sign_in_letters.too_many", extra={"profile_id": profile.id})
        return
    digest = hashlib.sha256(occasion.encode()).hexdigest()[:16]
    letters.write(
        session,
        key=f"{letter}:{user.id}:{digest}",
        letter=letter,
        to_profile_id=profile.id,
        ticket_id=None,
        params={"name": _called(profile, user), **params},
    )


def _called(profile: Profile, user: User) -> str:
    """How the letter greets; a name that anyone may have typed for this address is not repeated."""
    is_typed_by_anyone = user.confirmed_at is None and profile.user_id is not None
    return profile.email if is_typed_by_anyone else profile.full_name


def _written_lately(session: Session, profile: Profile) -> int:
    statement = select(func.count()).where(
        Letter.to_profile_id == profile.id,
        Letter.letter.in_(_BOUNDED),
        Letter.created_at > now_of(session) - timedelta(hours=1),
    )
    return session.scalar(statement) or 0
