"""Drafts: one's own text in the making, replies on their way, and who else is writing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, exists, select
from sqlalchemy.orm import Session, aliased

from emberone.domain.actor import Actor
from emberone.domain.enums import CommentType, DraftKind, DraftState, Priority
from emberone.domain.lifecycle import Event
from emberone.domain.macros import ReplyChanges
from emberone.models import Comment, Draft, Profile, Team, Ticket

#: Somebody whose draft has not moved for so long is not writing now.
_WRITES_FOR: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class DraftCard:
    """What a person is writing on a ticket."""

    id: UUID
    kind: DraftKind
    content: str
    updated_at: datetime
    #: How it was sent, where it was taken back.
    event: Event | None
    priority: Priority | None
    team_id: UUID | None
    tags: list[str]

    @property
    def changes(self) -> ReplyChanges:
        """What publishing it changes beside the status."""
        return ReplyChanges(self.priority, self.team_id, tuple(self.tags))


@dataclass(frozen=True, slots=True)
class WaitingReply:
    """A reply that was sent and is not a comment yet, as staff see it."""

    id: UUID
    ticket_id: UUID
    ticket_number: int
    author_id: UUID
    author_name: str
    content: str
    event: Event
    state: DraftState
    #: From when on it leaves; None for a held one.
    publish_after: datetime | None
    #: How often publishing it has failed.
    attempts: int
    #: Of a held one, why; of one whose publishing failed, what happened.
    last_error: str | None
    #: The same in parts, to be worded for whoever reads it; None of what was held before them.
    refusal: dict[str, Any] | None
    sent_at: datetime
    #: Whether the customer has said something since it was sent, which its author should see.
    customer_spoke_since: bool
    #: What publishing it changes beside the status.
    priority: Priority | None
    team_name: str | None
    tags: list[str]

    @property
    def is_held(self) -> bool:
        """Whether it leaves only after somebody has looked."""
        return self.state is DraftState.HELD


def draft_of(session: Session, actor: Actor, ticket_id: UUID) -> DraftCard | None:
    """What the actor is writing on the ticket; None: nothing."""
    row = session.execute(
        select(
            Draft.id,
            Draft.kind,
            Draft.content,
            Draft.updated_at,
            Draft.event,
            Draft.priority,
            Draft.team_id,
            Draft.add_tags,
        ).where(
            Draft.ticket_id == ticket_id,
            Draft.author_id == actor.profile_id,
            Draft.state == DraftState.WRITING,
        )
    ).one_or_none()
    return None if row is None else DraftCard(*row)


def replies_on_their_way(session: Session, ticket_id: UUID) -> list[WaitingReply]:
    """Every reply to the ticket that waits or is held, whoever's, oldest first."""
    statement = _sent().where(Draft.ticket_id == ticket_id)
    return [WaitingReply(*row) for row in session.execute(statement)]


def is_on_its_way(session: Session, draft_id: UUID) -> bool:
    """Whether the reply of that id waits or is held; otherwise it is out, or taken back."""
    statement = exists().where(Draft.id == draft_id, Draft.state != DraftState.WRITING)
    return bool(session.scalar(select(statement)))


def writing_now(session: Session, actor: Actor, ticket_id: UUID, now: datetime) -> list[str]:
    """The names of the colleagues whose text on the ticket moved within the last minute."""
    return list(
        session.scalars(
            select(Profile.full_name)
            .join(Draft, Draft.author_id == Profile.id)
            .where(
                Draft.ticket_id == ticket_id,
                Draft.author_id != actor.profile_id,
                Draft.state == DraftState.WRITING,
                Draft.updated_at > now - _WRITES_FOR,
            )
            .order_by(Profile.full_name, Profile.id)
        )
    )


def _sent() -> Select[*tuple[Any, ...]]:
    said = aliased(Comment)
    spoke_since = exists().where(
        and_(
            said.ticket_id == Draft.ticket_id,
            said.author_id == Ticket.customer_id,
            said.type == CommentType.USER,
            said.created_at > Draft.created_at,
        )
    )
    return (
        select(
            Draft.id,
            Draft.ticket_id,
            Ticket.number,
            Draft.author_id,
            Profile.full_name,
            Draft.content,
            Draft.event,
            Draft.state,
            Draft.publish_after,
            Draft.attempts,
            Draft.last_error,
            Draft.refusal,
            Draft.created_at,
            spoke_since,
            Draft.priority,
            Team.name,
            Draft.add_tags,
        )
        .outerjoin(Team, Team.id == Draft.team_id)
        .join(Ticket, Ticket.id == Draft.ticket_id)
        .join(Profile, Profile.id == Draft.author_id)
        .where(Draft.state != DraftState.WRITING)
        .order_by(Draft.created_at, Draft.id)
    )
