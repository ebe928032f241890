"""Paging by key: the same price on every page, and no row twice while rows come and go.

An address carries the keys of the last row seen, not a number of rows to
skip. Keys are never NULL and unique together, so that every row has its place.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Generic, NamedTuple, Self, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from emberone.domain.errors import Invalid

T = TypeVar("T")
N = TypeVar("N", bound=tuple[Any, ...])

#: Counting stops here: "1,000+".
COUNT_LIMIT = 1000

#: What PostgreSQL's bigint holds.
BIGINT_MAX = 2**63 - 1


class BadCursor(Invalid):
    """This page of the list cannot be found; start again from its first page."""

    status = 400


def parse_moment(text: str) -> datetime:
    """A time with its zone; raises ValueError on anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time out of range") from error


def parse_count(text: str) -> int:
    """A whole number that a bigint holds; raises ValueError on anything else."""
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) > BIGINT_MAX:
        raise ValueError("not a number")
    return int(text)


def parse_id(text: str) -> UUID:
    """One id as the product writes it; raises ValueError on anything else."""
    if len(text) != 36:
        raise ValueError("not an id")
    return UUID(text)


def parse_text(text: str) -> str:
    """A text that PostgreSQL can hold; raises ValueError where it has a NUL or half a letter."""
    if "\0" in text:
        raise ValueError("a NUL")
    text.encode()
    return text


class Key(NamedTuple):
    """One column of an order, and how its value is read back from an address."""

    column: InstrumentedAttribute[Any] | ColumnElement[Any]
    parse: Callable[[str], Any]


class Order(NamedTuple):
    """A way to sort: its name in the address, and keys that are unique together."""

    name: str
    keys: tuple[Key, ...]
    #: Whether the first page shows the highest first unless asked otherwise.
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page: an order, its direction, and the row it starts after or ends before."""

    order: Order
    descending: bool
    cursor: str | None = None
    size: int = 25


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of rows and the cursors of its neighbours, None where there is none."""

    rows: list[T]
    previous: str | None
    following: str | None
    #: Of each row, the cursor of the page that begins after it.
    places: list[str] = field(default_factory=list)


class _Cursor(NamedTuple):
    is_backward: bool
    values: tuple[Any, ...]

    @classmethod
    def decode(cls, text: str, order: Order) -> Self:
        try:
            direction, parts = text[:1], json.loads(_unpacked(text[1:]))
            if direction not in ("a", "b") or not isinstance(parts, list):
                raise ValueError
            if len(parts) != len(order.keys) or not all(isinstance(part, str) for part in parts):
                raise ValueError
            values = tuple(key.parse(part) for key, part in zip(order.keys, parts, strict=True))
        except (ValueError, RecursionError, binascii.Error) as error:
            raise BadCursor from error
        return cls(direction == "b", values)


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _encode(direction: str, values: Sequence[Any]) -> str:
    packed = json.dumps([_written(value) for value in values], separators=(",", ":")).encode()
    return direction + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value.value if isinstance(value, Enum) else value)


def fetch_page(
    session: Session, statement: Select[*tuple[Any, ...]], make: Callable[..., N], paging: Paging
) -> Page[N]:
    """Run the statement for one page; `make` takes its columns in order.

    The keys of the order are fetched beside them, so the statement need not
    name them.
    """
    order = paging.order
    cursor = _Cursor.decode(paging.cursor, order) if paging.cursor else None
    columns = [key.column for key in order.keys]
    is_backward = cursor is not None and cursor.is_backward
    is_descending = paging.descending != is_backward
    if cursor is not None:
        statement = statement.where(_beyond(columns, cursor.values, is_descending))
    statement = (
        statement.add_columns(*(column.label(f"key_{i}") for i, column in enumerate(columns)))
        .order_by(*(column.desc() if is_descending else column.asc() for column in columns))
        .limit(paging.size + 1)
    )
    found = list(session.execute(statement))
    has_more = len(found) > paging.size
    found = found[: paging.size]
    if is_backward:
        found.reverse()
    width = len(columns)
    keys = [tuple(row[-width:]) for row in found]
    return Page(
        rows=[make(*row[:-width]) for row in found],
        previous=_encode("b", keys[0]) if keys and _has(cursor, is_backward, has_more) else None,
        following=_encode("a", keys[-1]) if keys and (has_more or is_backward) else None,
        places=[_encode("a", key) for key in keys],
    )


def turned(place: str) -> str:
    """The cursor of the page that ends before this row, from that which begins after it."""
    return "b" + place[1:]


def _has(cursor: _Cursor | None, is_backward: bool, has_more: bool) -> bool:
    # Behind a page that was reached forward lies at least the row it started after.
    return has_more if is_backward else cursor is not None


def _beyond(
    columns: Sequence[InstrumentedAttribute[Any] | ColumnElement[Any]],
    values: Sequence[Any],
    is_descending: bool,
) -> ColumnElement[bool]:
    here = tuple_(*columns)
    there = tuple_(
        *(literal(value, column.type) for column, value in zip(columns, values, strict=True))
    )
    return here < there if is_descending else here > there


def count_up_to(
    session: Session, statement: Select[*tuple[Any, ...]], limit: int = COUNT_LIMIT
) -> int:
    """How many rows the statement has, counting no further than one past the limit."""
    inner = statement.limit(limit + 1).subquery()
    return session.scalar(select(func.count()).select_from(inner)) or 0


def contains(
    column: ColumnElement[str] | InstrumentedAttribute[str], text: str
) -> ColumnElement[bool]:
    """Whether the column contains the text, in any case; `%` and `_` are themselves."""
    return column.icontains(text, autoescape=True)
