"""The queue's views: which tickets are in each, in what order, and how many there are.

What is written as SQL text is so because a partial index is only used where the
planner reads its condition as a constant.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    ScalarSelect,
    Select,
    func,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Session, aliased

from emberone.db import now_of
from emberone.domain.actor import Actor
from emberone.domain.enums import Priority, Status
from emberone.domain.sla import SOON, SOON_AT_MOST, SOON_SHARE
from emberone.models import SLAClock, Ticket, TicketRead
from emberone.policy import visible_tickets
from emberone.queries.paging import (
    COUNT_LIMIT,
    Key,
    Order,
    parse_count,
    parse_id,
    parse_moment,
)


class View(StrEnum):
    """A part of the queue that has a name and an address of its own."""

    #: Mine, and somebody has to do something about them.
    MINE = "mine"
    #: They have an agent, and the customer spoke last.
    REPLIED = "replied"
    #: In the pool.
    UNASSIGNED = "unassigned"
    #: A clock is about to run out, or has and still runs; also where it was put aside.
    BREACHING = "breaching"
    #: The customer's turn.
    WAITING = "waiting"
    #: Put aside until later.
    SNOOZED = "snoozed"
    ALL = "all"


#: Stands for "no clock runs": after everything that is due.
_NEVER: Final = datetime(9000, 1, 1, tzinfo=UTC)

_First = aliased(SLAClock, name="first_clock")
#: The nearest due time of a ticket of whatever view.
_nearest: Final = (
    select(func.min(SLAClock.due_at).label("due_at"))
    .where(SLAClock.ticket_id == Ticket.id, SLAClock.running_since.is_not(None))
    .lateral("nearest")
)

_created, _id = Key(Ticket.created_at, parse_moment), Key(Ticket.id, parse_id)
_urgency = Key(func.urgency(Ticket.priority, type_=Integer), parse_count)

#: The most pressing first; what has no clock comes last, the most urgent of it first.
DUE: Final = Order(
    "due",
    (
        Key(
            func.coalesce(_nearest.c.due_at, literal(_NEVER, DateTime(timezone=True))),
            parse_moment,
        ),
        _urgency,
        _id,
    ),
    descending=False,
)
#: The same where every ticket has a clock that runs: walked in the order of an index.
FIRST_DUE: Final = Order("due", (Key(_First.due_at, parse_moment), _urgency, _id), descending=False)
#: Who has waited longest for an answer comes first.
WAIT: Final = Order("wait", (Key(Ticket.unanswered_since, parse_moment), _id), descending=False)
#: The most urgent first, of these the oldest.
URGENCY: Final = Order("urgency", (_urgency, _created, _id), descending=False)
SNOOZE: Final = Order("until", (Key(Ticket.snoozed_until, parse_moment), _id), descending=False)
CREATED: Final = Order("created", (_created, _id))
ACTIVITY: Final = Order("activity", (Key(Ticket.last_activity_at, parse_moment), _id))
NUMBER: Final = Order("number", (Key(Ticket.number, parse_count),))
PRIORITY: Final = Order("priority", (Key(Ticket.priority, Priority), _created, _id))
STATUS: Final = Order("status", (Key(Ticket.status, Status), _created, _id), descending=False)

#: What any list of tickets can be sorted by, each with an index of its own.
_ANY: Final = (ACTIVITY, CREATED, NUMBER, PRIORITY, STATUS)
#: The orders of a view; its own first.
_ORDERS: Final = {
    View.MINE: (DUE, WAIT, *_ANY),
    View.REPLIED: (WAIT, *_ANY),
    View.UNASSIGNED: (URGENCY, DUE, ACTIVITY, CREATED, NUMBER, STATUS),
    View.BREACHING: (FIRST_DUE, *_ANY),
    View.WAITING: (WAIT, *_ANY),
    View.SNOOZED: (SNOOZE, *_ANY),
    View.ALL: _ANY,
}


def orders_of(view: View) -> dict[str, Order]:
    """What the view can be sorted by, its own order first."""
    return {order.name: order for order in _ORDERS[view]}


#: Somebody has to do something about it, now or once it is no longer put aside.
IS_WORKED_ON: Final[ColumnElement[bool]] = text("tickets.status IN ('OPEN', 'IN_PROGRESS')")  # type: ignore[assignment]
_CUSTOMER_WAITS: Final[ColumnElement[bool]] = text(  # type: ignore[assignment]
    "tickets.customer_spoke_last AND tickets.assigned_agent_id IS NOT NULL"
)
_IS_WAITING: Final[ColumnElement[bool]] = text("tickets.status = 'WAITING'")  # type: ignore[assignment]


def _awake(now: datetime) -> ColumnElement[bool]:
    return Ticket.snoozed_until.is_(None) | (Ticket.snoozed_until <= now)


def _is_soon(clock: Any, now: datetime) -> list[ColumnElement[bool]]:
    """`domain.sla.is_due_soon` for rows, its outermost bound first: that is the index's."""
    share = func.make_interval(0, 0, 0, 0, 0, 0, clock.target_s * SOON_SHARE)
    return [
        clock.running_since.is_not(None),
        clock.due_at <= now + SOON_AT_MOST,
        clock.due_at <= literal(now) + func.greatest(SOON, share),
    ]


