"""Tickets that wait for working hours: a row for each, and when somebody's hours begin.

A new table; `tickets` is locked for a moment, for its foreign key and a trigger.
"""

import sqlalchemy as sa
from alembic import op

from emberone.migrating import run_sql

revision = "0029"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, which only assignment reads and writes."""
    op.create_table(
        "hours_awaited",
        sa.Column("ticket_id", sa.Uuid, nullable=False),
        sa.Column("begin_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_hours_awaited"),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name="fk_hours_awaited_ticket_id_tickets",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_hours_awaited_begin_at", "hours_awaited", ["begin_at"])
    run_sql("0029_hours_awaited")


def downgrade() -> None:
    """Take it away: what waits is looked at once somebody's hours begin, as all that is skipped."""
    run_sql("0029_hours_awaited_down")
    op.drop_table("hours_awaited")
