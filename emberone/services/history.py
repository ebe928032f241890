"""History entries for what is not a change of a column; triggers write the others."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

#: The context's actor, source and time; `reason` may be more special than the transaction's.
_RECORD = text(
    "INSERT INTO history (ticket_id, actor_id, action, metadata, is_internal, created_at)"
    " VALUES (:ticket_id, current_profile(), :action,"
    " history_metadata(cast(:context AS jsonb))"
    " || jsonb_strip_nulls(jsonb_build_object('reason', cast(:reason AS text))),"
    " :is_internal, context_now())"
)

_RECORD_ALL = text(
    "INSERT INTO history (ticket_id, actor_id, action, metadata, is_internal, created_at)"
    " SELECT ticket_id, current_profile(), action, history_metadata(context), true, context_now()"
    " FROM jsonb_to_recordset(cast(:entries AS jsonb))"
    " AS entry (ticket_id uuid, action text, context jsonb)"
)


class InternalEntry(NamedTuple):
    """One of many entries that customers never see."""

    ticket_id: UUID
    action: str
    context: dict[str, Any]


def record(
    session: Session,
    ticket_id: UUID,
    action: str,
    *,
    context: dict[str, Any] | None = None,
    reason: str | None = None,
    is_internal: bool = True,
) -> None:
    """Write one entry in the name of the transaction's actor; needs the product's rights."""
    session.execute(
        _RECORD,
        {
            "ticket_id": ticket_id,
            "action": action,
            "context": None if context is None else json.dumps(context),
            "reason": reason,
            "is_internal": is_internal,
        },
    )


def record_all(session: Session, entries: Sequence[InternalEntry]) -> None:
    """Write internal entries of many tickets with one statement, in this order."""
    if entries:
        given = [entry._asdict() for entry in entries]
        session.execute(_RECORD_ALL, {"entries": json.dumps(given, default=str)})
