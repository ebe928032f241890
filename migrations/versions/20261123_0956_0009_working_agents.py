"""Which agents may work, for everyone on the staff: forms offer nobody who was deactivated.

Whether a person may sign in stands on `users`, which agents do not read; the view tells
them no more than this.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the view, an ordinary one of the owner."""
    op.execute(
        "CREATE VIEW working_agents WITH (security_barrier) AS"
        " SELECT id, full_name, email FROM profiles WHERE role = 'AGENT' AND NOT EXISTS ("
        "SELECT FROM users WHERE NOT users.active AND users.id ="
        " CASE WHEN profiles.user_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'"
        " THEN profiles.user_id::uuid END)"
    )
    op.execute("GRANT SELECT ON working_agents TO emberone_agent, emberone_admin, emberone_system")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP VIEW working_agents")
