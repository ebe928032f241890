"""Which endpoint asks for which permission: the one table, checked before every view.

An endpoint that is not in :data:`ENDPOINTS` is refused to everyone, and a test
fails. The row acted on is judged later, by the service or the query.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from flask import Flask, Response, redirect, request, url_for

from emberone import policy
from emberone.domain.errors import NotAllowed
from emberone.web.errors import wants_json
from emberone.web.session import SignInNeeded, read_as_the_person

#: Anyone may ask; the view opens its own reading if it needs one.
PUBLIC: Final = "public"
#: Anyone who is signed in.
SIGNED_IN: Final = "signed in"

_EVERYONE = {
    "start.index": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": PUBLIC,
    "theme.asset": PUBLIC,
    "health.alive": PUBLIC,
    "health.ready": PUBLIC,
}

_PORTAL = {
    "portal.tickets": policy.PORTAL_ENTER,
}

#: endpoint → PUBLIC, SIGNED_IN or a permission of `policy.py`.
ENDPOINTS: Final[Mapping[str, str]] = {**_EVERYONE, **_PORTAL}


def init_access(app: Flask) -> None:
    """Check every request against the table before anything else looks at it."""
    app.before_request(_check)


def _check() -> Response | None:
    # None: no such address or method; the routing's own 404 or 405 follows.
    if request.endpoint is None:
        return None
    permission = ENDPOINTS.get(request.endpoint)
    if permission == PUBLIC:
        return None
    actor = read_as_the_person()
    if permission is None:
        raise NotAllowed
    if actor is None:
        return _ask_to_sign_in()
    if permission != SIGNED_IN and not policy.may_ever(actor, permission):
        raise NotAllowed
    return None


def _ask_to_sign_in() -> Response:
    if request.method not in {"GET", "HEAD"} or wants_json():
        raise SignInNeeded
    # Our own path and never the host that the client named.
    wanted = request.full_path.removesuffix("?")
    address = url_for("security.login")
    return redirect(f"{address}?{urlencode({'next': wanted})}")  # type: ignore[return-value]
