"""Sign-ins: whether and how people come in, as far as the reader may know."""

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.models import User
from emberone.policy import PROFILE_MANAGE, may_ever
from emberone.queries.profiles import ProfileRow


class SignInState(StrEnum):
    """How a person comes in."""

    #: Known by mail, or made known by staff; never had a sign-in.
    NONE = "NONE"
    #: Has one; whoever may not manage people learns no more.
    SOME = "SOME"
    #: At an outside provider.
    ELSEWHERE = "ELSEWHERE"
    #: Has not followed the link in the letter yet.
    UNCONFIRMED = "UNCONFIRMED"
    ACTIVE = "ACTIVE"
    DEACTIVATED = "DEACTIVATED"


def sign_in_states(
    session: Session, actor: Actor, rows: Iterable[ProfileRow]
) -> dict[UUID, SignInState]:
    """Every one of these people's state, by their id."""
    states: dict[UUID, SignInState] = {}
    users: dict[UUID, UUID] = {}
    knows_all = may_ever(actor, PROFILE_MANAGE)
    for row in rows:
        if row.user_id is None:
            states[row.id] = SignInState.NONE
        elif not knows_all:
            states[row.id] = SignInState.SOME
        else:
            states[row.id] = SignInState.ELSEWHERE
            if (local := _local_id(row.user_id)) is not None:
                users[local] = row.id
    if users:
        found = session.execute(
            select(User.id, User.active, User.confirmed_at).where(User.id.in_(users))
        )
        for user_id, is_active, confirmed_at in found:
            states[users[user_id]] = (
                SignInState.DEACTIVATED
                if not is_active
                else SignInState.ACTIVE
                if confirmed_at
                else SignInState.UNCONFIRMED
            )
    return states


def _local_id(user_id: str) -> UUID | None:
    """The id of a local sign-in; an outside provider's subject need not be one of our ids."""
    try:
        return UUID(user_id) if len(user_id) == 36 else None
    except ValueError:
        return None
