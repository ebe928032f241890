-- What the customer is shown of status and priority: `public_status` and `public_priority`
-- do not follow what staff and the machine do among themselves.

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
        NEW.public_status := NEW.status;
        NEW.public_priority := NEW.priority;
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
    probe.public_status := OLD.public_status;
    probe.public_priority := OLD.public_priority;
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
    -- Back to the pool is no step back to the customer: somebody had begun.
    IF NEW.status = OLD.status OR (OLD.status, NEW.status) = ('IN_PROGRESS', 'OPEN') THEN
        NEW.public_status := OLD.public_status;
    ELSE
        NEW.public_status := NEW.status;
    END IF;
    -- How staff and SLA plans rank a ticket is theirs; the customer sees what they asked for.
    IF current_source() <> 'customer_portal' THEN
        NEW.public_priority := OLD.public_priority;
    ELSIF NEW.priority <> OLD.priority THEN
        NEW.public_priority := NEW.priority;
    END IF;
    IF (NEW.title, NEW.description, NEW.public_status, NEW.public_priority, NEW.closed_at,
            NEW.feedback_rating, NEW.feedback_text)
        IS DISTINCT FROM
        (OLD.title, OLD.description, OLD.public_status, OLD.public_priority, OLD.closed_at,
            OLD.feedback_rating, OLD.feedback_text)
    THEN
        NEW.public_version := OLD.public_version + 1;
        NEW.public_updated_at := context_now();
    END IF;
    RETURN NEW;
END
$$;

-- Between OPEN and IN_PROGRESS the machine moves a ticket too; an answer is seen as a comment.
CREATE OR REPLACE VIEW ticket_history_public WITH (security_barrier) AS
    SELECT history.id, history.ticket_id, history.actor_id, history.action,
        history.old_value - 'assignedAgentId' AS old_value,
        history.new_value - 'assignedAgentId' AS new_value,
        history.created_at
    FROM history JOIN tickets ON tickets.id = history.ticket_id
    WHERE tickets.customer_id = (SELECT current_profile())
        AND NOT history.is_internal
        AND CASE history.action
            WHEN 'status_changed' THEN NOT (
                history.old_value ->> 'status' IN ('OPEN', 'IN_PROGRESS')
                AND history.new_value ->> 'status' IN ('OPEN', 'IN_PROGRESS')
            )
            WHEN 'priority_changed' THEN history.actor_id = tickets.customer_id
            ELSE history.action IN ('created', 'title_changed', 'description_changed', 'feedback_changed')
        END;

-- Not a change of theirs, so no trigger may hear of it.
ALTER TABLE tickets DISABLE TRIGGER USER;
UPDATE tickets SET public_status = status, public_priority = priority;

DO $do$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'tickets'::regclass LOOP
        EXECUTE format('ALTER TABLE tickets ENABLE ALWAYS TRIGGER %I', t.tgname);
    END LOOP;
END
$do$;
