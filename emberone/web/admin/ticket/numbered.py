"""The ticket whose number stands in an address."""

from uuid import UUID

from flask import url_for
from sqlalchemy.orm import Session

from emberone.queries import tickets
from emberone.web.admin.base import found
from emberone.web.admin.params import row_number
from emberone.web.session import current_actor


def id_of(session: Session, number: int) -> UUID:
    """Its id, for a service; 404 where the reader has no such ticket."""
    return found(tickets.id_of(session, current_actor(), row_number(number)))


def details_of(session: Session, number: int) -> tickets.TicketDetails:
    """All that its page shows of it; 404 where the reader has no such ticket."""
    return found(tickets.ticket_details(session, current_actor(), row_number(number)))


def page_url(number: int) -> str:
    """The address of its page."""
    return url_for("ticket.page", number=number)
