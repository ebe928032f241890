"""The conversation of a ticket as its page draws it: who, in which look, what is new or folded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Final
from uuid import UUID

from flask_babel import gettext as _
from markupsafe import Markup

from emberone.domain.actor import Actor
from emberone.domain.enums import CommentType
from emberone.domain.lifecycle import Event
from emberone.markdown import to_html
from emberone.queries.attachments import AttachmentLink
from emberone.queries.comments import CONVERSATION_LIMIT, CommentCard
from emberone.queries.drafts import WaitingReply
from emberone.queries.sla import ClockView
from emberone.queries.tickets import TicketDetails
from emberone.web.admin.limits import METRIC_NAMES
from emberone.web.admin.moments import author_of, system_words
from emberone.web.admin.note_mentions import Marks
from emberone.web.admin.ticket.reply_changes import worded
from emberone.web.admin.why import held_because

#: So many of the latest comments are shown at once; those before them are folded away.
SHOWN: Final = 12
#: Fewer than these are not worth folding.
_WORTH_FOLDING: Final = 3


@dataclass(frozen=True, slots=True)
class Said:
    """One comment, ready to be drawn."""

    card: CommentCard
    author: str
    #: customer, staff, internal or system.
    kind: str
    #: None: plain text, the product's own.
    html: Markup | None
    text: str


@dataclass(frozen=True, slots=True)
class Talk:
    """What is shown of a conversation."""

    said: list[Said] = field(default_factory=list)
    #: How many comments are folded away between the request and the first one shown.
    folded: int = 0
    #: Whether there are more than a page can hold.
    has_earlier: bool = False
    #: Who spoke last to the other side, and when.
    last_author: str = ""
    last_at: datetime | None = None
    is_customer_last: bool = True
    #: The first comment of somebody else since the reader's last visit.
    new_from: UUID | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A reply that was sent and can still be taken back, ready to be drawn."""

    reply: WaitingReply
    html: Markup
    files: list[AttachmentLink]
    is_mine: bool
    #: What it does to the ticket; empty: nothing worth a word.
    effect: str
    #: What else it sets; empty: nothing.
    also: str
    #: Of a held one: why it did not leave.
    reason: str
    #: Of a held one: the buttons that send it again, each a verb and its words.
    again: list[tuple[str, str]]
    #: Until it leaves, of how many seconds in all; both 0 where it is held or late.
    seconds_left: int
    seconds: int

    @property
    def print(self) -> str:
        """What moves whenever it has to be drawn anew."""
        reply = self.reply
        return (
            f"{reply.state}-{reply.publish_after}-{reply.attempts}-{reply.customer_spoke_since}"
            f"-{reply.team_name}"
        )


def outgoing(
    actor: Actor,
    replies: Iterable[WaitingReply],
    files: Mapping[UUID, list[AttachmentLink]],
    *,
    now: datetime,
    is_closed: bool,
) -> list[Outgoing]:
    """The replies on their way, each with what its reader needs to know and may do."""
    return [
        Outgoing(
            reply=reply,
            html=to_html(reply.content),
            files=files.get(reply.id, []),
            is_mine=reply.author_id == actor.profile_id,
            effect=_effect(reply.event, is_closed),
            also=worded(reply.priority, reply.team_name, reply.tags),
            reason=held_because(reply.refusal, reply.last_error) if reply.is_held else "",
            again=_again(reply.event, is_closed),
            seconds_left=_seconds(now, reply.publish_after),
            seconds=_seconds(reply.sent_at, reply.publish_after),
        )
        for reply in replies
    ]


def _seconds(start: datetime, end: datetime | None) -> int:
    return max(ceil((end - start).total_seconds()), 0) if end else 0


def _effect(event: Event, is_closed: bool) -> str:
    if event is Event.STAFF_REPLY_AND_WAIT:
        return _("Then the ticket waits for the customer.")
    if event is Event.STAFF_REPLY_REOPENING and is_closed:
        return _("Then the ticket is worked on again.")
    if event is Event.STAFF_REPLY_AND_CLOSE:
        return _("The ticket stays closed.") if is_closed else _("Then the ticket is closed.")
    return ""


def _again(event: Event, is_closed: bool) -> list[tuple[str, str]]:
    """Of a held reply: as it was meant, or what its ticket allows now that it is closed."""
    if is_closed:
        return [
            ("reply_and_reopen", _("Send and reopen")),
            ("reply_and_close", _("Send, leave it closed")),
        ]
    words = {
        Event.STAFF_REPLY_AND_WAIT: _("Send again and wait"),
        Event.STAFF_REPLY_AND_CLOSE: _("Send again and close"),
    }
    return [("", words.get(event, _("Send again")))]


def talk_of(
    ticket: TicketDetails,
    cards: Sequence[CommentCard],
    *,
    reader: UUID | None,
    since: datetime | None,
    shows_all: bool,
    marks: Marks | None = None,
) -> Talk:
    """The latest comments; those before them, as far as they are not new, are folded away.

    `since` is the reader's last visit; without one nothing is called new. `shows_all`
    folds nothing.
    """
    has_earlier = len(cards) > CONVERSATION_LIMIT
    cards = cards[-CONVERSATION_LIMIT:]
    start = 0
    if not shows_all and len(cards) > SHOWN + _WORTH_FOLDING:
        start = len(cards) - SHOWN
    new = _first_new(cards, reader, since)
    start = start if new is None else min(start, new)
    said = [drawn(card, marks) for card in cards[start:]]
    last = next((card for card in reversed(cards) if card.type is CommentType.USER), None)
    return Talk(
        said=said,
        folded=start,
        has_earlier=has_earlier and start == 0,
        last_author=author_of(last) if last else ticket.customer_name,
        last_at=last.created_at if last else ticket.created_at,
        is_customer_last=ticket.customer_spoke_last,
        new_from=None if new is None else cards[new].id,
    )


def _first_new(
    cards: Sequence[CommentCard], reader: UUID | None, since: datetime | None
) -> int | None:
    if since is None:
        return None
    found = (
        place
        for place, card in enumerate(cards)
        if card.created_at > since and card.author_id != reader
    )
    return next(found, None)


def drawn(card: CommentCard, marks: Marks | None = None) -> Said:
    """One comment in its look: people write Markdown, the product plain text.

    In a note, `marks` lets names lead to their people.
    """
    is_system = card.type is CommentType.SYSTEM
    return Said(
        card=card,
        author=author_of(card),
        kind=_kind(card),
        html=None if is_system else to_html(card.content, marks if card.is_internal else None),
        text=system_words(card),
    )


def _kind(card: CommentCard) -> str:
    if card.type is CommentType.SYSTEM:
        return "system"
    if card.is_internal:
        return "internal"
    return "staff" if card.author_role and card.author_role.is_staff else "customer"


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody else who is at this ticket now."""

    name: str
    is_writing: bool


def colleagues(writing: Sequence[str], looking: Sequence[str]) -> list[Colleague]:
    """Who writes first, then who only looks."""
    return [
        *(Colleague(name, is_writing=True) for name in writing),
        *(Colleague(name, is_writing=False) for name in looking if name not in writing),
    ]


def due_times(clocks: Iterable[ClockView]) -> dict[str, datetime]:
    """When each clock that runs falls due, by its name: the page counts down."""
    found: dict[str, datetime] = {}
    for clock in clocks:
        if clock.is_open and clock.due_at is not None:
            found.setdefault(str(METRIC_NAMES[clock.metric]), clock.due_at)
    return found
