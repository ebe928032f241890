-- Who may do what, the database's half of the permission table: grants first,
-- then the rows. Whatever is not named here is refused.

REVOKE EXECUTE ON FUNCTION erase_texts(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_texts(uuid) TO emberone_admin;
REVOKE EXECUTE ON FUNCTION count_open_tickets(uuid[], uuid[], uuid[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION review_skipped_for(uuid[]) FROM PUBLIC;

-- The product itself: workers, sign-in, imports, and what follows from a person's act.
GRANT SELECT, INSERT, UPDATE ON
    users, profiles, tickets, comments, agents, teams, tags, settings,
    sla_policies, sla_policy_versions, sla_targets, sla_plan_steps, sla_clocks, sla_steps,
    feedback_requests, mail_outbox, suppressed_addresses, sweep_runs, imported_rows
    TO emberone_system;
GRANT SELECT, INSERT, DELETE ON team_members TO emberone_system;
GRANT DELETE ON users TO emberone_system;
GRANT SELECT, INSERT ON history TO emberone_system;

-- Staff.
GRANT SELECT ON
    profiles, tickets, comments, history, agents, teams, team_members, tags, settings,
    sla_policies, sla_policy_versions, sla_targets, sla_plan_steps, sla_clocks, sla_steps,
    feedback_requests
    TO emberone_agent, emberone_admin;
GRANT SELECT ON mail_outbox, suppressed_addresses, sweep_runs, imported_rows TO emberone_admin;
-- Never the password's hash.
GRANT SELECT (id, email, active, confirmed_at, created_at) ON users TO emberone_admin;
GRANT INSERT, UPDATE ON tickets, comments TO emberone_agent, emberone_admin;
GRANT DELETE ON tickets, comments, profiles TO emberone_admin;
GRANT INSERT ON profiles TO emberone_agent, emberone_admin;
GRANT UPDATE ON profiles TO emberone_admin;
GRANT UPDATE (availability) ON agents TO emberone_agent;
GRANT UPDATE ON agents TO emberone_admin;
GRANT INSERT, UPDATE, DELETE ON
    teams, team_members, tags, sla_policies, sla_policy_versions, sla_targets, sla_plan_steps
    TO emberone_admin;
GRANT UPDATE ON settings TO emberone_admin;
GRANT DELETE ON suppressed_addresses TO emberone_admin;

-- Customers.
GRANT SELECT, INSERT ON tickets, comments TO emberone_customer;
GRANT UPDATE (title, description, priority) ON tickets TO emberone_customer;
GRANT UPDATE (content, metadata) ON comments TO emberone_customer;
GRANT SELECT ON profiles, settings TO emberone_customer;
GRANT UPDATE (full_name) ON profiles TO emberone_customer;

ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE comments ENABLE ROW LEVEL SECURITY;
ALTER TABLE agents ENABLE ROW LEVEL SECURITY;

-- Staff see every row: no predicate, so that every plan stays as it is.
CREATE POLICY staff_read ON profiles FOR SELECT TO emberone_agent, emberone_admin, emberone_system USING (true);
CREATE POLICY staff_read ON tickets FOR SELECT TO emberone_agent, emberone_admin, emberone_system USING (true);
CREATE POLICY staff_read ON comments FOR SELECT TO emberone_agent, emberone_admin, emberone_system USING (true);
CREATE POLICY staff_read ON agents FOR SELECT TO emberone_agent, emberone_admin, emberone_system USING (true);

CREATE POLICY system_insert ON profiles FOR INSERT TO emberone_system, emberone_admin WITH CHECK (true);
CREATE POLICY system_update ON profiles FOR UPDATE TO emberone_system, emberone_admin USING (true) WITH CHECK (true);
CREATE POLICY admin_delete ON profiles FOR DELETE TO emberone_admin USING (true);
CREATE POLICY agent_insert ON profiles FOR INSERT TO emberone_agent
    WITH CHECK (role = 'CUSTOMER' AND user_id IS NULL);
CREATE POLICY own_read ON profiles FOR SELECT TO emberone_customer USING (id = (SELECT current_profile()));
CREATE POLICY own_update ON profiles FOR UPDATE TO emberone_customer
    USING (id = (SELECT current_profile())) WITH CHECK (id = (SELECT current_profile()));

CREATE POLICY staff_insert ON tickets FOR INSERT TO emberone_agent, emberone_admin, emberone_system WITH CHECK (true);
CREATE POLICY staff_update ON tickets FOR UPDATE TO emberone_agent, emberone_admin, emberone_system
    USING (true) WITH CHECK (true);
CREATE POLICY admin_delete ON tickets FOR DELETE TO emberone_admin USING (true);
CREATE POLICY own_read ON tickets FOR SELECT TO emberone_customer USING (customer_id = (SELECT current_profile()));
CREATE POLICY own_insert ON tickets FOR INSERT TO emberone_customer WITH CHECK (
    customer_id = (SELECT current_profile()) AND status = 'OPEN' AND assigned_agent_id IS NULL
    AND closed_at IS NULL AND feedback_rating IS NULL AND feedback_text IS NULL
    AND team_id IS NULL AND tags = '{}' AND assignment_reason IS NULL
    AND follows_id IS NULL AND handed_off_by IS NULL AND assignment_skipped_at IS NULL
    AND sla_priority = priority AND created_at = context_now()
);
CREATE POLICY own_update ON tickets FOR UPDATE TO emberone_customer
    USING (customer_id = (SELECT current_profile()) AND status <> 'CLOSED')
    WITH CHECK (customer_id = (SELECT current_profile()) AND status <> 'CLOSED');

CREATE POLICY system_insert ON comments FOR INSERT TO emberone_system WITH CHECK (true);
CREATE POLICY system_update ON comments FOR UPDATE TO emberone_system, emberone_admin USING (true) WITH CHECK (true);
CREATE POLICY admin_delete ON comments FOR DELETE TO emberone_admin USING (true);
-- Nobody speaks in another's name, or in the product's.
CREATE POLICY staff_insert ON comments FOR INSERT TO emberone_agent, emberone_admin
    WITH CHECK (author_id = (SELECT current_profile()) AND type <> 'SYSTEM');
CREATE POLICY agent_update ON comments FOR UPDATE TO emberone_agent
    USING (author_id = (SELECT current_profile()) AND type <> 'SYSTEM')
    WITH CHECK (author_id = (SELECT current_profile()) AND type <> 'SYSTEM');
CREATE POLICY own_read ON comments FOR SELECT TO emberone_customer USING (
    NOT is_internal
    AND ticket_id IN (SELECT id FROM tickets WHERE customer_id = (SELECT current_profile()))
);
CREATE POLICY own_insert ON comments FOR INSERT TO emberone_customer WITH CHECK (
    author_id = (SELECT current_profile()) AND type = 'USER' AND NOT is_internal
    AND ticket_id IN (SELECT id FROM tickets WHERE customer_id = (SELECT current_profile()))
);
CREATE POLICY own_update ON comments FOR UPDATE TO emberone_customer
    USING (author_id = (SELECT current_profile()) AND type = 'USER'
        AND created_at > context_now() - interval '15 minutes')
    WITH CHECK (author_id = (SELECT current_profile()) AND type = 'USER' AND NOT is_internal);

CREATE POLICY system_write ON agents FOR UPDATE TO emberone_system, emberone_admin USING (true) WITH CHECK (true);
CREATE POLICY system_insert ON agents FOR INSERT TO emberone_system WITH CHECK (true);
CREATE POLICY own_update ON agents FOR UPDATE TO emberone_agent
    USING (profile_id = (SELECT current_profile())) WITH CHECK (profile_id = (SELECT current_profile()));

-- Of staff, customers see the name and nothing else.
CREATE VIEW staff_names WITH (security_barrier) AS
    SELECT id, full_name FROM profiles WHERE role IN ('AGENT', 'ADMIN');
GRANT SELECT ON staff_names TO emberone_customer, emberone_agent, emberone_admin, emberone_system;

-- Of history, customers see what happened in public to their own tickets.
CREATE VIEW ticket_history_public WITH (security_barrier) AS
    SELECT history.id, history.ticket_id, history.actor_id, history.action,
        history.old_value - 'assignedAgentId' AS old_value,
        history.new_value - 'assignedAgentId' AS new_value,
        history.created_at
    FROM history JOIN tickets ON tickets.id = history.ticket_id
    WHERE tickets.customer_id = (SELECT current_profile())
        AND NOT history.is_internal
        AND history.action IN (
            'created', 'status_changed', 'priority_changed', 'title_changed', 'description_changed',
            'feedback_changed'
        );
GRANT SELECT ON ticket_history_public TO emberone_customer;
