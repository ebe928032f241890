"""What migrations are written and run with; who does neither never imports Alembic."""

from alembic import op
from flask import Flask
from flask_migrate import Migrate
from psycopg.errors import RaiseException

from emberone.config import Settings
from emberone.core import create_core, migrations_folder
from emberone.db import db
from emberone.domain.errors import ConfigurationError


def run_sql(name: str) -> None:
    """Run `migrations/sql/<name>.sql` as it stands, in the migration's transaction.

    What the script itself raises is for the person who migrates: ConfigurationError.
    """
    script = (migrations_folder() / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    # The driver's own cursor: neither colons nor percent signs mean anything in it.
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    try:
        connection.execute(script.encode())
    except RaiseException as refusal:
        raise ConfigurationError(refusal.diag.message_primary) from refusal


def create_migrator(settings: Settings) -> Flask:
    """The product's core that Flask-Migrate's functions work on, inside its context."""
    app = create_core(settings)
    Migrate(compare_type=True, render_as_batch=False).init_app(
        app, db, directory=str(migrations_folder())
    )
    return app
