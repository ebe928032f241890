"""All that happened to one ticket in one order, and the pulse that tells whether there is news.

For staff only (HISTORY_VIEW): the timeline names notes, reasons and letters.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, literal, select, text, union_all
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.models import Comment, HistoryEntry, Letter
from emberone.policy import TICKET_NOTE, may_ever
from emberone.queries import comments, history, letters
from emberone.queries.comments import CommentCard
from emberone.queries.history import Entry
from emberone.queries.letters import LetterLine
from emberone.queries.paging import Key, Order, Page, Paging, fetch_page, parse_id, parse_moment

#: So many moments stand on one page of the timeline.
PAGE_SIZE: Final = 50

#: Actions that tell of time limits; all others are changes.
SLA_ACTIONS: Final = (
    "sla_policy_chosen",
    "sla_changed",
    "sla_warned",
    "sla_breached",
    "sla_breach_taken_back",
    "escalated",
    "sla_step_retried",
)


class View(StrEnum):
    """Which moments to show."""

    ALL = "all"
    CHANGES = "changes"
    SLA = "sla"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened: exactly one of the three is there."""

    comment: CommentCard | None = None
    entry: Entry | None = None
    letter: LetterLine | None = None


class _Place(NamedTuple):
    kind: str
    id: UUID


def timeline(
    session: Session, actor: Actor, ticket_id: UUID, view: View, cursor: str | None
) -> Page[Moment]:
    """One page of what happened to a ticket, newest first."""
    places = union_all(*(_places(ticket_id, kind) for kind in _kinds(view))).subquery("moments")
    order = Order(
        "moment",
        (
            Key(places.c.at, parse_moment),
            Key(places.c.id, parse_id),
        ),
    )
    statement: Select[*tuple[Any, ...]] = select(places.c.kind, places.c.id)
    if view in {View.CHANGES, View.SLA}:
        is_sla = places.c.action.in_(SLA_ACTIONS)
        statement = statement.where(is_sla if view is View.SLA else ~is_sla)
    paging = Paging(order, order.descending, cursor, PAGE_SIZE)
    page = fetch_page(session, statement, _Place, paging)
    found = _moments(session, actor, ticket_id, page.rows)
    rows = [found[place] for place in page.rows if place in found]
    return Page(rows, page.previous, page.following)


def _kinds(view: View) -> tuple[str, ...]:
    if view is View.ALL:
        return ("comment", "entry", "letter")
    return ("letter",) if view is View.MAIL else ("entry",)


def _places(ticket_id: UUID, kind: str) -> Select[*tuple[Any, ...]]:
    models: dict[str, Any] = {"comment": Comment, "entry": HistoryEntry, "letter": Letter}
    model = models[kind]
    action = HistoryEntry.action if kind == "entry" else literal("")
    return select(
        model.created_at.label("at"),
        model.id.label("id"),
        literal(kind).label("kind"),
        action.label("action"),
    ).where(model.ticket_id == ticket_id)


def _moments(
    session: Session, actor: Actor, ticket_id: UUID, places: list[_Place]
) -> dict[_Place, Moment]:
    ids: dict[str, list[UUID]] = {}
    for place in places:
        ids.setdefault(place.kind, []).append(place.id)
    found: dict[_Place, Moment] = {}
    if "comment" in ids:
        for card in comments.cards(session, actor, ids["comment"]):
            found[_Place("comment", card.id)] = Moment(comment=card)
    if "entry" in ids:
        for entry in history.entries(session, ids["entry"]):
            found[_Place("entry", entry.id)] = Moment(entry=entry)
    if "letter" in ids:
        for letter in letters.letters_of(session, ticket_id):
            found[_Place("letter", letter.id)] = Moment(letter=letter)
    return found


class Pulse(NamedTuple):
    """What moves whenever the page of a ticket has something new to show."""

    ticket_id: UUID
    activity_no: int
    #: The latest history entry: steps of the time limits change no column of the ticket.
    newest_entry: UUID | None
    #: Replies on their way, and who else is writing, as the database sums them up.
    drafts: str | None
    #: Who else has the page open, summed up the same way.
    viewers: str | None

    @property
    def tag(self) -> str:
        """All of it in one short word."""
        return "-".join(str(part or 0) for part in self[1:])


#: One row by each of three indexes, and the few who look. What the reader writes is no news to them; of what
#: others write it only counts that they do.
_PULSE: Final = text(
    """
    SELECT id, activity_no,
        (SELECT history.id FROM history WHERE history.ticket_id = tickets.id
            ORDER BY history.created_at DESC, history.id DESC LIMIT 1),
        (SELECT left(md5(string_agg(concat_ws(':', drafts.id, state,
                CASE state WHEN 'writing'
                    THEN (updated_at > context_now() - interval '1 minute')::text
                    ELSE drafts.version::text END), ',' ORDER BY drafts.id)), 12)
            FROM drafts WHERE drafts.ticket_id = tickets.id
                AND (state <> 'writing' OR author_id <> :reader)),
        (SELECT left(md5(string_agg(profile_id::text, ',' ORDER BY profile_id)), 8)
            FROM ticket_viewers WHERE ticket_viewers.ticket_id = tickets.id
                AND profile_id <> :reader AND seen_at > context_now() - interval '1 minute')
    FROM tickets WHERE number = :number
    """
)


def pulse(session: Session, actor: Actor, number: int) -> Pulse | None:
    """Whether there is news on a ticket, in one statement; None where staff find no such ticket."""
    if not may_ever(actor, TICKET_NOTE):
        return None
    row = session.execute(_PULSE, {"number": number, "reader": actor.profile_id}).one_or_none()
    columns: tuple[Any, ...] | None = row
    return None if columns is None else Pulse(*columns)
