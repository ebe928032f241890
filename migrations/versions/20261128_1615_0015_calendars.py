"""Business calendars in versions, a calendar for each target, and what a new version has to re-plan.

Creates two tables; adds columns, without rewriting a row, to `sla_targets` and
`sla_policy_versions`. The two indexes on `sla_clocks` hold its open clocks only; while
they are made, and its foreign key is checked, nothing is written to that table: some
seconds for a million clocks.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from emberone.migrating import run_sql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_OPEN = sa.text("met_at IS NULL AND stopped_at IS NULL")


def upgrade() -> None:
    """Create the tables, then what a new installation finds in them."""
    op.create_table(
        "calendars",
        sa.Column("id", sa.Uuid, server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        _created_at(),
        sa.PrimaryKeyConstraint("id", name="pk_calendars"),
    )
    op.create_index("uq_calendars_name", "calendars", [sa.text("lower(name)")], unique=True)
    op.create_table(
        "calendar_versions",
        sa.Column("id", sa.Uuid, server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("calendar_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("definition", postgresql.JSONB, nullable=False),
        _author_id(),
        _to_replan(),
        _created_at(),
        sa.PrimaryKeyConstraint("id", name="pk_calendar_versions"),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name="fk_calendar_versions_calendar_id_calendars",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["profiles.id"],
            name="fk_calendar_versions_author_id_profiles",
            ondelete="SET NULL",
        ),
        sa.CheckConstraint("version >= 1", name="version"),
        sa.CheckConstraint("jsonb_typeof(definition) = 'object'", name="definition"),
    )
    op.create_index(
        "uq_calendar_versions_version", "calendar_versions", ["calendar_id", "version"], unique=True
    )
    op.create_index("ix_calendar_versions_author_id", "calendar_versions", ["author_id"])

    op.add_column("sla_targets", sa.Column("calendar_id", sa.Uuid))
    op.create_foreign_key(
        "fk_sla_targets_calendar_id_calendars",
        "sla_targets",
        "calendars",
        ["calendar_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.create_index("ix_sla_targets_calendar_id", "sla_targets", ["calendar_id"])

    op.add_column("sla_policy_versions", _author_id())
    op.add_column("sla_policy_versions", _to_replan())
    op.create_foreign_key(
        "fk_sla_policy_versions_author_id_profiles",
        "sla_policy_versions",
        "profiles",
        ["author_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index("ix_sla_policy_versions_author_id", "sla_policy_versions", ["author_id"])

    op.create_foreign_key(
        "fk_sla_clocks_calendar_version_calendar_versions",
        "sla_clocks",
        "calendar_versions",
        ["calendar_version"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.drop_index("ix_sla_clocks_policy_version_id", "sla_clocks")
    for name, column in (
        ("ix_sla_clocks_open_policy", "policy_version_id"),
        ("ix_sla_clocks_open_calendar", "calendar_version"),
    ):
        op.create_index(name, "sla_clocks", [column, "ticket_id"], postgresql_where=_OPEN)
    run_sql("0015_calendars")


def downgrade() -> None:
    """Drop them; what a calendar measured goes on around the clock."""
    run_sql("0015_calendars_down")
    op.drop_index("ix_sla_clocks_open_calendar", "sla_clocks")
    op.drop_index("ix_sla_clocks_open_policy", "sla_clocks")
    op.create_index("ix_sla_clocks_policy_version_id", "sla_clocks", ["policy_version_id"])
    op.drop_constraint("fk_sla_clocks_calendar_version_calendar_versions", "sla_clocks")
    op.drop_column("sla_policy_versions", "to_replan")
    op.drop_column("sla_policy_versions", "author_id")
    op.drop_column("sla_targets", "calendar_id")
    op.drop_table("calendar_versions")
    op.drop_table("calendars")


def _created_at() -> sa.Column:
    return sa.Column(
        "created_at",
        sa.DateTime(timezone=True),
        server_default=sa.text("context_now()"),
        nullable=False,
    )


def _author_id() -> sa.Column:
    return sa.Column("author_id", sa.Uuid)


def _to_replan() -> sa.Column:
    return sa.Column("to_replan", sa.Integer, server_default=sa.text("0"), nullable=False)
