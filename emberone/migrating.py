"""What migrations are written with."""

from alembic import op
from psycopg.errors import RaiseException

from emberone.core import migrations_folder
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
