"""Let this process believe in another time of day: EMBERONE_TEST_CLOCK_S seconds off.

On PYTHONPATH, Python imports it before anything of ours. What measures spans
(`time.monotonic`) stays, as it does on a host whose clock is wrong.
"""

import datetime
import os
import time

_OFF = float(os.environ.get("EMBERONE_TEST_CLOCK_S", "0"))
_Real, _time, _time_ns = datetime.datetime, time.time, time.time_ns


class _IsReal(type):
    """What others made, psycopg in C for one, is a datetime too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _Real)


class _Shifted(_Real, metaclass=_IsReal):
    """A datetime whose present is another."""

    @classmethod
    def now(cls, tz=None):
        return _Real.now(tz) + datetime.timedelta(seconds=_OFF)

    @classmethod
    def today(cls):
        return cls.now()

    @classmethod
    def utcnow(cls):
        return cls.now(datetime.UTC).replace(tzinfo=None)


if _OFF:
    datetime.datetime = _Shifted
    time.time = lambda: _time() + _OFF
    time.time_ns = lambda: _time_ns() + int(_OFF * 1e9)
