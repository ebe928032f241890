"""The headers that tell a browser to run nothing but our own files."""

import secrets

from flask import Flask, Response, g

#: Everything comes from this server; styles never inline. Tabler's style sheet
#: holds small pictures as data addresses, hence `data:` for images.
POLICY = (
    "default-src 'self'",
    "script-src 'self' 'nonce-{nonce}'",
    "style-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Addresses such as /f/<token> are secrets: other sites never learn them.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def csp_nonce() -> str:
    """Return this request's nonce, made at the first call."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def add_headers(response: Response) -> Response:
    """Add the headers; a view that set one itself (a sandboxed download) keeps its own."""
    policy = "; ".join(POLICY).format(nonce=csp_nonce())
    response.headers.setdefault("Content-Security-Policy", policy)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def init_csp(app: Flask) -> None:
    """Make `csp_nonce()` known to templates and add the headers to every response."""
    app.add_template_global(csp_nonce)
    app.after_request(add_headers)
