"""Sign-in with e-mail address and password, by Flask-Security inside our own doors."""

import functools
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from flask import Flask, g, request, session
from flask_babel import lazy_gettext as _l
from flask_login import user_logged_in
from flask_login.utils import _user_context_processor
from flask_security import LoginForm, Security, SQLAlchemyUserDatastore
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import UnsupportedMediaType
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from emberone.config import Settings
from emberone.db import db, is_writing, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.models import User
from emberone.services.accounts import HASHING, MAXIMUM_PASSWORD_LENGTH, link_profile
from emberone.web.errors import wants_json
from emberone.web.session import has_open_door
from emberone.web.throttle import init_throttle

logger = logging.getLogger(__name__)

#: What Flask-Security and Flask-Login put into the session at a sign-in.
_SESSION_KEYS = {"_user_id", "_fresh", "_id", "_remember", "_remember_seconds", "fs_cc", "fs_paa"}
_WRONG = _l("E-mail address or password is wrong.")


class Datastore(SQLAlchemyUserDatastore):
    """Finds sign-ins through our doors; only the transaction around the view commits."""

    def commit(self) -> None:
        """Send what was changed; the door commits it."""
        if is_writing():
            db.session.flush()  # what the view changed, before the door commits

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> User | None:
        """The sign-in with its profile, read as the product."""
        if has_open_door():
            return self._find(case_insensitive, **kwargs)
        with reading(SYSTEM):
            return self._find(case_insensitive, **kwargs)

    def _find(self, case_insensitive: bool, **kwargs: Any) -> User | None:
        ((name, value),) = kwargs.items()
        column = getattr(User, name)
        condition = func.lower(column) == value.lower() if case_insensitive else column == value
        return cast(
            User | None,
            db.session.scalar(select(User).where(condition).options(joinedload(User.profile))),
        )


class SignInForm(LoginForm):  # type: ignore[misc]
    """E-mail address and password; whatever is wrong with them is told in one sentence."""

    email = StringField(
        _l("E-mail"),
        filters=[lambda text: text.strip() if isinstance(text, str) else text],
        validators=[DataRequired(_WRONG), Length(max=320, message=_WRONG)],
        render_kw={"type": "email", "autocomplete": "username"},
    )

    def validate_password(self, field: Any) -> None:
        """Refuse what nobody can have chosen before it is hashed."""
        if not isinstance(field.data, str) or len(field.data) > MAXIMUM_PASSWORD_LENGTH:
            field.data = ""

    def validate(self, **kwargs: Any) -> bool:
        """Whether this person may come in: known, right password, active, with a profile."""
        if not super().validate(**kwargs):
            return False
        if link_profile(db.session(), self.user) is None:
            self.email.errors = [_WRONG]
            return False
        return True


def init_security(app: Flask, settings: Settings) -> None:
    """Add sign-in and sign-out; registration, recovery and confirmation stay off."""
    app.config.update(_flask_security_options(settings))
    security = Security(app, Datastore(db, User, None), login_form=SignInForm)
    # It would load the person for every file and health check; access.py does when needed.
    app.before_request_funcs[None].remove(security.principal._on_before_request)
    # It would load the person for every page, the one about a lost database too.
    app.template_context_processors[None].remove(_user_context_processor)
    security._want_json = lambda request: wants_json()
    user_logged_in.connect(_begin_anew, app)
    for endpoint in [name for name in app.view_functions if name.startswith("security.")]:
        app.view_functions[endpoint] = _in_one_transaction(app.view_functions[endpoint])
    app.before_request(_take_only_forms)
    init_throttle(app, settings, "security.login")


def _flask_security_options(settings: Settings) -> dict[str, Any]:
    return {
        "SECURITY_JOIN_USER_ROLES": False,
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SCHEMES": ["argon2"],
        # A hash that cost less is replaced at the next sign-in.
        "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {
            f"argon2__{name}": value for name, value in HASHING.items()
        },
        # Argon2 brings a salt for each password; a second one for all would only tie them to it.
        "SECURITY_PASSWORD_SINGLE_HASH": True,
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_MSG_GENERIC_AUTHN_FAILED": (_WRONG, "error"),
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_POST_LOGIN_VIEW": "start.index",
        "SECURITY_POST_LOGOUT_VIEW": "security.login",
        "SECURITY_FLASH_MESSAGES": False,
        # No route of it for asking for the password again, and none for files.
        "SECURITY_FRESHNESS": timedelta(minutes=-1),
        "SECURITY_STATIC_FOLDER": None,
        "SECURITY_CLI_USERS_NAME": None,
        "SECURITY_CLI_ROLES_NAME": None,
        "SESSION_COOKIE_NAME": "emberone_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.is_https,
        "REMEMBER_COOKIE_NAME": "emberone_remember",
        "REMEMBER_COOKIE_HTTPONLY": True,
        "REMEMBER_COOKIE_SAMESITE": "Lax",
        "REMEMBER_COOKIE_SECURE": settings.is_https,
        "REMEMBER_COOKIE_DURATION": timedelta(days=30),
        # For how long a copied cookie would be believed.
        "PERMANENT_SESSION_LIFETIME": timedelta(days=14),
        # A reply may be written over lunch: the token lasts as long as the session.
        "WTF_CSRF_TIME_LIMIT": None,
    }


def _in_one_transaction(view: Callable[..., Any]) -> Callable[..., Any]:
    """Run a POST of this view whole inside one write door; a GET only reads."""

    @functools.wraps(view)
    def run(*args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return view(*args, **kwargs)
        with transaction(SYSTEM):
            return view(*args, **kwargs)

    return run


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
    if not is_local(request.args.get("next", "/")) or not is_local(request.form.get("next", "/")):
        request.args = MultiDict()  # type: ignore[assignment]
        request.form = MultiDict(  # type: ignore[assignment]
            [(key, value) for key, value in request.form.items(multi=True) if key != "next"]
        )


def is_local(address: str) -> bool:
    """Whether the address is a path here, in the eyes of the most lenient browser."""
    return (
        address.startswith("/")
        and not address.startswith(("//", "/\\"))
        and not any(character <= " " or character == "\x7f" for character in address)
    )
