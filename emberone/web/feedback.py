"""The page behind a feedback letter's links: it needs no sign-in and no cookie.

Mail scanners open every link of a letter, so GET and HEAD record nothing
(feedback rule 6). The token in the address is the customer's capability: who
has it may answer, and who has not cannot make somebody else's browser send it,
so these POSTs need no token against forgery, which mail programs' own browsers
without cookies could not give back.
"""

from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _

from emberone.db import db, now_of, open_reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import FeedbackState
from emberone.domain.errors import Conflict, Gone, Invalid, NotFound
from emberone.domain.feedback import RATINGS, LinkState
from emberone.queries.feedback import Invitation, invitation
from emberone.services.answers import answer, unsubscribe

blueprint = Blueprint("feedback", __name__)

#: A million letters of any alphabet, as browsers encode them.
_LARGEST_REQUEST: Final = 12 * 1024 * 1024


@blueprint.record_once
def _accept_without_cookies(state: BlueprintSetupState) -> None:
    csrf = state.app.extensions.get("csrf")
    if csrf is not None:
        csrf.exempt(blueprint)


@blueprint.before_request
def _take_long_texts() -> None:
    """A text that is far too long is given back in the form, not thrown away with a 413."""
    request.max_content_length = request.max_form_memory_size = _LARGEST_REQUEST


@blueprint.after_request
def _keep_the_address_secret(response: Response) -> Response:
    """The address is the secret: no referrer, no index and no cache may keep it."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/f/<token>")
def page(token: str) -> Response:
    """Show the form with the link's star chosen, or what was answered; record nothing."""
    found = _found(token)
    chosen = _star(request.args.get("rating", "")) or found.rating
    return _form(token, found, chosen=chosen, text=found.text or "")


@blueprint.post("/f/<token>")
def submit(token: str) -> Response:
    """Record an answer, and show the page again that says so."""
    rating = _star(request.form.get("rating", ""))
    text = request.form.get("text", "")
    seen = _count(request.form.get("seen", ""))
    try:
        if rating is None or seen is None:
            raise Invalid(_("Choose from one to five stars."), field="rating")
        answer(token, rating, text, seen_answer_no=seen)
    except Invalid as error:
        return _form(token, _found(token), chosen=rating, text=text, error=error)
    except Conflict:
        # The form carries what stands there now; what this person wanted is still in it.
        return _form(token, _found(token), chosen=rating, text=text, is_late=True)
    return redirect(url_for("feedback.page", token=token), 303)  # type: ignore[return-value]


@blueprint.get("/f/<token>/unsubscribe")
def unsubscribe_page(token: str) -> str:
    """Ask before ending the letters: scanners open this link too."""
    if _invitation(token) is None:
        raise _no_such_link()
    return render_template("feedback/unsubscribe.html", token=token, is_done=False)


@blueprint.post("/f/<token>/unsubscribe")
def unsubscribe_now(token: str) -> str:
    """End these letters: from the page's button, or a mail program's own (RFC 8058)."""
    unsubscribe(token)
    return render_template("feedback/unsubscribe.html", token=token, is_done=True)


def _invitation(token: str) -> Invitation | None:
    # As the product: the token and nobody's sign-in says whose this is.
    open_reading(SYSTEM)
    return invitation(db.session(), token)


def _no_such_link() -> NotFound:
    return NotFound(_("We know no such link. Was it copied whole from the letter?"))


def _found(token: str) -> Invitation:
    """The invitation of a link that is still good; raises NotFound or Gone."""
    found = _invitation(token)
    if found is None:
        raise _no_such_link()
    state = found.link_state(now=now_of(db.session()))
    if state is LinkState.VOID:
        raise Gone(_("Your ticket was reopened, so there is nothing to rate yet."))
    if state is LinkState.EXPIRED:
        raise Gone(_("This link has expired; thank you for wanting to tell us."))
    return found


def _form(
    token: str,
    found: Invitation,
    *,
    chosen: int | None,
    text: str,
    error: Invalid | None = None,
    is_late: bool = False,
) -> Response:
    page = render_template(
        "feedback/page.html",
        token=token,
        found=found,
        is_answered=found.state is FeedbackState.ANSWERED,
        # Browsers cannot show it, and the person never typed it.
        text=text.replace("\0", ""),
        chosen=chosen,
        error=error,
        is_late=is_late,
    )
    return make_response(page, error.status if error else Conflict.status if is_late else 200)


def _star(text: str) -> int | None:
    """The rating that a link or a form names, None for anything else."""
    return int(text) if text in {str(rating) for rating in RATINGS} else None


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
