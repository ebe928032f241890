"""The demo's first minutes: what has happened by itself, and what the visitor has tried."""

from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


class DemoProgress(NamedTuple):
    """How far the demo has come, for one member of staff."""

    #: The ticket that nobody answers in time, and the one that its customer is asked to rate.
    watched: int
    rated: int
    #: A ticket to try an answer on.
    to_answer: int | None
    was_warned: bool
    has_escalated: bool
    #: The watched ticket was answered before its time ran out: nothing more will come of it.
    was_in_time: bool
    was_asked_to_rate: bool
    has_answered: bool
    has_noted: bool
    has_asked_as_customer: bool


#: What is younger than the watched ticket was done by a visitor; the script's own acts are older.
_PROGRESS: Final = text(
    """
    WITH watched AS (
        SELECT id, number, created_at FROM tickets WHERE title = :watched ORDER BY number LIMIT 1
    ), rated AS (
        SELECT id, number FROM tickets WHERE title = :rated ORDER BY number LIMIT 1
    )
    SELECT watched.number, rated.number,
        (SELECT number FROM tickets WHERE status IN ('OPEN', 'IN_PROGRESS') AND customer_spoke_last
            AND id <> watched.id
            ORDER BY assigned_agent_id IS NOT DISTINCT FROM :person DESC, created_at DESC LIMIT 1),
        EXISTS (SELECT FROM history WHERE ticket_id = watched.id AND action = 'sla_warned'),
        EXISTS (SELECT FROM history WHERE ticket_id = watched.id AND action = 'escalated'),
        EXISTS (SELECT FROM sla_clocks WHERE ticket_id = watched.id AND metric = 'FIRST_RESPONSE'
            AND coalesce(met_at, stopped_at) IS NOT NULL AND breached_at IS NULL),
        EXISTS (SELECT FROM history WHERE ticket_id = rated.id AND action = 'feedback_requested'),
        EXISTS (SELECT FROM comments WHERE author_id = :person AND type = 'USER'
            AND created_at > watched.created_at)
            OR EXISTS (SELECT FROM drafts WHERE author_id = :person AND state = 'waiting'),
        EXISTS (SELECT FROM comments WHERE author_id = :person AND type = 'INTERNAL'
            AND created_at > watched.created_at),
        EXISTS (SELECT FROM tickets JOIN profiles ON profiles.id = customer_id
            WHERE lower(email) = :customer AND tickets.created_at > watched.created_at)
    FROM watched, rated
    """
)


def demo_progress(
    session: Session, person: UUID, *, watched: str, rated: str, customer: str
) -> DemoProgress | None:
    """What this person has seen and tried of the demo, or None where its tickets are gone.

    `watched` and `rated` are the subjects of the two tickets, `customer` is an address.
    """
    values = {"person": person, "watched": watched, "rated": rated, "customer": customer}
    row = session.execute(_PROGRESS, values).one_or_none()
    return None if row is None else DemoProgress(*row)
