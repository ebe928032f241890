"""How work that failed is tried again: later and later, and in the end not at all."""

from datetime import timedelta
from typing import Final

from sqlalchemy import TextClause, text

#: What fails this often is given up, and waits for somebody to look.
MAX_ATTEMPTS: Final = 5


def pause(first: timedelta, attempts: int) -> timedelta:
    """How long to wait after that many attempts: `first`, and twice as long each further time."""
    return first * (1 << (attempts - 1))


def put_off(table: str, key: str, due: str, first: timedelta) -> TextClause:
    """The statement that notes `:error` in the row `:id` of a queue: due later, or given up."""
    return text(
        f"UPDATE {table} SET attempts = attempts + 1, last_error = :error,"  # noqa: S608
        f" {due} = context_now() + {first.total_seconds()} * power(2, attempts) * interval '1 s',"
        f" dead_at = CASE WHEN attempts + 1 >= {MAX_ATTEMPTS} THEN context_now() END"
        f" WHERE {key} = :id"
    )
