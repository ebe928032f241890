"""A ticket that was answered and closed, and what became of asking about it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.lifecycle import Event
from emberone.mail.tokens import feedback_token
from emberone.models import HistoryEntry, Letter, Ticket
from emberone.queries import feedback as queries
from emberone.services import comments, feedback, tickets

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECRET = "only-for-tests-0123456789"


class Case:
    """A ticket that a customer opened and an agent answered, and what follows."""

    def __init__(self, make, customer=None):
        self.customer = customer or make.customer()
        self.agent = make.agent()
        self.id = tickets.open_ticket(
            self.customer, self.customer.profile_id, "No VPN", "It fails.", now=T0
        )

    def reply(self, event=Event.STAFF_REPLY, at=T0):
        comments.reply(self.agent, self.id, "Try again.", event, now=at)
        return self

    def close(self, at=T0, **how):
        tickets.close_ticket(self.agent, self.id, now=at, **how)
        return self

    def reopen(self, at):
        tickets.reopen_ticket(self.customer, self.id, now=at)
        return self

    def sent(self, at=T0 + HOUR):
        self.reply().close()
        assert feedback.sweep_feedback(now=at) == 1
        return self

    @property
    def requests(self):
        with reading(SYSTEM) as session:
            return [asked.request for asked in queries.requests_of(session, self.id)][::-1]

    @property
    def request(self):
        (request,) = self.requests
        return request

    @property
    def token(self):
        return feedback_token(SECRET, self.requests[-1].id)

    @property
    def ticket(self):
        with reading(SYSTEM) as session:
            return session.get(Ticket, self.id)

    def history(self, *actions):
        with reading(SYSTEM) as session:
            return session.scalars(
                select(HistoryEntry)
                .where(HistoryEntry.ticket_id == self.id, HistoryEntry.action.in_(actions))
                .order_by(HistoryEntry.created_at, HistoryEntry.id)
            ).all()

    def letters(self, name="feedback_request"):
        with reading(SYSTEM) as session:
            return session.scalars(
                select(Letter).where(Letter.ticket_id == self.id, Letter.letter == name)
            ).all()
