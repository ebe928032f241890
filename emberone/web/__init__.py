"""The web edge: panel, portal and everything else that a browser asks for."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from emberone.config import Settings
from emberone.core import create_core
from emberone.web import account, feedback, health, metrics, portal, start
from emberone.web.access import init_access
from emberone.web.admin import init_panel
from emberone.web.attachments import init_attachments
from emberone.web.errors import init_errors
from emberone.web.forgery import init_forgery
from emberone.web.health import init_health
from emberone.web.language import init_language
from emberone.web.observing import init_observing
from emberone.web.security import init_security
from emberone.web.session import init_session
from emberone.web.theme import init_theme
from emberone.web.throttle import bound_customers

#: Larger than the largest text that the product keeps, form-encoded.
_LARGEST_REQUEST = 2 * 1024 * 1024


def create_app(settings: Settings | None = None) -> Flask:
    """The web application, as gunicorn and the tests run it; settings come from the environment."""
    settings = settings or Settings.from_env()
    app = create_core(settings)
    app.config.update(
        MAX_CONTENT_LENGTH=_LARGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=_LARGEST_REQUEST,
        TEMPLATES_AUTO_RELOAD=False,
    )
    init_theme(app, search_endpoint="ticket.index_view")
    init_language(app)
    # Checks run in this order: who asks, what they ask for, whether they mean it.
    init_observing(app)
    init_session(app)
    init_access(app)
    # Only for people who are signed in, and before anything reads the form.
    init_attachments(app)
    init_errors(app)
    init_forgery(app)
    init_security(app, settings)
    init_health(app, settings)
    for part in (start, health, metrics, portal, account, feedback):
        app.register_blueprint(part.blueprint)
    bound_customers(app)
    # Names of views are texts, which are looked up in this application and no other.
    with app.app_context():
        init_panel(app)
    if settings.trusted_proxies:
        _believe_proxies(app, settings.trusted_proxies)
    return app


def _believe_proxies(app: Flask, number: int) -> None:
    """Take the client's address and scheme from that many proxies of ours in front."""
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=number, x_proto=number)  # type: ignore[method-assign]
