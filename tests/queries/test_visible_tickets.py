"""Which tickets an actor finds."""

from sqlalchemy import select

from emberone.db import reading
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Role
from emberone.models import Ticket
from emberone.policy import visible_tickets


def test_a_customer_sees_their_own_tickets_in_queries(make):
    mine, other = make.customer(), make.customer()
    own, foreign = make.ticket(mine), make.ticket(other)
    seen = {}
    for actor in (mine, make.agent(), make.admin(), Actor(None, Role.CUSTOMER)):
        with reading(SYSTEM) as session:
            seen[actor.role, actor.profile_id is None] = set(
                session.scalars(select(Ticket.id).where(visible_tickets(actor)))
            )
    assert seen == {
        (Role.CUSTOMER, False): {own},
        (Role.AGENT, False): {own, foreign},
        (Role.ADMIN, False): {own, foreign},
        (Role.CUSTOMER, True): set(),
    }
