"""What Flask-Security, Flask-Login and Flask-WTF are told about our sign-in."""

from datetime import timedelta
from typing import Any

from flask_babel import lazy_gettext as _l

from emberone.config import Settings
from emberone.mail.tokens import CONFIRM_SALT, CONFIRM_WITHIN, RESET_SALT, RESET_WITHIN
from emberone.services.accounts import HASHING
from emberone.web.security.forms import WRONG


def flask_security_options(settings: Settings) -> dict[str, Any]:
    """The configuration of everything that signs people in."""
    return {**_sign_in(), **_flows(), **_cookies(settings)}


def _sign_in() -> dict[str, Any]:
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
        "SECURITY_MSG_GENERIC_AUTHN_FAILED": (WRONG, "error"),
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_POST_LOGIN_VIEW": "start.index",
        "SECURITY_POST_LOGOUT_VIEW": "security.login",
        "SECURITY_FLASH_MESSAGES": False,
        # No route of it for asking for the password again, and none for files.
        "SECURITY_FRESHNESS": timedelta(minutes=-1),
        "SECURITY_STATIC_FOLDER": None,
        "SECURITY_CLI_USERS_NAME": None,
        "SECURITY_CLI_ROLES_NAME": None,
    }


def _flows() -> dict[str, Any]:
    return {
        "SECURITY_REGISTERABLE": True,
        "SECURITY_CONFIRMABLE": True,
        "SECURITY_RECOVERABLE": True,
        "SECURITY_CHANGEABLE": True,
        "SECURITY_CHANGE_URL": "/account/password",
        # The confirmation asks for it once more.
        "SECURITY_PASSWORD_CONFIRM_REQUIRED": False,
        "SECURITY_CONFIRM_EMAIL_WITHIN": CONFIRM_WITHIN,
        "SECURITY_RESET_PASSWORD_WITHIN": RESET_WITHIN,
        "SECURITY_CONFIRM_SALT": CONFIRM_SALT,
        "SECURITY_RESET_SALT": RESET_SALT,
        # Of an address and of a password's hash, inside a signed link: nothing to stretch, and
        # a slow one would tell by its time whether somebody has the address.
        "SECURITY_HASHING_SCHEMES": ["hex_sha512"],
        "SECURITY_DEPRECATED_HASHING_SCHEMES": [],
        # Who confirms has shown letter and password; who resets, the letter only.
        "SECURITY_AUTO_LOGIN_AFTER_CONFIRM": True,
        "SECURITY_AUTO_LOGIN_AFTER_RESET": False,
        "SECURITY_POST_REGISTER_VIEW": "account.letter_sent",
        "SECURITY_POST_CHANGE_VIEW": "account.page",
        # Our letters are worded when they leave, by `mail/`.
        "SECURITY_EMAIL_PLAINTEXT": False,
        "SECURITY_EMAIL_HTML": False,
        "SECURITY_MSG_INVALID_PASSWORD": (_l("That is not your present password."), "error"),
        "SECURITY_MSG_PASSWORD_NOT_PROVIDED": (_l("Please enter the password."), "error"),
        "SECURITY_MSG_PASSWORD_IS_THE_SAME": (
            _l("The new password is the same as the present one."),
            "error",
        ),
    }


def _cookies(settings: Settings) -> dict[str, Any]:
    return {
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
