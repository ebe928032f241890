"""Waits: what happens to a ticket whose customer does not answer, and when (feedback rule 12)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from emberone.domain.working_days import WorkingDays


class Step(StrEnum):
    """What a ticket that waits for its customer comes to."""

    REMIND = "remind"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Patience:
    """After how many working days a customer is reminded, and a ticket closed; 0: never."""

    reminder_days: int
    close_days: int


@dataclass(frozen=True, slots=True)
class Wait:
    """A ticket that waits for its customer."""

    #: Since then they are silent; not yet, where the ticket is put aside.
    quiet_from: datetime
    reminded_at: datetime | None = None
    #: When the reminder said that the ticket would be closed.
    closes_at: datetime | None = None


def next_step(wait: Wait, patience: Patience, days: WorkingDays) -> tuple[Step, datetime] | None:
    """What comes next and when; None where nothing does.

    Who was reminded has what the reminder promised, however the days change. A
    reminder that named no day is followed by one that does before anything is closed.
    """
    is_announced = wait.closes_at is not None or not patience.close_days
    if patience.reminder_days and (wait.reminded_at is None or not is_announced):
        return Step.REMIND, days.after(wait.quiet_from, patience.reminder_days)
    if not patience.close_days:
        return None
    at = days.after(wait.quiet_from, patience.close_days)
    return Step.CLOSE, at if wait.closes_at is None else max(at, wait.closes_at)


def closing_after(
    wait: Wait, patience: Patience, days: WorkingDays, *, now: datetime
) -> datetime | None:
    """When a ticket is closed whose customer is reminded now; None: never.

    A reminder that was late leaves as many days as one in time, and always one.
    """
    if not patience.close_days:
        return None
    left = max(patience.close_days - patience.reminder_days, 1)
    return max(days.after(now, left), days.after(wait.quiet_from, patience.close_days))
