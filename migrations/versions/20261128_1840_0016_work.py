"""What an agent's work weighs, how fast new work comes, and dated absences.

Columns with constant defaults, a small table, and the agents' weights counted once: no ticket
is changed while that is read, for as long as one read of the assigned ones takes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from emberone.migrating import run_sql

revision = "0016"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table, then count, with the triggers that go on counting."""
    op.execute("LOCK TABLE tickets IN SHARE ROW EXCLUSIVE MODE")
    op.add_column(
        "agents", sa.Column("open_weight", sa.Integer, server_default="0", nullable=False)
    )
    op.create_check_constraint(op.f("ck_agents_open_weight"), "agents", "open_weight >= 0")
    op.add_column(
        "agents",
        sa.Column(
            "recent_turns",
            postgresql.ARRAY(sa.DateTime(timezone=True)),
            server_default="{}",
            nullable=False,
        ),
    )
    op.add_column("agents", sa.Column("review_at", sa.DateTime(timezone=True)))
    op.add_column(
        "settings",
        sa.Column("weighs_priority", sa.Boolean, server_default="false", nullable=False),
    )
    op.add_column(
        "settings", sa.Column("pace_tickets", sa.Integer, server_default="0", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_settings_pace_tickets"), "settings", "pace_tickets BETWEEN 0 AND 1000"
    )
    op.add_column(
        "settings", sa.Column("pace_window_s", sa.Integer, server_default="3600", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_settings_pace_window_s"), "settings", "pace_window_s BETWEEN 60 AND 86400"
    )
    _create_absences()
    run_sql("0016_work")


def _create_absences() -> None:
    op.create_table(
        "absences",
        sa.Column("id", sa.Uuid, server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("agent_id", sa.Uuid, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "hand_over",
            sa.Enum(
                "KEEP",
                "RELEASE_OPEN",
                "RELEASE_ALL",
                "GIVE",
                name="hand_over",
                native_enum=False,
                create_constraint=True,
            ),
            server_default="KEEP",
            nullable=False,
        ),
        sa.Column("to_agent_id", sa.Uuid),
        sa.Column("begun_at", sa.DateTime(timezone=True)),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_absences"),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["agents.profile_id"],
            name="fk_absences_agent_id_agents",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["to_agent_id"],
            ["agents.profile_id"],
            name="fk_absences_to_agent_id_agents",
            ondelete="SET NULL",
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_absences_ends_at")),
        sa.CheckConstraint("to_agent_id <> agent_id", name=op.f("ck_absences_to_agent_id")),
    )
    op.create_index("ix_absences_agent_id", "absences", ["agent_id", "ends_at"])
    op.create_index("ix_absences_to_agent_id", "absences", ["to_agent_id"])
    op.create_index(
        "ix_absences_due",
        "absences",
        ["starts_at"],
        postgresql_where=sa.text("begun_at IS NULL"),
    )


def downgrade() -> None:
    """Count by number alone again; absences are forgotten."""
    run_sql("0016_work_down")
    op.drop_table("absences")
    for column in ("pace_window_s", "pace_tickets", "weighs_priority"):
        op.drop_column("settings", column)
    for column in ("review_at", "recent_turns", "open_weight"):
        op.drop_column("agents", column)
