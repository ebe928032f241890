"""Who makes this request, and the reading that its page is made of.

A request that must know the person begins with a reading as the product, which
loads the sign-in, and goes on as that person in the same transaction. Nothing
is sent to the database before the first query.
"""

from flask import Flask, Response, g
from flask_login import current_user

from emberone.db import db, end_reading, open_reading
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.errors import EmberOneError
from emberone.models import Profile


class SignInNeeded(EmberOneError):
    """Please sign in first."""

    status = 401


def init_session(app: Flask) -> None:
    """End whatever was read at the end of every request, and let no cache share it."""
    app.after_request(_keep_to_the_person)
    app.teardown_request(_end_reading)


def _keep_to_the_person(response: Response) -> Response:
    """No cache between us and the person keeps a page; their own browser asks every time."""
    if "_login_user" in g:
        response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def _end_reading(error: BaseException | None) -> None:
    end_reading()


def current_profile() -> Profile | None:
    """The profile of the person who is signed in, or None."""
    profile: Profile | None = getattr(current_user, "profile", None)
    return profile


def actor_or_none() -> Actor | None:
    """The person who is signed in, as the actor of what they do, or None."""
    profile = current_profile()
    return Actor(profile.id, profile.role) if profile else None


def current_actor() -> Actor:
    """The person who is signed in; raises SignInNeeded when nobody is."""
    actor = actor_or_none()
    if actor is None:
        raise SignInNeeded
    return actor


def read_as_the_person() -> Actor | None:
    """Open the request's reading and hand it to the person, if someone is signed in."""
    open_reading(SYSTEM)
    actor = actor_or_none()
    if actor is None:
        end_reading()
    else:
        open_reading(actor)
    return actor


def has_open_door() -> bool:
    """Whether a reading or a transaction is open in this request."""
    return db.session().info.get("door") is not None
