"""History: one ticket's timeline, and everything that ever happened."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from emberone.models import HistoryEntry, Profile, Team, Ticket
from emberone.queries.paging import Key, Order, Page, Paging, fetch_page, parse_id, parse_moment

#: The list's only order, newest first.
CREATED: Final = Order(
    "created", (Key(HistoryEntry.created_at, parse_moment), Key(HistoryEntry.id, parse_id))
)


class Entry(NamedTuple):
    """One entry, with the names that it needs to be read."""

    id: UUID
    ticket_id: UUID
    #: None once the ticket is deleted.
    ticket_number: int | None
    actor_id: UUID | None
    actor_name: str | None
    action: str
    old_value: dict[str, Any] | None
    new_value: dict[str, Any] | None
    details: dict[str, Any]
    is_internal: bool
    created_at: datetime

    @property
    def context(self) -> dict[str, Any]:
        """What has no key of its own in the entry's metadata."""
        found: dict[str, Any] = self.details.get("additionalContext") or {}
        return found


@dataclass(frozen=True, slots=True)
class HistoryFilters:
    """Which entries to show; what is empty does not filter."""

    action: str | None = None
    actor_id: UUID | None = None
    ticket_id: UUID | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


def _entries() -> Select[*tuple[Any, ...]]:
    # Staff read all of it (HISTORY_VIEW); customers have a view of their own.
    return (
        select(
            HistoryEntry.id,
            HistoryEntry.ticket_id,
            Ticket.number,
            HistoryEntry.actor_id,
            Profile.full_name,
            HistoryEntry.action,
            HistoryEntry.old_value,
            HistoryEntry.new_value,
            HistoryEntry.details,
            HistoryEntry.is_internal,
            HistoryEntry.created_at,
        )
        .outerjoin(Ticket, Ticket.id == HistoryEntry.ticket_id)
        .outerjoin(Profile, Profile.id == HistoryEntry.actor_id)
    )


def deleted_ticket(session: Session, number: int) -> UUID | None:
    """The id that a deleted ticket had, by the number that its last entry remembers."""
    remembered = HistoryEntry.details["additionalContext"]["number"].astext
    return session.scalar(
        select(HistoryEntry.ticket_id).where(
            HistoryEntry.action == "deleted", remembered == str(number)
        )
    )


def entries(session: Session, ids: Iterable[UUID]) -> list[Entry]:
    """These entries, in no order."""
    statement = _entries().where(HistoryEntry.id.in_(tuple(ids)))
    return [Entry(*row) for row in session.execute(statement)]


def list_history(session: Session, filters: HistoryFilters, paging: Paging) -> Page[Entry]:
    """One page of all history."""
    statement = _entries()
    if filters.action is not None:
        statement = statement.where(HistoryEntry.action == filters.action)
    if filters.actor_id is not None:
        statement = statement.where(HistoryEntry.actor_id == filters.actor_id)
    if filters.ticket_id is not None:
        statement = statement.where(HistoryEntry.ticket_id == filters.ticket_id)
    if filters.created_from is not None:
        statement = statement.where(HistoryEntry.created_at >= filters.created_from)
    if filters.created_before is not None:
        statement = statement.where(HistoryEntry.created_at < filters.created_before)
    return fetch_page(session, statement, Entry, paging)


def history_entry(session: Session, entry_id: UUID) -> Entry | None:
    """One entry, or None."""
    row = session.execute(_entries().where(HistoryEntry.id == entry_id)).one_or_none()
    return None if row is None else Entry(*row)


def names_of(session: Session, entries: Iterable[Entry]) -> dict[str, str]:
    """The names of the people and teams that entries mention only by id."""
    people: set[str] = set()
    teams: set[str] = set()
    for entry in entries:
        for value in (entry.old_value, entry.new_value):
            people.add((value or {}).get("assignedAgentId") or "")
        people.add(entry.context.get("authorId") or "")
        teams.update(entry.context.get(key) or "" for key in ("oldTeamId", "newTeamId"))
    found: dict[str, str] = {}
    for wanted, model, name in ((people, Profile, Profile.full_name), (teams, Team, Team.name)):
        ids = [UUID(text) for text in wanted if text]
        if ids:
            rows = session.execute(select(model.id, name).where(model.id.in_(ids)))
            found |= {str(row[0]): row[1] for row in rows}
    return found
