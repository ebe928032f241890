"""Flask-Security's mails as letters of our outbox, in the transaction that causes them."""

from typing import Any

from flask_security import MailUtil
from flask_security.mail_util import EmailValidateException
from flask_security.recoverable import generate_reset_password_token

from emberone.db import db
from emberone.domain import texts
from emberone.domain.errors import Invalid
from emberone.mail.tokens import claim_of
from emberone.models import User
from emberone.services import sign_in_letters
from emberone.web.errors import refusal_text


class Letters(MailUtil):  # type: ignore[misc]
    """Writes a letter where Flask-Security would send a mail, and knows an address as we do."""

    def send_mail(self, template: str, *args: Any, user: User, **kwargs: Any) -> None:
        """Write the letter that this mail is with us."""
        session = db.session()
        kind = template.rpartition("/")[2]
        if kind == "reset_instructions":
            sign_in_letters.write_reset(session, user, claim_of(kwargs["reset_token"]))
        elif kind in {"reset_notice", "change_notice"}:
            sign_in_letters.write_password_changed(session, user)
        elif user.confirmed_at is not None:
            # Registering once more, with the address of someone who is here.
            sign_in_letters.write_known(session, user)
        elif user.password is None:
            # There is no password to confirm with: it is chosen on the page of the link.
            token = generate_reset_password_token(user)
            sign_in_letters.write_reset(session, user, claim_of(token))
        else:
            sign_in_letters.write_confirm(session, user, claim_of(kwargs["confirmation_token"]))

    def normalize(self, email: str) -> str:
        """The address in the one form in which the product keeps it."""
        try:
            return texts.address(email)
        except Invalid as error:
            raise EmailValidateException(refusal_text(error)) from error

    #: Whether mail reaches an address is shown by the letter, not asked of name servers.
    validate = normalize
