"""People: creating, changing, deactivating and deleting profiles."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from emberone import languages
from emberone.db import as_system, service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.enums import LETTERS_OF, HandOver, Role
from emberone.domain.errors import Conflict, Invalid, NotFound, StaleWrite
from emberone.models import Profile, User
from emberone.policy import (
    PROFILE_CHOOSE,
    PROFILE_CREATE,
    PROFILE_MANAGE,
    PROFILE_RENAME,
    require,
)
from emberone.services.handing_over import Leaving, hand_over


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """Somebody who writes for the first time, or of whom only the address is at hand."""

    email: str
    #: Empty: the address stands for it.
    full_name: str = ""


@service
def create_profile(
    actor: Actor, email: str, full_name: str, role: Role, *, now: datetime | None = None
) -> UUID:
    """Make a person known; agents may do so for customers."""
    email, full_name = texts.address(email), texts.person_name(full_name)
    with transaction(actor, now=now) as session:
        require(actor, PROFILE_CREATE, role=role)
        profile = Profile(email=email, full_name=full_name, role=role)
        session.add(profile)
        session.flush()
        return profile.id


@service
def change_profile(
    actor: Actor, profile_id: UUID, *, email: str, full_name: str, role: Role, version: int
) -> None:
    """Change a person's address, name and role; who stops being an agent hands over first.

    The sign-in follows the address. Raises StaleWrite where someone changed the
    profile meanwhile, Conflict for the last admin.
    """
    email, full_name = texts.address(email), texts.person_name(full_name)
    with transaction(actor) as session:
        profile = _locked_profile(session, profile_id)
        require(actor, PROFILE_MANAGE, profile)
        if profile.version != version:
            raise StaleWrite(version=profile.version)
        if profile.role is Role.AGENT and role is not Role.AGENT:
            with as_system(session):
                hand_over(session, profile_id, HandOver.RELEASE_ALL, Leaving.OTHER_ROLE)
        if email != profile.email:
            _move_sign_in(session, profile, email)
        profile.email, profile.full_name, profile.role = email, full_name, role


@service
def choose(
    actor: Actor,
    *,
    full_name: str | None = None,
    language: str | None,
    declined_letters: Iterable[str],
) -> None:
    """Choose for oneself: the language, the letters one does without, and as a customer the name.

    `language` None leaves it to the browser. Raises Invalid for a language that the
    product does not speak and for a letter that this role cannot decline.
    """
    declined = set(declined_letters)
    if language is not None and language not in languages.available():
        raise Invalid("That language is not spoken here.", field="language")
    if full_name is not None:
        full_name = texts.person_name(full_name)
    with transaction(actor) as session:
        if actor.profile_id is None:
            raise NotFound
        profile = _locked_profile(session, actor.profile_id)
        require(actor, PROFILE_CHOOSE, profile)
        _decline(profile, declined)
        if full_name is not None and full_name != profile.full_name:
            require(actor, PROFILE_RENAME, profile)
            profile.full_name = full_name
        profile.language = language


@service
def choose_letters(
    actor: Actor, profile_id: UUID, *, declined_letters: Iterable[str], version: int
) -> None:
    """Choose for somebody which letters they do without.

    Raises Invalid for a letter that their role cannot decline, StaleWrite where someone
    changed the profile meanwhile.
    """
    with transaction(actor) as session:
        profile = _locked_profile(session, profile_id)
        require(actor, PROFILE_MANAGE, profile)
        if profile.version != version:
            raise StaleWrite(version=profile.version)
        _decline(profile, set(declined_letters))


@service
def set_active(
    actor: Actor,
    profile_id: UUID,
    is_active: bool,
    *,
    choice: HandOver = HandOver.RELEASE_ALL,
    to_agent_id: UUID | None = None,
) -> None:
    """Let a person sign in or not; a deactivated one is signed out, an agent hands over.

    Raises Conflict for the last active admin, and for someone without a sign-in.
    """
    with transaction(actor) as session:
        profile = _locked_profile(session, profile_id)
        require(actor, PROFILE_MANAGE, profile)
        with as_system(session):
            user = session.scalars(
                select(User).where(User.id == profile.local_user_id).with_for_update()
            ).first()
            if user is None:
                raise Conflict("This person has no sign-in here.")
            user.active = is_active
            if not is_active:
                # Every session of theirs names the old one.
                user.fs_uniquifier = secrets.token_hex(32)
        if not is_active and profile.role is Role.AGENT:
            with as_system(session):
                hand_over(session, profile_id, choice, Leaving.DEACTIVATED, to_agent_id=to_agent_id)


@service
def delete_profile(actor: Actor, profile_id: UUID) -> None:
    """Delete a customer who has no tickets; StillReferenced for one who has.

    Staff are deactivated instead: what they wrote keeps their name.
    """
    with transaction(actor) as session:
        profile = _locked_profile(session, profile_id, is_to_go=True)
        require(actor, PROFILE_MANAGE, profile)
        if profile.role.is_staff:
            raise Conflict("Staff are deactivated, not deleted.")
        user_id = profile.local_user_id
        session.delete(profile)
        session.flush()
        if user_id is not None:
            with as_system(session):
                session.execute(delete(User).where(User.id == user_id))


def customer_of_address(session: Session, actor: Actor, customer: NewCustomer) -> UUID:
    """Step: the profile with this address, made known as a customer where nobody has it."""
    email = texts.address(customer.email)
    known = session.scalars(
        select(Profile.id).where(func.lower(Profile.email) == email.lower())
    ).first()
    if known is not None:
        return known
    require(actor, PROFILE_CREATE, role=Role.CUSTOMER)
    name = texts.person_name(customer.full_name.strip() or email)
    profile = Profile(email=email, full_name=name, role=Role.CUSTOMER)
    session.add(profile)
    session.flush()
    return profile.id


def _decline(profile: Profile, declined: set[str]) -> None:
    """What was declined in another role is not forgotten."""
    offered = set(LETTERS_OF[profile.role])
    if not declined <= offered:
        raise Invalid("That letter cannot be declined.", field="letters")
    kept = set(profile.declined_letters) - offered
    profile.declined_letters = sorted(kept | declined)


def _locked_profile(session: Session, profile_id: UUID, *, is_to_go: bool = False) -> Profile:
    # Who stays is locked so that assignment, which holds agents and refers to profiles, goes on.
    lock = {"key_share": not is_to_go}
    with as_system(session):
        profile = session.get(Profile, profile_id, with_for_update=lock, populate_existing=True)
    if profile is None:
        raise NotFound
    return profile


def _move_sign_in(session: Session, profile: Profile, email: str) -> None:
    with as_system(session):
        session.execute(
            update(User)
            .where(User.id == profile.local_user_id)
            # Whoever reads the old address may hold a link that was sent there.
            .values(email=email, fs_uniquifier=secrets.token_hex(32))
        )
