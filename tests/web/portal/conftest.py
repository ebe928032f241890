"""A customer in their browser, an agent beside them, and tickets between the two."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM, Actor
from emberone.models import Ticket
from emberone.services import tickets
from tests.factories import Make
from tests.web.conftest import Browser

#: What is new in every answer: the nonce, and the token's time.
_NEW = re.compile(r'nonce="[^"]*"|name="csrf_token" value="[^"]*"|nonce-[\w-]+')


@pytest.fixture
def customer(make: Make) -> Actor:
    """A customer called Carla."""
    return make.customer("Carla Customer", email="carla@example.org")


@pytest.fixture
def agent(make: Make) -> Actor:
    """An agent called Ana."""
    return make.agent("Ana Agent", email="ana@example.org")


@pytest.fixture
def client(customer: Actor, client_of: Callable[[Actor], Browser]) -> Browser:
    """The customer's browser."""
    return client_of(customer)


@pytest.fixture
def ask(customer: Actor) -> Callable[..., Ticket]:
    """Opens a whole ticket of the customer, as they would."""

    def asked(title: str = "Printer on fire", text: str = "It burns.", **more: Any) -> Ticket:
        return look(tickets.open_ticket(customer, customer.profile_id, title, text, **more))

    return asked


def look(ticket_id: Any) -> Ticket:
    """The ticket as it is now."""
    with reading(SYSTEM) as session:
        return session.get_one(Ticket, ticket_id)


def text_of(answer: Any, status: int = 200) -> str:
    """The page, which must have that status."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    return str(answer.get_data(as_text=True))


def plain(text: str) -> str:
    """The page without what is new in every answer."""
    return _NEW.sub("", text)
