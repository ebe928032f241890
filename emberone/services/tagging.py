"""One word on a ticket or off it: what many tickets may get at once, whatever else they carry."""

from collections.abc import Iterable
from uuid import UUID

from emberone.db import service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.models import Ticket
from emberone.policy import TICKET_ROUTE, require
from emberone.services.transitions import ask_for_agent, locked_ticket


@service
def add_tags(actor: Actor, ticket_id: UUID, words: Iterable[str]) -> None:
    """Add words to a ticket's own; those that it has already stay once."""
    added = texts.tags(words)
    with transaction(actor) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        _retag(actor, ticket, texts.tags([*ticket.tags, *added]))
        ask_for_agent(session, ticket)


@service
def remove_tags(actor: Actor, ticket_id: UUID, words: Iterable[str]) -> None:
    """Take words off a ticket; those that it does not have are none."""
    removed = set(texts.tags(words))
    with transaction(actor) as session:
        ticket = locked_ticket(session, actor, ticket_id)
        _retag(actor, ticket, [word for word in ticket.tags if word not in removed])
        ask_for_agent(session, ticket)


def _retag(actor: Actor, ticket: Ticket, words: list[str]) -> None:
    # No version is compared: nothing that somebody else wrote is replaced.
    require(actor, TICKET_ROUTE, ticket)
    if words != list(ticket.tags):
        ticket.tags = words
