"""Handing messages to a mail server, and what its refusals mean."""

import re
import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from typing import Final
from urllib.parse import unquote, urlsplit

_PORTS: Final = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
#: Together below the lease of a letter: six replies to connect, two and two to send.
COMMAND_TIMEOUT: Final = 8.0
#: Servers look into a message before they take it.
DATA_TIMEOUT: Final = 20.0

_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_ENHANCED = re.compile(r"\b5\.(\d{1,3})\.\d{1,3}\b")


class Undelivered(Exception):
    """The server did not take the message; the text names no address."""


class TryLater(Undelivered):
    """The server may take this message another time."""


class ServerUnavailable(TryLater):
    """The server takes no message at all for now."""


class Refused(Undelivered):
    """The server will never take this message."""

    def __init__(self, text: str, *, is_hard_bounce: bool) -> None:
        super().__init__(text)
        #: Whether it is the address that is wrong, for any message.
        self.is_hard_bounce = is_hard_bounce


class MailServer:
    """One connection to the server of an `smtp://`, `smtps://` or `smtp+starttls://` URL.

    It is opened by the first message and serves all that follow until `close()`.
    """

    def __init__(
        self,
        url: str,
        *,
        our_name: str,
        command_timeout: float = COMMAND_TIMEOUT,
        data_timeout: float = DATA_TIMEOUT,
    ) -> None:
        self._url = urlsplit(url)
        self._our_name = our_name
        self._command_timeout, self._data_timeout = command_timeout, data_timeout
        self._client: smtplib.SMTP | None = None

    def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        """Hand over one message; raises Undelivered where the server does not take it."""
        is_reused = self._client is not None
        client = self._client or self._connect()
        try:
            try:
                self._begin(client, sender, recipient)
            except (smtplib.SMTPServerDisconnected, OSError):
                if not is_reused:
                    raise
                # It has been idle for too long; nothing of this message was sent yet.
                self.close()
                client = self._connect()
                self._begin(client, sender, recipient)
            self._finish(client, sender, recipient, message)
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise TryLater(_words(error)) from error
        except ServerUnavailable:
            self.close()
            raise
        except Undelivered:
            self._forget_message(client)
            raise

    def close(self) -> None:
        """Say goodbye, if there is a connection."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(smtplib.SMTPException, OSError):
                client.quit()
            client.close()

    def _connect(self) -> smtplib.SMTP:
        kind, host = self._url.scheme, self._url.hostname or ""
        port = self._url.port or _PORTS[kind]
        timeout, our_name = self._command_timeout, self._our_name
        client: smtplib.SMTP | None = None
        try:
            if kind == "smtps":
                client = smtplib.SMTP_SSL(
                    host, port, our_name, timeout=timeout, context=ssl.create_default_context()
                )
            else:
                client = smtplib.SMTP(host, port, our_name, timeout=timeout)
            client.ehlo_or_helo_if_needed()
            if kind == "smtp+starttls":
                client.starttls(context=ssl.create_default_context())
                client.ehlo_or_helo_if_needed()
            if self._url.username:
                client.login(unquote(self._url.username), unquote(self._url.password or ""))
        except (smtplib.SMTPException, OSError) as error:
            if client is not None:
                client.close()
            raise ServerUnavailable(_words(error)) from error
        self._client = client
        return client

    def _begin(self, client: smtplib.SMTP, sender: str, recipient: str) -> None:
        """Tell the server from whom; a fault of ours, so a 5xx is not this letter's."""
        assert client.sock is not None
        client.sock.settimeout(self._command_timeout)
        options = []
        if not (sender + recipient).isascii():
            if not client.has_extn("smtputf8"):
                raise Refused("The mail server takes ASCII addresses only.", is_hard_bounce=False)
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        code, said = client.mail(sender, options)
        if code != 250:
            raise ServerUnavailable(_reply(code, said))

    def _finish(
        self, client: smtplib.SMTP, sender: str, recipient: str, message: EmailMessage
    ) -> None:
        code, said = client.rcpt(recipient)
        if code not in {250, 251}:
            raise _refusal(code, said, of_address=True)
        is_ascii = (sender + recipient).isascii()
        content = message.as_bytes(policy=SMTP if is_ascii else SMTPUTF8)
        assert client.sock is not None
        client.sock.settimeout(self._data_timeout)
        try:
            code, said = client.data(content)
        except smtplib.SMTPDataError as error:
            code = error.smtp_code
            said = error.smtp_error if isinstance(error.smtp_error, bytes) else b""
        if code != 250:
            raise _refusal(code, said, of_address=False)

    def _forget_message(self, client: smtplib.SMTP) -> None:
        """Make the connection ready for the next message, or give it up."""
        try:
            client.rset()
        except (smtplib.SMTPException, OSError):
            self.close()


def _refusal(code: int, said: bytes, *, of_address: bool) -> Undelivered:
    text = _reply(code, said)
    if code == 421:
        return ServerUnavailable(text)
    if code < 500:
        return TryLater(text)
    return Refused(text, is_hard_bounce=of_address and _is_about_address(code, text))


def _is_about_address(code: int, text: str) -> bool:
    """Whether nobody is there; not that we may not send, or that a mailbox is full.

    The enhanced status is exact where the server gives one (RFC 3463: 5.1 is the
    address); 5.7 and relaying are about us, and must not silence a good address.
    """
    enhanced = _ENHANCED.search(text)
    if enhanced is not None:
        return enhanced[1] == "1"
    return code in {550, 551, 553} and "relay" not in text.lower()


def _reply(code: int, said: bytes) -> str:
    return _without_addresses(f"{code} {said.decode('utf-8', 'replace')}")


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return _reply(error.smtp_code, said if isinstance(said, bytes) else said.encode())
    return _without_addresses(f"{type(error).__name__}: {error}")


def _without_addresses(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return _ADDRESS.sub("…", " ".join(printable.split()))[:300]
