"""`emberone create-admin`: the first person who can sign in, and any further admin."""

import os
import sys

import click
import psycopg
from sqlalchemy.engine import make_url

from emberone.config import Settings
from emberone.domain.errors import ConfigurationError, Invalid

_VARIABLE = "EMBERONE_ADMIN_PASSWORD"


@click.command("create-admin")
@click.option("--email", required=True, metavar="ADDRESS", help="What the admin signs in with.")
@click.option("--name", required=True, metavar="NAME", help="The name that others see.")
def command(email: str, name: str) -> None:
    """Make a person an administrator who can sign in.

    The password is asked for; without a terminal it is EMBERONE_ADMIN_PASSWORD
    or the first line of the standard input.
    """
    settings = Settings.from_env()
    require_migrated(settings)
    from emberone.core import create_core
    from emberone.domain.actor import SYSTEM
    from emberone.domain.enums import Role
    from emberone.services.accounts import create_account

    with create_core(settings).app_context():
        create_account(SYSTEM, email, name, Role.ADMIN, _password())
    click.echo(f"{email.strip()} can sign in at {settings.base_url}/login")


def require_migrated(settings: Settings) -> None:
    """Raise ConfigurationError for a database without our tables."""
    # libpq does not know SQLAlchemy's name of the driver.
    url = make_url(settings.database_url).set(drivername="postgresql")
    address = url.render_as_string(hide_password=False)
    with psycopg.connect(address, connect_timeout=10) as connection:
        # Asks for the name only, which needs no right to the table.
        found = connection.execute("SELECT to_regclass('public.profiles')").fetchone()
    if found is None or found[0] is None:
        raise ConfigurationError("The database has no tables yet: run 'emberone migrate' first.")


def _password() -> str:
    given = os.environ.get(_VARIABLE)
    if given is not None:
        return given
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Invalid(f"No password: set {_VARIABLE}, or give it on the standard input.")
    return line
