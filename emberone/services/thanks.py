"""Dismissing a bare "thank you": closing again what a customer's comment reopened.

The closing goes on as if the comment had not reopened it: no new cycle, so the
request to rate that it had is good again, and no second one is written. Time limits stand as
they did at the closing.
"""

from datetime import datetime
from uuid import UUID

from emberone.db import as_system, now_of, service, transaction
from emberone.domain.actor import Actor
from emberone.domain.errors import IllegalTransition, StaleWrite
from emberone.domain.lifecycle import THANKS_DISMISSED, Event
from emberone.policy import TICKET_DISMISS, require
from emberone.queries.thanks import came_back_by_comment
from emberone.services import clocks, feedback
from emberone.services.transitions import locked_ticket, move, status_after


@service
def dismiss_thanks(
    actor: Actor, ticket_id: UUID, *, seen: int | None = None, now: datetime | None = None
) -> None:
    """Close a ticket again that a customer's comment has reopened, in the cycle it was in.

    `seen` is the ticket's `activity_no` as staff had it before them; StaleWrite where it
    has moved: the customer may have said more than thanks.
    """
    with transaction(actor, reason=THANKS_DISMISSED, now=now) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        require(actor, TICKET_DISMISS, ticket)
        after = status_after(session, ticket, Event.DISMISS_THANKS)
        if not came_back_by_comment(session, ticket.id):
            raise IllegalTransition(
                "Only a comment that has just reopened a ticket can be dismissed as a thank-you."
            )
        if seen is not None and ticket.activity_no != seen:
            raise StaleWrite(version=ticket.version)
        with as_system(session):
            clocks.thanks_dismissed(session, ticket, at=now_of(session))
        move(session, actor, ticket, after)
        with as_system(session):
            feedback.closing_goes_on(session, ticket)
