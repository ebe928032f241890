"""Every check and every unique index, and a statement that it refuses."""

import psycopg

#: Check → a statement that it alone stands against.
CHECKS = {
    "ck_profiles_declined_letters": "UPDATE profiles SET declined_letters = '{nonsense}'",
    "ck_profiles_email": "UPDATE profiles SET email = 'nobody'",
    "ck_profiles_full_name": "UPDATE profiles SET full_name = ''",
    "ck_profiles_language": "UPDATE profiles SET language = 'Klingon'",
    "ck_settings_assignment_strategy": "UPDATE settings SET assignment_strategy = 'DICE'",
    "ck_settings_attachment_limit_mb": "UPDATE settings SET attachment_limit_mb = 26",
    "ck_settings_digest_above": "UPDATE settings SET digest_above = 0",
    "ck_settings_feedback_delay_s": "UPDATE settings SET feedback_delay_s = -1",
    "ck_settings_feedback_expiry_days": "UPDATE settings SET feedback_expiry_days = 0",
    "ck_settings_feedback_throttle_days": "UPDATE settings SET feedback_throttle_days = -1",
    "ck_settings_one_row": "INSERT INTO settings (id) VALUES (false)",
    "ck_settings_pace_tickets": "UPDATE settings SET pace_tickets = -1",
    "ck_settings_pace_window_s": "UPDATE settings SET pace_window_s = 59",
    "ck_settings_quiet_close_days": "UPDATE settings SET quiet_close_days = 366",
    "ck_settings_quiet_reminder_days": "UPDATE settings SET quiet_reminder_days = 91",
    "ck_settings_reopen_days": "UPDATE settings SET reopen_days = -1",
    "ck_settings_reply_delay_s": "UPDATE settings SET reply_delay_s = 301",
    "ck_suppressed_addresses_email": "UPDATE suppressed_addresses SET email = 'Gone@example.org'",
    "ck_tags_name": "UPDATE tags SET name = 'Two Words, and more'",
    "ck_teams_name": "UPDATE teams SET name = ' '",
    "ck_teams_quiet_close_days": "UPDATE teams SET quiet_close_days = 366",
    "ck_teams_quiet_reminder_days": "UPDATE teams SET quiet_reminder_days = 91",
    "ck_agents_availability": "UPDATE agents SET availability = 'ASLEEP'",
    "ck_agents_capacity": "UPDATE agents SET capacity = -1",
    "ck_agents_open_count": "UPDATE agents SET open_count = -1",
    "ck_agents_open_weight": "UPDATE agents SET open_weight = -1",
    "ck_absences_ends_at": "UPDATE absences SET ends_at = starts_at",
    "ck_absences_hand_over": "UPDATE absences SET hand_over = 'LOSE'",
    "ck_absences_to_agent_id": "UPDATE absences SET to_agent_id = agent_id",
    "ck_agents_skills": "UPDATE agents SET skills = '{Upper Case}'",
    "ck_history_action": "INSERT INTO history (ticket_id, action) VALUES (uuidv7(), 'No action')",
    "ck_history_metadata": "INSERT INTO history (ticket_id, action, metadata)"
    " VALUES (uuidv7(), 'noted', '{}')",
    "ck_history_new_value": "INSERT INTO history (ticket_id, action, new_value)"
    " VALUES (uuidv7(), 'noted', '{\"colour\": \"red\"}')",
    "ck_history_old_value": "INSERT INTO history (ticket_id, action, old_value)"
    " VALUES (uuidv7(), 'noted', '{\"colour\": \"red\"}')",
    "ck_calendar_versions_definition": "UPDATE calendar_versions SET definition = '[]'",
    "ck_calendar_versions_version": "UPDATE calendar_versions SET version = -version",
    "ck_sla_policy_versions_version": "UPDATE sla_policy_versions SET version = -version",
    "ck_sla_plan_steps_actions": "UPDATE sla_plan_steps SET actions = '{DANCE}'",
    "ck_sla_plan_steps_metric": "INSERT INTO sla_plan_steps (policy_version_id, priority, metric,"
    " step_no, percent, actions) SELECT id, 'LOW', 'MOOD', 1, 50, '{COMMENT}'"
    " FROM sla_policy_versions",
    "ck_sla_plan_steps_offset": "UPDATE sla_plan_steps SET offset_s = 60",
    "ck_sla_plan_steps_percent": "UPDATE sla_plan_steps SET percent = 0",
    "ck_sla_plan_steps_step_no": "UPDATE sla_plan_steps SET step_no = step_no - 1",
    "ck_sla_targets_metric": "INSERT INTO sla_targets (policy_version_id, priority, metric,"
    " target_s) SELECT id, 'LOW', 'MOOD', 60 FROM sla_policy_versions",
    "ck_sla_targets_target_s": "UPDATE sla_targets SET target_s = 0",
    # A trigger keeps it true; the check stands behind the trigger.
    "ck_tickets_closed_at": "ALTER TABLE tickets DISABLE TRIGGER USER;"
    " UPDATE tickets SET closed_at = now()",
    "ck_tickets_description": "UPDATE tickets SET description = repeat('x', 100001)",
    "ck_tickets_feedback_rating": "UPDATE tickets SET feedback_rating = 6",
    "ck_tickets_feedback_text": "UPDATE tickets SET feedback_text = repeat('x', 10001)",
    "ck_tickets_follows_id": "UPDATE tickets SET follows_id = id",
    "ck_tickets_tags": "UPDATE tickets SET tags = '{\"\"}'",
    "ck_tickets_title": "UPDATE tickets SET title = ' '",
    "ck_comments_content": "UPDATE comments SET content = ' '",
    "ck_comments_is_internal": "UPDATE comments SET is_internal = true",
    "ck_comments_metadata": "UPDATE comments SET metadata = '{\"mood\": 1}'",
    "ck_feedback_requests_answer_no": "UPDATE feedback_requests SET answer_no = 1",
    "ck_feedback_requests_answer_text": "UPDATE feedback_requests"
    " SET answer_text = repeat('x', 10001)",
    "ck_feedback_requests_answered": "UPDATE feedback_requests SET rating = 5",
    "ck_feedback_requests_attempts": "UPDATE feedback_requests SET attempts = -1",
    "ck_feedback_requests_cycle": "UPDATE feedback_requests SET cycle = -cycle",
    "ck_feedback_requests_rating": "UPDATE feedback_requests"
    " SET state = 'ANSWERED', answer_no = 1, rating = 6",
    "ck_feedback_requests_state": "UPDATE feedback_requests SET state = 'LOST', token_hash = NULL",
    "ck_feedback_requests_token_hash": "UPDATE feedback_requests SET token_hash = NULL",
    "ck_waits_attempts": "INSERT INTO waits (ticket_id, quiet_from, due_at, attempts)"
    " SELECT id, now(), now(), -1 FROM tickets ON CONFLICT DO NOTHING",
    "ck_waits_closes_at": "INSERT INTO waits (ticket_id, quiet_from, due_at, closes_at)"
    " SELECT id, now(), now(), now() FROM tickets ON CONFLICT DO NOTHING",
    "ck_mail_outbox_attempts": "UPDATE mail_outbox SET attempts = -1",
    "ck_mail_outbox_digest": "UPDATE mail_outbox SET state = 'collapsed'",
    "ck_mail_outbox_lease": "UPDATE mail_outbox SET state = 'sending'",
    "ck_mail_outbox_sent_at": "UPDATE mail_outbox SET state = 'sent'",
    "ck_mail_outbox_state": "UPDATE mail_outbox SET state = 'lost'",
    "ck_sla_clocks_consumed_s": "UPDATE sla_clocks SET consumed_s = -1",
    "ck_sla_clocks_cycle": "UPDATE sla_clocks SET cycle = -cycle",
    "ck_sla_clocks_due_at_while_paused": "UPDATE sla_clocks"
    " SET running_since = NULL, paused_at = now()",
    "ck_sla_clocks_due_at_while_running": "UPDATE sla_clocks SET due_at = NULL",
    "ck_sla_clocks_metric": "UPDATE sla_clocks SET metric = 'MOOD'",
    "ck_sla_clocks_state": "UPDATE sla_clocks SET met_at = now()",
    "ck_sla_clocks_target_s": "UPDATE sla_clocks SET target_s = 0",
    "ck_sla_steps_actions": "UPDATE sla_steps SET actions = '{DANCE}'",
    "ck_sla_steps_attempts": "UPDATE sla_steps SET attempts = -1",
    "ck_sla_steps_offset": "UPDATE sla_steps SET percent = NULL",
    "ck_sla_steps_outcome": "UPDATE sla_steps SET fired_at = now(), skipped_reason = 'late'",
    "ck_drafts_add_tags": "UPDATE drafts SET add_tags = '{\"\"}'",
    "ck_drafts_attempts": "UPDATE drafts SET attempts = -1",
    "ck_drafts_content": "UPDATE drafts SET content = repeat('x', 100001)",
    "ck_drafts_event": "UPDATE drafts SET event = 'DANCE'",
    "ck_drafts_kind": "UPDATE drafts SET kind = 'poem'",
    "ck_drafts_publish_after": "UPDATE drafts SET publish_after = now()",
    "ck_drafts_sent": "UPDATE drafts SET state = 'held'",
    "ck_drafts_state": "UPDATE drafts SET state = 'lost', event = 'STAFF_REPLY', content = 'Hello'",
    "ck_attachment_contents_digest": "INSERT INTO attachment_contents (digest, size, content)"
    " VALUES ('0', 1, 'y')",
    "ck_attachment_contents_size": "UPDATE attachment_contents SET size = 2",
    "ck_attachments_holder": "UPDATE attachments SET comment_id = comments.id,"
    " draft_id = drafts.id FROM comments, drafts",
    "ck_attachments_media_type": "UPDATE attachments SET media_type = 'text'",
    "ck_attachments_name": "UPDATE attachments SET name = '../a'",
    "ck_macros_add_tags": "UPDATE macros SET add_tags = '{\"\"}'",
    "ck_macros_content": "UPDATE macros SET content = repeat('x', 100001)",
    "ck_macros_event": "UPDATE macros SET event = 'DANCE'",
    "ck_macros_name": "UPDATE macros SET name = ' '",
}

