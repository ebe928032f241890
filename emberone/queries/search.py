"""Full-text search over titles, descriptions and comments.

`search @@ query ORDER BY created_at LIMIT 25` walks a million rows for a rare
word. So the GIN indexes are asked first, up to a limit: few hits are sorted as
a list of ids; with many, walking in the wanted order finds a page soon.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, exists, func, or_, select, text
from sqlalchemy.orm import Session

from emberone.models import Comment, Ticket

#: More hits than this are not listed but walked.
HIT_LIMIT = 1000

_SEQSCAN = text("SELECT set_config('enable_seqscan', :value, true)")

#: The tickets hit by their own words, then those hit by a comment.
_PROBE = text(
    """
    SELECT
        ARRAY(
            SELECT id FROM tickets
            WHERE search @@ websearch_to_tsquery('english', :words)
            LIMIT :most
        ) AS by_ticket,
        ARRAY(
            SELECT ticket_id FROM comments
            WHERE to_tsvector('english', content) @@ websearch_to_tsquery('english', :words)
            LIMIT :most
        ) AS by_comment
    """
)


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found: ids, or None where there are too many to list."""

    words: str
    by_ticket: frozenset[UUID] | None
    by_comment: frozenset[UUID] | None

    @property
    def ids(self) -> frozenset[UUID] | None:
        """All tickets found, or None where there are too many to list."""
        if self.by_ticket is None or self.by_comment is None:
            return None
        return self.by_ticket | self.by_comment

    @property
    def condition(self) -> ColumnElement[bool]:
        """The tickets found, as a condition for queries."""
        if self.ids is not None:
            return Ticket.id.in_(self.ids)
        return or_(self._own_words(), self._comments())

    def _own_words(self) -> ColumnElement[bool]:
        if self.by_ticket is not None:
            return Ticket.id.in_(self.by_ticket)
        return Ticket.search.bool_op("@@")(_query(self.words))

    def _comments(self) -> ColumnElement[bool]:
        if self.by_comment is not None:
            return Ticket.id.in_(self.by_comment)
        return exists(
            select(Comment.id)
            .where(Comment.ticket_id == Ticket.id, _contain(self.words))
            .correlate(Ticket)
        )


def _query(words: str) -> ColumnElement[str]:
    return func.websearch_to_tsquery(text("'english'"), words)


def find_tickets(session: Session, words: str) -> Hits:
    """Ask both indexes for the words; quotes, `or` and `-` mean what they mean on the web."""
    ((by_ticket, by_comment),) = _probed(session, _PROBE, words=words, most=HIT_LIMIT + 1)
    return Hits(words, _listed(by_ticket), _listed(by_comment))


def find_comments(session: Session, words: str) -> ColumnElement[bool]:
    """The comments that contain the words, as a condition for queries over comments."""
    probe = select(Comment.id).where(_contain(words)).limit(HIT_LIMIT + 1)
    ids = _listed([row[0] for row in _probed(session, probe)])
    return _contain(words) if ids is None else Comment.id.in_(ids)


def _probed(session: Session, probe: Executable, **values: Any) -> list[tuple[Any, ...]]:
    # With LIMIT, a sequential scan looks cheap for a word that the statistics do not know.
    session.execute(_SEQSCAN, {"value": "off"})
    rows = [tuple(row) for row in session.execute(probe, values)]
    session.execute(_SEQSCAN, {"value": "on"})
    return rows


def _listed(ids: list[UUID]) -> frozenset[UUID] | None:
    return frozenset(ids) if len(ids) <= HIT_LIMIT else None


def _contain(words: str) -> ColumnElement[bool]:
    return func.to_tsvector(text("'english'"), Comment.content).bool_op("@@")(_query(words))
