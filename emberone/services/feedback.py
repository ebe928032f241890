"""Feedback: asking customers to rate closed tickets, and recording what they say.

Closing writes a request (rule 1); the sweep decides when it is due whether it
is sent (rules 2 and 3); the customer answers in the portal here (rule 8), or
through the letter's link (`services/answers.py`, rule 7).
Every step here needs the product's rights (SYSTEM, or inside `as_system`).
Whoever needs both locks a ticket before its requests.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import FeedbackState
from emberone.domain.errors import Conflict, NotFound
from emberone.domain.feedback import (
    LETTER_KEY,
    SkipReason,
    checked_rating,
    checked_text,
    is_low,
)
from emberone.domain.lifecycle import THANKS_DISMISSED
from emberone.jobs import Job, nudge
from emberone.mail.site import current_settings
from emberone.mail.tokens import feedback_token, token_hash
from emberone.models import FeedbackRequest, Ticket
from emberone.policy import JOBS_RETRY, require
from emberone.services import history, letters
from emberone.services.retries import put_off
from emberone.services.settings import current

#: The letter that invites to rate; who declines it is not invited.
LETTER: Final = "feedback_request"

#: Why its letter does not leave.
_REOPENED_LETTER: Final = "The ticket was reopened."
_RATED_LETTER: Final = "The customer has rated already."

logger = logging.getLogger(__name__)

#: An entry of history that begins a cycle: a dismissed thank-you goes on with the last one.
_IS_CLOSING: Final = (
    "history.new_value ->> 'status' = 'CLOSED'"
    f" AND history.metadata ->> 'reason' IS DISTINCT FROM '{THANKS_DISMISSED}'"
)

#: How often the ticket was closed, as history counts it.
CLOSINGS: Final = (
    "(SELECT count(*) FROM history WHERE history.ticket_id = tickets.id"  # noqa: S608
    f" AND history.action IN ('created', 'status_changed') AND {_IS_CLOSING})"
)

#: Whose closing it was: feedback rule 10.
_CREDITED: Final = text(
    "SELECT agent.full_name FROM tickets"
    " LEFT JOIN LATERAL (SELECT agent_id_at_close FROM feedback_requests"
    " WHERE ticket_id = tickets.id ORDER BY cycle DESC LIMIT 1) AS request ON true"
    " LEFT JOIN profiles AS agent"
    " ON agent.id = coalesce(request.agent_id_at_close, tickets.assigned_agent_id)"
    " WHERE tickets.id = :ticket_id"
)

#: The number of the ticket's present closing.
_CYCLE: Final = text(f"SELECT greatest({CLOSINGS}, 1) FROM tickets WHERE id = :ticket_id")  # noqa: S608

#: The request of the ticket's present closing; a second one of the same is not written.
_ASK: Final = text(
    "INSERT INTO feedback_requests (ticket_id, cycle, profile_id, agent_id_at_close,"  # noqa: S608
    " priority_at_close, was_breached, state, state_reason, send_after, expires_at)"
    f" SELECT id, greatest({CLOSINGS}, 1), customer_id, assigned_agent_id,"
    " priority, EXISTS (SELECT FROM sla_clocks WHERE ticket_id = tickets.id"
    " AND breached_at IS NOT NULL),"
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

#: The reopening was none: what it had taken back of this closing is good again (rule 14).
_GOES_ON: Final = text(
    "UPDATE feedback_requests SET state_reason = NULL, voided_at = NULL,"  # noqa: S608
    " state = CASE state WHEN 'CANCELLED' THEN 'PENDING' ELSE state END"
    " WHERE ticket_id = :ticket_id AND state IN ('CANCELLED', 'SENT') AND state_reason = :reason"
    f" AND cycle = (SELECT greatest({CLOSINGS}, 1) FROM tickets WHERE id = :ticket_id)"
    " RETURNING id"
)

_ONE_SWEEP: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended('feedback', 0))")

#: What is due, locked with its tickets, which stay CLOSED until the letter is
#: written; whoever is busy with one of them comes again.
_DUE: Final = text(
    "SELECT feedback_requests.id FROM feedback_requests"
    " JOIN tickets ON tickets.id = feedback_requests.ticket_id"
    " WHERE feedback_requests.state = 'PENDING' AND feedback_requests.dead_at IS NULL"
    " AND feedback_requests.send_after <= context_now()"
    " ORDER BY feedback_requests.send_after, feedback_requests.id LIMIT :limit"
    " FOR UPDATE OF feedback_requests SKIP LOCKED FOR SHARE OF tickets SKIP LOCKED"
)

#: Rules 2 and 3 for one request, at the time of sending: why it is skipped, or NULL.
_SKIP_REASON: Final = text(
    "SELECT CASE"  # noqa: S608 - made of our own constants
    f" WHEN tickets.status <> 'CLOSED' OR {CLOSINGS} > request.cycle THEN 'reopened'"
    " WHEN closing.reason IN ('inactivity', 'mass_close') THEN closing.reason"
    " WHEN profiles.role <> 'CUSTOMER' THEN 'not_a_customer'"
    f" WHEN {letters.REFUSAL} IS NOT NULL THEN 'undeliverable'"
    f" WHEN '{LETTER}' = ANY (profiles.declined_letters) THEN 'declined'"
    " WHEN NOT EXISTS (SELECT FROM comments JOIN profiles AS author"
    " ON author.id = comments.author_id AND author.role IN ('AGENT', 'ADMIN')"
    " WHERE comments.ticket_id = tickets.id AND comments.type = 'USER'"
    " AND NOT comments.is_internal) THEN 'no_staff_reply'"
    " WHEN EXISTS (SELECT FROM feedback_requests AS other"
    " WHERE other.profile_id = request.profile_id AND other.id <> request.id"
    # One that was taken back before it left asked nobody.
    " AND NOT EXISTS (SELECT FROM mail_outbox WHERE state = 'suppressed'"
    f" AND key = '{LETTER_KEY}' || other.id)"
    " AND other.sent_at > context_now() - make_interval(days => settings.feedback_throttle_days))"
    " THEN 'throttled'"
    " END"
    " FROM feedback_requests AS request"
    " JOIN tickets ON tickets.id = request.ticket_id"
    " JOIN profiles ON profiles.id = request.profile_id"
    " CROSS JOIN settings"
    " LEFT JOIN LATERAL (SELECT history.metadata ->> 'reason' AS reason FROM history"
    " WHERE history.ticket_id = tickets.id AND history.action = 'status_changed'"
    f" AND {_IS_CLOSING}"
    " ORDER BY history.created_at DESC, history.id DESC LIMIT 1) AS closing ON true"
    " WHERE request.id = :request_id"
)

_FAILED: Final = put_off("feedback_requests", "id", "send_after", timedelta(minutes=1))


def letter_key(request_id: UUID) -> str:
    """The key of the letter that carries a request's links."""
    return f"{LETTER_KEY}{request_id}"


