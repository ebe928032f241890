"""Read marks: when a person last looked at a ticket; and who else looks at it now."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.models import Profile, TicketRead, TicketViewer

#: A page says every 25 s that it is open; one that has missed two is not.
LOOKS_FOR: Final = timedelta(minutes=1)


def last_visit(session: Session, actor: Actor, ticket_id: UUID) -> datetime | None:
    """When the actor last read something new on the ticket; None: never."""
    return session.scalar(
        select(TicketRead.seen_at).where(
            TicketRead.profile_id == actor.profile_id, TicketRead.ticket_id == ticket_id
        )
    )


def looking_now(session: Session, actor: Actor, ticket_id: UUID, now: datetime) -> list[str]:
    """The names of the colleagues who have the ticket's page open."""
    return list(
        session.scalars(
            select(Profile.full_name)
            .join(TicketViewer, TicketViewer.profile_id == Profile.id)
            .where(
                TicketViewer.ticket_id == ticket_id,
                TicketViewer.profile_id != actor.profile_id,
                TicketViewer.seen_at > now - LOOKS_FOR,
            )
            .order_by(Profile.full_name, Profile.id)
        )
    )
