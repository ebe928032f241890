"""What became of every setting: who changed it, when, from what to what, append-only.

A trigger writes it, so that nothing changes a setting in silence, psql neither. Creates a
table and four triggers; nothing existing is locked for longer than that takes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from emberone.migrating import run_sql

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, then the triggers that fill and guard it."""
    op.create_table(
        "settings_history",
        sa.Column("id", sa.Uuid, server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("setting", sa.Text, nullable=False),
        sa.Column("old_value", postgresql.JSONB, nullable=False),
        sa.Column("new_value", postgresql.JSONB, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_settings_history"),
        sa.ForeignKeyConstraint(
            ["actor_id"],
            ["profiles.id"],
            name="fk_settings_history_actor_id_profiles",
            ondelete="SET NULL",
        ),
    )
    op.create_index("ix_settings_history_actor_id", "settings_history", ["actor_id"])
    op.create_index("ix_settings_history_created_at", "settings_history", ["created_at", "id"])
    run_sql("0012_settings_history")


def downgrade() -> None:
    """Drop it; what was changed until now is forgotten."""
    run_sql("0012_settings_history_down")
    op.drop_table("settings_history")