def ticket_closed(
    session: Session, ticket: Ticket, *, at: datetime, by_import: bool = False
) -> None:
    """Step: write the request for this closing; nothing is sent yet.

    Closings by inactivity or in bulk are told from the transaction's reason when
    the request falls due. What an import closed is never asked about, which the
    row says at once.
    """
    # The trigger's history entry of this closing is what counts it, and its clocks have ended.
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
        keys = [letter_key(request) for request in taken_back]
        letters.withdraw(session, keys, _REOPENED_LETTER)


def closing_goes_on(session: Session, ticket: Ticket) -> None:
    """Step: the ticket is CLOSED as before; what its reopening took back is asked after all."""
    session.flush()
    found = session.scalars(_GOES_ON, {"ticket_id": ticket.id, "reason": SkipReason.REOPENED}).all()
    if found:
        letters.restore(session, [letter_key(request) for request in found], _REOPENED_LETTER)
        nudge(session, Job.FEEDBACK)


@service
def sweep_feedback(*, limit: int = 100, now: datetime | None = None) -> int:
    """Send or skip the requests that are due, one batch of them; say how many it looked at.

    0 also where another sweep is at work. A request that fails is tried again
    later and never holds up the others.
    """
    with transaction(SYSTEM, now=now) as session:
        if not session.scalar(_ONE_SWEEP):
            return 0
        due: Sequence[UUID] = session.scalars(_DUE, {"limit": limit}).all()
        for request_id in due:
            try:
                with session.begin_nested():
                    _ask_or_skip(session, request_id)
            except Exception as error:
                logger.exception("feedback.request_failed", extra={"request_id": request_id})
                # The name alone: messages may quote addresses and texts.
                session.execute(_FAILED, {"id": request_id, "error": type(error).__name__})
        return len(due)


