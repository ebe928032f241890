"""What customers see of their tickets: public columns only."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.domain.enums import Status
from emberone.models import Ticket
from emberone.policy import visible_tickets
from emberone.queries.paging import Key, Order, Page, Paging, fetch_page, parse_id, parse_moment

#: What staff do among themselves does not move it.
_LAST_NEWS = Order("news", (Key(Ticket.public_updated_at, parse_moment), Key(Ticket.id, parse_id)))


class OwnTicket(NamedTuple):
    """One line of a customer's list."""

    id: UUID
    number: int
    title: str
    status: Status
    #: When the customer last could see something new.
    updated_at: datetime


def own_tickets(
    session: Session, actor: Actor, cursor: str | None = None, *, size: int = 25
) -> Page[OwnTicket]:
    """One page of the customer's tickets, the last one with news first."""
    statement = select(
        Ticket.id, Ticket.number, Ticket.title, Ticket.status, Ticket.public_updated_at
    ).where(visible_tickets(actor), Ticket.customer_id == actor.profile_id)
    return fetch_page(session, statement, OwnTicket, Paging(_LAST_NEWS, True, cursor, size))
