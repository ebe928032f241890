"""Every error of a request, put to a person in one place.

The product's own errors keep their words and status; a refusal of PostgreSQL is
translated first; anything else is our fault, is logged, and shows a reference
to the log and nothing more.
"""

import logging
import re
import secrets
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Response, g, jsonify, make_response, request
from flask_babel import format_decimal
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from emberone.db import end_reading
from emberone.db_errors import domain_error
from emberone.domain.errors import EmberOneError, TemporarilyUnavailable
from emberone.web.theme import error_page

logger = logging.getLogger(__name__)

#: So much of a request that is too large is read and thrown away.
_DRAINED: Final = 200 * 1024 * 1024

#: Fields that no page shows again.
_IS_SECRET: Final = re.compile("password|token|secret|next|back", re.IGNORECASE)


def init_errors(app: Flask) -> None:
    """Translate whatever a view or a check before it raises."""
    app.before_request(_refuse_unstorable)
    app.add_template_global(refusal_text)
    app.register_error_handler(EmberOneError, _own_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(PoolTimeout, _pool_exhausted)
    app.register_error_handler(Exception, _our_fault)


def refusal_text(error: EmberOneError) -> str:
    """What an error says, in the reader's language."""
    return error.worded(_, format_decimal)


def wants_json() -> bool:
    """Whether the client reads JSON rather than pages."""
    if request.path.startswith("/api/") or request.is_json:
        return True
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


def request_id() -> str:
    """The reference under which the log speaks of this request."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(6)
    reference: str = g.request_id
    return reference


def answer(
    status: int,
    message: str | None = None,
    *,
    code: str | None = None,
    title: str | None = None,
    typed: Sequence[str] = (),
) -> Response:
    """A response that says what went wrong, as a page or as JSON.

    Without a message the theme's general words for the status are used. `typed` is
    what the person wrote in a form that was not taken, to be copied from the page.
    """
    if wants_json():
        error: dict[str, Any] = {"status": status, "code": code or f"http_{status}"}
        if message:
            error["message"] = message
        if status == 500:
            error["request_id"] = request_id()
        response = jsonify(error=error)
    else:
        detail = _("Reference: %(id)s", id=request_id()) if status == 500 else None
        response = make_response(
            error_page(
                status, title=title or _title(status), text=message, detail=detail, typed=typed
            )
        )
    response.status_code = status
    return response


def _title(status: int) -> str | None:
    """A heading for a status that the theme has no general words for."""
    titles = {401: _("Please sign in"), 410: _("This link is no longer valid")}
    return titles.get(status)


def _refuse_unstorable() -> None:
    """No text of ours contains NUL, and PostgreSQL could not keep it."""
    values = [request.path, *request.args.keys()]
    values += [value for key in request.args for value in request.args.getlist(key)]
    # The feedback page refuses by itself and gives the text back.
    if request.method in {"POST", "PUT", "PATCH"} and request.blueprint != "feedback":
        values += [value for key in request.form for value in [key, *request.form.getlist(key)]]
    if any("\0" in value for value in values):
        raise BadRequest(_("The request contains a character that cannot be stored."))


def _own_error(error: EmberOneError) -> Response:
    if error.status >= 500:
        logger.warning("web.unavailable", exc_info=True, extra={"request_id": request_id()})
    # A form that came after the session had ended, or while the database was away for a moment:
    # what was typed must not be lost.
    typed = typed_texts() if error.status in {401, 503} else ()
    return answer(error.status, refusal_text(error), code=type(error).__name__, typed=typed)


def typed_texts() -> list[str]:
    """What the person wrote in the form of this request, without passwords and what is not text.

    Nothing where the form came from another site: its words are not this person's.
    """
    origin = request.headers.get("Origin")
    # More than may be read here: 413 is no answer to somebody who is asked to sign in.
    if (request.content_length or 0) > (request.max_content_length or 0):
        return []
    if request.method != "POST" or (origin and urlsplit(origin).netloc != request.host):
        return []
    return [
        value
        for name, value in request.form.items(multi=True)
        if not _IS_SECRET.search(name) and ("\n" in value.strip() or len(value.split()) > 1)
    ]


def _http_error(error: HTTPException) -> Any:
    status = error.code
    # A redirect of the routing, or an answer that a view made itself.
    if status is None or status < 400 or error.response is not None:
        return error
    if status >= 500 and status != 503:
        return _our_fault(getattr(error, "original_exception", None) or error)
    message, title = None, None
    # What may be sent once more must not be lost.
    typed = typed_texts() if status == 429 or isinstance(error, CSRFError) else []
    if isinstance(error, RequestEntityTooLarge):
        message = _too_large()
    if isinstance(error, CSRFError):
        title = _("Nothing was saved yet")
        message = _(
            "This form had been open for too long, or came from elsewhere."
            " Go back, reload the page and send it again."
        )
    response = answer(status, message, title=title, typed=typed)
    # What the protocol asks for: Allow, Retry-After.
    for name, value in error.get_headers(request.environ):
        if name not in {"Content-Type", "Content-Length"}:
            response.headers.setdefault(name, value)
    return response


def _too_large() -> str:
    """What was too large, after reading on: a browser shows no answer while it still sends."""
    size, limit = request.content_length or 0, request.max_content_length or 0
    left = min(size, _DRAINED)
    stream = request.environ["wsgi.input"]
    while left > 0 and (piece := stream.read(min(left, 64 * 1024))):
        left -= len(piece)
    if size <= limit:
        # The whole is not too large; a text in it is.
        limit = request.max_form_memory_size or 0
    return _(
        "Nothing was saved: what you sent is larger than %(limit)s MB. Go back, make the text or"
        " the files smaller, and send it again.",
        limit=limit // 2**20,
    )


def _database_error(error: DBAPIError) -> Response:
    # The reading's transaction is broken; the page must not use it.
    end_reading()
    translated = domain_error(error)
    return _own_error(translated) if translated else _our_fault(error)


def _pool_exhausted(error: PoolTimeout) -> Response:
    return _own_error(TemporarilyUnavailable())


def _our_fault(error: BaseException) -> Response:
    end_reading()
    logger.error(
        "web.failed",
        exc_info=(type(error), error, error.__traceback__),
        extra={"request_id": request_id(), "endpoint": request.endpoint, "method": request.method},
    )
    return answer(500)
