"""Feedback: asking customers to rate closed tickets, and recording what they say.

Closing writes a request (rule 1); the sweep decides when it is due whether it
is sent (rules 2 and 3); the customer answers through the letter's link or in
the portal (rules 7 and 8). The rules are those of `docs/feedback.md`.
Every step here needs the product's rights (SYSTEM, or inside `as_system`).
Whoever needs both locks a ticket before its requests.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, select, text, update
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import FeedbackState, Role
from emberone.domain.errors import Conflict, Gone, NotAllowed, NotFound
from emberone.domain.feedback import (
    LinkState,
    SkipReason,
    checked_rating,
    checked_text,
    is_low,
)
from emberone.jobs import Job, nudge
from emberone.mail.site import current_settings
from emberone.mail.tokens import feedback_token, token_hash
from emberone.models import FeedbackRequest, Profile, Ticket
from emberone.queries import feedback as requests
from emberone.queries.feedback import Invitation
from emberone.services import history, letters
from emberone.services.settings import current

#: How often the ticket was closed, as history counts it.
CLOSINGS: Final = (
    "(SELECT count(*) FROM history WHERE history.ticket_id = tickets.id"
    " AND history.action IN ('created', 'status_changed')"
    " AND history.new_value ->> 'status' = 'CLOSED')"
)

#: The number of the ticket's present closing.
_CYCLE: Final = text(f"SELECT greatest({CLOSINGS}, 1) FROM tickets WHERE id = :ticket_id")  # noqa: S608

#: The request of the ticket's present closing; a second one of the same is not written.
_ASK: Final = text(
    "INSERT INTO feedback_requests (ticket_id, cycle, profile_id, agent_id_at_close,"  # noqa: S608
    " state, state_reason, send_after, expires_at)"
    f" SELECT id, greatest({CLOSINGS}, 1), customer_id, assigned_agent_id,"
    " :state, :reason, :send_after, :expires_at"
    " FROM tickets WHERE id = :ticket_id"
    " ON CONFLICT (ticket_id, cycle) DO NOTHING"
)

#: Not sent: cancelled. Sent and not answered: the link is void. Answered: kept (rule 4).
_REOPENED: Final = text(
    "UPDATE feedback_requests SET"
    " state = CASE state WHEN 'PENDING' THEN 'CANCELLED' ELSE state END,"
    " state_reason = :reason,"
    " voided_at = CASE state WHEN 'SENT' THEN cast(:at AS timestamptz) END"
    " WHERE ticket_id = :ticket_id AND state IN ('PENDING', 'SENT') AND voided_at IS NULL"
    " RETURNING id"
)

#: A letter that has not left yet need not leave.
_WITHDRAW: Final = text(
    "UPDATE mail_outbox SET state = 'suppressed', last_error = 'The ticket was reopened.'"
    " WHERE key = ANY (:keys) AND state IN ('queued', 'kept')"
)


def letter_key(request_id: UUID) -> str:
    """The key of the letter that carries a request's links."""
    return f"feedback:{request_id}"


def ticket_closed(
    session: Session, ticket: Ticket, *, at: datetime, by_import: bool = False
) -> None:
    """Step: write the request for this closing; nothing is sent yet.

    Closings by inactivity or in bulk are told from the transaction's reason when
    the request falls due. What an import closed is never asked about, which the
    row says at once.
    """
    # The trigger's history entry of this closing is what counts it.
    session.flush()
    settings = current(session)
    send_after = at + timedelta(seconds=settings.feedback_delay_s)
    session.execute(
        _ASK,
        {
            "ticket_id": ticket.id,
            "state": FeedbackState.SKIPPED if by_import else FeedbackState.PENDING,
            "reason": SkipReason.IMPORTED if by_import else None,
            "send_after": send_after,
            "expires_at": send_after + timedelta(days=settings.feedback_expiry_days),
        },
    )
    if not by_import and send_after <= at:
        nudge(session, Job.FEEDBACK)


def ticket_reopened(session: Session, ticket: Ticket, *, at: datetime) -> None:
    """Step: take back what was asked about the closing that no longer holds (rule 4)."""
    session.flush()
    taken_back = session.scalars(
        _REOPENED, {"ticket_id": ticket.id, "at": at, "reason": SkipReason.REOPENED}
    ).all()
    if taken_back:
        session.execute(_WITHDRAW, {"keys": [letter_key(request) for request in taken_back]})


def rate_in_portal(
    session: Session, ticket: Ticket, rating: int, text: str | None, *, at: datetime
) -> None:
    """Step: record what the customer of a CLOSED ticket said in the portal (rule 8).

    It answers the closing's request too, sent or not, so that nobody is asked
    twice and the agent at closing time is credited (rule 10).
    """
    rating, text = checked_rating(rating), checked_text(text)
    request = _request_of_this_closing(session, ticket.id)
    before = ticket.feedback_rating if request is None else request.rating
    if request is not None:
        if request.token_hash is None:
            token = feedback_token(current_settings().secret_key, request.id)
            request.token_hash = token_hash(token)
        request.state = FeedbackState.ANSWERED
        request.rating, request.answer_text = rating, text
        request.answer_no += 1
        request.answered_at = at
    ticket.feedback_rating, ticket.feedback_text = rating, text
    session.flush()
    if is_low(rating) and not is_low(before):
        subject = f"{ticket.id}:{at.isoformat()}" if request is None else str(request.id)
        _tell_of_low_rating(session, ticket.id, subject, rating, text)


