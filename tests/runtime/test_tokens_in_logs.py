"""No log of ours holds a link that somebody could open."""

import logging

import pytest

from emberone.logs import WithoutTokens


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/f/AbC-d_e?rating=5", "/f/…?rating=5"),
        ("/f/AbC/unsubscribe", "/f/…/unsubscribe"),
        ("/confirm/.eJw.awQ.Dnx", "/confirm/…"),
        ("/reset/.eJw.awQ.Dnx", "/reset/…"),
        ("/reset", "/reset"),
        ("/admin/ticket/?id=1", "/admin/ticket/?id=1"),
    ],
)
def test_an_address_is_told_without_its_secret(caplog, address, told):
    logger = logging.getLogger("tests.tokens")
    logger.addFilter(WithoutTokens())
    logger.error("Error handling request %s", address)
    logger.error('"GET %s HTTP/1.1" 500', address)
    assert caplog.messages == [f"Error handling request {told}", f'"GET {told} HTTP/1.1" 500']
