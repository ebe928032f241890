"""Error pages: what happened, why, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, render_template
from flask_babel import lazy_gettext
from werkzeug.exceptions import HTTPException

_l = lazy_gettext


@dataclass(frozen=True)
class Wording:
    """How one status is put to a person."""

    icon: str
    title: Any
    text: Any


WORDINGS = {
    400: Wording(
        "alert-circle",
        _l("That request could not be understood"),
        _l(
            "Something in it was missing or malformed. Go back, check what you entered and send it again."
        ),
    ),
    403: Wording(
        "lock",
        _l("You may not see this page"),
        _l("Your account does not have the right to do this. If it should, ask an administrator."),
    ),
    404: Wording(
        "search",
        _l("There is nothing here"),
        _l("The address is wrong, or what was here is gone or not yours to see."),
    ),
    405: Wording(
        "ban",
        _l("That does not work this way"),
        _l(
            "This address does not take that kind of request. Go back and use the page's own buttons."
        ),
    ),
    409: Wording(
        "refresh",
        _l("Somebody else changed this meanwhile"),
        _l("Nothing was saved. Look at the present version, then make your change again."),
    ),
    413: Wording(
        "file-text",
        _l("That was too large"),
        _l("The text or the file is larger than this site takes. Send less, or a smaller file."),
    ),
    422: Wording(
        "alert-circle",
        _l("That cannot be done"),
        _l("The request was understood but breaks a rule. Nothing was saved."),
    ),
    429: Wording(
        "hourglass",
        _l("Too many attempts"),
        _l("Please wait a minute and try again."),
    ),
    500: Wording(
        "alert-triangle",
        _l("Something broke on our side"),
        _l("It has been written down. Try again in a moment; nothing half done was saved."),
    ),
    503: Wording(
        "server",
        _l("Not available just now"),
        _l("The service is starting or being looked after. Try again in a minute."),
    ),
}


def error_page(
    status: int,
    *,
    title: str | None = None,
    text: str | None = None,
    detail: str | None = None,
    back_url: str | None = None,
    back_label: str | None = None,
    typed: Sequence[str] = (),
) -> str:
    """Return the page for a status; `text` replaces the general words, `detail` adds to them.

    `typed` are texts of the person's own that were not taken, shown to be copied.

    From 500 on the page asks nothing of the database: not even who is signed in.
    """
    wording = WORDINGS.get(status) or WORDINGS[500 if status >= 500 else 400]
    return render_template(
        "theme/error.html",
        status=status,
        icon_name=wording.icon,
        error_title=title or wording.title,
        error_text=text or wording.text,
        detail=detail,
        back_url=back_url,
        back_label=back_label,
        typed=typed,
    )


def register_error_pages(app: Flask) -> None:
    """Answer every status of the table with its page, wherever `abort` was called."""

    def answer(error: HTTPException) -> Any:
        response = error.get_response()
        if error.code is None or error.code < 400:
            return response
        response.set_data(error_page(error.code))
        response.content_type = "text/html; charset=utf-8"
        return response

    for status in WORDINGS:
        app.register_error_handler(status, answer)
