ALTER POLICY own_insert ON tickets WITH CHECK (
    customer_id = (SELECT current_profile()) AND status = 'OPEN' AND assigned_agent_id IS NULL
    AND closed_at IS NULL AND feedback_rating IS NULL AND feedback_text IS NULL
    AND team_id IS NULL AND tags = '{}' AND assignment_reason IS NULL
    AND follows_id IS NULL AND handed_off_by IS NULL AND assignment_skipped_at IS NULL
    AND sla_priority = priority AND created_at = context_now()
);
DROP POLICY own_read ON attachment_contents;
DROP POLICY agent_read ON mail_outbox;
DROP POLICY admin_read ON mail_outbox;
DROP POLICY system_write ON mail_outbox;
ALTER TABLE mail_outbox DISABLE ROW LEVEL SECURITY;
ALTER POLICY own_update ON profiles TO emberone_customer;
REVOKE SELECT ON mail_outbox FROM emberone_agent;
REVOKE UPDATE (language, declined_letters) ON profiles FROM emberone_agent, emberone_customer;
ALTER TABLE profiles DROP CONSTRAINT ck_profiles_declined_letters;

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
    NEW.version := OLD.version + (probe IS DISTINCT FROM OLD)::int;
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

CREATE OR REPLACE FUNCTION publish_comment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    was_public boolean := TG_OP <> 'INSERT' AND NOT OLD.is_internal;
    is_public boolean := TG_OP <> 'DELETE' AND NOT NEW.is_internal;
BEGIN
    IF was_public OR is_public THEN
        UPDATE tickets
        SET public_version = public_version + 1, public_updated_at = context_now()
        WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.ticket_id ELSE NEW.ticket_id END;
    END IF;
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM tickets WHERE id = OLD.ticket_id) THEN
        INSERT INTO history (ticket_id, actor_id, action, metadata, is_internal, created_at)
        VALUES (OLD.ticket_id, current_profile(), 'comment_deleted', history_metadata(jsonb_build_object(
            'commentId', OLD.id, 'type', OLD.type, 'authorId', OLD.author_id
        )), true, context_now());
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION erase_texts(person uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    touched uuid[];
    erased CONSTANT text := '[erased]';
BEGIN
    SELECT array_agg(DISTINCT id) INTO touched FROM (
        SELECT id FROM tickets WHERE customer_id = person
        UNION ALL
        SELECT ticket_id FROM comments WHERE author_id = person
    ) AS part;
    UPDATE tickets SET title = erased, description = '', feedback_text = NULL WHERE customer_id = person;
    UPDATE comments SET content = erased, metadata = '{}' WHERE author_id = person;
    UPDATE feedback_requests SET answer_text = NULL WHERE profile_id = person;
    -- Letters to the person, and those to others that quote them; only one that is being
    -- delivered at this moment still leaves.
    UPDATE mail_outbox SET params = '{}',
        state = CASE state WHEN 'queued' THEN 'suppressed' WHEN 'kept' THEN 'suppressed' ELSE state END,
        last_error = 'The texts were erased.'
    WHERE state <> 'sending'
        AND (to_profile_id = person OR ticket_id IN (SELECT id FROM tickets WHERE customer_id = person));
    UPDATE history SET
        old_value = old_value
            || CASE WHEN old_value ? 'title' THEN jsonb_build_object('title', erased) ELSE '{}' END
            || CASE WHEN old_value ? 'description' THEN jsonb_build_object('description', '') ELSE '{}' END,
        new_value = new_value
            || CASE WHEN new_value ? 'title' THEN jsonb_build_object('title', erased) ELSE '{}' END
            || CASE WHEN new_value ? 'description' THEN jsonb_build_object('description', '') ELSE '{}' END,
        metadata = metadata #- '{additionalContext,oldText}' #- '{additionalContext,newText}'
    WHERE ticket_id IN (SELECT id FROM tickets WHERE customer_id = person)
        AND (old_value ?| ARRAY['title', 'description'] OR new_value ?| ARRAY['title', 'description']
            OR action = 'feedback_changed');
    INSERT INTO history (ticket_id, actor_id, action, metadata, is_internal, created_at)
    SELECT id, current_profile(), 'texts_erased', history_metadata(jsonb_build_object('profileId', person)),
        true, context_now()
    FROM unnest(touched) AS id;
    RETURN coalesce(cardinality(touched), 0);
END
$$;

DROP FUNCTION attachment_lock(text);
