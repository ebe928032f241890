"""What a reply changes with its publishing, on its draft.

Columns with constant defaults and an index on a table that is nearly empty: the lock is short.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; a team that is deleted leaves the reply without one."""
    priority = postgresql.ENUM(name="ticket_priority", create_type=False)
    op.add_column("drafts", sa.Column("priority", priority))
    op.add_column("drafts", sa.Column("team_id", sa.Uuid))
    op.add_column(
        "drafts",
        sa.Column("add_tags", postgresql.ARRAY(sa.Text), server_default="{}", nullable=False),
    )
    op.create_foreign_key(
        "fk_drafts_team_id_teams", "drafts", "teams", ["team_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index("ix_drafts_team_id", "drafts", ["team_id"])
    op.create_check_constraint("ck_drafts_add_tags", "drafts", "are_tags(add_tags)")


def downgrade() -> None:
    """Take them away again; replies on their way change nothing then."""
    for column in ("add_tags", "team_id", "priority"):
        op.drop_column("drafts", column)
