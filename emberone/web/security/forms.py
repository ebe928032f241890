"""The forms of the sign-in's pages: Flask-Security's flows with our fields and our words."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_security import (
    ChangePasswordForm,
    ForgotPasswordForm,
    LoginForm,
    PasswordUtil,
    RegisterFormV2,
    ResetPasswordForm,
    SendConfirmationForm,
    hash_password,
)
from flask_security.forms import Form, unique_user_email, valid_user_email
from flask_wtf import FlaskForm
from wtforms import Field, PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, Length, StopValidation, ValidationError

from emberone.db import db
from emberone.domain import texts
from emberone.domain.errors import Invalid
from emberone.models import User
from emberone.services import registration
from emberone.services.accounts import MAXIMUM_PASSWORD_LENGTH, checked_password, link_profile
from emberone.web.errors import refusal_text

WRONG = _l("E-mail address or password is wrong.")


def _stripped(text: Any) -> Any:
    return text.strip() if isinstance(text, str) else text


def _is_address(form: Form, field: Field) -> None:
    """The address in the one form that the product keeps, held until the transaction ends."""
    try:
        field.data = texts.address(field.data or "")
    except Invalid as error:
        raise StopValidation(_("That is not an e-mail address.")) from error
    registration.hold_address(db.session(), field.data)


def _is_name(form: Form, field: Field) -> None:
    try:
        field.data = texts.person_name(field.data or "")
    except Invalid as error:
        raise StopValidation(_("Please tell us your name.")) from error


def _address_field(*validators: Any) -> StringField:
    return StringField(
        _l("E-mail address"),
        filters=[_stripped],
        validators=[DataRequired(_l("Please enter your e-mail address.")), *validators],
        render_kw={"type": "email", "autocomplete": "username", "inputmode": "email"},
    )


def _new_password(label: Any) -> PasswordField:
    return PasswordField(
        label,
        validators=[DataRequired(_l("Please choose a password."))],
        render_kw={"autocomplete": "new-password"},
    )


def _repeated(name: str) -> PasswordField:
    return PasswordField(
        _l("The same once more"),
        validators=[
            DataRequired(_l("Please enter the password once more.")),
            EqualTo(name, message=_l("The two passwords are not the same.")),
        ],
        render_kw={"autocomplete": "new-password"},
    )


class Passwords(PasswordUtil):  # type: ignore[misc]
    """What a new password must be: the product's rule, in its words."""

    def validate(
        self, password: str, is_register: bool, **kwargs: Any
    ) -> tuple[list[str] | None, str]:
        """Why this password cannot be chosen, and its one spelling."""
        user: User | None = kwargs.get("user")
        about = [kwargs.get("email"), user and user.email]
        try:
            return None, checked_password(password, about=[text for text in about if text])
        except Invalid as error:
            return [refusal_text(error)], password


class SignInForm(LoginForm):  # type: ignore[misc]
    """E-mail address and password; whatever is wrong with them is told in one sentence."""

    email = StringField(
        _l("E-mail address"),
        filters=[_stripped],
        validators=[DataRequired(WRONG), Length(max=320, message=WRONG)],
        render_kw={"type": "email", "autocomplete": "username"},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The page has its own link for who has forgotten it.
        self.password.description = ""

    def validate_password(self, field: Any) -> None:
        """Refuse what nobody can have chosen before it is hashed."""
        if not isinstance(field.data, str) or len(field.data) > MAXIMUM_PASSWORD_LENGTH:
            field.data = ""

    def validate(self, **kwargs: Any) -> bool:
        """Whether this person may come in: known, right password, active, with a profile."""
        if not super().validate(**kwargs):
            return False
        if link_profile(db.session(), self.user) is None:
            self.email.errors = [WRONG]
            return False
        return True

    @property
    def waits_for_confirmation(self) -> bool:
        """Whether all is right but the address, which nobody has confirmed yet."""
        return bool(self.requires_confirmation and self.user and self.user.active)


class RegisterForm(RegisterFormV2):  # type: ignore[misc]
    """Name, address and a password; the confirmation asks for the password once more."""

    full_name = StringField(
        _l("Your name"),
        filters=[_stripped],
        validators=[DataRequired(_l("Please tell us your name.")), _is_name],
        render_kw={"autocomplete": "name"},
    )
    email = _address_field(_is_address, unique_user_email)
    password = _new_password(_l("Password"))

    def to_dict(self, only_user: bool) -> dict[str, Any]:
        """What the new sign-in is made of."""
        return {**super().to_dict(only_user), "full_name": self.full_name.data}

    def validate(self, **kwargs: Any) -> bool:
        """Whether a customer can be made of it.

        Of an address that is somebody's without a sign-in of ours (a colleague's, say)
        nothing is made, and the page does not tell.
        """
        if not super().validate(**kwargs):
            return False
        return registration.may_register(db.session(), self.email.data)


class ForgotForm(ForgotPasswordForm):  # type: ignore[misc]
    """The address of someone with a sign-in, or of a customer known by mail only."""

    def _knows(self, field: Field) -> None:
        """Find the sign-in; whom only their letters made known gets one without a password."""
        try:
            valid_user_email(self, field)
        except ValidationError:
            self.user = registration.sign_in_of_known(db.session(), field.data)
            if self.user is None:
                raise

    email = _address_field(_is_address, _knows)

    def validate(self, **kwargs: Any) -> bool:
        """Whether a letter is written; who has not confirmed the address does so by its link."""
        if not Form.validate(self, **kwargs):
            return False
        if not self.user.active:
            self.email.errors.append(_("This person is deactivated."))
            return False
        # Flask-Security takes as long for an address that nobody has.
        hash_password("not-a-password")
        return True


class ConfirmAgainForm(SendConfirmationForm):  # type: ignore[misc]
    """The address that is still to be confirmed."""

    email = _address_field(_is_address, valid_user_email)


class ResetForm(ResetPasswordForm):  # type: ignore[misc]
    """A password, twice."""

    password = _new_password(_l("New password"))
    password_confirm = _repeated("password")


class ChangeForm(ChangePasswordForm):  # type: ignore[misc]
    """The present password, and another one twice."""

    password = PasswordField(
        _l("Present password"),
        validators=[DataRequired(_l("Please enter the password that you have now."))],
        render_kw={"autocomplete": "current-password"},
    )
    new_password = _new_password(_l("New password"))
    new_password_confirm = _repeated("new_password")


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """The password chosen at the registration: who confirms is who registered."""

    password = PasswordField(
        _l("Password"),
        validators=[DataRequired(_l("Please enter the password that you chose."))],
        render_kw={"autocomplete": "current-password"},
    )

    def validate_password(self, field: Any) -> None:
        """Refuse what nobody can have chosen before it is hashed."""
        if len(field.data or "") > MAXIMUM_PASSWORD_LENGTH:
            field.data = ""
