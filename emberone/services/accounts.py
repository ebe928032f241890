"""Sign-ins: creating one with its profile, choosing a password, linking it to a person.

How customers come to one by themselves is `services/registration.py`.
"""

import secrets
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from argon2 import PasswordHasher
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.enums import Role
from emberone.domain.errors import Conflict, Invalid, NotFound
from emberone.models import Profile, User
from emberone.policy import PROFILE_MANAGE, require

MINIMUM_PASSWORD_LENGTH = 10
#: Longer ones would only keep the processor busy.
MAXIMUM_PASSWORD_LENGTH = 1000

#: What one Argon2 hash costs (RFC 9106's second choice; memory in KiB).
HASHING = {"time_cost": 3, "memory_cost": 65536, "parallelism": 4}


@service
def create_account(
    actor: Actor,
    email: str,
    full_name: str,
    role: Role,
    password: str,
    *,
    now: datetime | None = None,
) -> UUID:
    """Make a person who can sign in at once; returns the profile's id.

    Raises Conflict where someone has this address already, with or without a sign-in.
    """
    email, full_name = texts.address(email), texts.person_name(full_name)
    hashed = hash_password(password)
    with transaction(actor, now=now) as session:
        require(actor, PROFILE_MANAGE)
        with as_system(session):
            refuse_taken_address(session, email)
            user = User(
                email=email,
                password=hashed,
                fs_uniquifier=secrets.token_hex(32),
                confirmed_at=now_of(session),
            )
            session.add(user)
            session.flush()  # gives the sign-in its id
            profile = Profile(email=email, full_name=full_name, role=role, user_id=str(user.id))
            session.add(profile)
            session.flush()  # gives the profile its id
            return profile.id


@service
def set_password(actor: Actor, profile_id: UUID, password: str) -> None:
    """Give a person another password, and a sign-in where they have none.

    Every session of theirs ends. Raises Conflict for someone who signs in at an
    outside provider.
    """
    hashed = hash_password(password)
    with transaction(actor) as session:
        with as_system(session):
            profile = session.get(Profile, profile_id, with_for_update=True, populate_existing=True)
        if profile is None:
            raise NotFound
        if profile.id != actor.profile_id:
            require(actor, PROFILE_MANAGE, profile)
        with as_system(session):
            user = session.scalars(
                select(User).where(User.id == profile.local_user_id).with_for_update()
            ).first()
            if user is None:
                user = _first_sign_in(session, profile)
            user.password = hashed
            # Every session and every remembered device names the old one.
            user.fs_uniquifier = secrets.token_hex(32)
            session.flush()
            profile.user_id = str(user.id)


def _first_sign_in(session: Session, profile: Profile) -> User:
    if profile.user_id is not None:
        raise Conflict("This person signs in elsewhere.")
    # Someone may have asked for a link and not used it yet.
    user = session.scalars(
        select(User).where(func.lower(User.email) == profile.email.lower()).with_for_update()
    ).first()
    if user is None:
        user = User(email=profile.email)
        session.add(user)
    # An admin vouches for the address.
    user.confirmed_at = now_of(session)
    return user


def link_profile(session: Session, user: User) -> Profile | None:
    """The profile of this sign-in; at the first one, the customer known by its confirmed address.

    A step of the sign-in's transaction. None: nobody to sign in as. Staff get their
    sign-in from an admin, so that a mailbox alone makes nobody one of them.
    """
    profile = session.scalars(select(Profile).where(Profile.user_id == str(user.id))).first()
    if profile is not None or user.confirmed_at is None:
        return profile
    profile = session.scalars(
        select(Profile)
        .where(
            func.lower(Profile.email) == user.email.lower(),
            Profile.user_id.is_(None),
            Profile.role == Role.CUSTOMER,
        )
        .with_for_update()
    ).first()
    if profile is not None:
        profile.user_id = str(user.id)
        session.flush()  # so that the relationship finds it
        session.refresh(user, ["profile"])
    return profile


def refuse_taken_address(session: Session, email: str) -> None:
    """Raise Conflict where a profile or a sign-in has this address."""
    for column in (Profile.email, User.email):
        if session.scalars(select(column).where(func.lower(column) == email.lower())).first():
            raise Conflict("Someone with this e-mail address exists already.")


@service
def sign_out_everywhere(actor: Actor) -> None:
    """End every session and every remembered device of the person, this one too."""
    with transaction(actor) as session, as_system(session):
        profile = session.get_one(Profile, actor.profile_id)
        user = session.scalars(
            select(User).where(User.id == profile.local_user_id).with_for_update()
        ).first()
        if user is None:
            raise Conflict("This person signs in elsewhere.")
        user.fs_uniquifier = secrets.token_hex(32)


def checked_password(password: str, *, about: Iterable[str] = ()) -> str:
    """The password in its one spelling; raises Invalid for one that is too easily guessed.

    `about` is what everybody knows of the person: their address, their name.
    """
    # As the sign-in form does, so that a letter typed on another keyboard is the same letter.
    password = unicodedata.normalize("NFKD", password)
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        raise Invalid(
            "A password has at least %(least)s characters.", least=MINIMUM_PASSWORD_LENGTH
        )
    if len(password) > MAXIMUM_PASSWORD_LENGTH:
        raise Invalid(
            "A password has at most %(most)s characters.", most=str(MAXIMUM_PASSWORD_LENGTH)
        )
    if len(set(password)) < 4:
        raise Invalid("A password has at least four different characters.")
    if password.casefold() in {text.casefold() for text in about}:
        raise Invalid("A password is not one's name or address.")
    return password


def hash_password(password: str) -> str:
    """The Argon2 hash that is stored; raises Invalid for a password that is easily guessed."""
    checked = checked_password(password)
    hasher = PasswordHasher(
        time_cost=HASHING["time_cost"],
        memory_cost=HASHING["memory_cost"],
        parallelism=HASHING["parallelism"],
    )
    return hasher.hash(checked)
