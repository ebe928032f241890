"""The assignment queue: tickets that nobody can take leave it until something changes.

Three columns with constant defaults, which rewrite nothing, two partial indexes over
the few unassigned tickets and one over no row at all: each table is locked for the
moment that one scan of `tickets` takes.
"""

import sqlalchemy as sa
from alembic import op

from emberone.migrating import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WAITING = "assigned_agent_id IS NULL AND status IN ('OPEN', 'IN_PROGRESS')"


def upgrade() -> None:
    """Create them."""
    op.add_column(
        "tickets", sa.Column("assignment_skipped_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("tickets", sa.Column("handed_off_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_tickets_handed_off_by_profiles"),
        "tickets",
        "profiles",
        ["handed_off_by"],
        ["id"],
        ondelete="SET NULL",
    )
    op.add_column(
        "agents",
        sa.Column("reviews_skipped", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    order = [sa.literal_column("priority DESC"), "created_at", "id"]
    op.create_index(
        "ix_tickets_to_assign",
        "tickets",
        order,
        postgresql_where=sa.text(f"{_WAITING} AND assignment_skipped_at IS NULL"),
    )
    op.create_index(
        "ix_tickets_skipped",
        "tickets",
        order,
        postgresql_where=sa.text(f"{_WAITING} AND assignment_skipped_at IS NOT NULL"),
    )
    op.create_index(
        "ix_tickets_handed_off_by",
        "tickets",
        ["handed_off_by"],
        postgresql_where=sa.text("handed_off_by IS NOT NULL"),
    )
    run_sql("0005_assignment_queue")


def downgrade() -> None:
    """Drop them."""
    run_sql("0005_assignment_queue_down")
    op.drop_index("ix_tickets_handed_off_by", "tickets")
    op.drop_index("ix_tickets_skipped", "tickets")
    op.drop_index("ix_tickets_to_assign", "tickets")
    op.drop_column("agents", "reviews_skipped")
    op.drop_constraint(op.f("fk_tickets_handed_off_by_profiles"), "tickets", type_="foreignkey")
    op.drop_column("tickets", "handed_off_by")
    op.drop_column("tickets", "assignment_skipped_at")
