-- Whoever makes a version is its author. Not on the column as it is added: a function there
-- would rewrite the table, and name whoever migrates.
ALTER TABLE calendar_versions ALTER COLUMN author_id SET DEFAULT current_profile();
ALTER TABLE sla_policy_versions ALTER COLUMN author_id SET DEFAULT current_profile();

-- As on policies; but a version of a calendar never changes: clocks were measured with it.
GRANT SELECT ON calendars, calendar_versions TO emberone_agent, emberone_admin, emberone_system;
GRANT INSERT, UPDATE ON calendars TO emberone_admin, emberone_system;
GRANT INSERT ON calendar_versions TO emberone_admin, emberone_system;

WITH calendar AS (
    INSERT INTO calendars (name) VALUES ('Business hours') RETURNING id
)
INSERT INTO calendar_versions (calendar_id, version, zone, definition)
SELECT id, 1, 'UTC', jsonb_build_object('exceptions', '[]'::jsonb, 'week', (
    SELECT jsonb_object_agg(day, '[["09:00", "17:00"]]'::jsonb)
    FROM unnest(ARRAY['monday', 'tuesday', 'wednesday', 'thursday', 'friday']) AS day
))
FROM calendar;

-- SLA rule 20, where nobody has begun yet: business hours but for CRITICAL, and a second
-- escalation. An installation that is in use keeps what it promises.
UPDATE sla_targets SET calendar_id = calendars.id
FROM calendars, sla_policy_versions, sla_policies
WHERE sla_policy_versions.id = policy_version_id AND sla_policies.id = policy_id
    AND sla_policies.name = 'Standard' AND calendars.name = 'Business hours'
    AND priority <> 'CRITICAL' AND NOT EXISTS (SELECT FROM profiles);

INSERT INTO sla_plan_steps (policy_version_id, priority, metric, step_no, percent, actions)
SELECT policy_version_id, priority, metric, 3, 150, actions
FROM sla_plan_steps
JOIN sla_policy_versions ON sla_policy_versions.id = policy_version_id
JOIN sla_policies ON sla_policies.id = policy_id
WHERE sla_policies.name = 'Standard' AND step_no = 2 AND NOT EXISTS (SELECT FROM profiles)
ON CONFLICT DO NOTHING;
