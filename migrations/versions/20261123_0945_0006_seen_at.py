"""When each member of staff last read a ticket: the page draws a line before what is new.

`activity_no` alone says that there is news, not where it begins. Locks `ticket_reads`
for an instant: the default of existing rows is written to the catalogue only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; marks made before count from now on."""
    op.add_column(
        "ticket_reads",
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("ticket_reads", "seen_at")
