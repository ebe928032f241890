"""The secrets in letters' links; see docs/decisions/0003 and 0013.

None of them lies in the outbox: each is worked out when the letter is worded.
"""

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Final
from uuid import UUID

from itsdangerous import URLSafeTimedSerializer

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


#: What the sign-in's links are for; each kind opens nothing but its own page.
RESET_SALT = "emberone reset"
CONFIRM_SALT = "emberone confirm"

#: For how long such a link is good, counted from the writing of its letter.
CONFIRM_WITHIN: Final = timedelta(days=3)
RESET_WITHIN: Final = timedelta(hours=1)


def claim_of(token: str) -> str:
    """A sign-in link's token without its signature: what the outbox may keep of it."""
    return token.rpartition(".")[0]


def signed(secret_key: str, salt: str, claim: str) -> str:
    """The token of a claim, as Flask-Security's own serializer signs it."""
    signer = URLSafeTimedSerializer(secret_key, salt=salt).make_signer()
    return f"{claim}.{signer.get_signature(claim).decode()}"
