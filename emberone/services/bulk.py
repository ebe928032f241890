"""The same done to many tickets: each in a transaction of its own, each with its own outcome.

What one ticket refuses (its status, a colleague's change, its disappearance) is said of
that ticket, and the others go on.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from emberone.domain.actor import Actor
from emberone.domain.errors import EmberOneError, Invalid
from emberone.domain.feedback import SkipReason
from emberone.services import digests
from emberone.services.tickets import assign_ticket, close_ticket

#: So many tickets change at once; more is the work of an import or a sweep.
MOST: Final = 100

#: Longer than so many tickets take. Should this process die over them, their letters leave
#: one by one after that.
_HELD_S: Final = 30

logger = logging.getLogger(__name__)


class Chosen(NamedTuple):
    """One ticket as the person had it before them when they chose it."""

    ticket_id: UUID
    version: int
    activity_no: int


class Refusal(NamedTuple):
    """A ticket that stayed as it was, and why."""

    ticket_id: UUID
    error: EmberOneError


class NothingChosen(Invalid):
    """No ticket was chosen."""


class TooMany(Invalid):
    """At most 100 tickets can be changed at once."""


def on_each(chosen: Sequence[Chosen], act: Callable[[Chosen], None]) -> list[Refusal]:
    """Let a service act on one ticket after the other; says which of them refused.

    NothingChosen or TooMany, before anything is done, where that is so.
    """
    if not chosen:
        raise NothingChosen
    if len(chosen) > MOST:
        raise TooMany
    refusals = []
    # In the order of their ids, so that two at once never wait for each other in a circle.
    for one in sorted(chosen):
        try:
            act(one)
        except EmberOneError as error:
            refusals.append(Refusal(one.ticket_id, error))
    logger.info("bulk.done", extra={"tickets": len(chosen), "refused": len(refusals)})
    return refusals


def assign_each(actor: Actor, chosen: Sequence[Chosen], agent_id: UUID | None) -> list[Refusal]:
    """Give each of them to an agent, who is told of all in one letter, or back to the pool."""
    is_told_once = agent_id is not None and len(chosen) > 1
    refusals = on_each(
        chosen,
        lambda one: assign_ticket(
            actor,
            one.ticket_id,
            agent_id,
            version=one.version,
            tell_after_s=_HELD_S if is_told_once else 0,
        ),
    )
    if agent_id is not None and is_told_once:
        digests.tell_of_assigned(agent_id, [one.ticket_id for one in chosen])
    return refusals


def close_each(actor: Actor, chosen: Sequence[Chosen]) -> list[Refusal]:
    """Close every one of them that nobody has touched or written on meanwhile.

    More than one is a mass close, about which no customer is asked (feedback rule 2).
    """
    reason = SkipReason.MASS_CLOSE.value if len(chosen) > 1 else None
    return on_each(
        chosen,
        lambda one: close_ticket(actor, one.ticket_id, seen=one.activity_no, reason=reason),
    )
