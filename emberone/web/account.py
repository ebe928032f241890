"""One's own account: name, language, letters, password, and where one is signed in."""

from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug import Response

from emberone import languages, policy
from emberone.db import db
from emberone.domain.enums import LETTERS_OF
from emberone.domain.errors import EmberOneError, Invalid
from emberone.mail.site import current_settings
from emberone.models import Profile
from emberone.services import accounts, profiles
from emberone.web.admin.base import attempt, carry_out
from emberone.web.session import current_actor, current_profile

blueprint = Blueprint("account", __name__)

#: When each letter that one can do without is written.
LETTER_WORDS: Final = {
    "ticket_received": _l("We have received my request"),
    "staff_replied": _l("I get an answer"),
    "reminder": _l("A ticket waits for my answer for some days"),
    "feedback_request": _l("A ticket was closed and I may rate it"),
    "assigned": _l("A ticket becomes mine"),
    "mention": _l("A colleague mentions me in a note"),
    "sla_warning": _l("A promise to a customer is about to be broken"),
    "sla_breach": _l("A promise to a customer was broken"),
    "low_rating": _l("A customer was not satisfied"),
    "unassignable": _l("Nobody can take a ticket"),
    "digest": _l("Many of these come at once: in one letter, and not each by itself"),
}


@blueprint.app_template_global()
def own_layout() -> str:
    """The frame of pages that customers and staff share: the portal's, or the panel's."""
    return "theme/panel.html" if current_actor().is_staff else "portal/_layout.html"


@blueprint.route("/account/", methods=("GET", "POST"))
def page() -> Any:
    """Show what one has chosen, and take another choice."""
    actor, person = current_actor(), _person()
    may_rename = policy.may(actor, policy.PROFILE_RENAME, person)
    typed = {"full_name": person.full_name, "language": person.language or ""}
    declined = set(person.declined_letters)
    refusal: Any = None
    if request.method == "POST":
        typed = {name: request.form.get(name, "") for name in typed}
        declined = set(LETTERS_OF[person.role]) - set(request.form.getlist("letters"))
        refusal = attempt(
            profiles.choose,
            actor,
            full_name=typed["full_name"] if may_rename else None,
            # With one language the page asks for none, and none is forgotten.
            language=typed["language"] or None if _has_choice() else person.language,
            declined_letters=declined,
        )
        if not isinstance(refusal, EmberOneError):
            # Said on the page that follows, in the language just chosen.
            flash(_("Your choices were saved."), "success")
            return redirect(url_for("account.page"), 303)
    drawn = render_template(
        "account/page.html",
        person=person,
        may_rename=may_rename,
        typed=typed,
        letters=[(name, LETTER_WORDS[name]) for name in LETTERS_OF[person.role]],
        declined=declined,
        languages=languages.choices() if _has_choice() else [],
        has_password=person.local_user_id is not None,
        refusal=refusal,
    )
    return drawn, refusal.status if refusal else 200


@blueprint.post("/account/sign-out-everywhere")
def sign_out_everywhere() -> Response:
    """End every session of this person, the present one too."""
    message = _("You are signed out everywhere.")
    login = url_for("security.login")
    return carry_out(message, login, accounts.sign_out_everywhere, current_actor())


@blueprint.get("/register/sent")
def letter_sent() -> str:
    """Tell someone who has registered to look into their mailbox."""
    return render_template("security/letter_sent.html", has_mail=bool(current_settings().smtp_url))


def _person() -> Profile:
    """One's own row as it is now, whoever loaded it before."""
    known = current_profile()
    if known is None:
        raise Invalid
    return db.session().get_one(Profile, known.id, populate_existing=True)


def _has_choice() -> bool:
    return len(languages.available()) > 1
