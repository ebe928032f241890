"""What background work gave up on."""

from datetime import UTC, datetime, timedelta

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import FeedbackState
from emberone.domain.errors import Conflict
from emberone.queries.feedback import requests_of
from emberone.queries.jobs import dead_counts, dead_rows
from emberone.services import feedback, tickets

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def given_up(make, owner):
    """A ticket that was closed, and whose request to rate was given up; and its customer."""
    customer = make.customer()
    ticket = tickets.open_ticket(customer, customer.profile_id, "No VPN", "It fails.", now=T0)
    tickets.close_ticket(customer, ticket, now=T0)
    owner.execute("UPDATE feedback_requests SET dead_at = now(), attempts = 5, last_error = 'boom'")
    return customer, ticket


def found(ticket_id):
    """The state of the request, the ids of dead requests, and how many they are said to be."""
    with reading(SYSTEM) as session:
        [asked] = requests_of(session, ticket_id)
        dead = [row.id for row in dead_rows(session) if row.kind == "feedback"]
        return asked.request, dead, dead_counts(session)["feedback"]


def test_a_request_that_was_given_up_is_listed_and_counted(given_up):
    _, ticket = given_up
    request, dead, count = found(ticket)
    assert request.state is FeedbackState.PENDING
    assert (dead, count) == ([request.id], 1)


@pytest.mark.parametrize("settled", [FeedbackState.CANCELLED, FeedbackState.ANSWERED])
def test_a_request_that_was_settled_after_it_was_given_up_is_not_listed(given_up, make, settled):
    customer, ticket = given_up
    later = T0 + timedelta(hours=2)
    if settled is FeedbackState.CANCELLED:
        tickets.reopen_ticket(customer, ticket, now=later)
    else:
        tickets.rate_ticket(customer, ticket, 4, None, now=later)
    request, dead, count = found(ticket)
    assert request.state is settled
    assert request.dead_at is not None
    assert (dead, count) == ([], 0)
    # Listing it would offer what is always refused.
    with pytest.raises(Conflict):
        feedback.retry_request(make.admin(), request.id, now=later)
