"""Where the web process may listen."""

import dataclasses

import pytest

from emberone.cli.web import is_loopback, refuse_demo_accounts
from emberone.config import Settings
from emberone.demo_accounts import DEMO_AGENT
from emberone.domain.errors import ConfigurationError
from tests.factories import Make


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.7", False),
        ("help.example.com", False),
    ],
)
def test_only_loopback_is_out_of_others_reach(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_demo_accounts_are_not_served_to_others(settings: Settings, make: Make) -> None:
    open_to_all = dataclasses.replace(settings, host="0.0.0.0")
    make.agent(email="somebody@example.com")
    refuse_demo_accounts(open_to_all)

    make.agent(email=DEMO_AGENT.title())
    with pytest.raises(ConfigurationError, match=r"EMBERONE_HOST is 0\.0\.0\.0"):
        refuse_demo_accounts(open_to_all)
