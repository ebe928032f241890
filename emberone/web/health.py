"""Whether this process is alive, and whether everything it needs is there."""

from flask import Blueprint, Response, jsonify

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """Answer 200 as long as the process answers at all; nothing else is asked."""
    return jsonify(status="ok")
