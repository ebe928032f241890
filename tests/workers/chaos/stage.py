"""The real processes of the product on two hosts, started anew whenever they die."""

import os
import signal
from collections import Counter
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from tests.journeys.product import Product
from tests.smtp_sink import Sink

_CLOCK = Path(__file__).with_name("another_clock")

#: Name → what is started. The second host's clock is minutes off.
PROGRAMS = {
    "web": ("web",),
    "worker": ("worker", "--queue", "work"),
    "worker-2": ("worker", "--queue", "work"),
    "mail": ("worker", "--queue", "mail"),
    "beat": ("beat",),
    "beat-2": ("beat",),
}


class Post:
    """A mail server whose behaviour changes; it keeps all that it ever took, in order."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.taken: list[EmailMessage] = []
        #: How many of them the other side was not told of, for the connection was dropped.
        self.cut_off = 0
        self._sink: Sink | None = None

    def open(self) -> None:
        """Listen and take every letter."""
        if self._sink is None:
            self._sink = Sink(port=self.port, on_message=self._take).__enter__()
        self._sink.behaviour = "take"

    def behave(self, behaviour: str) -> None:
        """Treat letters in another way, as `tests.smtp_sink.BEHAVIOURS` names it."""
        assert self._sink is not None
        self._sink.behaviour = behaviour

    def close(self) -> None:
        """Drop every connection and take no other."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.__exit__()

    def _take(self, content: bytes) -> None:
        message = message_from_bytes(content, policy=SMTP)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        if self._sink is not None and self._sink.behaviour == "die_after":
            self.cut_off += 1


class Stage(Product):
    """The product, a mail server of ours, and who looks after the processes."""

    def __init__(self, folder: Path, *, clock_s: int) -> None:
        super().__init__(folder)
        #: How far the second host's clock is off, in seconds.
        self.clock_s = clock_s
        self.post = Post(self.smtp_port)
        #: How often each process was started again.
        self.restarts: Counter[str] = Counter()

    def __exit__(self, *error: object) -> None:
        super().__exit__(None, None, None)
        self.post.close()

    def start_mail_server(self) -> None:
        """Take letters into memory."""
        self.post.open()

    def look_after(self) -> None:
        """Start whatever is not there."""
        for name, arguments in PROGRAMS.items():
            process = self.process(name)
            if process is not None and process.poll() is None:
                continue
            if process is not None:
                self.restarts[name] += 1
                self.kill(name)
            self.start(name, *arguments, **self._variables(name))

    def _variables(self, name: str) -> dict[str, str]:
        variables = {"WEB_CONCURRENCY": "1"}
        if name.endswith("-2"):
            variables |= {"PYTHONPATH": str(_CLOCK), "EMBERONE_TEST_CLOCK_S": str(self.clock_s)}
        return variables

    def kill_main(self, name: str) -> None:
        """kill -9 of the process alone; those that it started notice by themselves."""
        process = self.process(name)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait(30)

    def kill_child(self, name: str, place: int) -> None:
        """kill -9 of one of the processes that it started."""
        process = self.process(name)
        children = self._children(process.pid) if process is not None else []
        if children:
            os.kill(children[place % len(children)], signal.SIGKILL)

    def freeze_broker(self, *, is_frozen: bool) -> None:
        """Let the broker keep its connections and answer nothing, or go on."""
        assert self.valkey.process is not None
        self.valkey.process.send_signal(signal.SIGSTOP if is_frozen else signal.SIGCONT)

    @staticmethod
    def _children(pid: int) -> list[int]:
        try:
            return [
                int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            ]
        except OSError:
            return []