def is_in(view: View, actor: Actor, now: datetime) -> list[ColumnElement[bool]]:
    """What makes a ticket a part of the view, as conditions for queries."""
    if view is View.ALL:
        return []
    if view is View.WAITING:
        return [_IS_WAITING, _awake(now)]
    if view is View.SNOOZED:
        return [Ticket.snoozed_until > now]
    if view is View.BREACHING:
        soon = select(SLAClock.ticket_id).where(*_is_soon(SLAClock, now))
        return [IS_WORKED_ON, Ticket.id.in_(soon)]
    found = [IS_WORKED_ON, _awake(now)]
    if view is View.MINE:
        found.append(Ticket.assigned_agent_id == actor.profile_id)
    elif view is View.UNASSIGNED:
        found.append(Ticket.assigned_agent_id.is_(None))
    elif view is View.REPLIED:
        found.append(_CUSTOMER_WAITS)
    return found


def sorted_by(
    statement: Select[*tuple[Any, ...]], order: Order, now: datetime
) -> Select[*tuple[Any, ...]]:
    """The statement with what its order looks at besides the ticket itself."""
    if order is DUE:
        return statement.outerjoin(_nearest, text("true"))
    if order is FIRST_DUE:
        earlier = aliased(SLAClock)
        return statement.join(_First, _First.ticket_id == Ticket.id).where(
            *_is_soon(_First, now),
            ~select(earlier.id)
            .where(
                earlier.ticket_id == _First.ticket_id,
                earlier.running_since.is_not(None),
                (earlier.due_at < _First.due_at)
                | ((earlier.due_at == _First.due_at) & (earlier.id < _First.id)),
            )
            .exists(),
        )
    return statement


#: More clocks than this run on no COUNT_LIMIT tickets: three metrics each.
_CLOCKS_COUNTED: Final = 3 * (COUNT_LIMIT + 1)


#: 64 rows of one page; a minute too, since limits run out and snoozes end by themselves.
_PULSE: Final = (
    "SELECT left(md5(string_agg(moved_by::text, ',' ORDER BY slot)), 16)"
    " || to_char(context_now(), '-DDHH24MI') FROM queue_pulse"
)


def pulse(session: Session) -> str:
    """One word that is another whenever a ticket has changed, or a minute has passed.

    Ask for it before the rows: what is committed in between is then news once more.
    """
    return str(session.scalar(text(_PULSE)))


class Standing(NamedTuple):
    """How many tickets each view has, and the pulse at which that was so."""

    pulse: str
    counts: dict[View, int]


def standing(session: Session, actor: Actor) -> Standing:
    """All counts and the pulse, in one statement that stops counting at the limit each."""
    counts = [_counted(narrowed, view) for view, narrowed in _narrowed(session, actor).items()]
    row = session.execute(select(*counts, literal_column(f"({_PULSE})"))).one()
    return Standing(str(row[-1]), dict(zip(View, row[:-1], strict=True)))


def view_counts(session: Session, actor: Actor) -> dict[View, int]:
    """How many tickets each view has; counting stops at the limit."""
    return standing(session, actor).counts


def mine_count(session: Session, actor: Actor) -> int:
    """How many tickets the actor's own view has: the one count that people do not share."""
    narrowed = [visible_tickets(actor), *is_in(View.MINE, actor, now_of(session))]
    return session.scalar(select(_counted(narrowed, View.MINE))) or 0


#: Views that are counted along the index of their own order. Behind a row policy the planner
#: may not look at the statistics of an enumeration, and reads half of the table instead.
_COUNTED_IN_ORDER: Final = (View.REPLIED, View.WAITING)


def _counted(narrowed: list[ColumnElement[bool]], view: View) -> ScalarSelect[int]:
    found = select(Ticket.id).where(*narrowed)
    if view in _COUNTED_IN_ORDER:
        found = found.order_by(*(key.column for key in WAIT.keys))
    limited = found.limit(COUNT_LIMIT + 1).subquery()
    return select(func.count()).select_from(limited).scalar_subquery()


def _narrowed(session: Session, actor: Actor) -> dict[View, list[ColumnElement[bool]]]:
    now = now_of(session)
    seen = [visible_tickets(actor)]
    soon = (
        select(SLAClock.ticket_id)
        .where(*_is_soon(SLAClock, now))
        .order_by(SLAClock.due_at)
        .limit(_CLOCKS_COUNTED)
        .subquery()
    )
    narrowed = {view: [*seen, *is_in(view, actor, now)] for view in View}
    in_time = Ticket.id.in_(select(soon.c.ticket_id))
    narrowed[View.BREACHING] = [*seen, IS_WORKED_ON, in_time]
    return narrowed


def unread(session: Session, actor: Actor, activity: dict[UUID, int]) -> set[UUID]:
    """Which of these tickets have moved or come back since the actor last read them.

    `activity` is the `activity_no` of each.
    """
    now = now_of(session)
    marks = session.execute(
        select(TicketRead.ticket_id, TicketRead.activity_no)
        .join(Ticket, Ticket.id == TicketRead.ticket_id)
        .where(
            TicketRead.profile_id == actor.profile_id,
            TicketRead.ticket_id.in_(activity),
            # What has come back was not read before it did.
            Ticket.snoozed_until.is_(None)
            | (Ticket.snoozed_until > now)
            | (Ticket.snoozed_until <= TicketRead.seen_at),
        )
    )
    seen: dict[UUID, int] = {row.ticket_id: row.activity_no for row in marks}
    return {ticket_id for ticket_id, number in activity.items() if seen.get(ticket_id, 0) < number}
