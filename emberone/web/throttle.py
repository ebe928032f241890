"""How often a password may be guessed and a letter asked for, and how much customers may send.

Counted in Redis where the broker is one, so that all processes count together;
otherwise, and while Redis is away, each process counts in its own memory.
"""

import hashlib
import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user, user_logged_in
from limits import RateLimitItem
from redis.backoff import NoBackoff
from redis.retry import Retry

from emberone.config import Settings

logger = logging.getLogger(__name__)

#: Tries for one account, from wherever they come; a right password begins a new count.
PER_ACCOUNT = "10 per 5 minutes"
#: Wrong passwords from one address; an office may share one.
PER_ADDRESS = "50 per 5 minutes"
#: Letters asked for one account, and for all accounts from one address; an answer tells nothing.
LETTERS_PER_ACCOUNT = "5 per hour"
LETTERS_PER_ADDRESS = "30 per hour"
#: In MiB, each message at least one: whoever may register could fill the disk otherwise.
WRITTEN_PER_CUSTOMER = "500 per hour"
#: A sign-in waits this long for Redis, and then counts in memory.
REDIS_TIMEOUT_S = 0.2


#: What is bounded by the account that a form names and by address, and by address alone.
_GUESSES = ("security.login",)
_LETTERS = ("security.register", "security.forgot_password", "security.send_confirmation")
_LINKS = ("security.confirm_email", "security.reset_password")
_WRITING = (
    "portal.ticket_new",
    "portal.comment",
    "portal.close",
    "portal.reopen",
    # What was there before is kept too.
    "portal.comment_edit",
    "portal.edit",
    "portal.rate",
)


def init_throttle(app: Flask, settings: Settings) -> None:
    """Bound the POSTs of the sign-in's endpoints."""
    limiter = Limiter(
        get_remote_address,
        app=app,
        key_prefix="emberone",
        strategy="fixed-window",
        in_memory_fallback_enabled=True,
        # Redis may go between the check and the count: then the count is lost, not the sign-in.
        swallow_errors=True,
        headers_enabled=True,
        **_storage(settings),
    )

    app.extensions["emberone.limiter"] = limiter
    for endpoint in _GUESSES:
        _bound(app, endpoint, PER_ACCOUNT, key_func=account_key)
        _bound(app, endpoint, PER_ADDRESS, deduct_when=_has_failed)
    for endpoint in _LETTERS:
        _bound(app, endpoint, LETTERS_PER_ACCOUNT, key_func=account_key)
        _bound(app, endpoint, LETTERS_PER_ADDRESS)
    for endpoint in _LINKS:
        _bound(app, endpoint, PER_ADDRESS, deduct_when=_has_failed)
    changed = "security.change_password"
    _bound(app, changed, PER_ACCOUNT, key_func=_person_key, deduct_when=_is_refused)
    user_logged_in.connect(_forget(limiter), app, weak=False)


def bound_customers(app: Flask) -> None:
    """Bound what customers send, once the portal is there."""
    for endpoint in _WRITING:
        # Of all forms together.
        limit = app.extensions["emberone.limiter"].shared_limit(
            WRITTEN_PER_CUSTOMER,
            scope="written",
            methods=["POST"],
            key_func=_person_key,
            cost=_size_in_mib,
            deduct_when=_is_taken,
        )
        app.view_functions[endpoint] = limit(app.view_functions[endpoint])


def _bound(app: Flask, endpoint: str, limit: str, **how: Any) -> None:
    limiter = app.extensions["emberone.limiter"]
    view: Any = app.view_functions[endpoint]
    app.view_functions[endpoint] = limiter.limit(limit, methods=["POST"], **how)(view)


def _storage(settings: Settings) -> dict[str, Any]:
    if not settings.redis_url.startswith(("redis://", "rediss://")):
        return {"storage_uri": "memory://"}
    return {
        "storage_uri": settings.redis_url,
        "storage_options": {
            "socket_connect_timeout": REDIS_TIMEOUT_S,
            "socket_timeout": REDIS_TIMEOUT_S,
            "retry": Retry(NoBackoff(), 0),
        },
    }


def account_key() -> str:
    """The account that is tried, as a digest: addresses of people stay out of Redis."""
    name = request.form.get("email", "").strip().lower()
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()


def _person_key() -> str:
    """Whoever is signed in: a session left open must not become a password."""
    return str(current_user.id)


def _size_in_mib() -> int:
    return 1 + (request.content_length or 0) // 2**20


def _is_taken(response: Any) -> bool:
    return bool(response.status_code == 303)


def _is_refused(response: Any) -> bool:
    return bool(response.status_code == 200)


def _has_failed(response: Any) -> bool:
    return not current_user.is_authenticated


def _forget(limiter: Limiter) -> Callable[..., None]:
    """The person has shown who they are: the tries before do not count against them."""

    def forget(sender: Flask, **_: Any) -> None:
        for tried in limiter.current_limits:
            if account_key() in tried.request_args:
                _clear(limiter, tried.limit, tried.request_args)

    return forget


def _clear(limiter: Limiter, limit: RateLimitItem, arguments: list[str]) -> None:
    try:
        limiter.limiter.clear(limit, *arguments)
    except Exception:
        # Whatever the storage raises when it is away; the count ends by itself.
        logger.warning("throttle.not_cleared", exc_info=True)
