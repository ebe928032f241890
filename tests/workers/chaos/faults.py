"""What is done to the product: each fault begins, lasts for a bounded time, and is put right."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

import psycopg

from tests.workers.chaos.stage import Stage
from tests.workers.processes import flush

End = Callable[[], None]


def _nothing() -> None:
    """The fault was over as soon as it was there."""


class Fault(NamedTuple):
    """One kind of fault."""

    name: str
    #: Two of a group are never there at once.
    group: str
    #: For so many seconds, at most.
    lasts: float
    begin: Callable[[Stage, Random], End]


def _kill(name: str) -> Callable[[Stage, Random], End]:
    def begin(stage: Stage, random: Random) -> End:
        stage.kill_main(random.choice([name, f"{name}-2"]) if name in _DOUBLE else name)
        return _nothing

    return begin


_DOUBLE: Final = ("worker", "beat")


def _kill_child(stage: Stage, random: Random) -> End:
    stage.kill_child(random.choice(["worker", "worker-2"]), random.randrange(8))
    return _nothing


def _wipe_broker(stage: Stage, random: Random) -> End:
    with contextlib.suppress(Exception):
        flush(stage.valkey)
    return _nothing


def _stop_broker(stage: Stage, random: Random) -> End:
    assert stage.valkey.process is not None
    stage.valkey.process.kill()
    stage.valkey.process.wait(30)
    stage.valkey.stop()
    return lambda: stage.valkey.start() and None


def _freeze_broker(stage: Stage, random: Random) -> End:
    stage.freeze_broker(is_frozen=True)
    return lambda: stage.freeze_broker(is_frozen=False)


def _restart_postgres(stage: Stage, random: Random) -> End:
    stage.restart_postgres_immediately()
    return _nothing


def _end_sessions(stage: Stage, random: Random) -> End:
    with stage.sql() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'emberone_app'"
        )
    return _nothing


def _lock_rows(stage: Stage, random: Random) -> End:
    """Somebody holds an agent and some of the newest tickets, as a forgotten session does."""
    connection = stage.postgres.connect("postgres", "emberone")
    connection.execute("BEGIN")
    connection.execute("SET lock_timeout = '1s'")
    with contextlib.suppress(psycopg.errors.LockNotAvailable):
        connection.execute(
            "SELECT FROM tickets WHERE status <> 'CLOSED' ORDER BY id DESC LIMIT 3 FOR UPDATE"
        )
        connection.execute(
            "SELECT FROM agents WHERE profile_id = (SELECT profile_id FROM agents"
            " ORDER BY random() LIMIT 1) FOR UPDATE"
        )

    def end() -> None:
        # PostgreSQL may have been restarted meanwhile.
        with contextlib.suppress(psycopg.Error):
            connection.close()

    return end


def _mail_server(behaviour: str) -> Callable[[Stage, Random], End]:
    def begin(stage: Stage, random: Random) -> End:
        stage.post.behave(behaviour)

        def end() -> None:
            if behaviour.startswith("hang"):
                # Whoever waits for an answer hears that there will be none.
                stage.post.close()
            stage.post.open()

        return end

    return begin


def _close_mail_server(stage: Stage, random: Random) -> End:
    stage.post.close()
    return stage.post.open


BROKER, MAIL = "broker", "mail server"

FAULTS: Final = (
    Fault("broker frozen", BROKER, 3.0, _freeze_broker),
    Fault("broker stopped", BROKER, 2.5, _stop_broker),
    Fault("broker wiped", BROKER, 0.0, _wipe_broker),
    Fault("pool child killed", "worker", 0.0, _kill_child),
    Fault("worker killed", "worker", 0.0, _kill("worker")),
    Fault("mail worker killed", "mail worker", 0.0, _kill("mail")),
    Fault("beat killed", "beat", 0.0, _kill("beat")),
    Fault("web killed", "web", 0.0, _kill("web")),
    Fault("PostgreSQL restarted", "database", 0.0, _restart_postgres),
    Fault("sessions terminated", "database", 0.0, _end_sessions),
    Fault("rows locked", "rows", 3.0, _lock_rows),
    Fault("SMTP refuses", MAIL, 1.5, _close_mail_server),
    Fault("SMTP 451", MAIL, 1.5, _mail_server("defer")),
    Fault("SMTP 550", MAIL, 0.7, _mail_server("relay_denied")),
    Fault("SMTP hangs", MAIL, 2.0, _mail_server("hang_data")),
    Fault("SMTP dies in DATA", MAIL, 1.0, _mail_server("die")),
    Fault("SMTP dies after DATA", MAIL, 0.7, _mail_server("die_after")),
)

#: After these the letters that were just taken may be sent again: nobody wrote down that
#: they were, or heard of it. (A server that dies after DATA is counted by the letter.)
FORGETFUL: Final = (
    "mail worker killed",
    "PostgreSQL restarted",
    "sessions terminated",
    "SMTP hangs",
    "SMTP refuses",
)


@dataclass
class Trouble:
    """Faults in an order that a seed decides, each kind once before any comes again.

    The broker's come first and alone: the web is there to be held up by them.
    """

    stage: Stage
    random: Random
    #: How often each fault was there.
    counts: Counter[str] = field(default_factory=Counter)
    _deck: list[Fault] = field(default_factory=list)
    #: What is not put right yet: the fault, when its time is over, and how to do it.
    _open: list[tuple[Fault, float, End]] = field(default_factory=list)

    def begin_next(self) -> None:
        """Begin the next fault whose group is free."""
        fault = self._next()
        if fault is None:
            return
        self._deck.remove(fault)
        self.counts[fault.name] += 1
        end = fault.begin(self.stage, self.random)
        self._open.append((fault, time.monotonic() + fault.lasts, end))

    def _next(self) -> Fault | None:
        if not self._deck:
            self._deck = list(FAULTS)
            self.random.shuffle(self._deck)
            if not self.counts:
                self._deck.sort(key=_comes_later)
        busy = {fault.group for fault, _, _ in self._open}
        if busy and not any(map(_comes_later, _named(self.counts))):
            return None
        return next((fault for fault in self._deck if fault.group not in busy), None)

    def end_due(self) -> None:
        """Put right what has lasted for its time."""
        self._end_until(time.monotonic())

    def end_all(self) -> None:
        """Put everything right."""
        self._end_until(float("inf"))

    def _end_until(self, moment: float) -> None:
        for one in [one for one in self._open if one[1] <= moment]:
            self._open.remove(one)
            one[2]()


def _comes_later(fault: Fault) -> bool:
    return fault.group != BROKER or not fault.lasts


def _named(names: Iterable[str]) -> list[Fault]:
    return [fault for fault in FAULTS if fault.name in names]
