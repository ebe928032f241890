"""Moving a transaction of the product's through the past."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from emberone.db import actor_of, at, now_of, reading, transaction
from emberone.domain.actor import SYSTEM, system_for
from emberone.domain.enums import Status
from emberone.models import HistoryEntry, Ticket

THEN = datetime(2020, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)


def test_each_change_has_the_time_and_the_person_it_was_made_at(make):
    first, second = make.agent(), make.agent()
    ticket_id = make.ticket()
    with transaction(SYSTEM) as session:
        real_now = now_of(session)
        ticket = session.get(Ticket, ticket_id)
        at(session, first.profile_id, THEN)
        assert (now_of(session), actor_of(session)) == (THEN, system_for(first.profile_id))
        # Not flushed by hand: the next move must not take it along.
        ticket.status = Status.WAITING
        at(session, second.profile_id, THEN.replace(hour=13))
        ticket.status = Status.CLOSED
        at(session, None, real_now)
        assert now_of(session) == real_now
    with reading(SYSTEM) as session:
        found = session.execute(
            select(HistoryEntry.created_at, HistoryEntry.actor_id)
            .where(HistoryEntry.action == "status_changed")
            .order_by(HistoryEntry.created_at)
        ).all()
        assert found == [
            (THEN, first.profile_id),
            (THEN.replace(hour=13), second.profile_id),
        ]
        assert session.get(Ticket, ticket_id).closed_at == THEN.replace(hour=13)


def test_only_the_product_replays_the_past(make):
    admin = make.admin()
    with (
        pytest.raises(RuntimeError, match="Only the product"),
        transaction(admin) as session,
    ):
        at(session, None, THEN)
    with pytest.raises(RuntimeError, match="Only the product"), reading(SYSTEM) as session:
        at(session, None, THEN)
