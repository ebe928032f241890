"""Who acts, and what that makes of them."""

from uuid import UUID

import pytest

from emberone.domain.actor import SYSTEM, Actor, system_for
from emberone.domain.enums import Priority, Role, Source

ANA = UUID(int=1)


@pytest.mark.parametrize(
    ("role", "is_system", "is_staff", "is_customer", "source"),
    [
        (None, True, False, False, Source.SYSTEM),
        (Role.CUSTOMER, False, False, True, Source.CUSTOMER_PORTAL),
        (Role.AGENT, False, True, False, Source.AGENT_DASHBOARD),
        (Role.ADMIN, False, True, False, Source.AGENT_DASHBOARD),
    ],
)
def test_an_actor_is_what_the_role_says(role, is_system, is_staff, is_customer, source):
    actor = Actor(ANA, role)
    assert (actor.is_system, actor.is_staff, actor.is_customer) == (
        is_system,
        is_staff,
        is_customer,
    )
    assert actor.source is source


def test_the_product_acts_with_its_own_rights_in_the_name_of_a_person_or_of_none():
    assert Actor(None, None) == SYSTEM == system_for(None)
    assert system_for(ANA) == Actor(ANA, None)
    assert system_for(ANA).is_system


@pytest.mark.parametrize(
    ("priority", "rank", "raised"),
    [
        (Priority.LOW, 0, Priority.MEDIUM),
        (Priority.MEDIUM, 1, Priority.HIGH),
        (Priority.HIGH, 2, Priority.CRITICAL),
        (Priority.CRITICAL, 3, Priority.CRITICAL),
    ],
)
def test_a_priority_is_raised_by_one_level_and_critical_stays(priority, rank, raised):
    assert priority.rank == rank
    assert priority.raised() is raised
