"""How PostgreSQL would run what the product asks, for tests of plans."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session


@contextmanager
def planned(session: Session) -> Iterator[Callable[[], list[str]]]:
    """Note each statement of the block; the function given, called after it, says their plans."""
    noted: list[tuple[str, Any]] = []

    def note(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith(("SELECT", "INSERT", "WITH")):
            noted.append((statement, parameters))

    def plans() -> list[str]:
        return [
            "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {asked}", values))
            for asked, values in noted
        ]

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        event.remove(connection, "before_cursor_execute", note)
