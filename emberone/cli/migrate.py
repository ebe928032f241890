"""`emberone migrate`: bring the database to this version's tables."""

import re
from pathlib import Path

import click
import psycopg
from sqlalchemy.engine import make_url

from emberone.config import Settings
from emberone.domain.errors import ConfigurationError

_REVISION = re.compile(r"""^(down_revision|revision)\b[^=]*=\s*["'](\w+)["']""", re.MULTILINE)
_FOLDER = Path(__file__).parents[2] / "migrations" / "versions"


@click.command("migrate")
@click.option("--down-to", metavar="REVISION", help="Go back to this revision, or to 'base'.")
def command(down_to: str | None) -> None:
    """Bring the database to this version's tables.

    Connects as EMBERONE_OWNER_URL, whose user owns the tables and may create
    roles.
    """
    settings = Settings.from_env()
    if down_to is None and is_current(settings.owner_url):
        click.echo("The database is up to date.")
        return
    from alembic import command as alembic
    from alembic.util import CommandError

    from emberone.migrating import create_migrator

    app = create_migrator(settings)
    with app.app_context():
        config = app.extensions["migrate"].migrate.get_config()
        try:
            if down_to is None:
                alembic.upgrade(config, "head")
            else:
                alembic.downgrade(config, down_to)
        except CommandError as error:
            raise ConfigurationError(f"{error}.") from None
    click.echo("The database is migrated.")


def is_current(owner_url: str) -> bool:
    """Whether the newest migration is in the database already, found without importing Alembic."""
    # libpq does not know SQLAlchemy's name of the driver.
    url = make_url(owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, connect_timeout=10) as connection:
        exists = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
        if exists is None or exists[0] is None:
            return False
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return {row[0] for row in rows} == newest()


def newest() -> set[str]:
    """The revisions that no other migration follows: one, unless two branches met."""
    revisions: set[str] = set()
    followed: set[str] = set()
    for file in _FOLDER.glob("*.py"):
        for kind, revision in _REVISION.findall(file.read_text()):
            (revisions if kind == "revision" else followed).add(revision)
    return revisions - followed
