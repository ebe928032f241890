"""The secret in a feedback letter's links; see docs/decisions/0003-feedback-token.md."""

import base64
import hashlib
import hmac
from uuid import UUID

_TOKEN_BYTES = 16
#: Keeps what is derived here apart from everything else made from the secret key.
_PURPOSE = b"emberone feedback request\0"


def feedback_token(secret_key: str, request_id: UUID) -> str:
    """The token of a request: 128 bits that only the holder of the secret key can work out."""
    digest = hmac.digest(secret_key.encode(), _PURPOSE + request_id.bytes, hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:_TOKEN_BYTES]).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """What the database keeps of a token: SHA-256, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()
