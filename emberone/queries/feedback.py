"""Feedback requests: those of a ticket, and the one that a letter's link names."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from emberone.domain.enums import FeedbackState, MailState, Role
from emberone.domain.feedback import LETTER_KEY, LinkState, link_state
from emberone.mail.tokens import token_hash
from emberone.models import FeedbackRequest, Letter, Profile, Ticket


@dataclass(frozen=True, slots=True)
class Invitation:
    """A feedback request that was sent, as the holder of its link may see it."""

    request_id: UUID
    profile_id: UUID
    role: Role
    ticket_id: UUID
    number: int
    title: str
    cycle: int
    state: FeedbackState
    expires_at: datetime
    voided_at: datetime | None
    answer_no: int
    rating: int | None
    text: str | None

    def link_state(self, *, now: datetime) -> LinkState:
        """What the link is still good for."""
        return link_state(self.expires_at, self.voided_at, now=now)


def invitation(session: Session, token: str) -> Invitation | None:
    """The request that a link's token belongs to; None where there is no such link."""
    row = session.execute(
        select(
            FeedbackRequest.id,
            FeedbackRequest.profile_id,
            Profile.role,
            Ticket.id,
            Ticket.number,
            Ticket.title,
            FeedbackRequest.cycle,
            FeedbackRequest.state,
            FeedbackRequest.expires_at,
            FeedbackRequest.voided_at,
            FeedbackRequest.answer_no,
            FeedbackRequest.rating,
            FeedbackRequest.answer_text,
        )
        .join(Ticket, Ticket.id == FeedbackRequest.ticket_id)
        .join(Profile, Profile.id == FeedbackRequest.profile_id)
        .where(FeedbackRequest.token_hash == token_hash(token))
    ).one_or_none()
    columns: tuple[Any, ...] | None = row
    return None if columns is None else Invitation(*columns)


@dataclass(frozen=True, slots=True)
class Asked:
    """A feedback request, whose closing it was, and what became of its letter."""

    request: FeedbackRequest
    #: The agent at closing time; None where nobody had the ticket, or they are gone.
    credited_name: str | None
    #: None where no letter was written.
    letter_state: MailState | None
    #: When it left.
    letter_sent_at: datetime | None
    #: Why it did not.
    letter_error: str | None


def requests_of(session: Session, ticket_id: UUID) -> list[Asked]:
    """The requests of a ticket, the newest closing first."""
    rows = session.execute(
        select(FeedbackRequest, Profile.full_name, Letter.state, Letter.sent_at, Letter.last_error)
        .outerjoin(Profile, Profile.id == FeedbackRequest.agent_id_at_close)
        .outerjoin(Letter, Letter.key == LETTER_KEY + cast(FeedbackRequest.id, Text))
        .where(FeedbackRequest.ticket_id == ticket_id)
        .order_by(FeedbackRequest.cycle.desc())
    )
    return [Asked(*row) for row in rows]
