"""What letters say about the place they come from."""

import ipaddress
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit
from uuid import UUID

from flask import current_app

from emberone.config import Settings
from emberone.mail.tokens import CONFIRM_SALT, RESET_SALT, feedback_token, signed

#: Stands for the token where a letter is only looked at.
_NOT_SHOWN = "…"


@dataclass(frozen=True, slots=True)
class Site:
    """The addresses that letters link to and come from."""

    #: Without a trailing slash.
    base_url: str
    sender: str
    #: None: links that are somebody's secret are not shown.
    secret_key: str | None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Site":
        """The site of this environment."""
        host = urlsplit(settings.base_url).hostname or "localhost"
        return cls(
            base_url=settings.base_url,
            sender=_smtp_user(settings.smtp_url) or f"no-reply@{_domain(host)}",
            secret_key=settings.secret_key,
        )

    @property
    def domain(self) -> str:
        """The host in the form that stands behind an @."""
        return _domain(urlsplit(self.base_url).hostname or "localhost")

    def for_preview(self) -> "Site":
        """The same without secrets: who may look at letters may not act for their readers."""
        return replace(self, secret_key=None)

    def ticket_url(self, ticket_id: str) -> str:
        """The ticket in the panel."""
        return f"{self.base_url}/admin/ticket/details/?id={ticket_id}"

    def portal_url(self, number: int) -> str:
        """The ticket in the portal, for its customer; who is not signed in can do so on the way."""
        return f"{self.base_url}/portal/{number}/"

    def digest_url(self, digest_id: str) -> str:
        """The letters that a digest tells of, in the panel."""
        return f"{self.base_url}/admin/letter/?digest={digest_id}"

    @property
    def choices_url(self) -> str:
        """Where people choose what they are mailed."""
        return f"{self.base_url}/account/"

    def feedback_url(self, request_id: str) -> str:
        """The page where a customer rates a closed ticket."""
        token = _NOT_SHOWN
        if self.secret_key is not None:
            token = feedback_token(self.secret_key, UUID(request_id))
        return f"{self.base_url}/f/{token}"

    def confirm_url(self, claim: str) -> str:
        """The page where a person says that this address is theirs."""
        return f"{self.base_url}/confirm/{self._token(CONFIRM_SALT, claim)}"

    def reset_url(self, claim: str) -> str:
        """The page where a person chooses a password."""
        return f"{self.base_url}/reset/{self._token(RESET_SALT, claim)}"

    def _token(self, salt: str, claim: str) -> str:
        return _NOT_SHOWN if self.secret_key is None else signed(self.secret_key, salt, claim)


def current_settings() -> Settings:
    """The validated environment of the running application."""
    settings: Settings = current_app.extensions["emberone.settings"]
    return settings


def current_site() -> Site:
    """The site of the running application."""
    return Site.from_settings(current_settings())


def _smtp_user(smtp_url: str | None) -> str | None:
    """The SMTP login where it is an address; servers rarely let another one send."""
    user = unquote(urlsplit(smtp_url).username or "") if smtp_url else ""
    return user if "@" in user and not any(c.isspace() for c in user) else None


def _domain(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
