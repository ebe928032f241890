"""Drafts, macros, attachments, read marks, and what a person chooses for themselves.

Adds columns with constant defaults and fills two of them on existing tickets: `tickets`
is locked for as long as one pass over it takes (about 20 s for a million rows).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from emberone.migrating import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ID = sa.text("uuidv7()")
_NOW = sa.text("context_now()")
_WALL_CLOCK = sa.text("clock_timestamp()")
_PRIORITY = postgresql.ENUM(name="ticket_priority", create_type=False)


def upgrade() -> None:
    """Add the columns, then the tables, then triggers, grants and row policies."""
    _add_columns()
    _create_drafts()
    _create_attachments()
    _create_macros()
    _create_reads()
    run_sql("0005_people")


def _add_columns() -> None:
    op.add_column(
        "tickets", sa.Column("activity_no", sa.BigInteger, server_default="1", nullable=False)
    )
    op.add_column(
        "tickets", sa.Column("last_activity_at", _MOMENT, server_default=_NOW, nullable=False)
    )
    op.add_column(
        "tickets",
        sa.Column("customer_spoke_last", sa.Boolean, server_default=sa.true(), nullable=False),
    )
    op.add_column("tickets", sa.Column("snoozed_until", _MOMENT))
    op.drop_index("ix_tickets_updated_at_id", "tickets")
    op.create_index("ix_tickets_last_activity_at_id", "tickets", ["last_activity_at", "id"])
    op.add_column("profiles", sa.Column("language", sa.Text))
    op.create_check_constraint(
        "ck_profiles_language", "profiles", "language ~ '^[a-z]{2,3}(_[A-Za-z]{2,8})?$'"
    )
    op.add_column(
        "profiles",
        sa.Column(
            "declined_letters", postgresql.ARRAY(sa.Text), server_default="{}", nullable=False
        ),
    )
    op.execute(
        "UPDATE profiles SET declined_letters = '{feedback_request}' WHERE declines_feedback"
    )
    op.drop_column("profiles", "declines_feedback")
    op.add_column(
        "settings", sa.Column("reply_delay_s", sa.Integer, server_default="15", nullable=False)
    )
    op.create_check_constraint(
        "ck_settings_reply_delay_s", "settings", "reply_delay_s BETWEEN 0 AND 300"
    )
    op.add_column(
        "settings",
        sa.Column("attachment_limit_mb", sa.Integer, server_default="10", nullable=False),
    )
    op.create_check_constraint(
        "ck_settings_attachment_limit_mb", "settings", "attachment_limit_mb BETWEEN 1 AND 25"
    )
    op.add_column(
        "settings",
        sa.Column("allows_registration", sa.Boolean, server_default=sa.true(), nullable=False),
    )


def _create_drafts() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", sa.Uuid, server_default=_ID, nullable=False),
        sa.Column("ticket_id", sa.Uuid, nullable=False),
        sa.Column("author_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(5), nullable=False),
        sa.Column("content", sa.Text, server_default="", nullable=False),
        sa.Column("state", sa.String(7), server_default="writing", nullable=False),
        sa.Column("event", sa.String(40)),
        sa.Column("publish_after", _MOMENT),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("updated_at", _MOMENT, server_default=_WALL_CLOCK, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drafts"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_drafts_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["profiles.id"], name="fk_drafts_author_id_profiles", ondelete="CASCADE"
        ),
        sa.CheckConstraint("kind IN ('reply', 'note')", name="ck_drafts_kind"),
        sa.CheckConstraint("state IN ('writing', 'waiting', 'held')", name="ck_drafts_state"),
        sa.CheckConstraint("length(content) <= 100000", name="ck_drafts_content"),
        sa.CheckConstraint(
            "(state = 'waiting') = (publish_after IS NOT NULL)", name="ck_drafts_publish_after"
        ),
        sa.CheckConstraint(
            "state = 'writing' OR kind = 'reply' AND event IS NOT NULL"
            " AND content ~ '[^[:space:]]'",
            name="ck_drafts_sent",
        ),
        sa.CheckConstraint(
            "event IN ('STAFF_REPLY', 'STAFF_REPLY_REOPENING', 'STAFF_REPLY_AND_WAIT',"
            " 'STAFF_REPLY_AND_CLOSE')",
            name="ck_drafts_event",
        ),
        sa.CheckConstraint("attempts >= 0", name="ck_drafts_attempts"),
    )
    op.create_index(
        "uq_drafts_ticket_id_author_id",
        "drafts",
        ["ticket_id", "author_id"],
        unique=True,
        postgresql_where=sa.text("state = 'writing'"),
    )
    op.create_index("ix_drafts_ticket_id", "drafts", ["ticket_id"])
    op.create_index("ix_drafts_author_id", "drafts", ["author_id"])
    op.create_index(
        "ix_drafts_due", "drafts", ["publish_after"], postgresql_where=sa.text("state = 'waiting'")
    )


def _create_attachments() -> None:
    op.create_table(
        "attachment_contents",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_attachment_contents"),
        sa.CheckConstraint(
            "digest = encode(sha256(content), 'hex')", name="ck_attachment_contents_digest"
        ),
        sa.CheckConstraint("size = length(content)", name="ck_attachment_contents_size"),
    )
    op.create_table(
        "attachments",
        sa.Column("id", sa.Uuid, server_default=_ID, nullable=False),
        sa.Column("ticket_id", sa.Uuid, nullable=False),
        sa.Column("comment_id", sa.Uuid),
        sa.Column("draft_id", sa.Uuid),
        sa.Column("author_id", sa.Uuid),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attachments"),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name="fk_attachments_ticket_id_tickets",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["comment_id"],
            ["comments.id"],
            name="fk_attachments_comment_id_comments",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["drafts.id"], name="fk_attachments_draft_id_drafts", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["profiles.id"],
            name="fk_attachments_author_id_profiles",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["digest"],
            ["attachment_contents.digest"],
            name="fk_attachments_digest_attachment_contents",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint("comment_id IS NULL OR draft_id IS NULL", name="ck_attachments_holder"),
        sa.CheckConstraint(
            "length(name) BETWEEN 1 AND 255 AND name !~ '[/\\\\[:cntrl:]]'",
            name="ck_attachments_name",
        ),
        sa.CheckConstraint(
            "media_type ~ '^[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*$'"
            " AND length(media_type) <= 127",
            name="ck_attachments_media_type",
        ),
    )
    for column in ("ticket_id", "comment_id", "draft_id", "author_id", "digest"):
        op.create_index(f"ix_attachments_{column}", "attachments", [column])


def _create_macros() -> None:
    op.create_table(
        "macros",
        sa.Column("id", sa.Uuid, server_default=_ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("owner_id", sa.Uuid),
        sa.Column("content", sa.Text, server_default="", nullable=False),
        sa.Column("event", sa.String(40)),
        sa.Column("priority", _PRIORITY),
        sa.Column("team_id", sa.Uuid),
        sa.Column("add_tags", postgresql.ARRAY(sa.Text), server_default="{}", nullable=False),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("updated_at", _MOMENT, server_default=_WALL_CLOCK, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_macros"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["profiles.id"], name="fk_macros_owner_id_profiles", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name="fk_macros_team_id_teams", ondelete="SET NULL"
        ),
        sa.CheckConstraint("name ~ '[^[:space:]]' AND length(name) <= 100", name="ck_macros_name"),
        sa.CheckConstraint("length(content) <= 100000", name="ck_macros_content"),
        sa.CheckConstraint(
            "event IN ('STAFF_REPLY', 'STAFF_REPLY_REOPENING', 'STAFF_REPLY_AND_WAIT',"
            " 'STAFF_REPLY_AND_CLOSE')",
            name="ck_macros_event",
        ),
        sa.CheckConstraint("are_tags(add_tags)", name="ck_macros_add_tags"),
    )
    op.create_index(
        "uq_macros_owner_id_name",
        "macros",
        ["owner_id", sa.text("lower(name)")],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_macros_team_id", "macros", ["team_id"])


def _create_reads() -> None:
    op.create_table(
        "ticket_reads",
        sa.Column("profile_id", sa.Uuid, nullable=False),
        sa.Column("ticket_id", sa.Uuid, nullable=False),
        sa.Column("activity_no", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("profile_id", "ticket_id", name="pk_ticket_reads"),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["profiles.id"],
            name="fk_ticket_reads_profile_id_profiles",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name="fk_ticket_reads_ticket_id_tickets",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_ticket_reads_ticket_id", "ticket_reads", ["ticket_id"])


def downgrade() -> None:
    """Take them away again; drafts, macros and attachments are lost."""
    run_sql("0005_people_down")
    for table in ("ticket_reads", "macros", "attachments", "attachment_contents", "drafts"):
        op.drop_table(table)
    for column in ("allows_registration", "attachment_limit_mb", "reply_delay_s"):
        op.drop_column("settings", column)
    op.add_column(
        "profiles",
        sa.Column("declines_feedback", sa.Boolean, server_default=sa.false(), nullable=False),
    )
    op.execute(
        "UPDATE profiles SET declines_feedback = true"
        " WHERE 'feedback_request' = ANY (declined_letters)"
    )
    op.drop_column("profiles", "declined_letters")
    op.drop_column("profiles", "language")
    for column in ("snoozed_until", "customer_spoke_last", "last_activity_at", "activity_no"):
        op.drop_column("tickets", column)
    op.create_index("ix_tickets_updated_at_id", "tickets", ["updated_at", "id"])
