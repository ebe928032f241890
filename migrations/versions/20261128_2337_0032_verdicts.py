"""A clock knows its priority, and its verdict is found by when it was, without its ticket.

A column filled from the tickets, a trigger and an index. Every clock is rewritten once, with
`sla_clocks` locked: a minute or two for two millions.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from emberone.migrating import run_sql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_PRIORITY = postgresql.ENUM(name="ticket_priority", create_type=False)


def upgrade() -> None:
    """Add the columns, the trigger and the index."""
    op.add_column("sla_clocks", sa.Column("target_priority", _PRIORITY))
    op.execute(
        "UPDATE sla_clocks SET target_priority = coalesce(tickets.sla_priority, tickets.priority)"
        " FROM tickets WHERE tickets.id = ticket_id"
    )
    op.alter_column("sla_clocks", "target_priority", nullable=False)
    op.create_index(
        "ix_sla_clocks_verdict",
        "sla_clocks",
        [sa.text("coalesce(breached_at, met_at)")],
        postgresql_include=["metric", "target_priority", "breached_at", "met_at", "consumed_s"],
        postgresql_where=sa.text("coalesce(breached_at, met_at) IS NOT NULL"),
    )
    run_sql("0032_verdicts")


def downgrade() -> None:
    """Take it all away."""
    op.execute("DROP TRIGGER sla_clocks_know_priority ON sla_clocks")
    op.execute("DROP FUNCTION know_clock_priority()")
    op.drop_index("ix_sla_clocks_verdict", "sla_clocks")
    op.drop_column("sla_clocks", "target_priority")
