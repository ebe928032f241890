"""A customer who was asked to rate, with the links of their letter."""

import re

from sqlalchemy import select, text

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.lifecycle import Event
from emberone.mail.rendering import render
from emberone.mail.site import current_site
from emberone.models import FeedbackRequest, HistoryEntry, Letter, Ticket
from emberone.services import comments, feedback, tickets


class Invited:
    """A customer whose ticket was answered and closed, and who got the letter."""

    def __init__(self, make, set_setting):
        set_setting(feedback_delay_s=0)
        self.customer, self.agent = make.customer(), make.agent()
        self.ticket_id = tickets.open_ticket(
            self.customer, self.customer.profile_id, "My <b>secret</b> printer", "It burns."
        )
        comments.reply(self.agent, self.ticket_id, "Water?", Event.STAFF_REPLY_AND_CLOSE)
        assert feedback.sweep_feedback() == 1
        with reading(SYSTEM) as session:
            letter = session.scalars(
                select(Letter).where(Letter.letter == "feedback_request")
            ).one()
        rendered = render(letter.letter, letter.params, current_site())
        self.links = re.findall(r"http\S+(/f/\S+\?rating=\d)", rendered.text)
        self.path = self.links[0].partition("?")[0]

    @property
    def request(self):
        with reading(SYSTEM) as session:
            return session.scalars(select(FeedbackRequest)).one()

    @property
    def ticket(self):
        with reading(SYSTEM) as session:
            return session.get(Ticket, self.ticket_id)

    def everything(self):
        """What a recorded answer would change, and when rows were last touched."""
        with reading(SYSTEM) as session:
            return session.execute(
                text(
                    "SELECT (SELECT json_agg(f)::text FROM feedback_requests f),"
                    " (SELECT json_agg(t)::text FROM tickets t),"
                    " (SELECT json_agg(p)::text FROM profiles p),"
                    " (SELECT count(*) FROM history), (SELECT count(*) FROM mail_outbox)"
                )
            ).one()

    def changes(self):
        with reading(SYSTEM) as session:
            return session.scalars(
                select(HistoryEntry).where(HistoryEntry.action == "feedback_changed")
            ).all()
