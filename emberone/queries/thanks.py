"""Whether a ticket is back only because its customer wrote once more after it was closed."""

from typing import Final
from uuid import UUID

from sqlalchemy import Boolean, literal_column, select
from sqlalchemy.orm import Session

from emberone.models import Ticket

#: Of a row of `tickets`: a customer's comment reopened it, and since then nobody has answered
#: or moved it. Whoever reopens it with the button says no word at that instant.
CAME_BACK_BY_COMMENT: Final = literal_column(
    "(tickets.status = 'OPEN' AND tickets.customer_spoke_last AND coalesce(("
    "SELECT history.old_value ->> 'status' = 'CLOSED' AND EXISTS ("
    "SELECT FROM comments WHERE comments.ticket_id = tickets.id"
    " AND comments.author_id = tickets.customer_id AND comments.type = 'USER'"
    " AND comments.created_at = history.created_at)"
    " FROM history WHERE history.ticket_id = tickets.id AND history.action = 'status_changed'"
    " ORDER BY history.created_at DESC, history.id DESC LIMIT 1), false))",
    Boolean,
)


def came_back_by_comment(session: Session, ticket_id: UUID) -> bool:
    """Whether this ticket did, and waits for whoever reads the comment."""
    return bool(
        session.scalar(
            select(CAME_BACK_BY_COMMENT).select_from(Ticket).where(Ticket.id == ticket_id)
        )
    )
