"""What the queue is sorted by and people are found by: one column, functions, indexes.

`tickets` is locked while the column is filled (80 s for a million tickets with two million
comments), `profiles` while its index is built (8 s for 300,000 people).
"""

import sqlalchemy as sa
from alembic import op

from emberone.migrating import run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ACTIVE = "status IN ('OPEN', 'IN_PROGRESS')"
#: name → columns, and which tickets are in it.
_INDEXES = {
    "ix_tickets_active_by_agent": (["assigned_agent_id"], _ACTIVE),
    "ix_tickets_replied": (
        ["unanswered_since", "id"],
        f"customer_spoke_last AND assigned_agent_id IS NOT NULL AND {_ACTIVE}",
    ),
    "ix_tickets_unassigned": (
        [sa.text("urgency(priority)"), "created_at", "id"],
        f"assigned_agent_id IS NULL AND {_ACTIVE}",
    ),
    "ix_tickets_waiting": (["unanswered_since", "id"], "status = 'WAITING'"),
    "ix_tickets_snoozed": (["snoozed_until", "id"], "snoozed_until IS NOT NULL"),
}


def upgrade() -> None:
    """Add the column, the functions, then the indexes that use them."""
    op.add_column(
        "tickets",
        sa.Column(
            "unanswered_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
    )
    run_sql("0008_queue")
    for name, (columns, which) in _INDEXES.items():
        op.create_index(name, "tickets", columns, postgresql_where=sa.text(which))
    op.create_index(
        "ix_profiles_trigrams",
        "profiles",
        [sa.text("person_trigrams(full_name, email)")],
        postgresql_using="gin",
    )
    op.drop_index("ix_sla_clocks_due_at", "sla_clocks")
    op.create_index(
        "ix_sla_clocks_running",
        "sla_clocks",
        ["due_at", "ticket_id"],
        postgresql_where=sa.text("running_since IS NOT NULL"),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_sla_clocks_running", "sla_clocks")
    op.create_index(
        "ix_sla_clocks_due_at",
        "sla_clocks",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL AND met_at IS NULL AND stopped_at IS NULL"),
    )
    op.drop_index("ix_profiles_trigrams", "profiles")
    for name in _INDEXES:
        op.drop_index(name, "tickets")
    run_sql("0008_queue_down")
    op.drop_column("tickets", "unanswered_since")
