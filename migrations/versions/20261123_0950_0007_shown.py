"""What customers are shown of status and priority, apart from what staff make of them.

Fills two columns of existing tickets: `tickets` is locked for as long as one pass over it
takes (about 20 s for a million rows).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from emberone.migrating import run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, then the trigger that keeps them and the view that goes with them."""
    for name, kind, default in (
        ("public_status", "ticket_status", "'OPEN'"),
        ("public_priority", "ticket_priority", "'MEDIUM'"),
    ):
        op.add_column(
            "tickets",
            sa.Column(
                name,
                postgresql.ENUM(name=kind, create_type=False),
                server_default=sa.text(default),
                nullable=False,
            ),
        )
    run_sql("0007_shown")


def downgrade() -> None:
    """Drop them; the customer sees what staff see again."""
    run_sql("0007_shown_down")
    op.drop_column("tickets", "public_priority")
    op.drop_column("tickets", "public_status")
