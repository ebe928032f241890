"""The queue's views: what is in each, in which order, and how many."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from emberone.db import now_of, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority, Status
from emberone.queries import tickets, views
from emberone.queries.paging import Paging, turned
from emberone.queries.views import View

FAR = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock(owner):
    """Lets a clock run on a ticket that falls due in so many hours."""

    def run(ticket, hours, metric="RESOLUTION", target_s=3600):
        owner.execute(
            "INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, target_s, started_at,"
            " running_since, due_at) SELECT %s, %s, id, %s, now(), now(),"
            " now() + %s * interval '1 hour' FROM sla_policy_versions LIMIT 1",
            (ticket, metric, target_s, hours),
        )

    return run


def listed(view, actor, size=25, order=None):
    """The view's tickets page by page, there and back; their count must agree."""
    order = order or next(iter(views.orders_of(view).values()))
    filters = tickets.TicketFilters(view=view)
    with reading(actor) as session:
        paging = Paging(order, order.descending, size=size)
        page = tickets.list_tickets(session, actor, filters, paging)
        found, places = [row.id for row in page.rows], list(page.places)
        while page.following:
            paging = Paging(order, order.descending, page.following, size)
            page = tickets.list_tickets(session, actor, filters, paging)
            found += [row.id for row in page.rows]
            places += page.places
        assert views.view_counts(session, actor)[view] == len(found)
        assert tickets.count_tickets(session, actor, filters) == len(found)
        for n, place in enumerate(places[1:]):
            paging = Paging(order, order.descending, turned(place))
            before = tickets.neighbour(session, actor, filters, paging)
            assert before is not None
            assert before.place == places[n]
    return found


@pytest.mark.parametrize("size", [25, 1])
def test_each_view_has_what_is_its_own_in_its_own_order(make, clock, size):
    ana, ben = make.agent(), make.agent()
    late = make.ticket(assigned_agent_id=ana.profile_id)
    clock(late, -1)
    clock(late, 5, "NEXT_RESPONSE")
    calm = make.ticket(assigned_agent_id=ana.profile_id)
    clock(calm, 50)
    free, urgent = (
        make.ticket(assigned_agent_id=ana.profile_id, priority=priority)
        for priority in (Priority.LOW, Priority.HIGH)
    )
    bens = make.ticket(assigned_agent_id=ben.profile_id)
    old, new = make.ticket(), make.ticket()
    critical = make.ticket(priority=Priority.CRITICAL)
    waiting = make.ticket(assigned_agent_id=ana.profile_id, status=Status.WAITING)
    closed = make.ticket(assigned_agent_id=ana.profile_id, status=Status.CLOSED)
    asleep = make.ticket(assigned_agent_id=ana.profile_id, snoozed_until=FAR)
    clock(asleep, -1)
    assert listed(View.MINE, ana, size) == [late, calm, urgent, free]
    assert listed(View.REPLIED, ana, size) == [late, calm, free, urgent, bens]
    assert listed(View.UNASSIGNED, ana, size) == [critical, old, new]
    # What is put aside hides no time limit.
    assert listed(View.BREACHING, ana, size) == [late, asleep]
    assert listed(View.WAITING, ana, size) == [waiting]
    assert listed(View.SNOOZED, ana, size) == [asleep]
    assert listed(View.ALL, ana, size)[:3] == [asleep, closed, waiting]


@pytest.mark.parametrize("size", [25, 1])
def test_the_pool_can_be_sorted_by_what_is_due_next(make, clock, size):
    calm, without, late = make.ticket(), make.ticket(priority=Priority.CRITICAL), make.ticket()
    clock(calm, 50)
    clock(late, -1)
    clock(late, 90, "NEXT_RESPONSE")
    order = views.orders_of(View.UNASSIGNED)["due"]
    assert listed(View.UNASSIGNED, make.agent(), size, order) == [late, calm, without]


@pytest.mark.parametrize(
    ("hours", "target_h", "is_soon"),
    [(0.9, 1, True), (1.5, 4, False), (1.5, 8, True), (23, 400, True), (25, 400, False)],
)
def test_the_database_and_the_domain_agree_on_what_is_soon(make, clock, hours, target_h, is_soon):
    from emberone.queries.sla import next_due

    ticket = make.ticket()
    clock(ticket, hours, target_s=target_h * 3600)
    assert listed(View.BREACHING, SYSTEM) == ([ticket] if is_soon else [])
    with reading(SYSTEM) as session:
        assert next_due(session, [ticket], now_of(session))[ticket].is_soon is is_soon


def test_a_snooze_that_is_over_hides_nothing(make):
    ana = make.agent()
    ticket = make.ticket(assigned_agent_id=ana.profile_id)
    with transaction(SYSTEM) as session:
        past = now_of(session) - timedelta(minutes=1)
        session.execute(text("UPDATE tickets SET snoozed_until = :past"), {"past": past})
    assert listed(View.MINE, ana) == [ticket]
    assert listed(View.SNOOZED, ana) == []
