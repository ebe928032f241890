"""People: the sign-in of those who have one, and the profile of everyone."""

from datetime import datetime
from typing import Final
from uuid import UUID

from flask_security.core import RoleMixin, UserMixin
from sqlalchemy import CheckConstraint, Index, String, Text, cast, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from emberone.db import Base, created_at, pk, row_version, updated_at
from emberone.domain.enums import OPTIONAL_LETTERS, Role

#: Whether the sign-in of a row of `profiles` is deactivated, as SQL; who has none is not.
#: An outside provider's subject is no uuid. Casting the one text, and not every id of
#: `users`, is what lets the primary key be used.
IS_DEACTIVATED: Final = (
    "EXISTS (SELECT FROM users WHERE NOT users.active AND users.id ="
    " CASE WHEN profiles.user_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'"
    " THEN profiles.user_id::uuid END)"
)


class Profile(Base):
    """A person: customer, agent or admin. Known by mail before any sign-in."""

    __tablename__ = "profiles"

    id: Mapped[pk]
    #: The sign-in's identity: a `users` row, or an outside provider's subject.
    user_id: Mapped[str | None]
    email: Mapped[str]
    full_name: Mapped[str]
    role: Mapped[Role]
    #: In which language to speak to them, e.g. `de`; None: as their browser asks.
    language: Mapped[str | None]
    #: The letters (folders below `templates/mail/`) that this person chose not to get.
    declined_letters: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    version: Mapped[row_version]
    created_at: Mapped[created_at]
    updated_at: Mapped[updated_at]

    __table_args__ = (
        Index("uq_profiles_user_id", "user_id", unique=True),
        Index("uq_profiles_email_lower", text("lower(email)"), unique=True),
        Index("ix_profiles_full_name", "full_name", "id"),
        Index("ix_profiles_role", "role"),
        # Any three letters in a row of name and address (`queries/profiles.py`).
        Index(
            "ix_profiles_trigrams",
            text("person_trigrams(full_name, email)"),
            postgresql_using="gin",
        ),
        CheckConstraint(
            "email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND length(email) <= 320", name="email"
        ),
        CheckConstraint("language ~ '^[a-z]{2,3}(_[A-Za-z]{2,8})?$'", name="language"),
        CheckConstraint(
            "array_position(declined_letters, NULL) IS NULL AND declined_letters <@ ARRAY["
            + ", ".join(f"'{letter}'" for letter in OPTIONAL_LETTERS)
            + "]",
            name="declined_letters",
        ),
        CheckConstraint("full_name <> '' AND length(full_name) <= 200", name="full_name"),
    )

    @property
    def local_user_id(self) -> UUID | None:
        """The id of the local sign-in; None without one, or where it lives at a provider."""
        try:
            return UUID(self.user_id or "")
        except ValueError:
            return None


class SignInRole(RoleMixin):
    """A profile's role, in the shape Flask-Security asks for."""

    def __init__(self, name: str) -> None:
        self.name = name


class User(Base, UserMixin):
    """A local sign-in: e-mail address and password."""

    __tablename__ = "users"

    id: Mapped[pk]
    email: Mapped[str]
    #: The hash; None while the person has never chosen one.
    password: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    fs_uniquifier: Mapped[str] = mapped_column(String(64))
    confirmed_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    profile: Mapped[Profile | None] = relationship(
        primaryjoin=lambda: cast(User.id, String) == foreign(Profile.user_id),
        viewonly=True,
        uselist=False,
    )

    __table_args__ = (
        Index("uq_users_email_lower", text("lower(email)"), unique=True),
        Index("uq_users_fs_uniquifier", "fs_uniquifier", unique=True),
    )

    @property
    def roles(self) -> list[SignInRole]:
        """The profile's role; nothing of ours is decided by it."""
        return [SignInRole(self.profile.role.value)] if self.profile else []

    @property
    def profile_id(self) -> UUID | None:
        """The id of this person's profile."""
        return self.profile.id if self.profile else None
