"""The conversation of a ticket as its page draws it: who, in which look, what is new or folded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from markupsafe import Markup

from emberone.domain.enums import CommentType
from emberone.markdown import to_html
from emberone.queries.comments import CONVERSATION_LIMIT, CommentCard
from emberone.queries.sla import ClockView
from emberone.queries.tickets import TicketDetails
from emberone.web.admin.limits import METRIC_NAMES
from emberone.web.admin.moments import author_of, system_words

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


def talk_of(ticket: TicketDetails, cards: Sequence[CommentCard], *, shows_all: bool) -> Talk:
    """The latest comments, those before them folded away unless all are asked for."""
    has_earlier = len(cards) > CONVERSATION_LIMIT
    cards = cards[-CONVERSATION_LIMIT:]
    start = 0
    if not shows_all and len(cards) > SHOWN + _WORTH_FOLDING:
        start = len(cards) - SHOWN
    said = [drawn(card) for card in cards[start:]]
    last = next((card for card in reversed(cards) if card.type is CommentType.USER), None)
    return Talk(
        said=said,
        folded=start,
        has_earlier=has_earlier and start == 0,
        last_author=author_of(last) if last else ticket.customer_name,
        last_at=last.created_at if last else ticket.created_at,
        is_customer_last=ticket.customer_spoke_last,
    )


def drawn(card: CommentCard) -> Said:
    """One comment in its look: people write Markdown, the product plain text."""
    is_system = card.type is CommentType.SYSTEM
    return Said(
        card=card,
        author=author_of(card),
        kind=_kind(card),
        html=None if is_system else to_html(card.content),
        text=system_words(card),
    )


def _kind(card: CommentCard) -> str:
    if card.type is CommentType.SYSTEM:
        return "system"
    if card.is_internal:
        return "internal"
    return "staff" if card.author_role and card.author_role.is_staff else "customer"


def due_times(clocks: Iterable[ClockView]) -> dict[str, datetime]:
    """When each clock that runs falls due, by its name: the page counts down."""
    found: dict[str, datetime] = {}
    for clock in clocks:
        if clock.is_open and clock.due_at is not None:
            found.setdefault(str(METRIC_NAMES[clock.metric]), clock.due_at)
    return found
