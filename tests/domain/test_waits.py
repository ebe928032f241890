"""What a ticket that waits for its customer comes to, and when."""

from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.waits import Patience, Step, Wait, closing_after, next_step
from emberone.domain.working_days import WEEKDAYS

pytestmark = pytest.mark.rule("feedback 12")

#: A Monday.
T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
USUAL = Patience(3, 7)


def step(wait=None, patience=USUAL):
    return next_step(wait or Wait(T0), patience, WEEKDAYS)


def test_a_reminder_after_three_and_closing_after_seven_working_days():
    assert step() == (Step.REMIND, T0 + 3 * DAY)
    closes_at = closing_after(Wait(T0), USUAL, WEEKDAYS, now=T0 + 3 * DAY)
    assert closes_at == T0 + 9 * DAY
    assert step(Wait(T0, T0 + 3 * DAY, closes_at)) == (Step.CLOSE, T0 + 9 * DAY)


@pytest.mark.parametrize(
    ("patience", "expected"),
    [
        (Patience(0, 0), None),
        (Patience(0, 7), (Step.CLOSE, T0 + 9 * DAY)),
        (Patience(3, 0), (Step.REMIND, T0 + 3 * DAY)),
    ],
)
def test_either_can_be_off(patience, expected):
    assert step(patience=patience) == expected


def test_who_is_reminded_and_never_closed_is_left_alone():
    assert step(Wait(T0, T0 + 3 * DAY), Patience(3, 0)) is None


def test_what_was_announced_is_kept_where_the_days_become_fewer_or_more():
    wait = Wait(T0, T0 + 3 * DAY, T0 + 9 * DAY)
    assert step(wait, Patience(1, 2)) == (Step.CLOSE, T0 + 9 * DAY)
    assert step(wait, Patience(3, 10)) == (Step.CLOSE, T0 + 14 * DAY)
    assert step(wait, Patience(0, 2)) == (Step.CLOSE, T0 + 9 * DAY)
    assert step(wait, Patience(3, 0)) is None


def test_nothing_is_closed_that_was_not_announced():
    assert step(Wait(T0, T0 + 3 * DAY), USUAL) == (Step.REMIND, T0 + 3 * DAY)


def test_a_late_reminder_leaves_as_many_days_as_one_in_time():
    late = T0 + 14 * DAY
    assert closing_after(Wait(T0), USUAL, WEEKDAYS, now=late) == late + 4 * DAY


def test_a_closing_before_the_reminder_comes_a_day_after_it():
    patience = Patience(5, 2)
    assert step(patience=patience) == (Step.REMIND, T0 + 7 * DAY)
    assert closing_after(Wait(T0), patience, WEEKDAYS, now=T0 + 7 * DAY) == T0 + 8 * DAY


def test_no_closing_is_announced_where_there_is_none():
    assert closing_after(Wait(T0), Patience(3, 0), WEEKDAYS, now=T0) is None
