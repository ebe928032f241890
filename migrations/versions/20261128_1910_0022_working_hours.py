"""The calendar of an agent's working hours.

A nullable column on a small table: the lock is short.
"""

import sqlalchemy as sa
from alembic import op

from emberone.migrating import run_sql

revision = "0022"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nobody has hours of their own yet."""
    op.add_column("agents", sa.Column("calendar_id", sa.Uuid))
    op.create_foreign_key(
        "fk_agents_calendar_id_calendars",
        "agents",
        "calendars",
        ["calendar_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.create_index("ix_agents_calendar_id", "agents", ["calendar_id"])
    run_sql("0022_working_hours")


def downgrade() -> None:
    """Take it away; agents work at any hour again."""
    run_sql("0022_working_hours_down")
    op.drop_column("agents", "calendar_id")
