"""Mentions on the pages: each name in a note leads to the person."""

from collections.abc import Callable, Iterable
from uuid import UUID

from flask import url_for
from sqlalchemy.orm import Session

from emberone.domain.mentions import Finder, finder
from emberone.queries.comments import CommentCard
from emberone.queries.mentions import colleagues

#: What finds the names, and where each leads; None where nothing can be one.
Marks = tuple[Finder, Callable[[UUID], str]]


def marks_for(session: Session, cards: Iterable[CommentCard]) -> Marks | None:
    """How these comments' mentions are drawn; asks for names only where a note has an `@`."""
    if not any(card.is_internal and "@" in card.content for card in cards):
        return None
    return finder(colleagues(session)), _address


def _address(profile_id: UUID) -> str:
    return url_for("profile.details_view", id=profile_id)
