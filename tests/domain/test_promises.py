"""What a policy promises: which steps it has, and what nobody could keep."""

from decimal import Decimal
from uuid import UUID

import pytest

from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.promises import PlannedAlert, Promises
from tests.domain.refusals import refused

FIRST, RESOLUTION = Metric.FIRST_RESPONSE, Metric.RESOLUTION
HIGH, LOW = Priority.HIGH, Priority.LOW
TELL, NOTE = (StepAction.NOTIFY_ASSIGNEE,), (StepAction.COMMENT,)
YEAR = 365 * 24 * 3600
ANA, OFFICE = UUID(int=1), UUID(int=2)


def alert(percent=None, offset_s=None, actions=TELL, **more):
    return PlannedAlert(
        None if percent is None else Decimal(percent), actions, offset_s=offset_s, **more
    )


def promises(*alerts, target_s=3600, **more):
    return Promises({(RESOLUTION, LOW): target_s}, alerts, **more)


@pytest.mark.rule("sla 20")
@pytest.mark.parametrize(
    ("given", "target_s", "moment"),
    [
        (alert(75), 3600, 2700),
        (alert("33.33"), 100, Decimal("33.33")),
        (alert(150), 3600, 5400),
        (alert(offset_s=-900), 3600, 2700),
        (alert(offset_s=0), 3600, 3600),
        (alert(offset_s=900), 3600, 4500),
    ],
)
def test_a_step_comes_at_a_share_of_the_target_or_so_far_from_due(given, target_s, moment):
    assert given.moment(target_s) == moment


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (alert(), "An alert comes at a percentage or at a time from due."),
        (alert(50, 60), "An alert comes at a percentage or at a time from due."),
        (alert(offset_s=YEAR + 1), "An alert comes within a year of the due time."),
        (alert(50, actions=()), "An alert does something, and nothing twice."),
        (alert(50, actions=TELL * 2), "An alert does something, and nothing twice."),
        (
            alert(50, actions=(StepAction.NOTIFY_PERSON,)),
            "An alert that tells a person names them.",
        ),
        (alert(50, person_id=ANA), "An alert that tells a person names them."),
    ],
)
def test_an_alert_that_nobody_could_carry_out_is_refused_by_its_place(given, why):
    wrong = promises(alert(10), given)
    assert refused(wrong.check) == (why, {"field": "alerts", "alert": 1})


@pytest.mark.parametrize("percent", [-1, 0, "1000.01", 1001])
def test_an_alert_outside_of_the_percentages_is_refused_with_the_most(percent):
    assert refused(promises(alert(percent)).check) == (
        "An alert comes after the beginning, and at 1,000 per cent at the latest.",
        {"field": "alerts", "alert": 0, "most": 1000},
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (alert(offset_s=-3600), "This comes before the time has begun: Resolution, Low."),
        (alert(offset_s=-9999), "This comes before the time has begun: Resolution, Low."),
        (alert(offset_s=-900), "Two steps come at the same time: Resolution, Low."),
    ],
)
def test_a_step_that_no_clock_could_take_is_refused_by_place_and_target(given, why):
    wrong = promises(alert(75), given)
    assert refused(wrong.check) == (
        why,
        {"field": "alerts", "alert": 1, "metric": "Resolution", "priority": "Low"},
    )


@pytest.mark.parametrize(
    "good",
    [
        promises(),
        promises(target_s=1),
        promises(target_s=YEAR),
        promises(alert(1000), alert("0.01")),
        promises(alert(offset_s=-3599)),
        promises(alert(offset_s=YEAR), alert(offset_s=0)),
        promises(alert(50, actions=(*TELL, *NOTE))),
        promises(alert(50, actions=(StepAction.NOTIFY_PERSON,), person_id=ANA)),
        # At one time, but never on one clock.
        Promises(
            {(RESOLUTION, LOW): 60, (RESOLUTION, HIGH): 60},
            (
                alert(50, only=frozenset({(RESOLUTION, LOW)})),
                alert(50, only=frozenset({(RESOLUTION, HIGH)})),
            ),
        ),
    ],
)
def test_what_somebody_could_keep_is_taken(good):
    good.check()


