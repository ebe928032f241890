"""What the SLA engine looks for: unnoticed breaches, imported clocks, staff's last word.

A column without a default and two functions: an instant. The index is built under
a lock on `sla_clocks` that lets reading go on.
"""

import sqlalchemy as sa
from alembic import op

from emberone.migrating import run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.add_column("sla_clocks", sa.Column("quiet_until", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_sla_clocks_unnoticed",
        "sla_clocks",
        ["due_at"],
        postgresql_where=sa.text("running_since IS NOT NULL AND breached_at IS NULL"),
    )
    run_sql("0006_sla_engine")


def downgrade() -> None:
    """Drop them."""
    run_sql("0006_sla_engine_down")
    op.drop_index("ix_sla_clocks_unnoticed", "sla_clocks")
    op.drop_column("sla_clocks", "quiet_until")
