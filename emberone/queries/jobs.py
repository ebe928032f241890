"""Background work as an admin sees it: when each sweep last ran, and what it gave up on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.queries.health import SweepProgress, sweep_progress

__all__ = ["DeadRow", "SweepProgress", "dead_counts", "dead_rows", "sweep_progress"]

#: What was tried until it was given up, newest first; the same columns for every kind.
_DEAD: Final = {
    "step": (
        "SELECT sla_steps.id, dead_at AS at, attempts, last_error, NULL::jsonb AS refusal,"
        " sla_clocks.ticket_id, sla_clocks.metric || ', step ' || step_no AS what"
        " FROM sla_steps JOIN sla_clocks ON sla_clocks.id = clock_id WHERE dead_at IS NOT NULL"
    ),
    "wait": (
        "SELECT ticket_id AS id, dead_at AS at, attempts, last_error, NULL::jsonb AS refusal,"
        " ticket_id,"
        " CASE WHEN reminded_at IS NULL THEN 'reminder' ELSE 'closing' END AS what"
        " FROM waits WHERE dead_at IS NOT NULL"
    ),
    "feedback": (
        "SELECT id, dead_at AS at, attempts, last_error, NULL::jsonb AS refusal, ticket_id,"
        " 'closing ' || cycle AS what FROM feedback_requests"
        # Once it was cancelled, or answered in the portal, there is nothing to try again.
        " WHERE state = 'PENDING' AND dead_at IS NOT NULL"
    ),
    "letter": (
        "SELECT id, created_at AS at, attempts, last_error, NULL::jsonb AS refusal, ticket_id,"
        " letter AS what"
        " FROM mail_outbox WHERE state = 'dead'"
    ),
    "reply": (
        "SELECT drafts.id, drafts.updated_at AS at, attempts, last_error, refusal, ticket_id,"
        " full_name AS what FROM drafts JOIN profiles ON profiles.id = author_id"
        " WHERE state = 'held'"
    ),
}

_DEAD_ROWS: Final = {
    kind: text(
        f"SELECT dead.*, tickets.number FROM ({statement}) AS dead"  # noqa: S608 - our constants
        " LEFT JOIN tickets ON tickets.id = dead.ticket_id"
        " ORDER BY dead.at DESC, dead.id DESC LIMIT :limit"
    )
    for kind, statement in _DEAD.items()
}

_DEAD_COUNTS = text(
    "SELECT (SELECT count(*) FROM sla_steps WHERE dead_at IS NOT NULL) AS step,"
    " (SELECT count(*) FROM waits WHERE dead_at IS NOT NULL) AS wait,"
    " (SELECT count(*) FROM feedback_requests"
    " WHERE state = 'PENDING' AND dead_at IS NOT NULL) AS feedback,"
    " (SELECT count(*) FROM mail_outbox WHERE state = 'dead') AS letter,"
    " (SELECT count(*) FROM drafts WHERE state = 'held') AS reply"
)


@dataclass(frozen=True, slots=True)
class DeadRow:
    """One thing that was tried until it was given up, and why."""

    #: `step`, `wait`, `feedback`, `letter` or `reply`: which service tries it again.
    kind: str
    id: UUID
    #: When it was given up; of a letter, when it was written; of a held reply, its last change.
    at: datetime
    attempts: int
    last_error: str | None
    #: Of a held reply: the same in parts, to be worded for whoever reads it.
    refusal: dict[str, Any] | None
    #: In a few words; of a reply, its author.
    what: str
    ticket_id: UUID | None
    ticket_number: int | None


def dead_rows(session: Session, *, limit: int = 100) -> list[DeadRow]:
    """What background work gave up on, newest first, of all kinds together."""
    rows = [
        DeadRow(
            kind=kind,
            id=row.id,
            at=row.at,
            attempts=row.attempts,
            last_error=row.last_error,
            refusal=row.refusal,
            what=row.what,
            ticket_id=row.ticket_id,
            ticket_number=row.number,
        )
        for kind, statement in _DEAD_ROWS.items()
        for row in session.execute(statement, {"limit": limit})
    ]
    return sorted(rows, key=lambda row: row.at, reverse=True)[:limit]


def dead_counts(session: Session) -> dict[str, int]:
    """Kind → how many were given up."""
    return dict(session.execute(_DEAD_COUNTS).mappings().one())
