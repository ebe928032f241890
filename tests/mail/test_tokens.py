"""The secret in a feedback letter's links."""

import base64
import hashlib
from uuid import uuid4

from emberone.mail.tokens import feedback_token, token_hash


def test_a_token_is_128_bits_that_fit_into_an_address():
    token = feedback_token("key", uuid4())
    assert len(base64.urlsafe_b64decode(token + "==")) == 16
    assert token.replace("-", "").replace("_", "").isalnum()


def test_a_token_is_a_function_of_the_request_and_the_key():
    request = uuid4()
    assert feedback_token("key", request) == feedback_token("key", request)
    assert feedback_token("key", request) != feedback_token("another", request)
    assert feedback_token("key", request) != feedback_token("key", uuid4())


def test_only_sha_256_of_a_token_is_kept():
    assert token_hash("token") == hashlib.sha256(b"token").hexdigest()
