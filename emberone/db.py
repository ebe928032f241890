"""The two doors to PostgreSQL, and nothing else commits.

``reading(actor)`` reads, ``transaction(actor)`` writes. Either way every
transaction on the session begins with one statement that says who acts
(:data:`CONTEXT_STATEMENT`); a transaction begun outside a door is refused here
and, since the product's login has no rights of its own, by PostgreSQL too.
"""

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, NoReturn, ParamSpec, TypeVar, cast
from uuid import UUID

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, DateTime, Enum, Integer, MetaData, Text, event, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, mapped_column, registry

from emberone.db_errors import domain_error, is_retryable
from emberone.domain.actor import Actor, system_for
from emberone.domain.enums import CommentType, Priority, Role, Status
from emberone.domain.errors import TemporarilyUnavailable

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

#: The database role a transaction runs as, by the actor's role (None: the product).
DATABASE_ROLES: dict[Role | None, str] = {
    Role.ADMIN: "emberone_admin",
    Role.AGENT: "emberone_agent",
    Role.CUSTOMER: "emberone_customer",
    None: "emberone_system",
}

#: Every setting is local to the transaction, so a transaction pooler is safe.
CONTEXT_STATEMENT = text(
    "SELECT set_config('role', :role, true),"
    " set_config('emberone.profile_id', :profile_id, true),"
    " set_config('emberone.source', :source, true),"
    " set_config('emberone.reason', :reason, true),"
    " set_config('transaction_read_only', :read_only, true),"
    " set_config('emberone.now', coalesce(cast(:now AS timestamptz), now())::text, true)"
    "::timestamptz AS now"
)
#: The same transaction, at another moment and in another person's name.
_MOVE_STATEMENT = text(
    "SELECT set_config('emberone.profile_id', :profile_id, true),"
    " set_config('emberone.now', cast(cast(:now AS timestamptz) AS text), true)"
    "::timestamptz AS now"
)
_SWITCH_ROLE = text("SELECT set_config('role', :role, true)")

pk = Annotated[UUID, mapped_column(primary_key=True, server_default=text("uuidv7()"))]
#: The context's now: for an import, the time when it happened there.
created_at = Annotated[
    datetime, mapped_column(DateTime(timezone=True), server_default=text("context_now()"))
]
#: The wall clock of the last change to the row here; a trigger moves it.
updated_at = Annotated[
    datetime, mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
]
#: Counts the row's changes; a trigger moves it, staff's forms carry it.
row_version = Annotated[int, mapped_column(Integer, server_default=text("1"))]


_metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Base(DeclarativeBase):
    """What every table shares: names of constraints, and how Python types are stored."""

    # On the registry and not on the class, which Flask-SQLAlchemy copies.
    registry = registry(
        metadata=_metadata,
        type_annotation_map={
            str: Text,
            datetime: DateTime(timezone=True),
            dict[str, Any]: JSONB,
            Role: Enum(Role, name="role"),
            Status: Enum(Status, name="ticket_status"),
            Priority: Enum(Priority, name="ticket_priority"),
            CommentType: Enum(CommentType, name="comment_type"),
        },
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


@dataclass(slots=True)
class _Door:
    """An open door: who acts, and what the transaction behind it knows."""

    actor: Actor
    is_reading: bool
    reason: str | None = None
    requested_now: datetime | None = None
    now: datetime | None = None
    after_commit: dict[object, Callable[[], None]] = field(default_factory=dict)


@event.listens_for(db.session, "after_begin")
def _say_who_acts(
    session: Session, transaction: SessionTransaction, connection: Connection
) -> None:
    # A savepoint inherits the settings of the transaction around it.
    if not transaction.nested:
        _enter(_open_door(session), connection)


def _enter(door: _Door, connection: Connection) -> None:
    row = connection.execute(
        CONTEXT_STATEMENT,
        {
            "role": DATABASE_ROLES[door.actor.role],
            "profile_id": str(door.actor.profile_id or ""),
            "source": door.actor.source.value,
            "reason": door.reason or "",
            "read_only": "on" if door.is_reading else "off",
            "now": door.requested_now,
        },
    ).one()
    door.now = row.now


def _open_door(session: Session) -> _Door:
    door = session.info.get("door")
    if door is None:
        raise RuntimeError("A query ran outside reading() and transaction().")
    return cast(_Door, door)


def open_reading(actor: Actor) -> None:
    """Read as this actor from the next query on; a reading already open changes hands.

    Nothing is sent to the database before the first query. A transaction may
    interrupt the reading; afterwards it goes on, with a new snapshot.
    """
    session = db.session()
    door = session.info.get("door")
    if door is not None and not door.is_reading:
        raise RuntimeError("A reading cannot be opened inside a transaction.")
    session.info["door"] = _Door(actor, is_reading=True)
    if session.in_transaction():
        _enter(session.info["door"], session.connection())


def end_reading() -> None:
    """End the open reading, if there is one; what it loaded stays usable."""
    session = db.session()
    # close() and never rollback(), which would expire what was loaded.
    _let_go(session, session.close)
    session.info.pop("door", None)


@contextmanager
def reading(actor: Actor) -> Iterator[Session]:
    """Read as this actor inside the block, READ ONLY; refuses to nest."""
    session = db.session()
    if session.info.get("door") is not None:
        raise RuntimeError("A door is open already.")
    open_reading(actor)
    try:
        yield session
    except DBAPIError as error:
        _raise_translated(error)
    finally:
        end_reading()


@contextmanager
def transaction(
    actor: Actor, *, reason: str | None = None, now: datetime | None = None
) -> Iterator[Session]:
    """Write as this actor: commit at the end of the block, roll back on any exception.

    `reason` and `now` go into every history entry; `now` is the database's
    unless an import or a test brings its own. Refuses to nest. What was handed
    to :func:`on_commit` runs after the commit. A database refusal is raised as
    the domain's error where there is one.
    """
    session = db.session()
    before = session.info.get("door")
    if before is not None and not before.is_reading:
        raise RuntimeError("Transactions do not nest.")
    _let_go(session, session.close)
    door = _Door(actor, is_reading=False, reason=reason, requested_now=now)
    session.info["door"] = door
    try:
        session.connection()
        yield session
        session.commit()
    except DBAPIError as error:
        _let_go(session, session.rollback)
        _raise_translated(error)
    except BaseException:
        _let_go(session, session.rollback)
        raise
    finally:
        _let_go(session, session.close)
        session.info["door"] = before
    for hook in door.after_commit.values():
        _run_hook(hook)


def _let_go(session: Session, end: Callable[[], None]) -> None:
    """End what is open. A connection that is lost has ended it already: that is no error.

    Otherwise a page that was read whole would fail, and a refusal would be lost.
    """
    try:
        end()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        session.close()


def is_writing() -> bool:
    """Whether a transaction is open."""
    door = db.session().info.get("door")
    return door is not None and not door.is_reading


@contextmanager
def as_system(session: Session) -> Iterator[None]:
    """Let the product do what follows from a person's act; history still names the person.

    Flushes, takes the product's database role for the block and gives it back
    on success only: after a failure the transaction is over anyway.
    """
    door = _open_door(session)
    session.flush()
    session.execute(_SWITCH_ROLE, {"role": DATABASE_ROLES[None]})
    yield
    session.flush()
    session.execute(_SWITCH_ROLE, {"role": DATABASE_ROLES[door.actor.role]})


def now_of(session: Session) -> datetime:
    """The transaction's now: the only clock that rules may read."""
    session.connection()
    now = _open_door(session).now
    assert now is not None
    return now


def at(session: Session, profile_id: UUID | None, now: datetime) -> None:
    """Let what follows happen at another time and in another person's name: a replay of the past.

    Flushes first. Only the product's own transactions may (imports); rolling
    back to a savepoint takes the move back too, so make it before the savepoint.
    """
    door = _open_door(session)
    if door.is_reading or not door.actor.is_system:
        raise RuntimeError("Only the product itself replays the past.")
    session.flush()
    row = session.execute(_MOVE_STATEMENT, {"profile_id": str(profile_id or ""), "now": now}).one()
    door.actor, door.now = system_for(profile_id), row.now


def actor_of(session: Session) -> Actor:
    """Who acts in this session's open door."""
    return _open_door(session).actor


def on_commit(session: Session, key: object, hook: Callable[[], None]) -> None:
    """Run the hook once after the commit, however often it is asked for under this key.

    It must not matter: a hook that fails is logged and forgotten.
    """
    _open_door(session).after_commit.setdefault(key, hook)


def _run_hook(hook: Callable[[], None]) -> None:
    try:
        hook()
    except Exception:
        logger.warning("db.on_commit_failed", exc_info=True)


class LostRace(TemporarilyUnavailable):
    """Someone else changed the same things at the same moment; please try again."""


def service(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function as one verb in one transaction; a lost race runs it whole, once more."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except LostRace:
            logger.info("db.lost_race", extra={"service": function.__name__})
            return function(*args, **kwargs)

    return run


def _raise_translated(error: DBAPIError) -> NoReturn:
    if is_retryable(error):
        raise LostRace from error
    translated = domain_error(error)
    if translated is not None:
        raise translated from error
    raise error
