"""How mail programs find what belongs together.

All letters to customers about one ticket answer one root, and all letters to
staff another. A root is no letter: it is a name that every letter of the thread
gives, so that whichever arrives first or is lost, the others find each other
(RFC 5322 §3.6.4). Beside it each names the letter before it to the same person.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from email.policy import SMTP, EmailPolicy
from typing import Any, Final, cast

from emberone.mail.kinds import audience_of
from emberone.mail.site import Site


@dataclass(frozen=True, slots=True)
class Thread:
    """A letter's place among those about the same ticket, in Message-IDs."""

    root: str
    #: The letter before this one to the same person; None where it is their first.
    previous: str | None

    @property
    def in_reply_to(self) -> str:
        """What this letter answers."""
        return self.previous or self.root

    @property
    def references(self) -> str:
        """The thread from its root down to what this letter answers."""
        return self.root if self.previous is None else f"{self.root} {self.previous}"


def message_id(key: str, site: Site) -> str:
    """The Message-ID of the letter of this key: a letter sent twice is recognised as one."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{site.domain}>"


def thread_of(letter: str, params: Mapping[str, Any], site: Site) -> Thread | None:
    """Where a letter belongs, from what was fixed when it was written; None without a ticket."""
    ticket_id = params.get("ticket_id")
    if ticket_id is None:
        return None
    follows = params.get("follows")
    return Thread(
        root=_root(f"{audience_of(letter).value}:{ticket_id}", site),
        previous=None if follows is None else message_id(follows, site),
    )


def _root(name: str, site: Site) -> str:
    # Its digest: letters do not tell a ticket's id.
    return f"<ticket-{hashlib.sha256(name.encode()).hexdigest()[:32]}@{site.domain}>"


class _MessageIDs(UnstructuredHeader):
    """Message-IDs as they are: a long one goes on a line of its own, and is never encoded."""

    # The registry mixes this into a header, which is a text with a name.
    name: str

    def fold(self, *, policy: "EmailPolicy[Any]") -> str:
        """The header's lines, one Message-ID in each."""
        lines = f"{policy.linesep} ".join(str(self).split())
        return f"{self.name}: {lines}{policy.linesep}"


_headers = HeaderRegistry()
for _name in ("in-reply-to", "references"):
    _headers.map_to_type(_name, cast(Any, _MessageIDs))

#: For messages that name others.
THREADED: Final = SMTP.clone(header_factory=_headers)