def answer(
    token: str, rating: int, text: str | None, *, seen_answer_no: int, now: datetime | None = None
) -> None:
    """Record what the holder of a letter's link says; the first answer or a change of it.

    `seen_answer_no` is how many answers the page showed. Raises NotFound for a
    link that never was, Gone for one that is expired or void, Conflict with what
    was recorded (`rating`, `text`, `answer_no`) where someone was faster. Saying
    again what is recorded already is no conflict.
    """
    rating, text = checked_rating(rating), checked_text(text)
    found = _bearer(token, now=now)
    if found.role is not Role.CUSTOMER:
        raise NotAllowed("Staff cannot rate tickets.")
    # The link is the customer's capability: they act, and history names them.
    _record_answer(
        Actor(found.profile_id, Role.CUSTOMER), token, found, rating, text, seen_answer_no, now=now
    )


@service
def unsubscribe(token: str) -> None:
    """Never invite the person of this link to rate again; works with old links too."""
    with transaction(SYSTEM) as session:
        found = requests.invitation(session, token)
        if found is None:
            raise NotFound
        session.execute(
            update(Profile)
            .where(Profile.id == found.profile_id, Profile.declines_feedback.is_(False))
            .values(declines_feedback=True)
        )


@service
def _bearer(token: str, *, now: datetime | None) -> Invitation:
    with transaction(SYSTEM, now=now) as session:
        found = requests.invitation(session, token)
        if found is None:
            raise NotFound
        return found


@service
def _record_answer(
    actor: Actor,
    token: str,
    found: Invitation,
    rating: int,
    text: str | None,
    seen_answer_no: int,
    *,
    now: datetime | None,
) -> None:
    with transaction(actor, now=now) as session, as_system(session):
        ticket = session.get(
            Ticket, found.ticket_id, with_for_update={"key_share": True}, populate_existing=True
        )
        if ticket is None:
            raise NotFound
        # Nobody else answers while the ticket is locked.
        before = session.scalar(
            select(FeedbackRequest.rating).where(FeedbackRequest.id == found.request_id)
        )
        if not _write_answer(session, found.request_id, rating, text, seen_answer_no):
            _refuse_unless_recorded(session, token, rating, text)
            return
        if not _is_answered_later(session, found):
            ticket.feedback_rating, ticket.feedback_text = rating, text
            session.flush()
        if is_low(rating) and not is_low(before):
            _tell_of_low_rating(session, ticket.id, str(found.request_id), rating, text)


def _write_answer(
    session: Session, request_id: UUID, rating: int, text: str | None, seen_answer_no: int
) -> bool:
    """The one conditional statement that decides between two at once (rule 7)."""
    state = FeedbackState.ANSWERED if seen_answer_no else FeedbackState.SENT
    written: UUID | None = session.scalar(
        update(FeedbackRequest)
        .where(
            FeedbackRequest.id == request_id,
            FeedbackRequest.state == state,
            FeedbackRequest.answer_no == seen_answer_no,
            FeedbackRequest.voided_at.is_(None),
            FeedbackRequest.expires_at > func.context_now(),
        )
        .values(
            state=FeedbackState.ANSWERED,
            rating=rating,
            answer_text=text,
            answer_no=FeedbackRequest.answer_no + 1,
            answered_at=func.context_now(),
        )
        .returning(FeedbackRequest.id)
    )
    return written is not None


def _refuse_unless_recorded(session: Session, token: str, rating: int, text: str | None) -> None:
    """Say why an answer could not be written; nothing where it stands there already."""
    found = requests.invitation(session, token)
    if found is None:
        raise NotFound
    link = found.link_state(now=now_of(session))
    if link is LinkState.VOID:
        raise Gone("Your ticket was reopened, so there is nothing to rate yet.", link=link)
    if link is LinkState.EXPIRED:
        raise Gone("This link has expired.", link=link)
    if (found.rating, found.text) != (rating, text):
        raise Conflict(
            "Another answer was recorded meanwhile.",
            rating=found.rating,
            text=found.text,
            answer_no=found.answer_no,
        )


def _request_of_this_closing(session: Session, ticket_id: UUID) -> FeedbackRequest | None:
    cycle = session.scalar(_CYCLE, {"ticket_id": ticket_id})
    return session.scalars(
        select(FeedbackRequest)
        .where(FeedbackRequest.ticket_id == ticket_id, FeedbackRequest.cycle == cycle)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _is_answered_later(session: Session, found: Invitation) -> bool:
    """Whether a later closing of the ticket was rated: that rating is the ticket's then."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    FeedbackRequest.ticket_id == found.ticket_id,
                    FeedbackRequest.cycle > found.cycle,
                    FeedbackRequest.state == FeedbackState.ANSWERED,
                )
            )
        )
    )


def _tell_of_low_rating(
    session: Session, ticket_id: UUID, subject: str, rating: int, text: str | None
) -> None:
    history.record(session, ticket_id, "low_rating", context={"rating": rating})
    letters.write_to_admins(
        session,
        key_prefix=f"low-rating:{subject}",
        letter="low_rating",
        ticket_id=ticket_id,
        params={"rating": rating, "text": text},
    )
