"""What an import remembers of rows, so that none comes in twice; steps for the importers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from emberone.domain.enums import Status
from emberone.domain.imports.rows import Rejected
from emberone.jobs import Job, nudge
from emberone.models import ImportedRow, Ticket

#: One import at a time writes: two runs of the same file would both think a row new.
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('emberone.import'))")
_REMEMBER: Final = text(
    "INSERT INTO imported_rows (key, source, external_id, ticket_id, created_at)"
    " SELECT key, :source, cast(:external_id AS text), ticket_id, at"
    " FROM unnest(cast(:keys AS text[]), cast(:ticket_ids AS uuid[]),"
    " cast(:times AS timestamptz[])) AS taken (key, ticket_id, at)"
)


@dataclass(slots=True)
class Outcome:
    """What became of some rows."""

    tickets: int = 0
    events: int = 0
    known: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def take_turn(session: Session) -> None:
    """Wait until no other import is writing."""
    session.execute(_LOCK)


def known_keys(session: Session, keys: Iterable[str]) -> set[str]:
    """Those of the keys whose rows have been taken in."""
    return set(session.scalars(select(ImportedRow.key).where(ImportedRow.key.in_(list(keys)))))


def known_rows(session: Session, source: str, external_id: str) -> Sequence[ImportedRow]:
    """What has been taken in of something the source has a name for."""
    return session.scalars(
        select(ImportedRow).where(
            ImportedRow.source == source, ImportedRow.external_id == external_id
        )
    ).all()


def remember(
    session: Session,
    source: str,
    rows: Iterable[tuple[str, UUID, datetime]],
    *,
    external_id: str | None = None,
) -> None:
    """Write down rows as taken in: their key, their ticket, and when it happened there."""
    written = list(rows)
    session.execute(
        _REMEMBER,
        {
            "source": source,
            "external_id": external_id,
            "keys": [key for key, _, _ in written],
            "ticket_ids": [ticket_id for _, ticket_id, _ in written],
            "times": [at for _, _, at in written],
        },
    )


def ask_for_agent(session: Session, ticket: Ticket) -> None:
    """Let assignment know where the ticket is in need of an agent."""
    if ticket.assigned_agent_id is None and ticket.status in {Status.OPEN, Status.IN_PROGRESS}:
        nudge(session, Job.ASSIGN)