def test_a_step_of_one_target_alone_is_looked_at_too():
    mine = alert(75, only=frozenset({(RESOLUTION, LOW)}))
    assert refused(promises(mine, alert(75)).check)[1]["alert"] == 1
    assert refused(promises(alert(75), mine).check)[1]["alert"] == 1


def test_a_step_is_looked_at_behind_those_of_other_targets():
    elsewhere = alert(50, only=frozenset({(FIRST, LOW)}))
    wrong = promises(elsewhere, alert(75), alert(75))
    assert refused(wrong.check)[1]["alert"] == 2


@pytest.mark.parametrize("target_s", [-1, 0, YEAR + 1])
def test_a_target_is_between_a_second_and_a_year(target_s):
    assert refused(promises(target_s=target_s).check) == (
        "A target is between a second and a year.",
        {"field": "targets"},
    )


def test_a_policy_without_a_target_promises_nothing():
    assert refused(Promises({}, ()).check) == (
        "A policy promises something.",
        {"field": "targets"},
    )


@pytest.mark.rule("sla 20")
def test_the_steps_of_a_target_are_numbered_in_the_order_of_time():
    late, early = alert(150, actions=NOTE), alert(offset_s=-900)
    mine = alert(10, only=frozenset({(FIRST, HIGH)}))
    plan = Promises({(RESOLUTION, LOW): 3600, (FIRST, HIGH): 3600}, (late, early, mine)).plan()
    assert list(plan) == [
        ((RESOLUTION, LOW), 1, early),
        ((RESOLUTION, LOW), 2, late),
        ((FIRST, HIGH), 1, mine),
        ((FIRST, HIGH), 2, early),
        ((FIRST, HIGH), 3, late),
    ]


@pytest.mark.parametrize(
    ("priority", "longest"), [(LOW, 5400), (HIGH, 900), (Priority.CRITICAL, 0)]
)
def test_the_longest_that_a_priority_takes_is_a_target_or_one_of_its_steps(priority, longest):
    targets = {(FIRST, LOW): 60, (RESOLUTION, LOW): 3600, (RESOLUTION, HIGH): 900}
    alerts = (alert(150, only=frozenset({(RESOLUTION, LOW)})), alert(50))
    found = Promises(targets, alerts).longest(priority)
    assert (found, type(found)) == (longest, float)


@pytest.mark.parametrize(
    "other",
    [
        promises(alert(50), target_s=3601),
        promises(alert(51)),
        promises(alert(offset_s=-1800)),
        promises(alert(50, actions=NOTE)),
        promises(alert(50), alert(60)),
        promises(),
        promises(alert(50), closing_is_response=True),
        promises(alert(50), calendars={LOW: OFFICE}),
        Promises({(RESOLUTION, HIGH): 3600}, (alert(50),)),
    ],
)
def test_whatever_a_ticket_would_notice_is_another_promise(other):
    promised = promises(alert(50))
    assert not promised.says_the_same_as(other)
    assert not other.says_the_same_as(promised)
    assert other.says_the_same_as(other)


def test_another_person_to_tell_is_another_promise():
    def telling(who):
        return promises(alert(50, actions=(StepAction.NOTIFY_PERSON,), person_id=who))

    assert telling(ANA).says_the_same_as(telling(ANA))
    assert not telling(ANA).says_the_same_as(telling(OFFICE))


def test_what_no_ticket_would_notice_is_the_same_promise():
    one = promises(alert(50), alert(75, actions=NOTE), calendars={LOW: OFFICE, HIGH: ANA})
    other = promises(
        alert(75, actions=NOTE, only=frozenset({(RESOLUTION, LOW)})),
        alert(50),
        alert(10, only=frozenset({(FIRST, HIGH)})),
        calendars={LOW: OFFICE},
    )
    assert one.says_the_same_as(other)
