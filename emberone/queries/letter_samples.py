"""Each kind of letter as it would read for a real ticket, without writing anything."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, true
from sqlalchemy.orm import Session, aliased

from emberone.domain.enums import CommentType, Role, Status
from emberone.domain.waits import Patience, closing_after
from emberone.domain.waits import Wait as Quiet
from emberone.mail.kinds import DIGEST, Audience, audience_of
from emberone.mail.tokens import CONFIRM_WITHIN, RESET_WITHIN
from emberone.models import (
    Comment,
    FeedbackRequest,
    HistoryEntry,
    Profile,
    Setting,
    SLAClock,
    Ticket,
    Wait,
)
from emberone.queries.calendars import working_days

_Author = aliased(Profile, name="author")
_Reader = aliased(Profile, name="reader")

_IS_REPLY: Final = (
    (Comment.ticket_id == Ticket.id)
    & (Comment.type == CommentType.USER)
    & Comment.author_id.in_(select(Profile.id).where(Profile.role != Role.CUSTOMER))
)
_IS_SKIP: Final = (HistoryEntry.ticket_id == Ticket.id) & (
    HistoryEntry.action == "assignment_skipped"
)

_IS_NOTE: Final = (
    (Comment.ticket_id == Ticket.id)
    & (Comment.type == CommentType.INTERNAL)
    & Comment.author_id.is_not(None)
)

#: letter → which tickets it could be about. The letters of the sign-in are about none.
FITS: Final[Mapping[str, ColumnElement[bool]]] = {
    "ticket_received": true(),
    "staff_replied": exists().where(_IS_REPLY),
    "reminder": Ticket.status == Status.WAITING,
    "feedback_request": Ticket.status == Status.CLOSED,
    "assigned": Ticket.assigned_agent_id.is_not(None),
    "mention": exists().where(_IS_NOTE),
    "sla_warning": exists().where(SLAClock.ticket_id == Ticket.id, SLAClock.due_at.is_not(None)),
    "sla_breach": exists().where(
        SLAClock.ticket_id == Ticket.id, SLAClock.breached_at.is_not(None)
    ),
    "low_rating": Ticket.feedback_rating <= 2,
    "unassignable": exists().where(_IS_SKIP),
}


def newest_fitting(session: Session, letter: str) -> int | None:
    """The number of the newest ticket that this letter could be about."""
    return session.scalar(
        select(Ticket.number).where(FITS[letter]).order_by(Ticket.id.desc()).limit(1)
    )


def sample(
    session: Session, letter: str, number: int | None, reader_id: UUID, now: datetime
) -> dict[str, Any] | None:
    """The parameters of this letter for a ticket; None where it could not be about this one.

    Who looks is the reader where the ticket does not say who it is: an admin.
    """
    viewer = session.scalar(select(Profile.full_name).where(Profile.id == reader_id))
    if letter == DIGEST:
        return _digest(session, viewer or "", reader_id, now)
    if letter not in FITS:
        return _without_ticket(letter, viewer or "", now)
    found = session.execute(
        select(Ticket, _Reader.full_name)
        .join(_Reader, _Reader.id == Ticket.customer_id)
        .where(Ticket.number == number, FITS[letter])
    ).one_or_none()
    if found is None:
        return None
    ticket, customer = found[0], found[1]
    params = {
        "name": viewer or "",
        "ticket_id": str(ticket.id),
        "number": ticket.number,
        "title": ticket.title,
        "priority": ticket.priority.value,
    }
    return params | _SPECIAL[letter](session, ticket, customer, now)


def _digest(session: Session, name: str, reader_id: UUID, now: datetime) -> dict[str, Any]:
    """One line of every kind that it may tell of and that fits a ticket."""
    lines = []
    for letter in FITS:
        number = newest_fitting(session, letter)
        if number is not None and audience_of(letter) is Audience.STAFF:
            params = sample(session, letter, number, reader_id, now)
            lines.append({"letter": letter, **(params or {})})
    kinds = {line["letter"]: 1 for line in lines}
    return {
        "name": name,
        "digest_id": str(UUID(int=0)),
        "lines": lines,
        "count": len(lines),
        "kinds": kinds,
    }


def _without_ticket(letter: str, name: str, now: datetime) -> dict[str, Any]:
    good_for = RESET_WITHIN if letter == "reset" else CONFIRM_WITHIN
    return {
        "name": name,
        # Links of a preview show no token, so nobody's is needed.
        "confirm_claim": "",
        "reset_claim": "",
        "until": (now + good_for).isoformat(),
        "changed_at": now.isoformat(),
    }


def _received(session: Session, ticket: Ticket, customer: str, now: datetime) -> dict[str, Any]:
    return {
        "name": customer,
        "author": customer,
        "by_staff": False,
        "description": ticket.description,
        "content": None,
    }


def _replied(session: Session, ticket: Ticket, customer: str, now: datetime) -> dict[str, Any]:
    row = session.execute(
        select(Comment, _Author.full_name)
        .join(_Author, _Author.id == Comment.author_id)
        .where(_IS_REPLY, Ticket.id == ticket.id)
        .order_by(Comment.created_at.desc(), Comment.id.desc())
        .limit(1)
    ).one()
    comment, author = row[0], row[1]
    return {
        "name": customer,
        "author": author,
        "content": comment.content,
        "files": comment.details.get("attachments", []),
        "status": ticket.status.value,
        "reopen_days": session.scalars(select(Setting.reopen_days)).one(),
        "follows": "sample",
    }


def _reminder(session: Session, ticket: Ticket, customer: str, now: datetime) -> dict[str, Any]:
    settings = session.scalars(select(Setting)).one()
    reminded = session.scalar(select(Wait.closes_at).where(Wait.ticket_id == ticket.id))
    wait, patience = Quiet(now), Patience(settings.quiet_reminder_days, settings.quiet_close_days)
    closes_at = reminded or closing_after(
        wait, patience, working_days(session, ticket.team_id), now=now
    )
    return {
        "name": customer,
        "closes_at": None if closes_at is None else closes_at.isoformat(),
        "reopen_days": settings.reopen_days,
        "follows": "sample",
    }


def _request(session: Session, ticket: Ticket, customer: str, now: datetime) -> dict[str, Any]:
    days = session.scalars(select(Setting.feedback_expiry_days)).one()
    request = session.scalar(
        select(FeedbackRequest.id)
        .where(FeedbackRequest.ticket_id == ticket.id)
        .order_by(FeedbackRequest.cycle.desc())
        .limit(1)
    )
    return {
        "name": customer,
        "request_id": str(request or UUID(int=0)),
        "expires_at": (now + timedelta(days=days)).isoformat(),
        "follows": "sample",
    }


def _assigned(session: Session, ticket: Ticket, customer: str, now: datetime) -> dict[str, Any]:
    return {"name": _name(session, ticket.assigned_agent_id)}


def _mentioned(session: Session, ticket: Ticket, customer: str, now: datetime) -> dict[str, Any]:
    row = session.execute(
        select(Comment.content, _Author.full_name)
        .join(_Author, _Author.id == Comment.author_id)
        .where(_IS_NOTE, Ticket.id == ticket.id)
        .order_by(Comment.created_at.desc(), Comment.id.desc())
        .limit(1)
    ).one()
    return {"author": row[1], "content": row[0], "follows": "sample"}


def _clock(session: Session, ticket: Ticket, customer: str, now: datetime) -> dict[str, Any]:
    clock = session.scalars(
        select(SLAClock)
        .where(SLAClock.ticket_id == ticket.id)
        .where(SLAClock.breached_at.is_not(None) | SLAClock.due_at.is_not(None))
        .order_by(SLAClock.breached_at.desc().nulls_last(), SLAClock.due_at)
        .limit(1)
    ).one()
    due_at = clock.breached_at or clock.due_at
    assert due_at is not None
    told = {"metric": clock.metric.value, "due_at": due_at.isoformat(), "follows": "sample"}
    if ticket.assigned_agent_id is not None:
        told["name"] = _name(session, ticket.assigned_agent_id)
    return told


def _rated(session: Session, ticket: Ticket, customer: str, now: datetime) -> dict[str, Any]:
    agent_id = ticket.assigned_agent_id
    return {
        "rating": ticket.feedback_rating,
        "text": ticket.feedback_text,
        "agent": None if agent_id is None else _name(session, agent_id),
        "follows": "sample",
    }


def _skipped(session: Session, ticket: Ticket, customer: str, now: datetime) -> dict[str, Any]:
    details = session.scalars(
        select(HistoryEntry.details)
        .where(_IS_SKIP, Ticket.id == ticket.id)
        .order_by(HistoryEntry.created_at.desc(), HistoryEntry.id.desc())
        .limit(1)
    ).one()
    context = details.get("additionalContext", {})
    return {"out": context.get("out", {}), "is_last_this_hour": False}


def _name(session: Session, profile_id: UUID | None) -> str:
    return session.scalar(select(Profile.full_name).where(Profile.id == profile_id)) or ""


_Special = Callable[[Session, Ticket, str, datetime], dict[str, Any]]

#: What each letter says beside its ticket's own columns.
_SPECIAL: Final[Mapping[str, _Special]] = {
    "ticket_received": _received,
    "staff_replied": _replied,
    "reminder": _reminder,
    "feedback_request": _request,
    "assigned": _assigned,
    "mention": _mentioned,
    "sla_warning": _clock,
    "sla_breach": _clock,
    "low_rating": _rated,
    "unassignable": _skipped,
}
