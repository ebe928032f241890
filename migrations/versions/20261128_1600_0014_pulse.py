"""Whether anything in the queue has moved: open lists ask every few seconds.

Creates a table of 64 rows and three triggers; `tickets` is locked for no longer than that takes.
"""

import sqlalchemy as sa
from alembic import op

from emberone.migrating import run_sql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, then the triggers that fill it."""
    op.create_table(
        "queue_pulse",
        sa.Column("slot", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("moved_by", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("slot", name="pk_queue_pulse"),
        # Room for new versions of a row on its own page.
        postgresql_with={"fillfactor": "20"},
    )
    run_sql("0014_pulse")


def downgrade() -> None:
    """Drop them."""
    run_sql("0014_pulse_down")
    op.drop_table("queue_pulse")
