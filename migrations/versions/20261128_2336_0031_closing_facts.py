"""A request to rate keeps what its ticket was when it was closed, so that the report reads it alone.

Two columns, filled from the tickets and clocks that there are, and an index that has all that the
report asks for in place of one that had the time. Every request is rewritten once, with
`feedback_requests` locked: some 20 s for a million.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_PRIORITY = postgresql.ENUM(name="ticket_priority", create_type=False)


def upgrade() -> None:
    """Add the columns, say what is known of closings until now, and exchange the index."""
    op.add_column("feedback_requests", sa.Column("priority_at_close", _PRIORITY))
    op.add_column("feedback_requests", sa.Column("was_breached", sa.Boolean))
    op.execute(
        "UPDATE feedback_requests AS request SET priority_at_close = tickets.priority,"
        " was_breached = EXISTS (SELECT FROM sla_clocks WHERE ticket_id = request.ticket_id"
        " AND breached_at <= request.created_at)"
        " FROM tickets WHERE tickets.id = request.ticket_id"
    )
    op.alter_column("feedback_requests", "priority_at_close", nullable=False)
    op.alter_column("feedback_requests", "was_breached", nullable=False)
    op.drop_index("ix_feedback_requests_created_at", "feedback_requests")
    op.create_index(
        "ix_feedback_requests_asked",
        "feedback_requests",
        ["created_at"],
        postgresql_include=[
            "agent_id_at_close",
            "priority_at_close",
            "was_breached",
            "sent_at",
            "rating",
        ],
        postgresql_where=sa.text("sent_at IS NOT NULL OR rating IS NOT NULL"),
    )


def downgrade() -> None:
    """Forget it; tickets and clocks still know most of it."""
    op.drop_index("ix_feedback_requests_asked", "feedback_requests")
    op.create_index("ix_feedback_requests_created_at", "feedback_requests", ["created_at"])
    op.drop_column("feedback_requests", "was_breached")
    op.drop_column("feedback_requests", "priority_at_close")
