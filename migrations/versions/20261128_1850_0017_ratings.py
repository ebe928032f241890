"""The report of ratings looks at a period.

One index; `feedback_requests` takes no writes while it is built (a second or two at a million rows).
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_feedback_requests_created_at", "feedback_requests", ["created_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_feedback_requests_created_at", "feedback_requests")
