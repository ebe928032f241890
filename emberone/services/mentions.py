"""Mentions: a colleague whom a note names gets one letter about it."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from emberone.db import as_system
from emberone.domain.actor import Actor
from emberone.domain.enums import Role
from emberone.domain.mentions import finder
from emberone.mail.rendering import PRODUCT
from emberone.markdown import mentioned_in
from emberone.models import Comment, Letter, Profile, Ticket
from emberone.policy import TICKET_NOTE, may
from emberone.queries.mentions import colleagues
from emberone.services import letters

LETTER = "mention"


def tell_mentioned(session: Session, actor: Actor, ticket: Ticket, note: Comment) -> None:
    """Step: write to each colleague whom the note names, once for each person and note.

    Said again after an edit, it reaches only those who were not named before. Nobody is
    told of what they wrote themselves, or may not see.
    """
    if "@" not in note.content:
        return
    with as_system(session):
        named = mentioned_in(note.content, finder(colleagues(session)))
        readers = _who_may_see(
            session, ticket, named - ({actor.profile_id} if actor.profile_id else set())
        )
        author = actor.profile_id and session.get(Profile, actor.profile_id)
        params = {
            "author": author.full_name if author else PRODUCT,
            "content": note.content,
        }
        letters.write_all(
            session,
            letter=LETTER,
            addressed=[
                letters.Addressed(
                    f"{LETTER}:{note.id}:{reader}",
                    reader,
                    ticket.id,
                    params,
                )
                for reader in readers
            ],
        )


def note_deleted(session: Session, note: Comment) -> None:
    """Step: what was taken out of the conversation is not sent after all, where it can be helped."""
    with as_system(session):
        keys = session.scalars(
            select(Letter.key).where(
                Letter.ticket_id == note.ticket_id,
                Letter.letter == LETTER,
                Letter.key.startswith(f"{LETTER}:{note.id}:"),
            )
        ).all()
        if keys:
            letters.withdraw(session, keys, "The comment was deleted.")


def _who_may_see(session: Session, ticket: Ticket, ids: set[UUID]) -> list[UUID]:
    rows = session.execute(
        select(Profile.id, Profile.role).where(Profile.id.in_(ids)).order_by(Profile.id)
    )
    roles: Mapping[UUID, Role] = {row[0]: row[1] for row in rows}
    return [who for who, role in roles.items() if may(Actor(who, role), TICKET_NOTE, ticket)]
