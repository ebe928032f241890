"""`emberone demo`: never where others could sign in with a password known to everyone."""

import pytest
from click.testing import CliRunner

from emberone.cli import demo
from emberone.domain.errors import ConfigurationError

VARIABLES = {
    "EMBERONE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "EMBERONE_SECRET_KEY": "only-for-tests-0123456789",
}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_no_demo_is_loaded_where_the_web_listens_to_others(host):
    done = CliRunner(env={**VARIABLES, "EMBERONE_HOST": host}).invoke(demo.command)
    assert isinstance(done.exception, ConfigurationError)
    assert f"EMBERONE_HOST is {host}" in done.exception.message
