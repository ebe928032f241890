"""Where Flask-Security finds and makes sign-ins: through our own doors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from flask_security import SQLAlchemyUserDatastore
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from emberone.db import db, is_writing, reading
from emberone.domain.actor import SYSTEM
from emberone.models import User
from emberone.services import registration
from emberone.web.language import language_of_a_newcomer
from emberone.web.session import has_open_door


@contextmanager
def as_product() -> Iterator[Session]:
    """The open door's session, or a reading as the product where none is open."""
    if has_open_door():
        yield db.session()
        return
    with reading(SYSTEM) as session:
        yield session


class Datastore(SQLAlchemyUserDatastore):
    """Finds sign-ins through our doors; only the transaction around the view commits."""

    def commit(self) -> None:
        """Send what was changed; the door commits it."""
        if is_writing():
            db.session.flush()  # what the view changed, before the door commits

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> User | None:
        """The sign-in with its profile, read as the product."""
        ((name, value),) = kwargs.items()
        column = getattr(User, name)
        condition = func.lower(column) == value.lower() if case_insensitive else column == value
        statement = select(User).where(condition).options(joinedload(User.profile))
        with as_product() as session:
            return cast(User | None, session.scalar(statement))

    def create_user(self, **kwargs: Any) -> User:
        """The sign-in of somebody who registers, and a customer's profile where they are unknown."""
        return registration.register(
            db.session(),
            kwargs["email"],
            kwargs["full_name"],
            kwargs["password"],
            language=language_of_a_newcomer(),
        )
