"""Digests: letters to one of the staff that leave as lines of another letter.

Adds two columns, the first with a default that is worked out once (the letters that wait now
may leave), and a setting. `mail_outbox` is read once for its constraints and written to for
its indexes: a second for half a million letters, in which none is written.
"""

import sqlalchemy as sa
from alembic import op

from emberone.migrating import run_sql

revision = "0018"
down_revision = "0020"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_STATES = "'queued', 'sending', 'sent', 'dead', 'kept', 'suppressed'"
_LETTERS = (
    "'ticket_received', 'staff_replied', 'feedback_request',"
    " 'assigned', 'sla_warning', 'sla_breach', 'low_rating', 'unassignable'"
)


def upgrade() -> None:
    """Add the columns, their checks and indexes, and let agents see digests."""
    op.add_column("mail_outbox", sa.Column("admitted_at", _MOMENT, server_default=sa.text("now()")))
    op.alter_column("mail_outbox", "admitted_at", server_default=sa.text("context_now()"))
    op.add_column("mail_outbox", sa.Column("digest_id", sa.Uuid))
    op.create_foreign_key(
        "fk_mail_outbox_digest_id_mail_outbox",
        "mail_outbox",
        "mail_outbox",
        ["digest_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    _check_states(f"{_STATES}, 'collapsed'")
    op.create_check_constraint(
        op.f("ck_mail_outbox_digest"),
        "mail_outbox",
        "(state = 'collapsed') = (digest_id IS NOT NULL)",
    )
    op.drop_index("ix_mail_outbox_to_profile_id", "mail_outbox")
    op.create_index(
        "ix_mail_outbox_to_profile_id_admitted_at", "mail_outbox", ["to_profile_id", "admitted_at"]
    )
    op.create_index(
        "ix_mail_outbox_digest_id",
        "mail_outbox",
        ["digest_id"],
        postgresql_where=sa.text("digest_id IS NOT NULL"),
    )
    op.create_index(
        "ix_mail_outbox_unadmitted",
        "mail_outbox",
        ["send_after"],
        postgresql_where=sa.text("state = 'queued' AND admitted_at IS NULL"),
    )
    op.add_column(
        "settings", sa.Column("digest_above", sa.Integer, server_default="10", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_settings_digest_above"), "settings", "digest_above BETWEEN 1 AND 1000"
    )
    _check_declined(f"{_LETTERS}, 'digest'")
    run_sql("0018_digest")


def downgrade() -> None:
    """Take it all away; what was collapsed counts as suppressed."""
    run_sql("0018_digest_down")
    _check_declined(_LETTERS)
    op.drop_column("settings", "digest_above")
    op.drop_index("ix_mail_outbox_unadmitted", "mail_outbox")
    op.drop_index("ix_mail_outbox_digest_id", "mail_outbox")
    op.drop_index("ix_mail_outbox_to_profile_id_admitted_at", "mail_outbox")
    op.create_index("ix_mail_outbox_to_profile_id", "mail_outbox", ["to_profile_id"])
    op.drop_constraint(op.f("ck_mail_outbox_digest"), "mail_outbox")
    op.execute(
        "UPDATE mail_outbox SET state = 'suppressed', last_error = 'A digest told of it.'"
        " WHERE state = 'collapsed'"
    )
    _check_states(_STATES)
    op.drop_column("mail_outbox", "digest_id")
    op.drop_column("mail_outbox", "admitted_at")


def _check_states(states: str) -> None:
    op.drop_constraint(op.f("ck_mail_outbox_state"), "mail_outbox")
    op.create_check_constraint(op.f("ck_mail_outbox_state"), "mail_outbox", f"state IN ({states})")


def _check_declined(letters: str) -> None:
    op.drop_constraint(op.f("ck_profiles_declined_letters"), "profiles")
    op.create_check_constraint(
        op.f("ck_profiles_declined_letters"),
        "profiles",
        f"array_position(declined_letters, NULL) IS NULL AND declined_letters <@ ARRAY[{letters}]",
    )