@service
def retry_request(actor: Actor, request_id: UUID, *, now: datetime | None = None) -> None:
    """Give a request that was given up another chance; Conflict where it was not."""
    with transaction(actor, now=now) as session:
        require(actor, JOBS_RETRY)
        with as_system(session):
            request = session.get(FeedbackRequest, request_id, with_for_update=True)
            if request is None:
                raise NotFound
            if request.dead_at is None or request.state is not FeedbackState.PENDING:
                raise Conflict("This request was not given up.")
            request.dead_at, request.last_error, request.attempts = None, None, 0
            request.send_after = now_of(session)
        nudge(session, Job.FEEDBACK)


def _ask_or_skip(session: Session, request_id: UUID) -> None:
    reason = session.scalar(_SKIP_REASON, {"request_id": request_id})
    request = session.get_one(FeedbackRequest, request_id, populate_existing=True)
    context = {"cycle": request.cycle}
    if reason is not None:
        request.state, request.state_reason = FeedbackState.SKIPPED, reason
        session.flush()
        history.record(
            session, request.ticket_id, "feedback_skipped", context=context, reason=reason
        )
        return
    at = now_of(session)
    token = feedback_token(current_settings().secret_key, request.id)
    request.state, request.token_hash = FeedbackState.SENT, token_hash(token)
    request.sent_at = at
    request.expires_at = at + timedelta(days=current(session).feedback_expiry_days)
    session.flush()
    letters.write(
        session,
        key=letter_key(request.id),
        letter=LETTER,
        to_profile_id=request.profile_id,
        ticket_id=request.ticket_id,
        params={"request_id": str(request.id), "expires_at": request.expires_at.isoformat()},
    )
    history.record(session, request.ticket_id, "feedback_requested", context=context)


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
        letters.withdraw(session, [letter_key(request.id)], _RATED_LETTER)
    ticket.feedback_rating, ticket.feedback_text = rating, text
    session.flush()
    if is_low(rating) and not is_low(before):
        subject = f"{ticket.id}:{at.isoformat()}" if request is None else str(request.id)
        tell_of_low_rating(session, ticket.id, subject, rating, text)


def _request_of_this_closing(session: Session, ticket_id: UUID) -> FeedbackRequest | None:
    cycle = session.scalar(_CYCLE, {"ticket_id": ticket_id})
    return session.scalars(
        select(FeedbackRequest)
        .where(FeedbackRequest.ticket_id == ticket_id, FeedbackRequest.cycle == cycle)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def tell_of_low_rating(
    session: Session, ticket_id: UUID, subject: str, rating: int, text: str | None
) -> None:
    """Step: flag the ticket and tell the admins, once per subject (rule 8)."""
    history.record(session, ticket_id, "low_rating", context={"rating": rating})
    agent = session.scalar(_CREDITED, {"ticket_id": ticket_id})
    letters.write_to_admins(
        session,
        key_prefix=f"low-rating:{subject}",
        letter="low_rating",
        ticket_id=ticket_id,
        params={"rating": rating, "text": text, "agent": agent},
    )
