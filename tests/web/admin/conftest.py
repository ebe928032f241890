"""Staff in their browsers, and tickets for them to work on."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from emberone.db import reading
from emberone.domain.actor import SYSTEM, Actor
from emberone.models import Ticket
from emberone.services import tickets
from tests.factories import Make
from tests.web.conftest import Browser


@pytest.fixture
def agent(make: Make) -> Actor:
    """An agent called Ana."""
    return make.agent("Ana Agent", email="ana@example.org")


@pytest.fixture
def admin(make: Make) -> Actor:
    """An admin called Ada."""
    return make.admin("Ada Admin", email="ada@example.org")


@pytest.fixture
def customer(make: Make) -> Actor:
    """A customer called Carl."""
    return make.customer("Carl Customer", email="carl@example.org")


@pytest.fixture
def as_agent(agent: Actor, client_of: Callable[[Actor], Browser]) -> Browser:
    """The agent's browser."""
    return client_of(agent)


@pytest.fixture
def as_admin(admin: Actor, client_of: Callable[[Actor], Browser]) -> Browser:
    """The admin's browser."""
    return client_of(admin)


@pytest.fixture
def as_customer(customer: Actor, client_of: Callable[[Actor], Browser]) -> Browser:
    """The customer's browser."""
    return client_of(customer)


@pytest.fixture
def open_ticket(customer: Actor) -> Callable[..., Ticket]:
    """Opens a whole ticket of the customer, as they would."""

    def opened(title: str = "Printer on fire", text: str = "It burns.", **more: Any) -> Ticket:
        ticket_id = tickets.open_ticket(customer, customer.profile_id, title, text, **more)
        return look(ticket_id)

    return opened


@pytest.fixture
def queries(statements: Callable[[], list[str]]) -> Callable[[], list[str]]:
    """The statements sent since the last call."""
    return statements


def look(ticket_id: Any) -> Ticket:
    """The ticket as it is now."""
    with reading(SYSTEM) as session:
        return session.get_one(Ticket, ticket_id)


def rows(statement: str, **values: Any) -> list[Any]:
    """What a statement returns, as the product."""
    with reading(SYSTEM) as session:
        return list(session.execute(text(statement), values))
