"""Coming to a sign-in by oneself: registering, and proving that an address is one's own.

Steps of the sign-in pages' transactions, which run as the product. Whoever asks
has shown nothing yet, so no step tells whether it found somebody.
"""

import secrets

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from emberone.db import now_of
from emberone.domain import texts
from emberone.domain.enums import Role
from emberone.models import Profile, Setting, User
from emberone.services.accounts import link_profile


def hold_address(session: Session, email: str) -> None:
    """Let nobody else begin anything with this address before the end of the transaction."""
    key = func.hashtext(f"emberone.address:{email.lower()}")
    session.execute(select(func.pg_advisory_xact_lock(key)))


def may_register(session: Session, email: str) -> bool:
    """Whether a sign-in may begin with this address: nobody's, or a customer's known by mail only."""
    profile = _known_by(session, email)
    return profile is None or (profile.role is Role.CUSTOMER and profile.user_id is None)


def allows_registration(session: Session) -> bool:
    """Whether anyone may register as a customer."""
    return bool(session.scalar(select(Setting.allows_registration)))


def register(
    session: Session, email: str, full_name: str, password_hash: str, *, language: str | None
) -> User:
    """Make a customer who may sign in once the address is confirmed; :func:`may_register` said yes.

    A customer known by this address keeps their name and tickets, and gets the
    sign-in at the confirmation, not before.
    """
    user = _begin(session, email, password_hash)
    if _known_by(session, email) is None:
        name = texts.person_name(full_name)
        session.add(
            Profile(
                email=email,
                full_name=name,
                role=Role.CUSTOMER,
                user_id=str(user.id),
                language=language,
            )
        )
        session.flush()  # so that a letter can be addressed to it
    return user


def sign_in_of_known(session: Session, email: str) -> User | None:
    """A sign-in without a password for a customer known by mail only; None for anybody else."""
    profile = _known_by(session, email)
    if profile is None or profile.role is not Role.CUSTOMER or profile.user_id is not None:
        return None
    return _begin(session, profile.email, None)


def address_proven(session: Session, user: User) -> Profile | None:
    """The person has acted on a letter to this address: it is theirs, and so are its tickets."""
    if user.confirmed_at is None:
        user.confirmed_at = now_of(session)
    return link_profile(session, user)


def person_behind(session: Session, user: User) -> Profile | None:
    """The profile of a sign-in, or the customer whom it will belong to once it is confirmed."""
    linked = session.scalars(select(Profile).where(Profile.user_id == str(user.id))).first()
    if linked is not None:
        return linked
    known = _known_by(session, user.email)
    is_theirs = known is not None and known.user_id is None and known.role is Role.CUSTOMER
    return known if is_theirs else None


def _begin(session: Session, email: str, password_hash: str | None) -> User:
    user = User(email=email, password=password_hash, fs_uniquifier=secrets.token_hex(32))
    session.add(user)
    session.flush()  # gives the sign-in its id
    return user


def _known_by(session: Session, email: str) -> Profile | None:
    return session.scalars(
        select(Profile).where(func.lower(Profile.email) == email.lower())
    ).first()
