CREATE OR REPLACE VIEW ticket_history_public WITH (security_barrier) AS
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

CREATE OR REPLACE FUNCTION touch_ticket() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    probe tickets;
BEGIN
    IF NEW.status = 'CLOSED' THEN
        NEW.closed_at := coalesce(NEW.closed_at, context_now());
    ELSE
        NEW.closed_at := NULL;
    END IF;
    IF NEW.assigned_agent_id IS NOT NULL
        AND (TG_OP = 'INSERT' OR NEW.assigned_agent_id IS DISTINCT FROM OLD.assigned_agent_id)
    THEN
        PERFORM FROM agents WHERE profile_id = NEW.assigned_agent_id FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'Only agents can be assigned to tickets.' USING ERRCODE = 'raise_exception';
        END IF;
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.sla_priority := coalesce(NEW.sla_priority, NEW.priority);
        NEW.last_activity_at := NEW.created_at;
        RETURN NEW;
    END IF;

    -- SLA targets follow the last priority that staff set; a customer's wish moves them only
    -- while no one of staff has had their say (SLA rule 18).
    IF NEW.priority <> OLD.priority AND NEW.sla_priority IS NOT DISTINCT FROM OLD.sla_priority
        AND (current_source() = 'agent_dashboard'
            OR current_source() = 'customer_portal' AND NOT EXISTS (
                SELECT FROM history
                WHERE ticket_id = NEW.id AND action IN ('created', 'priority_changed')
                    AND metadata ->> 'source' = 'agent_dashboard'
            ))
    THEN
        NEW.sla_priority := NEW.priority;
    END IF;
    IF NEW.assigned_agent_id IS DISTINCT FROM OLD.assigned_agent_id THEN
        IF NEW.assignment_reason IS NOT DISTINCT FROM OLD.assignment_reason THEN
            NEW.assignment_reason := NULL;
        END IF;
        IF OLD.assigned_agent_id IS NOT NULL THEN
            -- Who gave the ticket away themselves does not get it back (assignment rule 12).
            NEW.handed_off_by := CASE
                WHEN OLD.assigned_agent_id = current_profile() THEN OLD.assigned_agent_id
            END;
        END IF;
    END IF;
    IF (NEW.status, NEW.assigned_agent_id, NEW.team_id, NEW.tags, NEW.customer_id)
        IS DISTINCT FROM (OLD.status, OLD.assigned_agent_id, OLD.team_id, OLD.tags, OLD.customer_id)
    THEN
        NEW.assignment_skipped_at := NULL;
    END IF;

    -- The machine's own mark makes no form stale; the generated column is not computed yet.
    probe := NEW;
    probe.assignment_skipped_at := OLD.assignment_skipped_at;
    probe.search := OLD.search;
    probe.version := OLD.version;
    probe.updated_at := OLD.updated_at;
    probe.public_version := OLD.public_version;
    probe.public_updated_at := OLD.public_updated_at;
    probe.activity_no := OLD.activity_no;
    probe.last_activity_at := OLD.last_activity_at;
    probe.customer_spoke_last := OLD.customer_spoke_last;
    IF probe IS DISTINCT FROM OLD THEN
        NEW.version := OLD.version + 1;
        NEW.activity_no := OLD.activity_no + 1;
        -- Putting a ticket aside is no news about it.
        probe.snoozed_until := OLD.snoozed_until;
        IF probe IS DISTINCT FROM OLD THEN
            NEW.last_activity_at := context_now();
        END IF;
    ELSE
        NEW.version := OLD.version;
    END IF;
    NEW.updated_at := clock_timestamp();
    IF (NEW.title, NEW.description, NEW.status, NEW.priority, NEW.closed_at, NEW.feedback_rating, NEW.feedback_text)
        IS DISTINCT FROM
        (OLD.title, OLD.description, OLD.status, OLD.priority, OLD.closed_at, OLD.feedback_rating, OLD.feedback_text)
    THEN
        NEW.public_version := OLD.public_version + 1;
        NEW.public_updated_at := context_now();
    END IF;
    RETURN NEW;
END
$$;
