"""Policies: promises in versions, one default, and a team's own."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import select

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.errors import Conflict, Invalid, NotAllowed, NotFound, StaleWrite
from emberone.domain.promises import PlannedAlert, Promises
from emberone.models import SLAClock, SLAPolicy, SLAStep
from emberone.queries import sla_policies as queries
from emberone.queries.calendars import calendar_choices
from emberone.services import calendars, sla_policies, tickets

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
        replace(QUICK, alerts=[PlannedAlert(Decimal(1001), (StepAction.COMMENT,))]),
        replace(QUICK, alerts=[PlannedAlert(None, (StepAction.COMMENT,))]),
        replace(QUICK, alerts=[PlannedAlert(Decimal(50), (StepAction.COMMENT,), 60)]),
        replace(QUICK, alerts=[PlannedAlert(None, (StepAction.COMMENT,), -90)]),
        replace(QUICK, alerts=[PlannedAlert(None, (StepAction.COMMENT,), 366 * 24 * 3600)]),
        replace(QUICK, alerts=[PlannedAlert(Decimal(50), (StepAction.COMMENT,) * 2)]),
        replace(
            QUICK, alerts=[PlannedAlert(Decimal(50), (StepAction.COMMENT,), person_id=uuid4())]
        ),
        replace(
            QUICK,
            alerts=[PlannedAlert(Decimal(50), (StepAction.NOTIFY_PERSON,), person_id=uuid4())],
        ),
        # The same moment in two ways of saying it.
        replace(
            QUICK,
            alerts=[
                PlannedAlert(Decimal(50), (StepAction.COMMENT,)),
                PlannedAlert(None, (StepAction.COMMENT,), -45),
            ],
        ),
        replace(QUICK, calendars={Priority.LOW: uuid4()}),
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


FULL = Promises(
    targets={
        (metric, priority): 3600 * hours
        for metric, hours in ((Metric.FIRST_RESPONSE, 1), (Metric.RESOLUTION, 8))
        for priority in Priority
    },
    alerts=(
        PlannedAlert(None, (StepAction.NOTIFY_ASSIGNEE,), -1800),
        PlannedAlert(Decimal(100), (StepAction.RAISE_PRIORITY, StepAction.COMMENT)),
        PlannedAlert(
            Decimal(150),
            (StepAction.REASSIGN,),
            only=frozenset({(Metric.RESOLUTION, Priority.LOW), (Metric.RESOLUTION, Priority.HIGH)}),
        ),
    ),
    closing_is_response=True,
)

NO_LOW = frozenset(target for target in FULL.targets if target[1] is not Priority.LOW)

OFFICE = {"week": {"monday": [["09:00", "17:00"]]}}


def read_back(policy_id):
    with reading(SYSTEM) as session:
        return queries.promises_of(session, queries.find_policy(session, policy_id).version_id)


@pytest.mark.rule("sla 20")
def test_what_was_written_down_is_read_back_as_it_was(make):
    admin, boss = make.admin(), make.agent()
    hours = calendars.create_calendar(admin, "Office", "UTC", OFFICE)
    told = PlannedAlert(
        Decimal(40), (StepAction.NOTIFY_PERSON,), person_id=boss.profile_id, only=NO_LOW
    )
    full = replace(
        FULL, alerts=(told, *FULL.alerts), calendars={Priority.LOW: hours, Priority.HIGH: hours}
    )
    policy = sla_policies.create_policy(admin, "Full", full)
    found = read_back(policy)
    assert replace(found, alerts=()) == replace(full, alerts=())
    assert set(found.alerts) == set(full.alerts)
    # And may be written down again as it was read, which is no other version.
    assert sla_policies.add_version(admin, policy, found, version=1) == 1
    again = replace(found, closing_is_response=False)
    assert sla_policies.add_version(admin, policy, again, version=1) == 2
    assert read_back(policy) == again


def test_another_name_is_no_version_and_is_taken_once(make):
    admin = make.admin()
    policy = sla_policies.create_policy(admin, "Quick", QUICK)
    with pytest.raises(Conflict):
        sla_policies.add_version(admin, policy, QUICK, name="STANDARD", version=1)
    assert sla_policies.add_version(admin, policy, QUICK, name="QUICK", version=1) == 1
    with reading(SYSTEM) as session:
        row = queries.find_policy(session, policy)
    assert (row.name, row.version) == ("QUICK", 1)


@pytest.mark.rule("sla 20")
def test_steps_are_in_the_order_of_their_time_in_each_target(make):
    # Half an hour before due is half of an hour and most of a day.
    at_60 = PlannedAlert(Decimal(60), (StepAction.COMMENT,))
    steps = {
        target: [alert.offset_s for _, _, alert in found]
        for target, found in itertools.groupby(
            replace(FULL, alerts=(at_60, *FULL.alerts[:1])).plan(), key=lambda step: step[0]
        )
    }
    assert steps[Metric.FIRST_RESPONSE, Priority.LOW] == [-1800, None]
    assert steps[Metric.RESOLUTION, Priority.LOW] == [None, -1800]


@pytest.mark.rule("sla 20")
def test_a_new_installation_promises_what_the_book_says(make):
    with reading(SYSTEM) as session:
        [standard] = queries.list_policies(session)
        promises = queries.promises_of(session, standard.version_id)
        [hours] = calendar_choices(session)
    assert (standard.name, standard.is_default, standard.version) == ("Standard", True, 1)
    expected = {
        Priority.CRITICAL: (15, 4 * 60),
        Priority.HIGH: (60, 8 * 60),
        Priority.MEDIUM: (4 * 60, 24 * 60),
        Priority.LOW: (8 * 60, 72 * 60),
    }
    for priority, (first, resolution) in expected.items():
        assert promises.targets[Metric.FIRST_RESPONSE, priority] == first * 60
        assert promises.targets[Metric.RESOLUTION, priority] == resolution * 60
    # 24×7 for CRITICAL, business hours otherwise.
    assert promises.calendars == {
        priority: hours[0] for priority in Priority if priority is not Priority.CRITICAL
    }
    assert [alert.percent for alert in promises.alerts] == [75, 100, 150]
    warning, escalation, again = promises.alerts
    assert warning.actions == (StepAction.NOTIFY_ASSIGNEE,)
    assert escalation.actions == again.actions
    assert StepAction.RAISE_PRIORITY in escalation.actions
    assert all(alert.only is None for alert in promises.alerts)


def test_whoever_looked_at_an_older_version_of_a_policy_is_told_so(make):
    admin = make.admin("Ada")
    policy = sla_policies.create_policy(admin, "Quick", QUICK)
    sla_policies.add_version(admin, policy, FULL, version=1)
    with pytest.raises(StaleWrite):
        sla_policies.add_version(admin, policy, QUICK, version=1)
    with reading(SYSTEM) as session:
        versions = queries.policy_versions(session, policy)
    assert [(row.version, row.author_name) for row in versions] == [(2, "Ada"), (1, "Ada")]


def test_a_list_of_policies_says_who_brings_which(make):
    admin, team = make.admin(), make.team("Network")
    policy = sla_policies.create_policy(admin, "Quick", QUICK)
    sla_policies.give_team_policy(admin, team, policy)
    with reading(SYSTEM) as session:
        rows = queries.list_policies(session)
    assert [(row.name, row.is_default, row.team_names) for row in rows] == [
        ("Standard", True, []),
        ("Quick", False, ["Network"]),
    ]


def test_an_alert_tells_nobody_but_staff(make):
    admin, customer = make.admin(), make.customer()
    tells = PlannedAlert(Decimal(50), (StepAction.NOTIFY_PERSON,), person_id=customer.profile_id)
    with pytest.raises(Invalid):
        sla_policies.create_policy(admin, "Odd", replace(QUICK, alerts=[tells]))


@pytest.mark.rule("sla 13")
def test_a_calendar_that_cannot_hold_what_is_promised_is_refused_on_either_side(make):
    admin = make.admin()
    dates = [
        {
            "date": str((datetime.now(UTC) + timedelta(days=n)).date()),
            "windows": [["09:00", "10:00"]],
        }
        for n in (20, 40)
    ]
    twice = {"exceptions": dates}
    calendar = calendars.create_calendar(admin, "Twice", "UTC", twice)
    short = {(Metric.RESOLUTION, Priority.LOW): 3600}
    by_it = {Priority.LOW: calendar}
    at = [PlannedAlert(Decimal(percent), (StepAction.COMMENT,)) for percent in (100, 200, 201)]
    with pytest.raises(Invalid, match="never open for so long: Low"):
        sla_policies.create_policy(admin, "Rare", Promises(short, at, calendars=by_it))
    policy = sla_policies.create_policy(admin, "Rare", Promises(short, at[:2], calendars=by_it))
    with pytest.raises(Invalid, match="Too little is open"):
        calendars.add_version(admin, calendar, "UTC", {"exceptions": dates[:1]}, version=1)
    # What nobody measures by it any more does not count.
    sla_policies.add_version(admin, policy, Promises(short, at[:2]))
    assert calendars.add_version(admin, calendar, "UTC", {"exceptions": dates[:1]}, version=1) == 2
