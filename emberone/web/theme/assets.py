"""The theme's files: addresses that change with the content, sent compressed and cached for ever."""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, abort, request

STATIC = Path(__file__).parent / "static"

#: A file's address carries a hash of its content, so a copy never goes stale.
FOR_EVER = "public, max-age=31536000, immutable"
#: Without the right hash in the address the copy may be old tomorrow.
BRIEFLY = "public, max-age=60"

#: Below this many bytes a compressed copy saves nothing worth the trouble.
SMALLEST_COMPRESSED = 512

PREFIX = "/assets"

blueprint = Blueprint("theme", __name__, url_prefix=PREFIX)


class UnknownIconError(LookupError):
    """A template asked for an icon that the sprite does not hold; add it to icons.txt."""


@dataclass(frozen=True)
class Asset:
    """One file as it leaves the server: its bytes, their compressed twin and their hash."""

    content: bytes
    compressed: bytes | None
    digest: str
    content_type: str


@cache
def load(name: str) -> Asset | None:
    """Read, hash and compress one file, once per process; None if there is no such file."""
    path = (STATIC / name).resolve()
    if not path.is_relative_to(STATIC.resolve()) or not path.is_file():
        return None
    content = path.read_bytes()
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if content_type.startswith("text/") or content_type == "application/javascript":
        content_type += "; charset=utf-8"
    small = len(content) < SMALLEST_COMPRESSED
    return Asset(
        content=content,
        compressed=None if small else gzip.compress(content, compresslevel=9, mtime=0),
        digest=hashlib.sha256(content).hexdigest()[:12],
        content_type=content_type,
    )


def asset_url(name: str) -> str:
    """Return the address of a file of the theme, with the hash of its content."""
    asset = load(name)
    if asset is None:
        raise LookupError(f"The theme has no file {name!r}.")
    # Written out, because a list asks for hundreds of icons and `url_for` is slow.
    return f"{request.script_root}{PREFIX}/{name}?v={asset.digest}"


@cache
def icon_names() -> frozenset[str]:
    """Return the names of the icons that the sprite holds."""
    sprite = (STATIC / "vendor" / "icons.svg").read_text()
    return frozenset(re.findall(r'<symbol id="([^"]+)"', sprite))


def icon_url(name: str) -> str:
    """Return the address of one icon inside the sprite; an unknown name is an error."""
    if name not in icon_names():
        raise UnknownIconError(f"The icon sprite has no {name!r}; add it to theme/icons.txt.")
    return f"{asset_url('vendor/icons.svg')}#{name}"


@blueprint.get("/<path:name>")
def asset(name: str) -> Response:
    """Send one file of the theme, compressed where the browser takes it."""
    found = load(name) if "\0" not in name else None
    if found is None:
        abort(404)
    response = Response(found.content, content_type=found.content_type)
    if found.compressed is not None:
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"] > 0:
            response.set_data(found.compressed)
            response.content_encoding = "gzip"
    response.headers["Cache-Control"] = (
        FOR_EVER if request.args.get("v") == found.digest else BRIEFLY
    )
    response.set_etag(found.digest)
    response.make_conditional(request)
    return response
