"""The settings' one row and the default SLA policy.

Inserts into tables that nobody has filled yet.
"""

from emberone.migrating import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    run_sql("0004_defaults")


def downgrade() -> None:
    """Drop them."""
    run_sql("0004_defaults_down")
