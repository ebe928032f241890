"""Pages leave compressed: a list of tickets is a tenth of its size on the wire."""

import gzip
import io
import secrets

from flask import Flask, Response, request

#: What is worth compressing; files of the theme are compressed once, elsewhere.
TYPES = frozenset({"text/html", "application/json"})
SMALLEST = 1024
#: A higher level takes twice the time for a twentieth less.
LEVEL = 4
#: The name in a gzip header says nothing and may be of any length. A random one
#: hides how well a page compressed, which would tell of the secrets in it (BREACH).
LONGEST_NAME = 100


def compressed(content: bytes) -> bytes:
    """Return the content as gzip, its length blurred."""
    padding = "x" * secrets.randbelow(LONGEST_NAME)
    target = io.BytesIO()
    with gzip.GzipFile(padding, "wb", LEVEL, target, mtime=0) as stream:
        stream.write(content)
    return target.getvalue()


def compress(response: Response) -> Response:
    """Compress one response if its reader takes that and it is worth it."""
    if response.mimetype not in TYPES or response.direct_passthrough or response.is_streamed:
        return response
    response.vary.add("Accept-Encoding")
    if response.content_encoding or request.accept_encodings["gzip"] <= 0:
        return response
    content = response.get_data()
    if len(content) < SMALLEST:
        return response
    response.set_data(compressed(content))
    response.content_encoding = "gzip"
    tag, weak = response.get_etag()
    if tag and not weak:
        response.set_etag(tag, weak=True)
    return response


def init_compression(app: Flask) -> None:
    """Compress what the application answers."""
    app.after_request(compress)
