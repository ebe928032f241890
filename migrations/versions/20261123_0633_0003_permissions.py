"""The roles, their grants and the row policies: the database's half of the permissions.

Roles belong to the cluster and stay when this is undone.
"""

from emberone.migrating import run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    run_sql("0003_roles")
    run_sql("0003_permissions")


def downgrade() -> None:
    """Drop them."""
    run_sql("0003_permissions_down")