#: Unique index → a statement that would make two of one.
UNIQUES = {
    "uq_profiles_email_lower": "UPDATE profiles SET email = 'ANA@example.org'"
    " WHERE full_name = 'Ben'",
    "uq_profiles_user_id": "UPDATE profiles SET user_id = 'same' WHERE role = 'AGENT'",
    "uq_users_email_lower": "UPDATE users SET email = 'ANA@example.org' WHERE fs_uniquifier = 'b'",
    "uq_users_fs_uniquifier": "UPDATE users SET fs_uniquifier = 'same'",
    "uq_teams_name": "UPDATE teams SET name = 'north' WHERE name = 'South'",
    "uq_tickets_number": "UPDATE tickets SET number = 1",
    "uq_drafts_ticket_id_author_id": "INSERT INTO drafts (ticket_id, author_id, kind)"
    " SELECT ticket_id, author_id, 'note' FROM drafts",
    "uq_macros_owner_id_name": "UPDATE macros SET name = 'thanks' WHERE name = 'Refund'",
    "uq_mail_outbox_key": "UPDATE mail_outbox SET key = 'same'",
    "uq_feedback_requests_cycle": "UPDATE feedback_requests SET cycle = 1",
    "uq_feedback_requests_token_hash": "UPDATE feedback_requests SET token_hash = 'same'",
    "uq_calendars_name": "UPDATE calendars SET name = 'days' WHERE name = 'Nights'",
    "uq_calendar_versions_version": "UPDATE calendar_versions SET version = 9",
    "uq_sla_policies_default": "UPDATE sla_policies SET is_default = true",
    "uq_sla_policies_name": "UPDATE sla_policies SET name = 'gold' WHERE name = 'Silver'",
    "uq_sla_policy_versions_version": "UPDATE sla_policy_versions SET version = 9",
    "uq_sla_clocks_cycle": "UPDATE sla_clocks SET cycle = 1",
    "uq_sla_steps_step_no": "UPDATE sla_steps SET step_no = 9",
}


def _refused_by(connection: psycopg.Connection, statement: str) -> str | None:
    """The name of the constraint that refuses the statement; None where nothing does."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.errors.IntegrityError as refusal:
        return refusal.diag.constraint_name
    return None


def test_each_check_refuses_what_it_is_there_for(world):
    assert {name: _refused_by(world, statement) for name, statement in CHECKS.items()} == {
        name: name for name in CHECKS
    }


def test_each_unique_index_refuses_a_second(world):
    assert {name: _refused_by(world, statement) for name, statement in UNIQUES.items()} == {
        name: name for name in UNIQUES
    }


def test_no_check_and_no_unique_index_is_left_out(owner):
    checks = owner.execute(
        "SELECT conname FROM pg_constraint WHERE contype = 'c'"
        " AND connamespace = 'public'::regnamespace"
    )
    assert {name for (name,) in checks} == set(CHECKS)
    uniques = owner.execute(
        "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
        " WHERE indisunique AND NOT indisprimary AND relnamespace = 'public'::regnamespace"
    )
    assert {name for (name,) in uniques} == set(UNIQUES)
