"""Forms that another site sent in a person's name: refused by where they come from, and by a token."""

from typing import Final

from flask import Flask, request
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError

_CHANGES_NOTHING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: What browsers say of a request that a page of ours, or the person alone, has caused.
_OURS: Final = frozenset({"same-origin", "none"})


def init_forgery(app: Flask) -> None:
    """Look at every request that may change something; blueprints may ask to be spared."""
    # Flask-WTF would ask for a Referer where the address is https. The sign-in's pages have
    # none to send, since their addresses are secrets; Sec-Fetch-Site tells the same of every
    # page, and keeps neighbours on the same domain out as well.
    app.config["WTF_CSRF_SSL_STRICT"] = False
    csrf = CSRFProtect(app)

    @app.before_request
    def refuse_other_sites() -> None:
        site = request.headers.get("Sec-Fetch-Site")
        # Old browsers, and all over plain http, do not say: the token alone decides.
        if request.method in _CHANGES_NOTHING or site is None or site in _OURS:
            return
        if app.blueprints.get(request.blueprint or "") not in csrf._exempt_blueprints:
            raise CSRFError
