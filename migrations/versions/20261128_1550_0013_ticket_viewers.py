"""Who has the page of a ticket open now: colleagues see it before they answer twice.

UNLOGGED: it is worth nothing after a crash, and a page says it again every half minute.
Creates a table; the foreign keys lock `profiles` and `tickets` for an instant.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; colleagues see each other, and everyone writes only of themselves."""
    op.create_table(
        "ticket_viewers",
        sa.Column("profile_id", sa.Uuid, nullable=False),
        sa.Column("ticket_id", sa.Uuid, nullable=False),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("profile_id", "ticket_id", name="pk_ticket_viewers"),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["profiles.id"],
            name="fk_ticket_viewers_profile_id_profiles",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name="fk_ticket_viewers_ticket_id_tickets",
            ondelete="CASCADE",
        ),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_ticket_viewers_ticket_id", "ticket_viewers", ["ticket_id"])
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ticket_viewers TO emberone_agent, emberone_admin"
    )
    op.execute("ALTER TABLE ticket_viewers ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY staff_read ON ticket_viewers FOR SELECT"
        " TO emberone_agent, emberone_admin USING (true)"
    )
    for verb, clause in (
        ("insert", "WITH CHECK (profile_id = (SELECT current_profile()))"),
        (
            "update",
            "USING (profile_id = (SELECT current_profile()))"
            " WITH CHECK (profile_id = (SELECT current_profile()))",
        ),
        ("delete", "USING (profile_id = (SELECT current_profile()))"),
    ):
        op.execute(
            f"CREATE POLICY own_{verb} ON ticket_viewers FOR {verb.upper()}"
            f" TO emberone_agent, emberone_admin {clause}"
        )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("ticket_viewers")
