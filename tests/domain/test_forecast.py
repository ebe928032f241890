"""What promises would come to: the clocks' own arithmetic, foretold."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from emberone.domain.calendar import BusinessCalendar
from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.errors import Invalid
from emberone.domain.forecast import foresee
from emberone.domain.promises import PlannedAlert, Promises

OFFICE = BusinessCalendar.read(
    "Europe/London",
    {
        "week": {
            day: [["09:00", "17:00"]]
            for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
        }
    },
)
#: A Saturday evening.
CLOSED = datetime(2026, 11, 28, 18, 40, tzinfo=UTC)
TELL, NOTE = (StepAction.NOTIFY_ASSIGNEE,), (StepAction.COMMENT,)

HIGH, LOW = Priority.HIGH, Priority.LOW
PROMISES = Promises(
    targets={
        (Metric.RESOLUTION, LOW): 3600,
        (Metric.FIRST_RESPONSE, HIGH): 4 * 3600,
        (Metric.RESOLUTION, HIGH): 8 * 3600,
    },
    alerts=(
        PlannedAlert(Decimal(150), NOTE),
        PlannedAlert(Decimal(75), TELL),
        PlannedAlert(None, TELL, -1800, only=frozenset({(Metric.FIRST_RESPONSE, HIGH)})),
    ),
)


def moment(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_what_is_promised_on_a_closed_day_is_due_in_the_hours_that_follow():
    first, resolution, low = foresee(PROMISES, {HIGH: OFFICE}, CLOSED)
    assert (first.metric, first.priority) == (Metric.FIRST_RESPONSE, HIGH)
    assert first.due_at == moment(30, 13)
    assert [(step.at, step.is_warning) for step in first.steps] == [
        (moment(30, 12), True),
        (moment(30, 12, 30), True),
        (moment(30, 15), False),
    ]
    assert first.ends_at == moment(30, 15)
    assert resolution.due_at == moment(30, 17)
    assert [step.at for step in resolution.steps] == [
        moment(30, 15),
        datetime(2026, 12, 1, 13, tzinfo=UTC),
    ]
    # Without a calendar every second counts.
    assert low.due_at == moment(28, 19, 40)


def test_the_most_urgent_comes_first_and_of_one_priority_the_metrics_in_their_order():
    metrics, priorities = list(Metric), list(Priority)
    every = {(metric, priority): 60 for metric in metrics[::-1] for priority in priorities}
    assert [(one.metric, one.priority) for one in foresee(Promises(every, ()), {}, CLOSED)] == [
        (metric, priority) for priority in priorities[::-1] for metric in metrics
    ]


def test_what_is_foreseen_says_what_it_was_reckoned_from():
    first, _, low = foresee(PROMISES, {HIGH: OFFICE}, CLOSED)
    assert (first.target_s, first.began_at) == (4 * 3600, CLOSED)
    assert (low.target_s, low.began_at, low.ends_at) == (3600, CLOSED, moment(28, 20, 10))
    assert [step.alert for step in first.steps] == [
        PROMISES.alerts[1],
        PROMISES.alerts[2],
        PROMISES.alerts[0],
    ]


def test_without_steps_the_due_time_is_the_end():
    (one,) = foresee(Promises({(Metric.RESOLUTION, LOW): 60}, ()), {}, CLOSED)
    assert one.ends_at == one.due_at == moment(28, 18, 41)


@pytest.mark.rule("sla 20")
@pytest.mark.parametrize(
    ("alert", "said"),
    [
        (PlannedAlert(None, TELL, -3600), "before the time has begun: Resolution, Low"),
        (PlannedAlert(Decimal(75), NOTE), "at the same time: Resolution, Low"),
        (PlannedAlert(None, NOTE, -900), "at the same time: Resolution, Low"),
        (PlannedAlert(Decimal(10), ()), "does something"),
        (PlannedAlert(Decimal(10), (StepAction.NOTIFY_PERSON,)), "names them"),
        (PlannedAlert(Decimal(1001), NOTE), "1,000 per cent"),
    ],
)
def test_a_step_that_cannot_be_is_refused_by_its_place(alert, said):
    warning = PlannedAlert(Decimal(75), TELL)
    with pytest.raises(Invalid) as refusal:
        Promises({(Metric.RESOLUTION, LOW): 3600}, (warning, alert)).check()
    assert said in refusal.value.message
    assert refusal.value.details["alert"] == 1


def test_the_same_may_be_written_down_in_other_rows():
    by_two = tuple(
        PlannedAlert(Decimal(75), TELL, only=frozenset({target})) for target in PROMISES.targets
    )
    whole = Promises(PROMISES.targets, (PlannedAlert(Decimal(75), TELL),))
    assert whole.says_the_same_as(Promises(PROMISES.targets, by_two))
    assert not whole.says_the_same_as(Promises(PROMISES.targets, by_two[:2]))
    # Nor does it matter what is named first of what a step does.
    both = [
        Promises(PROMISES.targets, (PlannedAlert(Decimal(75), actions),))
        for actions in (TELL + NOTE, NOTE + TELL)
    ]
    assert both[0].says_the_same_as(both[1])
    assert not both[0].says_the_same_as(whole)
    assert not whole.says_the_same_as(Promises(PROMISES.targets, whole.alerts, True))
