"""The tables, with the functions that their defaults and checks name.

Into an empty database: no lock that anyone waits for.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from emberone.migrating import run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLE = postgresql.ENUM(name="role", create_type=False)
TICKET_STATUS = postgresql.ENUM(name="ticket_status", create_type=False)
TICKET_PRIORITY = postgresql.ENUM(name="ticket_priority", create_type=False)
COMMENT_TYPE = postgresql.ENUM(name="comment_type", create_type=False)


def upgrade() -> None:
    """Create them."""
    run_sql("0001_functions")
    op.create_table(
        "profiles",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("role", ROLE, nullable=False),
        sa.Column(
            "declines_feedback", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND length(email) <= 320",
            name=op.f("ck_profiles_email"),
        ),
        sa.CheckConstraint(
            "full_name <> '' AND length(full_name) <= 200", name=op.f("ck_profiles_full_name")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profiles")),
    )
    op.create_index("ix_profiles_full_name", "profiles", ["full_name", "id"], unique=False)
    op.create_index("ix_profiles_role", "profiles", ["role"], unique=False)
    op.create_index(
        "uq_profiles_email_lower", "profiles", [sa.literal_column("lower(email)")], unique=True
    )
    op.create_index("uq_profiles_user_id", "profiles", ["user_id"], unique=True)
    op.create_table(
        "settings",
        sa.Column("id", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("reopen_days", sa.Integer(), server_default=sa.text("7"), nullable=False),
        sa.Column(
            "customer_max_priority",
            TICKET_PRIORITY,
            server_default=sa.text("'HIGH'"),
            nullable=False,
        ),
        sa.Column(
            "assignment_strategy",
            sa.Enum(
                "ROUND_ROBIN",
                "LEAST_LOADED",
                "LEAST_UTILISED",
                name="assignment_strategy",
                native_enum=False,
                create_constraint=True,
            ),
            server_default=sa.text("'LEAST_UTILISED'"),
            nullable=False,
        ),
        sa.Column("feedback_delay_s", sa.Integer(), server_default=sa.text("3600"), nullable=False),
        sa.Column(
            "feedback_expiry_days", sa.Integer(), server_default=sa.text("14"), nullable=False
        ),
        sa.Column(
            "feedback_throttle_days", sa.Integer(), server_default=sa.text("7"), nullable=False
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "feedback_delay_s BETWEEN 0 AND 2592000", name=op.f("ck_settings_feedback_delay_s")
        ),
        sa.CheckConstraint(
            "feedback_expiry_days BETWEEN 1 AND 365", name=op.f("ck_settings_feedback_expiry_days")
        ),
        sa.CheckConstraint(
            "feedback_throttle_days BETWEEN 0 AND 365",
            name=op.f("ck_settings_feedback_throttle_days"),
        ),
        sa.CheckConstraint("id", name=op.f("ck_settings_one_row")),
        sa.CheckConstraint("reopen_days BETWEEN 0 AND 365", name=op.f("ck_settings_reopen_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settings")),
    )
    op.create_table(
        "sla_policies",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_policies")),
    )
    op.create_index(
        "uq_sla_policies_default",
        "sla_policies",
        ["is_default"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_index(
        "uq_sla_policies_name", "sla_policies", [sa.literal_column("lower(name)")], unique=True
    )
    op.create_table(
        "suppressed_addresses",
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_suppressed_addresses_email")),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_suppressed_addresses")),
    )
    op.create_table(
        "sweep_runs",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_ok_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lag_s", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sweep_runs")),
    )
    op.create_table(
        "tags",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_skill", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.CheckConstraint("are_tags(ARRAY[name])", name=op.f("ck_tags_name")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tags")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index(
        "uq_users_email_lower", "users", [sa.literal_column("lower(email)")], unique=True
    )
    op.create_index("uq_users_fs_uniquifier", "users", ["fs_uniquifier"], unique=True)
    op.create_table(
        "agents",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column(
            "availability",
            sa.Enum(
                "AVAILABLE", "AWAY", name="availability", native_enum=False, create_constraint=True
            ),
            server_default=sa.text("'AVAILABLE'"),
            nullable=False,
        ),
        sa.Column("capacity", sa.Integer(), server_default=sa.text("20"), nullable=False),
        sa.Column(
            "skills", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("open_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviews_skipped", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("are_tags(skills)", name=op.f("ck_agents_skills")),
        sa.CheckConstraint("capacity BETWEEN 0 AND 10000", name=op.f("ck_agents_capacity")),
        sa.CheckConstraint("open_count >= 0", name=op.f("ck_agents_open_count")),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["profiles.id"],
            name=op.f("fk_agents_profile_id_profiles"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_agents")),
    )
    op.create_table(
        "history",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("old_value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("new_value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text('\'{"source": "system"}\''),
            nullable=False,
        ),
        sa.Column("is_internal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.CheckConstraint("action ~ '^[a-z][a-z_]{0,63}$'", name=op.f("ck_history_action")),
        sa.CheckConstraint("is_history_metadata(metadata)", name=op.f("ck_history_metadata")),
        sa.CheckConstraint("is_history_value(new_value)", name=op.f("ck_history_new_value")),
        sa.CheckConstraint("is_history_value(old_value)", name=op.f("ck_history_old_value")),
        sa.ForeignKeyConstraint(
            ["actor_id"],
            ["profiles.id"],
            name=op.f("fk_history_actor_id_profiles"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index("ix_history_action", "history", ["action", "created_at", "id"], unique=False)
    op.create_index("ix_history_actor_id", "history", ["actor_id"], unique=False)
    op.create_index("ix_history_created_at", "history", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_history_ticket_id", "history", ["ticket_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "sla_policy_versions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "closing_is_response", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_sla_policy_versions_version")),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["sla_policies.id"],
            name=op.f("fk_sla_policy_versions_policy_id_sla_policies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_policy_versions")),
    )
    op.create_index(
        "uq_sla_policy_versions_version",
        "sla_policy_versions",
        ["policy_id", "version"],
        unique=True,
    )
    op.create_table(
        "teams",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.Column("sla_policy_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "name ~ '[^[:space:]]' AND length(name) <= 100", name=op.f("ck_teams_name")
        ),
        sa.ForeignKeyConstraint(
            ["sla_policy_id"],
            ["sla_policies.id"],
            name=op.f("fk_teams_sla_policy_id_sla_policies"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
    )
    op.create_index("ix_teams_sla_policy_id", "teams", ["sla_policy_id"], unique=False)
    op.create_index("uq_teams_name", "teams", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "sla_plan_steps",
        sa.Column("policy_version_id", sa.Uuid(), nullable=False),
        sa.Column("priority", TICKET_PRIORITY, nullable=False),
        sa.Column(
            "metric",
            sa.Enum(
                "FIRST_RESPONSE",
                "NEXT_RESPONSE",
                "RESOLUTION",
                name="metric",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("step_no", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("offset_s", sa.Integer(), nullable=True),
        sa.Column("actions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("are_step_actions(actions)", name=op.f("ck_sla_plan_steps_actions")),
        sa.CheckConstraint(
            "num_nonnulls(percent, offset_s) = 1", name=op.f("ck_sla_plan_steps_offset")
        ),
        sa.CheckConstraint("percent > 0", name=op.f("ck_sla_plan_steps_percent")),
        sa.CheckConstraint("step_no >= 1", name=op.f("ck_sla_plan_steps_step_no")),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["profiles.id"],
            name=op.f("fk_sla_plan_steps_person_id_profiles"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["policy_version_id"],
            ["sla_policy_versions.id"],
            name=op.f("fk_sla_plan_steps_policy_version_id_sla_policy_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "policy_version_id", "priority", "metric", "step_no", name=op.f("pk_sla_plan_steps")
        ),
    )
    op.create_index("ix_sla_plan_steps_person_id", "sla_plan_steps", ["person_id"], unique=False)
    op.create_table(
        "sla_targets",
        sa.Column("policy_version_id", sa.Uuid(), nullable=False),
        sa.Column("priority", TICKET_PRIORITY, nullable=False),
        sa.Column(
            "metric",
            sa.Enum(
                "FIRST_RESPONSE",
                "NEXT_RESPONSE",
                "RESOLUTION",
                name="metric",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("target_s", sa.Integer(), nullable=False),
        sa.CheckConstraint("target_s > 0", name=op.f("ck_sla_targets_target_s")),
        sa.ForeignKeyConstraint(
            ["policy_version_id"],
            ["sla_policy_versions.id"],
            name=op.f("fk_sla_targets_policy_version_id_sla_policy_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "policy_version_id", "priority", "metric", name=op.f("pk_sla_targets")
        ),
    )
    op.create_table(
        "team_members",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["agents.profile_id"],
            name=op.f("fk_team_members_profile_id_agents"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["teams.id"],
            name=op.f("fk_team_members_team_id_teams"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team_id", "profile_id", name=op.f("pk_team_members")),
    )
    op.create_index("ix_team_members_profile_id", "team_members", ["profile_id"], unique=False)
    op.create_table(
        "tickets",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False, start=1001), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("status", TICKET_STATUS, server_default=sa.text("'OPEN'"), nullable=False),
        sa.Column("priority", TICKET_PRIORITY, server_default=sa.text("'MEDIUM'"), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("assigned_agent_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column(
            "tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("follows_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("feedback_rating", sa.Integer(), nullable=True),
        sa.Column("feedback_text", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("public_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "public_updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.Column("assignment_reason", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("assignment_skipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_off_by", sa.Uuid(), nullable=True),
        sa.Column("sla_priority", TICKET_PRIORITY, nullable=True),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', description), 'B')",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(status = 'CLOSED') = (closed_at IS NOT NULL)", name=op.f("ck_tickets_closed_at")
        ),
        sa.CheckConstraint(
            "title ~ '[^[:space:]]' AND length(title) <= 500", name=op.f("ck_tickets_title")
        ),
        sa.CheckConstraint("are_tags(tags)", name=op.f("ck_tickets_tags")),
        sa.CheckConstraint(
            "feedback_rating BETWEEN 1 AND 5", name=op.f("ck_tickets_feedback_rating")
        ),
        sa.CheckConstraint("follows_id <> id", name=op.f("ck_tickets_follows_id")),
        sa.CheckConstraint("length(description) <= 100000", name=op.f("ck_tickets_description")),
        sa.CheckConstraint("length(feedback_text) <= 10000", name=op.f("ck_tickets_feedback_text")),
        sa.ForeignKeyConstraint(
            ["assigned_agent_id"],
            ["profiles.id"],
            name=op.f("fk_tickets_assigned_agent_id_profiles"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["profiles.id"],
            name=op.f("fk_tickets_customer_id_profiles"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["handed_off_by"],
            ["profiles.id"],
            name=op.f("fk_tickets_handed_off_by_profiles"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["follows_id"],
            ["tickets.id"],
            name=op.f("fk_tickets_follows_id_tickets"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_tickets_team_id_teams"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
    )
    op.create_index("ix_tickets_assigned_agent_id", "tickets", ["assigned_agent_id"], unique=False)
    op.create_index("ix_tickets_created_at_id", "tickets", ["created_at", "id"], unique=False)
    op.create_index("ix_tickets_customer_id", "tickets", ["customer_id"], unique=False)
    op.create_index("ix_tickets_follows_id", "tickets", ["follows_id"], unique=False)
    op.create_index("ix_tickets_priority", "tickets", ["priority"], unique=False)
    op.create_index(
        "ix_tickets_priority_created_at_id",
        "tickets",
        ["priority", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_tickets_search", "tickets", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_index("ix_tickets_status", "tickets", ["status"], unique=False)
    op.create_index(
        "ix_tickets_status_created_at_id", "tickets", ["status", "created_at", "id"], unique=False
    )
    op.create_index("ix_tickets_tags", "tickets", ["tags"], unique=False, postgresql_using="gin")
    op.create_index("ix_tickets_team_id", "tickets", ["team_id"], unique=False)
    waiting = "assigned_agent_id IS NULL AND status IN ('OPEN', 'IN_PROGRESS')"
    for name, mark in (("ix_tickets_to_assign", "IS NULL"), ("ix_tickets_skipped", "IS NOT NULL")):
        op.create_index(
            name,
            "tickets",
            [sa.literal_column("priority DESC"), "created_at", "id"],
            unique=False,
            postgresql_where=sa.text(f"{waiting} AND assignment_skipped_at {mark}"),
        )
    op.create_index(
        "ix_tickets_handed_off_by",
        "tickets",
        ["handed_off_by"],
        unique=False,
        postgresql_where=sa.text("handed_off_by IS NOT NULL"),
    )
    op.create_index("ix_tickets_updated_at_id", "tickets", ["updated_at", "id"], unique=False)
    op.create_index("uq_tickets_number", "tickets", ["number"], unique=True)
    op.create_table(
        "comments",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("type", COMMENT_TYPE, server_default=sa.text("'USER'"), nullable=False),
        sa.Column("is_internal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "CASE type WHEN 'INTERNAL' THEN is_internal WHEN 'USER' THEN NOT is_internal ELSE true END",
            name=op.f("ck_comments_is_internal"),
        ),
        sa.CheckConstraint(
            "content ~ '[^[:space:]]' AND length(content) <= 100000",
            name=op.f("ck_comments_content"),
        ),
        sa.CheckConstraint("is_comment_metadata(metadata)", name=op.f("ck_comments_metadata")),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["profiles.id"],
            name=op.f("fk_comments_author_id_profiles"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_comments_ticket_id_tickets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index("ix_comments_author_id", "comments", ["author_id"], unique=False)
    op.create_index("ix_comments_created_at", "comments", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_comments_search",
        "comments",
        [sa.literal_column("to_tsvector('english', content)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_comments_ticket_id", "comments", ["ticket_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "feedback_requests",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id_at_close", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING",
                "SENT",
                "ANSWERED",
                "SKIPPED",
                "CANCELLED",
                name="state",
                native_enum=False,
                create_constraint=True,
            ),
            server_default=sa.text("'PENDING'"),
            nullable=False,
        ),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("send_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_no", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("answer_text", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(state = 'ANSWERED') = (answer_no > 0)", name=op.f("ck_feedback_requests_answer_no")
        ),
        sa.CheckConstraint(
            "(state = 'ANSWERED') = (rating IS NOT NULL)",
            name=op.f("ck_feedback_requests_answered"),
        ),
        sa.CheckConstraint(
            "(state IN ('SENT', 'ANSWERED')) = (token_hash IS NOT NULL)",
            name=op.f("ck_feedback_requests_token_hash"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_feedback_requests_attempts")),
        sa.CheckConstraint("cycle >= 1", name=op.f("ck_feedback_requests_cycle")),
        sa.CheckConstraint(
            "length(answer_text) <= 10000", name=op.f("ck_feedback_requests_answer_text")
        ),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_feedback_requests_rating")),
        sa.ForeignKeyConstraint(
            ["agent_id_at_close"],
            ["profiles.id"],
            name=op.f("fk_feedback_requests_agent_id_at_close_profiles"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["profiles.id"],
            name=op.f("fk_feedback_requests_profile_id_profiles"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_feedback_requests_ticket_id_tickets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_requests")),
    )
    op.create_index(
        "ix_feedback_requests_agent_id_at_close",
        "feedback_requests",
        ["agent_id_at_close"],
        unique=False,
    )
    op.create_index(
        "ix_feedback_requests_due",
        "feedback_requests",
        ["send_after"],
        unique=False,
        postgresql_where=sa.text("state = 'PENDING' AND dead_at IS NULL"),
    )
    op.create_index(
        "ix_feedback_requests_profile_id",
        "feedback_requests",
        ["profile_id", "sent_at"],
        unique=False,
    )
    op.create_index(
        "uq_feedback_requests_cycle", "feedback_requests", ["ticket_id", "cycle"], unique=True
    )
    op.create_index(
        "uq_feedback_requests_token_hash", "feedback_requests", ["token_hash"], unique=True
    )
    op.create_table(
        "imported_rows",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_imported_rows_ticket_id_tickets"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_imported_rows")),
    )
    op.create_index(
        "ix_imported_rows_external_id", "imported_rows", ["source", "external_id"], unique=False
    )
    op.create_index("ix_imported_rows_ticket_id", "imported_rows", ["ticket_id"], unique=False)
    op.create_table(
        "mail_outbox",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column(
            "params",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("to_profile_id", sa.Uuid(), nullable=True),
        sa.Column("to_email", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sending",
                "sent",
                "dead",
                "kept",
                "suppressed",
                name="state",
                native_enum=False,
                create_constraint=True,
            ),
            server_default=sa.text("'queued'"),
            nullable=False,
        ),
        sa.Column(
            "send_after",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(state = 'sending') = (leased_until IS NOT NULL AND lease_id IS NOT NULL)",
            name=op.f("ck_mail_outbox_lease"),
        ),
        sa.CheckConstraint(
            "(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_mail_outbox_sent_at")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_mail_outbox_attempts")),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_mail_outbox_ticket_id_tickets"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["to_profile_id"],
            ["profiles.id"],
            name=op.f("fk_mail_outbox_to_profile_id_profiles"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_outbox")),
    )
    op.create_index("ix_mail_outbox_created_at", "mail_outbox", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_mail_outbox_dead",
        "mail_outbox",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index(
        "ix_mail_outbox_due",
        "mail_outbox",
        ["send_after"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_mail_outbox_leased",
        "mail_outbox",
        ["leased_until"],
        unique=False,
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index("ix_mail_outbox_ticket_id", "mail_outbox", ["ticket_id"], unique=False)
    op.create_index("ix_mail_outbox_to_profile_id", "mail_outbox", ["to_profile_id"], unique=False)
    op.create_index("uq_mail_outbox_key", "mail_outbox", ["key"], unique=True)
    op.create_table(
        "sla_clocks",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column(
            "metric",
            sa.Enum(
                "FIRST_RESPONSE",
                "NEXT_RESPONSE",
                "RESOLUTION",
                name="metric",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("cycle", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("policy_version_id", sa.Uuid(), nullable=False),
        sa.Column("calendar_version", sa.Uuid(), nullable=True),
        sa.Column("target_s", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("running_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "consumed_s", sa.Float(precision=53), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_set_by", sa.Uuid(), nullable=True),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_reason", sa.Text(), nullable=True),
        sa.Column("quiet_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("context_now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(paused_at IS NULL) OR (due_at IS NULL)",
            name=op.f("ck_sla_clocks_due_at_while_paused"),
        ),
        sa.CheckConstraint(
            "(running_since IS NULL) OR (due_at IS NOT NULL)",
            name=op.f("ck_sla_clocks_due_at_while_running"),
        ),
        sa.CheckConstraint("consumed_s >= 0", name=op.f("ck_sla_clocks_consumed_s")),
        sa.CheckConstraint("cycle >= 1", name=op.f("ck_sla_clocks_cycle")),
        sa.CheckConstraint(
            "num_nonnulls(running_since, paused_at, coalesce(met_at, stopped_at)) = 1",
            name=op.f("ck_sla_clocks_state"),
        ),
        sa.CheckConstraint("target_s > 0", name=op.f("ck_sla_clocks_target_s")),
        sa.ForeignKeyConstraint(
            ["due_set_by"],
            ["profiles.id"],
            name=op.f("fk_sla_clocks_due_set_by_profiles"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["policy_version_id"],
            ["sla_policy_versions.id"],
            name=op.f("fk_sla_clocks_policy_version_id_sla_policy_versions"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_sla_clocks_ticket_id_tickets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_clocks")),
    )
    op.create_index(
        "ix_sla_clocks_unnoticed",
        "sla_clocks",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("running_since IS NOT NULL AND breached_at IS NULL"),
    )
    op.create_index(
        "ix_sla_clocks_due_at",
        "sla_clocks",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL AND met_at IS NULL AND stopped_at IS NULL"),
    )
    op.create_index("ix_sla_clocks_due_set_by", "sla_clocks", ["due_set_by"], unique=False)
    op.create_index(
        "ix_sla_clocks_policy_version_id", "sla_clocks", ["policy_version_id"], unique=False
    )
    op.create_index(
        "uq_sla_clocks_cycle", "sla_clocks", ["ticket_id", "metric", "cycle"], unique=True
    )
    op.create_table(
        "sla_steps",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("clock_id", sa.Uuid(), nullable=False),
        sa.Column("step_no", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("offset_s", sa.Integer(), nullable=True),
        sa.Column("actions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("fire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("skipped_reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint("are_step_actions(actions)", name=op.f("ck_sla_steps_actions")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_sla_steps_attempts")),
        sa.CheckConstraint(
            "num_nonnulls(fired_at, skipped_reason) <= 1", name=op.f("ck_sla_steps_outcome")
        ),
        sa.CheckConstraint("num_nonnulls(percent, offset_s) = 1", name=op.f("ck_sla_steps_offset")),
        sa.ForeignKeyConstraint(
            ["clock_id"],
            ["sla_clocks.id"],
            name=op.f("fk_sla_steps_clock_id_sla_clocks"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["profiles.id"],
            name=op.f("fk_sla_steps_person_id_profiles"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_steps")),
    )
    op.create_index(
        "ix_sla_steps_dead",
        "sla_steps",
        ["dead_at"],
        unique=False,
        postgresql_where=sa.text("dead_at IS NOT NULL"),
    )
    op.create_index(
        "ix_sla_steps_due",
        "sla_steps",
        ["fire_at"],
        unique=False,
        postgresql_where=sa.text(
            "fired_at IS NULL AND cancelled_at IS NULL AND skipped_reason IS NULL AND dead_at IS NULL"
        ),
    )
    op.create_index("ix_sla_steps_person_id", "sla_steps", ["person_id"], unique=False)
    op.create_index("uq_sla_steps_step_no", "sla_steps", ["clock_id", "step_no"], unique=True)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("uq_sla_steps_step_no", table_name="sla_steps")
    op.drop_index("ix_sla_steps_person_id", table_name="sla_steps")
    op.drop_index(
        "ix_sla_steps_due",
        table_name="sla_steps",
        postgresql_where=sa.text(
            "fired_at IS NULL AND cancelled_at IS NULL AND skipped_reason IS NULL AND dead_at IS NULL"
        ),
    )
    op.drop_index(
        "ix_sla_steps_dead", table_name="sla_steps", postgresql_where=sa.text("dead_at IS NOT NULL")
    )
    op.drop_table("sla_steps")
    op.drop_index("uq_sla_clocks_cycle", table_name="sla_clocks")
    op.drop_index("ix_sla_clocks_policy_version_id", table_name="sla_clocks")
    op.drop_index("ix_sla_clocks_due_set_by", table_name="sla_clocks")
    op.drop_index("ix_sla_clocks_unnoticed", table_name="sla_clocks")
    op.drop_index(
        "ix_sla_clocks_due_at",
        table_name="sla_clocks",
        postgresql_where=sa.text("due_at IS NOT NULL AND met_at IS NULL AND stopped_at IS NULL"),
    )
    op.drop_table("sla_clocks")
    op.drop_index("uq_mail_outbox_key", table_name="mail_outbox")
    op.drop_index("ix_mail_outbox_to_profile_id", table_name="mail_outbox")
    op.drop_index("ix_mail_outbox_ticket_id", table_name="mail_outbox")
    op.drop_index(
        "ix_mail_outbox_leased",
        table_name="mail_outbox",
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.drop_index(
        "ix_mail_outbox_due", table_name="mail_outbox", postgresql_where=sa.text("state = 'queued'")
    )
    op.drop_index(
        "ix_mail_outbox_dead", table_name="mail_outbox", postgresql_where=sa.text("state = 'dead'")
    )
    op.drop_index("ix_mail_outbox_created_at", table_name="mail_outbox")
    op.drop_table("mail_outbox")
    op.drop_index("ix_imported_rows_ticket_id", table_name="imported_rows")
    op.drop_index("ix_imported_rows_external_id", table_name="imported_rows")
    op.drop_table("imported_rows")
    op.drop_index("uq_feedback_requests_token_hash", table_name="feedback_requests")
    op.drop_index("uq_feedback_requests_cycle", table_name="feedback_requests")
    op.drop_index("ix_feedback_requests_profile_id", table_name="feedback_requests")
    op.drop_index(
        "ix_feedback_requests_due",
        table_name="feedback_requests",
        postgresql_where=sa.text("state = 'PENDING' AND dead_at IS NULL"),
    )
    op.drop_index("ix_feedback_requests_agent_id_at_close", table_name="feedback_requests")
    op.drop_table("feedback_requests")
    op.drop_index("ix_comments_ticket_id", table_name="comments")
    op.drop_index("ix_comments_search", table_name="comments", postgresql_using="gin")
    op.drop_index("ix_comments_created_at", table_name="comments")
    op.drop_index("ix_comments_author_id", table_name="comments")
    op.drop_table("comments")
    op.drop_index("uq_tickets_number", table_name="tickets")
    op.drop_index("ix_tickets_updated_at_id", table_name="tickets")
    for name in ("ix_tickets_handed_off_by", "ix_tickets_skipped", "ix_tickets_to_assign"):
        op.drop_index(name, table_name="tickets")
    op.drop_index("ix_tickets_team_id", table_name="tickets")
    op.drop_index("ix_tickets_tags", table_name="tickets", postgresql_using="gin")
    op.drop_index("ix_tickets_status_created_at_id", table_name="tickets")
    op.drop_index("ix_tickets_status", table_name="tickets")
    op.drop_index("ix_tickets_search", table_name="tickets", postgresql_using="gin")
    op.drop_index("ix_tickets_priority_created_at_id", table_name="tickets")
    op.drop_index("ix_tickets_priority", table_name="tickets")
    op.drop_index("ix_tickets_follows_id", table_name="tickets")
    op.drop_index("ix_tickets_customer_id", table_name="tickets")
    op.drop_index("ix_tickets_created_at_id", table_name="tickets")
    op.drop_index("ix_tickets_assigned_agent_id", table_name="tickets")
    op.drop_table("tickets")
    op.drop_index("ix_team_members_profile_id", table_name="team_members")
    op.drop_table("team_members")
    op.drop_table("sla_targets")
    op.drop_index("ix_sla_plan_steps_person_id", table_name="sla_plan_steps")
    op.drop_table("sla_plan_steps")
    op.drop_index("uq_teams_name", table_name="teams")
    op.drop_index("ix_teams_sla_policy_id", table_name="teams")
    op.drop_table("teams")
    op.drop_index("uq_sla_policy_versions_version", table_name="sla_policy_versions")
    op.drop_table("sla_policy_versions")
    op.drop_index("ix_history_ticket_id", table_name="history")
    op.drop_index("ix_history_created_at", table_name="history")
    op.drop_index("ix_history_actor_id", table_name="history")
    op.drop_index("ix_history_action", table_name="history")
    op.drop_table("history")
    op.drop_table("agents")
    op.drop_index("uq_users_fs_uniquifier", table_name="users")
    op.drop_index("uq_users_email_lower", table_name="users")
    op.drop_table("users")
    op.drop_table("tags")
    op.drop_table("sweep_runs")
    op.drop_table("suppressed_addresses")
    op.drop_index("uq_sla_policies_name", table_name="sla_policies")
    op.drop_index(
        "uq_sla_policies_default", table_name="sla_policies", postgresql_where=sa.text("is_default")
    )
    op.drop_table("sla_policies")
    op.drop_table("settings")
    op.drop_index("uq_profiles_user_id", table_name="profiles")
    op.drop_index("uq_profiles_email_lower", table_name="profiles")
    op.drop_index("ix_profiles_role", table_name="profiles")
    op.drop_index("ix_profiles_full_name", table_name="profiles")
    op.drop_table("profiles")
    run_sql("0001_functions_down")
