"""Why a reply is held is kept in parts, so that a page can word it in its reader's language.

One column without a default: the catalogue only.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("drafts", sa.Column("refusal", postgresql.JSONB(astext_type=sa.Text())))


def downgrade() -> None:
    """Drop it; the words in English are still there."""
    op.drop_column("drafts", "refusal")
