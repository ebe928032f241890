"""Answers: what the holder of a feedback letter's link says.

The link is a capability of the customer it was sent to, so they act and history
names them; nobody else can know the token (docs/decisions/0003-feedback-token.md).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from emberone.db import as_system, now_of, service, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import FeedbackState, Role
from emberone.domain.errors import Conflict, Gone, NotAllowed, NotFound
from emberone.domain.feedback import LinkState, checked_rating, checked_text, is_low
from emberone.models import FeedbackRequest, Profile, Ticket
from emberone.queries import feedback as requests
from emberone.queries.feedback import Invitation
from emberone.services import history
from emberone.services.feedback import LETTER, tell_of_low_rating


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
            .where(
                Profile.id == found.profile_id,
                ~Profile.declined_letters.contains([LETTER]),
            )
            .values(declined_letters=func.array_append(Profile.declined_letters, LETTER))
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
        if _is_answered_later(session, found):
            # The ticket shows the later one, so its trigger has nothing to record.
            context = {"cycle": found.cycle, "oldRating": before, "newRating": rating}
            history.record(session, ticket.id, "earlier_feedback_changed", context=context)
        else:
            ticket.feedback_rating, ticket.feedback_text = rating, text
            session.flush()
        if is_low(rating) and not is_low(before):
            tell_of_low_rating(session, ticket.id, str(found.request_id), rating, text)


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
