"""What migrations are written with."""

from alembic import op

from emberone.core import migrations_folder


def run_sql(name: str) -> None:
    """Run `migrations/sql/<name>.sql` as it stands, in the migration's transaction."""
    script = (migrations_folder() / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    # The driver's own cursor: neither colons nor percent signs mean anything in it.
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(script.encode())
