"""Sign-in, registration and passwords, by Flask-Security inside our own doors."""

import logging

from flask import Flask, Response, g, request, session
from flask_login import user_logged_in
from flask_login.utils import _user_context_processor
from flask_security import Security
from flask_security.signals import password_changed, password_reset, user_confirmed
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import UnsupportedMediaType

from emberone.config import Settings
from emberone.db import db, now_of
from emberone.models import User
from emberone.web.errors import wants_json
from emberone.web.security import forms, views
from emberone.web.security.datastore import Datastore
from emberone.web.security.letters import Letters
from emberone.web.security.options import flask_security_options
from emberone.web.security.sign_in_page import sign_in_page
from emberone.web.throttle import init_throttle

logger = logging.getLogger(__name__)

#: What Flask-Security and Flask-Login put into the session at a sign-in.
_SESSION_KEYS = {"_user_id", "_fresh", "_id", "_remember", "_remember_seconds", "fs_cc", "fs_paa"}


def init_security(app: Flask, settings: Settings) -> None:
    """Add sign-in and sign-out, registration, confirmation, and choosing a password."""
    app.config.update(flask_security_options(settings))
    security = Security(
        app,
        Datastore(db, User, None),
        login_form=forms.SignInForm,
        register_form=forms.RegisterForm,
        forgot_password_form=forms.ForgotForm,
        reset_password_form=forms.ResetForm,
        change_password_form=forms.ChangeForm,
        send_confirmation_form=forms.ConfirmAgainForm,
        mail_util_cls=Letters,
        password_util_cls=forms.Passwords,
    )
    security.datetime_factory = lambda: now_of(db.session())
    # It would load the person for every file and health check; access.py does when needed.
    app.before_request_funcs[None].remove(security.principal._on_before_request)
    # It would load the person for every page, the one about a lost database too.
    app.template_context_processors[None].remove(_user_context_processor)
    security._want_json = lambda request: wants_json()
    security.login_context_processor(lambda: sign_in_page(settings))
    user_logged_in.connect(_begin_anew, app)
    password_reset.connect(views.tell_of_reset, app)
    password_changed.connect(views.tell_of_change, app)
    user_confirmed.connect(views.tell_of_confirmation, app)
    views.wrap_views(app)
    app.before_request(_take_only_forms)
    app.after_request(_keep_addresses_secret)
    init_throttle(app, settings)


def _begin_anew(app: Flask, user: User) -> None:
    """Keep nothing of the session before the sign-in: someone else may have planted it."""
    for key in set(session) - _SESSION_KEYS:
        del session[key]
    g.pop("csrf_token", None)
    logger.info("security.signed_in", extra={"user_id": user.get_id() and str(user.id)})


def _take_only_forms() -> None:
    """Sign-in is for browsers; a `next` that is not an address of ours is dropped."""
    if request.blueprint != "security":
        return
    if request.method == "POST" and request.is_json:
        raise UnsupportedMediaType
    # Only the sign-in leads on; the other pages have their own ends.
    is_followed = request.endpoint == "security.login"
    wanted = (request.args.get("next", "/"), request.form.get("next", "/"))
    if not is_followed or not all(map(is_local, wanted)):
        request.args = MultiDict()  # type: ignore[assignment]
        request.form = MultiDict(  # type: ignore[assignment]
            [(key, value) for key, value in request.form.items(multi=True) if key != "next"]
        )


def _keep_addresses_secret(response: Response) -> Response:
    """A link's address is a secret: no referrer, no index and no cache may keep it."""
    if request.blueprint == "security":
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        response.headers["Cache-Control"] = "no-store"
    return response


def is_local(address: str) -> bool:
    """Whether the address is a path here, in the eyes of the most lenient browser."""
    return (
        address.startswith("/")
        and not address.startswith(("//", "/\\"))
        and not any(character <= " " or character == "\x7f" for character in address)
    )
