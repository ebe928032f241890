"""The triggers: what follows from a row's change, by whatever path it came.

Takes each table's lock for an instant.
"""

from emberone.migrating import run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    run_sql("0002_triggers")


def downgrade() -> None:
    """Drop them."""
    run_sql("0002_triggers_down")
