"""Give checks their conventional name, ``ck_TABLE_WHAT``; some had the beginning twice.

Catalogue only: each table is locked for a moment.
"""

from alembic import op

revision = "0020"
down_revision = "0015"
branch_labels = None
depends_on = None

#: table → the checks that were named ``ck_TABLE_ck_TABLE_WHAT``.
TWICE = {
    "profiles": ("language",),
    "settings": ("attachment_limit_mb", "reply_delay_s"),
    "drafts": (
        "add_tags",
        "attempts",
        "content",
        "event",
        "kind",
        "publish_after",
        "sent",
        "state",
    ),
    "attachment_contents": ("digest", "size"),
    "attachments": ("holder", "media_type", "name"),
    "macros": ("add_tags", "content", "event", "name"),
}


def upgrade() -> None:
    """Rename them."""
    for table, checks in TWICE.items():
        for what in checks:
            old, new = f"ck_{table}_ck_{table}_{what}", f"ck_{table}_{what}"
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")


def downgrade() -> None:
    """Give them the names back that earlier migrations drop them by."""
    for table, checks in TWICE.items():
        for what in checks:
            old, new = f"ck_{table}_ck_{table}_{what}", f"ck_{table}_{what}"
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {new} TO {old}")
