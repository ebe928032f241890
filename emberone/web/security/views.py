"""Flask-Security's views as we serve them: one transaction a POST, links that scanners may open.

A GET changes nothing, whatever link a mail program follows ahead of its reader.
A page that takes an address answers alike whether somebody has it: the same
words and status, the same work, a nudge in either case.
"""

import functools
from collections.abc import Callable
from typing import Any

from flask import Flask, flash, make_response, render_template, request
from flask_babel import gettext as _
from flask_security.confirmable import confirm_email_token_status
from flask_security.recoverable import reset_password_token_status
from flask_security.utils import hash_password
from sqlalchemy import select
from werkzeug import Response

from emberone.db import db, is_writing, open_reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.jobs import Job, nudge
from emberone.models import User
from emberone.services import registration
from emberone.web.security.datastore import as_product
from emberone.web.security.forms import ConfirmAgainForm, ConfirmForm, ForgotForm
from emberone.web.theme import error_page

View = Callable[..., Any]
_NO_LONGER_VALID = 410


def wrap_views(app: Flask) -> None:
    """Put what is ours around every view of Flask-Security's."""
    ours: dict[str, Callable[[View], View]] = {
        "security.register": _register,
        "security.forgot_password": _letters_alike,
        "security.send_confirmation": _letters_alike,
        "security.confirm_email": _confirm,
        "security.reset_password": _reset,
    }
    for endpoint in [name for name in app.view_functions if name.startswith("security.")]:
        view = app.view_functions[endpoint]
        view = ours.get(endpoint, lambda same: same)(view)
        app.view_functions[endpoint] = _in_one_transaction(view)


def _in_one_transaction(view: View) -> View:
    """Run a POST of this view whole inside one write door; a GET only reads."""

    @functools.wraps(view)
    def run(*args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return view(*args, **kwargs)
        with transaction(SYSTEM):
            return view(*args, **kwargs)

    return run


def _letters_alike(view: View) -> View:
    """Ask for a sweep of the mail whether or not a letter was written: both take as long."""

    @functools.wraps(view)
    def run(*args: Any, **kwargs: Any) -> Any:
        if is_writing():
            nudge(db.session(), Job.MAIL)
        return view(*args, **kwargs)

    return run


def _register(view: View) -> View:
    """Refuse kindly while an admin wants no registrations."""
    alike = _letters_alike(view)

    @functools.wraps(view)
    def run() -> Any:
        with as_product() as session:
            is_open = registration.allows_registration(session)
        if is_open:
            return alike()
        text = _("Accounts are made by our staff here. Write to us, and we will gladly make one.")
        page = error_page(403, title=_("You cannot register by yourself"), text=text)
        return make_response(page, 403)

    return run


def _confirm(view: View) -> View:
    """Ask for the password before the address counts as confirmed, and sign the person in.

    Whoever registered with somebody else's address knows the password but not the
    letter; whoever got that letter by surprise does not know the password.
    """

    @functools.wraps(view)
    def run(token: str) -> Any:
        open_for_page()
        form = ConfirmForm()
        user = _holder(token, confirm_email_token_status)
        if user is not None and user.confirmed_at is not None:
            user = None
        if user is None:
            return _void_confirmation()
        if form.validate_on_submit():
            if user.verify_and_update_password(form.password.data):
                return view(token)
            form.password.errors = [_("That is not the password chosen at the registration.")]
        return render_template("security/confirm_email.html", form=form, user=user, token=token)

    return run


def _reset(view: View) -> View:
    """Say what to do about a link that is used up, late or broken."""

    @functools.wraps(view)
    def run(token: str) -> Any:
        open_for_page()
        user = _holder(token, reset_password_token_status)
        if user is None:
            return make_response(
                render_template(
                    "security/forgot_password.html",
                    forgot_password_form=ForgotForm(formdata=None),
                    is_void=True,
                ),
                _NO_LONGER_VALID,
            )
        return view(token)

    return run


def _void_confirmation() -> Response:
    # As long as for a password that is looked at.
    hash_password("not-a-password")
    page = render_template(
        "security/send_confirmation.html",
        send_confirmation_form=ConfirmAgainForm(formdata=None),
        is_void=True,
    )
    return make_response(page, _NO_LONGER_VALID)


def _holder(token: str, status: Callable[[str], tuple[bool, bool, User | None]]) -> User | None:
    """The active sign-in that a link is for, held by a POST until it is used up; None for no link."""
    expired, invalid, user = status(token)
    if expired or invalid or user is None or not user.active:
        return None
    if not is_writing():
        return user
    # A second click waits here, and then finds the link used up.
    held = select(User.id).where(User.id == user.id, User.fs_uniquifier == user.fs_uniquifier)
    statement = held.where(User.confirmed_at.is_not_distinct_from(user.confirmed_at))
    found = db.session().scalar(statement.with_for_update())
    return user if found is not None else None


def open_for_page() -> None:
    """Let a page that anyone may ask for read as the product, unless it writes."""
    if not is_writing():
        open_reading(SYSTEM)


def tell_of_reset(app: Flask, user: User, **_more: Any) -> None:
    """A password was chosen by a letter's link: the address is proven, and the link used up."""
    registration.address_proven(db.session(), user)
    flash(_("Your password is set. Sign in with it."), "success")


def tell_of_confirmation(app: Flask, user: User, **_more: Any) -> None:
    """An address was confirmed: whoever is known by it is this person."""
    registration.address_proven(db.session(), user)


def tell_of_change(app: Flask, user: User, **_more: Any) -> None:
    """A password was changed by the person."""
    flash(_("Your password was changed. Wherever else you were signed in, you are signed out."))
