"""Quiet tickets: a row for each ticket whose customer is silent, and how long that may last.

Adds columns with constant defaults and reads `profiles` once for its check; `tickets` is locked
for two triggers, and read for those that wait.
"""

import sqlalchemy as sa
from alembic import op

from emberone.migrating import run_sql

revision = "0023"
down_revision = "0025"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_LETTERS = (
    "'ticket_received', 'staff_replied', 'feedback_request',"
    " 'assigned', 'mention', 'sla_warning', 'sla_breach', 'low_rating', 'unassignable', 'digest'"
)
#: Column → what it is unless somebody chooses, and the most it can be.
_DAYS = {"quiet_reminder_days": ("3", 90), "quiet_close_days": ("7", 365)}


def upgrade() -> None:
    """Create the table and the choices, then the triggers that keep it."""
    op.create_table(
        "waits",
        sa.Column("ticket_id", sa.Uuid, nullable=False),
        sa.Column("quiet_from", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("reminded_at", _MOMENT),
        sa.Column("closes_at", _MOMENT),
        sa.Column("attempts", sa.Integer, server_default=sa.text("0"), nullable=False),
        sa.Column("dead_at", _MOMENT),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_waits"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_waits_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.CheckConstraint("closes_at IS NULL OR reminded_at IS NOT NULL", name="closes_at"),
        sa.CheckConstraint("attempts >= 0", name="attempts"),
    )
    op.create_index(
        "ix_waits_due", "waits", ["due_at"], postgresql_where=sa.text("dead_at IS NULL")
    )
    for column, (default, most) in _DAYS.items():
        op.add_column(
            "settings", sa.Column(column, sa.Integer, server_default=default, nullable=False)
        )
        op.add_column("teams", sa.Column(column, sa.Integer))
        for table in ("settings", "teams"):
            op.create_check_constraint(
                op.f(f"ck_{table}_{column}"), table, f"{column} BETWEEN 0 AND {most}"
            )
    _check_declined(f"{_LETTERS}, 'reminder'")
    run_sql("0023_waits")


def downgrade() -> None:
    """Take it all away; the letters that were written stay."""
    run_sql("0023_waits_down")
    _check_declined(_LETTERS)
    for column in _DAYS:
        op.drop_column("teams", column)
        op.drop_column("settings", column)
    op.drop_table("waits")


def _check_declined(letters: str) -> None:
    op.drop_constraint(op.f("ck_profiles_declined_letters"), "profiles")
    op.create_check_constraint(
        op.f("ck_profiles_declined_letters"),
        "profiles",
        f"array_position(declined_letters, NULL) IS NULL AND declined_letters <@ ARRAY[{letters}]",
    )
