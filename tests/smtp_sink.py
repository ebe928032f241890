"""A mail server that takes letters, or refuses them in a chosen way.

In a test: `with Sink() as sink: … sink.messages`. As a process of its own,
which writes each message to a folder as `<n>.eml`, renamed into place whole:

    python -m tests.smtp_sink --port 2525 --folder /tmp/mail [--behaviour defer]

The process prints `ready <port>` once it listens; `--port 0` takes a free one.
"""

import argparse
import asyncio
import itertools
import signal
import sys
import threading
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

#: What the server does with a recipient or a message.
BEHAVIOURS = {
    "take": "takes every message",
    "defer": "451 to every recipient",
    "bounce": "550 5.1.1 to every recipient",
    "bounce_plain": "550 without an enhanced status",
    "relay_denied": "550 5.7.1 to every recipient",
    "full": "552 5.2.2 to every recipient",
    "reject": "554 to every message, after its content",
    "busy": "421 to every recipient",
    "hang": "never answers a recipient",
    "hang_data": "never answers a message",
    "die": "drops the connection inside DATA",
    "die_after": "takes the message and drops the connection before saying so",
}

_RCPT = {
    "defer": "451 4.7.1 Try again later",
    "bounce": "550 5.1.1 No such user here",
    "bounce_plain": "550 No such user here",
    "relay_denied": "550 5.7.1 Relaying denied",
    "full": "552 5.2.2 Mailbox full",
    "busy": "421 4.3.2 Shutting down",
}


class Sink:
    """The server on a thread of its own, on a free port of the loopback address."""

    def __init__(self, *, port: int = 0, on_message: Callable[[bytes], None] | None = None) -> None:
        self.port = port
        #: What was taken, in order.
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.connections = 0
        #: Before every reply, in seconds: what a round trip to a real server takes.
        self.delay = 0.0
        #: For every recipient that is not in `behaviour_of`.
        self.behaviour = "take"
        self.behaviour_of: dict[str, str] = {}
        #: Told of each message before the reply: a test may look or wait here.
        self.before_reply: Callable[[EmailMessage], None] | None = None
        self._on_message = on_message
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.AbstractServer | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """What EMBERONE_SMTP_URL says."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def message_ids(self) -> list[str]:
        """The Message-IDs of what was taken, in order."""
        return [str(message["Message-ID"]) for message in self.messages]

    def __enter__(self) -> "Sink":
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *exc_info: object) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> asyncio.AbstractServer:
        return await self._loop.create_server(
            lambda: _Connection(self, loop=self._loop, enable_SMTPUTF8=True, hostname="sink"),
            "127.0.0.1",
            self.port,
        )

    async def _shut(self) -> None:
        assert self._server is not None
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def behaviour_for(self, recipient: str) -> str:
        """What happens to this recipient."""
        return self.behaviour_of.get(recipient, self.behaviour)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        """Answer a recipient."""
        behaviour = self.behaviour_for(address)
        if behaviour == "hang":
            await asyncio.sleep(3600)
        if behaviour in _RCPT:
            return _RCPT[behaviour]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Answer a message."""
        behaviour = self.behaviour_for(envelope.rcpt_tos[0])
        if behaviour == "reject":
            return "554 5.6.0 We do not like it"
        if behaviour == "hang_data":
            await asyncio.sleep(3600)
        await asyncio.to_thread(self._take, envelope)
        if behaviour == "die_after":
            server.transport.abort()
        return "250 OK"

    def _take(self, envelope: Envelope) -> None:
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=SMTP_POLICY)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.recipients += envelope.rcpt_tos
        if self._on_message is not None:
            self._on_message(content)
        if self.before_reply is not None:
            self.before_reply(message)


class _Connection(SMTP):
    """One client."""

    def __init__(self, sink: Sink, **options: Any) -> None:
        super().__init__(sink, **options)
        self._sink = sink

    def connection_made(self, transport: Any) -> None:
        self._sink.connections += 1
        super().connection_made(transport)

    async def push(self, status: Any) -> None:
        """Answer, after the time that an answer takes."""
        if self._sink.delay:
            await asyncio.sleep(self._sink.delay)
        await super().push(status)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Take the content, unless this server dies in the middle of it."""
        recipients = self.envelope.rcpt_tos if self.envelope else []
        if recipients and self._sink.behaviour_for(recipients[0]) == "die":
            await self.push("354 Go on")
            await self._reader.readline()
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        description="A mail server that writes what it takes to files."
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--behaviour", choices=BEHAVIOURS, default="take")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before every reply")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    numbers = itertools.count(len(list(options.folder.glob("*.eml"))) + 1)

    def write(content: bytes) -> None:
        # Messages arrive on several threads; each must keep the number it took.
        number = next(numbers)
        draft = options.folder / f".{number:06}.part"
        draft.write_bytes(content)
        draft.rename(options.folder / f"{number:06}.eml")

    stopped = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stopped.set())
    with Sink(port=options.port, on_message=write) as sink:
        sink.behaviour, sink.delay = options.behaviour, options.delay
        print(f"ready {sink.port}", flush=True)
        stopped.wait()
    sys.exit(0)


if __name__ == "__main__":
    main()
