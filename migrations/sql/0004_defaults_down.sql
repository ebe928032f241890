DELETE FROM sla_policies WHERE name = 'Standard' AND NOT EXISTS (
    SELECT FROM sla_clocks JOIN sla_policy_versions ON sla_policy_versions.id = policy_version_id
    WHERE policy_id = sla_policies.id
);
DELETE FROM settings;
