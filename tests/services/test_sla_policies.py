"""Policies: promises in versions, one default, and a team's own."""

import itertools
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import select

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from emberone.models import SLAClock, SLAPolicy, SLAStep
from emberone.services import sla_policies, tickets
from emberone.services.sla_policies import PlannedAlert, Promises

QUICK = Promises(
    targets={(Metric.FIRST_RESPONSE, priority): 90 for priority in Priority},
    alerts=(
        PlannedAlert(Decimal(100), (StepAction.RAISE_PRIORITY, StepAction.COMMENT)),
        PlannedAlert(Decimal(50), (StepAction.NOTIFY_ASSIGNEE,)),
    ),
)

_numbers = itertools.count(1)


def clocks_of(ticket_id):
    with reading(SYSTEM) as session:
        found = session.scalars(select(SLAClock).where(SLAClock.ticket_id == ticket_id))
        return {clock.metric: clock.target_s for clock in found}


def steps_of(ticket_id):
    with reading(SYSTEM) as session:
        found = session.scalars(
            select(SLAStep)
            .join(SLAClock, SLAClock.id == SLAStep.clock_id)
            .where(SLAClock.ticket_id == ticket_id)
            .order_by(SLAStep.step_no)
        )
        return [(step.step_no, int(step.percent), step.actions) for step in found]


def open_for(customer, **more):
    # The very same request again would be taken for one.
    title = f"Late {next(_numbers)}"
    return tickets.open_ticket(customer, customer.profile_id, title, "Very.", **more)


def test_a_ticket_begins_under_the_default_policy_in_its_newest_version(make):
    admin, customer = make.admin(), make.customer()
    policy = sla_policies.create_policy(admin, "Quick", QUICK)
    before = clocks_of(open_for(customer))
    assert before[Metric.FIRST_RESPONSE] == 4 * 3600

    sla_policies.make_default(admin, policy)
    ticket = open_for(customer)
    assert clocks_of(ticket) == {Metric.FIRST_RESPONSE: 90}
    assert steps_of(ticket) == [
        (1, 50, ["NOTIFY_ASSIGNEE"]),
        (2, 100, ["RAISE_PRIORITY", "COMMENT"]),
    ]

    slower = {(Metric.FIRST_RESPONSE, priority): 120 for priority in Priority}
    assert sla_policies.add_version(admin, policy, replace(QUICK, targets=slower)) == 2
    assert clocks_of(ticket) == {Metric.FIRST_RESPONSE: 90}
    assert clocks_of(open_for(customer)) == {Metric.FIRST_RESPONSE: 120}
    with reading(SYSTEM) as session:
        defaults = session.scalars(select(SLAPolicy.name).where(SLAPolicy.is_default))
        assert list(defaults) == ["Quick"]


def test_a_team_may_have_a_policy_of_its_own_and_give_it_up(make):
    admin, customer, team = make.admin(), make.customer(), make.team()
    policy = sla_policies.create_policy(admin, "Quick", QUICK)
    sla_policies.give_team_policy(admin, team, policy)
    asked = {"customer": customer.profile_id, "title": "Late", "description": "", "team_id": team}
    assert clocks_of(tickets.open_ticket(admin, **asked)) == {Metric.FIRST_RESPONSE: 90}
    sla_policies.give_team_policy(admin, team, None)
    assert clocks_of(tickets.open_ticket(admin, **asked))[Metric.FIRST_RESPONSE] == 4 * 3600


@pytest.mark.parametrize(
    "promises",
    [
        replace(QUICK, targets={}),
        replace(QUICK, targets={(Metric.RESOLUTION, Priority.LOW): 0}),
        replace(QUICK, targets={(Metric.RESOLUTION, Priority.LOW): 366 * 24 * 3600}),
        replace(QUICK, alerts=[PlannedAlert(Decimal(0), (StepAction.COMMENT,))]),
        replace(QUICK, alerts=[PlannedAlert(Decimal(50), ())]),
        replace(QUICK, alerts=[PlannedAlert(Decimal(50), (StepAction.NOTIFY_PERSON,))]),
        replace(QUICK, alerts=[PlannedAlert(Decimal(50), (StepAction.COMMENT,))] * 2),
    ],
)
def test_what_promises_nothing_sensible_is_refused(make, promises):
    admin = make.admin()
    with pytest.raises(Invalid):
        sla_policies.create_policy(admin, "Odd", promises)
    policy = sla_policies.create_policy(admin, "Quick", QUICK)
    with pytest.raises(Invalid):
        sla_policies.add_version(admin, policy, promises)
    with reading(SYSTEM) as session:
        assert set(session.scalars(select(SLAPolicy.name))) == {"Standard", "Quick"}


def test_a_name_is_taken_once_and_what_is_not_there_is_not_found(make):
    admin, team = make.admin(), make.team()
    with pytest.raises(Conflict):
        sla_policies.create_policy(admin, "standard", QUICK)
    for act in (
        lambda: sla_policies.add_version(admin, uuid4(), QUICK),
        lambda: sla_policies.make_default(admin, uuid4()),
        lambda: sla_policies.give_team_policy(admin, team, uuid4()),
        lambda: sla_policies.give_team_policy(admin, uuid4(), None),
    ):
        with pytest.raises(NotFound):
            act()


def test_promises_are_an_admins_to_make(make):
    admin, agent, team = make.admin(), make.agent(), make.team()
    policy = sla_policies.create_policy(admin, "Quick", QUICK)
    for act in (
        lambda: sla_policies.create_policy(agent, "Mine", QUICK),
        lambda: sla_policies.add_version(agent, policy, QUICK),
        lambda: sla_policies.make_default(agent, policy),
        lambda: sla_policies.give_team_policy(agent, team, policy),
    ):
        with pytest.raises(NotAllowed):
            act()
