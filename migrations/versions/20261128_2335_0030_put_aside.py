"""Calendars can be put aside or deleted, and an absence says who entered it.

Nullable columns and indexes on two small tables; nothing is rewritten.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

#: Table and column of who did it.
_WHO = (("calendars", "archived_by"), ("absences", "entered_by"))


def upgrade() -> None:
    """Add the columns; of an absence that is entered already nobody knows by whom."""
    op.add_column("calendars", sa.Column("archived_at", sa.DateTime(timezone=True)))
    for table, column in _WHO:
        op.add_column(table, sa.Column(column, sa.Uuid))
        op.create_foreign_key(
            f"fk_{table}_{column}_profiles",
            table,
            "profiles",
            [column],
            ["id"],
            ondelete="SET NULL",
        )
        op.create_index(f"ix_{table}_{column}", table, [column])
    op.alter_column("absences", "entered_by", server_default=sa.text("current_profile()"))
    # Its versions go with it, by the right of their owner.
    op.execute("GRANT DELETE ON calendars TO emberone_admin, emberone_system")


def downgrade() -> None:
    """Take them away: what was put aside is offered again."""
    op.execute("REVOKE DELETE ON calendars FROM emberone_admin, emberone_system")
    for table, column in _WHO:
        op.drop_column(table, column)
    op.drop_column("calendars", "archived_at")
