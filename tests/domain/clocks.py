"""What the tests of clocks reckon with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Nights:
    """Business time passes from 0 to 8 o'clock UTC only: eight hours of every day."""

    OPEN = 8 * 3600

    def _open_until(self, moment):
        since = moment - datetime(2026, 1, 1, tzinfo=UTC)
        days, rest = since // timedelta(days=1), since % timedelta(days=1)
        return days * self.OPEN + min(rest.total_seconds(), self.OPEN)

    def add(self, start, seconds):
        days, rest = divmod(self._open_until(start) + seconds, self.OPEN)
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days, seconds=rest)

    def between(self, start, end):
        return self._open_until(end) - self._open_until(start)


#: Midnight, when the hours of `Nights` begin.
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = 3600


def hours(number):
    return MIDNIGHT + timedelta(hours=number)


def by_hand(clock, due_at):
    return replace(clock, due_at=due_at, is_due_by_hand=True)
