-- The one row of settings, and the policy that every ticket has unless its team has another
-- (SLA rule 20: first response and resolution by priority; warn at 75 %, escalate at 100 %).
INSERT INTO settings (id) VALUES (true);

WITH policy AS (
    INSERT INTO sla_policies (name, is_default) VALUES ('Standard', true) RETURNING id
), version AS (
    INSERT INTO sla_policy_versions (policy_id, version) SELECT id, 1 FROM policy RETURNING id
), promise (priority, first_response_s, resolution_s) AS (
    VALUES
        ('CRITICAL'::ticket_priority, 15 * 60, 4 * 3600),
        ('HIGH', 3600, 8 * 3600),
        ('MEDIUM', 4 * 3600, 24 * 3600),
        ('LOW', 8 * 3600, 72 * 3600)
), target AS (
    INSERT INTO sla_targets (policy_version_id, priority, metric, target_s)
    SELECT version.id, priority, metric, target_s
    FROM version, promise, LATERAL (
        VALUES ('FIRST_RESPONSE', first_response_s), ('NEXT_RESPONSE', first_response_s),
            ('RESOLUTION', resolution_s)
    ) AS part (metric, target_s)
    RETURNING policy_version_id, priority, metric
)
INSERT INTO sla_plan_steps (policy_version_id, priority, metric, step_no, percent, actions)
SELECT policy_version_id, priority, metric, step_no, percent, actions
FROM target, (
    VALUES (1, 75, ARRAY['NOTIFY_ASSIGNEE']),
        (2, 100, ARRAY['RAISE_PRIORITY', 'COMMENT', 'NOTIFY_ASSIGNEE', 'NOTIFY_ADMINS'])
) AS step (step_no, percent, actions);
