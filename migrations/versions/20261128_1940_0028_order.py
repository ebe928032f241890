"""Keep a ticket's history in the order in which it happened, however long somebody waited.

A trigger; `history` is locked for no longer than making it takes.
"""

from emberone.migrating import run_sql

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the trigger."""
    run_sql("0028_order")


def downgrade() -> None:
    """Drop it; entries stay where they are."""
    run_sql("0028_order_down")
