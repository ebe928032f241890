"""Let a customer's silence go on where a ticket only loses the mark of having been put aside.

A function; no table is locked.
"""

from emberone.migrating import run_sql

revision = "0034"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the function as it is now."""
    run_sql("0034_back_from_snooze")


def downgrade() -> None:
    """Take it as it was."""
    run_sql("0034_back_from_snooze_down")
