"""Due times that staff promise by hand, which no change of the ticket moves (SLA rule 19)."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from emberone.db import as_system, now_of, service, transaction
from emberone.domain.actor import Actor
from emberone.domain.enums import Metric, Status
from emberone.domain.errors import Conflict, Invalid
from emberone.policy import TICKET_ROUTE, require
from emberone.services import clocks
from emberone.services.transitions import locked_ticket

#: Nobody promises for longer.
LONGEST: Final = timedelta(days=365)


@service
def promise_due(
    actor: Actor, ticket_id: UUID, metric: Metric, due_at: datetime, *, now: datetime | None = None
) -> None:
    """Let a running or paused time limit end when one has promised, whatever changes later."""
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_ROUTE, ticket)
        if ticket.status is Status.CLOSED:
            raise Conflict("Nothing is due on a closed ticket.")
        moment = now_of(session)
        if not moment < due_at <= moment + LONGEST:
            raise Invalid("A promised time is within the next year.", field="due_at")
        with as_system(session):
            clocks.due_by_hand(session, ticket, metric, due_at, actor.profile_id, at=moment)


@service
def release_due(
    actor: Actor, ticket_id: UUID, metric: Metric, *, now: datetime | None = None
) -> None:
    """Let it end by its target again; nothing happens where nobody has promised a time."""
    with transaction(actor, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_ROUTE, ticket)
        with as_system(session):
            clocks.due_by_target(session, ticket, metric, at=now_of(session))
