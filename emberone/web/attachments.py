"""Files: taking them from forms, and giving them out so that no browser runs what is in them."""

import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote
from uuid import UUID

from flask import Blueprint, Flask, Response, current_app, request

from emberone.db import db, reading
from emberone.domain.actor import Actor
from emberone.domain.attachments import MAX_TOTAL_MB, UNKNOWN, Upload
from emberone.domain.errors import NotFound
from emberone.queries import attachments
from emberone.queries.attachments import AttachmentLink
from emberone.web.session import current_actor

blueprint = Blueprint("attachment", __name__, url_prefix="/attachments")

#: The forms that carry files; every other request is as small as its texts.
TAKES_FILES: Final = frozenset(
    {
        "ticket.create_view",
        "ticket.respond",
        # Buttons of the reply box, which sends all that is in it.
        "ticket.discard",
        "ticket.remove_file",
        "portal.ticket_new",
        "portal.comment",
        # Buttons of the same form.
        "portal.close",
        "portal.reopen",
    }
)

#: All files of one message, the text beside them, and what the form itself takes.
LARGEST_REQUEST: Final = (MAX_TOTAL_MB + 3) * 1024 * 1024

#: So much is in memory at a time while a file leaves.
_SLICE: Final = 1024 * 1024

#: Types that a download may keep: telephones choose a program by them. Nothing here is
#: ever run in a page of ours; everything else leaves as mere bytes.
_HARMLESS: Final = frozenset(
    {
        "application/pdf",
        "application/zip",
        "application/gzip",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "audio/mpeg",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/plain",
        "video/mp4",
    }
)

_HEADERS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Accept-Ranges": "none",
}


def init_attachments(app: Flask) -> None:
    """Serve files, and let the forms that carry them be larger than others."""
    app.before_request(_make_room)
    app.teardown_request(_let_go)
    app.register_blueprint(blueprint)


def uploaded_files(field: str = "files") -> list[Upload]:
    """The files of the form that was sent, as their sender called them."""
    files = [Upload(file.filename or "", file.read()) for file in request.files.getlist(field)]
    # A field in which nothing was chosen is sent with neither.
    return [file for file in files if file.name or file.content]


def were_files_chosen(field: str = "files") -> bool:
    """Whether the form that was sent had files in it, which no browser gives back to its form."""
    return any(file.filename for file in request.files.getlist(field))


@blueprint.get("/<uuid:attachment_id>/<name>")
def download(attachment_id: UUID, name: str) -> Response:
    """Give the file out to be kept; what it is called in the address is for the reader only."""
    file = _found(attachment_id)
    kind = file.media_type if file.media_type in _HARMLESS else UNKNOWN
    response = _sent(file, kind, "attachment")
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get("/<uuid:attachment_id>/image")
def image(attachment_id: UUID) -> Response:
    """Show an image in a page of ours; there is no such address for anything else."""
    file = _found(attachment_id)
    if not file.is_image:
        raise NotFound
    response = _sent(file, file.media_type, "inline")
    # A browser keeps it but asks every time, so that nobody sees it who is signed out.
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(file.digest)
    return response.make_conditional(request)


def _make_room() -> None:
    # Before anything reads the form; its texts are bounded as before.
    if request.endpoint in TAKES_FILES and request.mimetype == "multipart/form-data":
        request.max_content_length = LARGEST_REQUEST


def _let_go(error: BaseException | None) -> None:
    # Large files wait on the disk while the request lasts.
    request.close()


def _found(attachment_id: UUID) -> AttachmentLink:
    file = attachments.attachment(db.session(), current_actor(), attachment_id)
    if file is None:
        raise NotFound
    return file


def _sent(file: AttachmentLink, media_type: str, disposition: str) -> Response:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    response = Response(_slices(app, current_actor(), file), mimetype=media_type)
    response.content_length = file.size
    response.headers.update(_HEADERS)
    response.headers.set("Content-Disposition", disposition, **_names(file.name))
    return response


def _slices(app: Flask, actor: Actor, file: AttachmentLink) -> Iterator[bytes]:
    """The content in pieces, each read on its own: a slow reader holds no connection of ours."""
    for start in range(0, file.size, _SLICE):
        with app.app_context(), reading(actor) as session:
            piece = attachments.content_slice(session, actor, file.id, start, _SLICE)
        if piece is None:
            # Deleted meanwhile. Cutting the connection is the only way left to say so.
            raise NotFound
        yield piece


def _names(name: str) -> dict[str, str]:
    """The name for every browser: whole (RFC 8187), and before it in plain letters (RFC 6266)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = "".join("_" if character in '"\\%;' else character for character in plain)
    if plain == name:
        return {"filename": name}
    stem, dot, extension = plain.rpartition(".")
    if dot and not stem.strip():
        plain = f"file.{extension}"
    encoded = quote(name, safe="!#$&+-.^_`|~")
    return {"filename": plain.strip() or "file", "filename*": f"UTF-8''{encoded}"}
