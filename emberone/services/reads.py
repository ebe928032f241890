"""Read marks: how far each member of staff has read each ticket; and who looks at one now.

A ticket is unread to someone whose mark is missing or below the ticket's
`activity_no`, which moves with everything that staff can see of it.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.db import service, transaction
from emberone.domain.actor import Actor
from emberone.domain.errors import NotFound
from emberone.policy import TICKET_NOTE, require

#: Never back, where a slower page is late, and never ahead of what there is.
_MARK: Final = text(
    "INSERT INTO ticket_reads AS mark (profile_id, ticket_id, activity_no)"
    " SELECT :profile_id, id, least(:activity_no, activity_no) FROM tickets WHERE id = :ticket_id"
    " ON CONFLICT (profile_id, ticket_id) DO UPDATE"
    " SET activity_no = excluded.activity_no, seen_at = excluded.seen_at"
    " WHERE mark.activity_no < excluded.activity_no"
    # What came back from being put aside is new without having moved.
    " OR (mark.activity_no = excluded.activity_no AND EXISTS (SELECT FROM tickets"
    " WHERE id = excluded.ticket_id AND snoozed_until > mark.seen_at"
    " AND snoozed_until <= excluded.seen_at))"
)

_UNMARK: Final = text(
    "INSERT INTO ticket_reads (profile_id, ticket_id, activity_no)"
    " SELECT :profile_id, id, 0 FROM tickets WHERE id = :ticket_id"
    " ON CONFLICT (profile_id, ticket_id) DO UPDATE SET activity_no = 0"
    " RETURNING activity_no"
)

#: What a person has done themselves is no news to them, where they had seen all before it.
_KEEP: Final = text(
    "UPDATE ticket_reads SET activity_no = tickets.activity_no FROM tickets"
    " WHERE tickets.id = :ticket_id AND ticket_reads.ticket_id = tickets.id"
    " AND ticket_reads.profile_id = current_profile() AND ticket_reads.activity_no >= :seen"
)


#: The page of a ticket is open; it says so again and again.
_LOOK: Final = text(
    "INSERT INTO ticket_viewers AS viewer (profile_id, ticket_id)"
    " SELECT :profile_id, id FROM tickets WHERE id = :ticket_id"
    " ON CONFLICT (profile_id, ticket_id) DO UPDATE SET seen_at = excluded.seen_at"
)

#: Pages that went without a word: a person has few, so the table stays small by itself.
_FORGET: Final = text(
    "DELETE FROM ticket_viewers WHERE profile_id = :profile_id"
    " AND (ticket_id = :ticket_id OR seen_at < context_now() - interval '10 minutes')"
)


@service
def look_at(
    actor: Actor, ticket_id: UUID, activity_no: int | None = None, *, now: datetime | None = None
) -> None:
    """Note that the actor has the ticket's page open now and, given a number, has read up to it."""
    with transaction(actor, now=now) as session:
        require(actor, TICKET_NOTE)
        values = {"profile_id": actor.profile_id, "ticket_id": ticket_id}
        session.execute(_FORGET, values)
        session.execute(_LOOK, values)
        if activity_no is not None:
            session.execute(_MARK, {**values, "activity_no": activity_no})


@service
def look_away(actor: Actor, ticket_id: UUID) -> None:
    """Note that the actor has closed the ticket's page."""
    with transaction(actor) as session:
        require(actor, TICKET_NOTE)
        session.execute(_FORGET, {"profile_id": actor.profile_id, "ticket_id": ticket_id})


@service
def mark_read(
    actor: Actor, ticket_id: UUID, activity_no: int, *, now: datetime | None = None
) -> None:
    """Note that the actor has seen the ticket as it was at this number; never takes a mark back."""
    with transaction(actor, now=now) as session:
        require(actor, TICKET_NOTE)
        session.execute(
            _MARK,
            {"profile_id": actor.profile_id, "ticket_id": ticket_id, "activity_no": activity_no},
        )


@service
def mark_unread(actor: Actor, ticket_id: UUID) -> None:
    """Let the ticket look new to the actor again, and to nobody else."""
    with transaction(actor) as session:
        require(actor, TICKET_NOTE)
        values = {"profile_id": actor.profile_id, "ticket_id": ticket_id}
        if session.scalar(_UNMARK, values) is None:
            raise NotFound


def keep_read(session: Session, ticket_id: UUID, seen: int) -> None:
    """Step: after the actor's own act, keep the ticket read for who had read it up to `seen`."""
    session.flush()
    session.execute(_KEEP, {"ticket_id": ticket_id, "seen": seen})
