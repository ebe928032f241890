-- What an agent sees of a ticket has a counter of its own, `activity_no`: it moves with
-- everything that staff can see, so that a page asks one number whether there is news.

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

-- A comment is news to staff; to the customer only where they can see it.
CREATE OR REPLACE FUNCTION publish_comment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    about uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.ticket_id ELSE NEW.ticket_id END;
    was_public boolean := TG_OP <> 'INSERT' AND NOT OLD.is_internal;
    is_public boolean := TG_OP <> 'DELETE' AND NOT NEW.is_internal;
    is_seen boolean := was_public OR is_public;
BEGIN
    UPDATE tickets
    SET activity_no = activity_no + 1,
        last_activity_at = CASE TG_OP WHEN 'INSERT' THEN context_now() ELSE last_activity_at END,
        public_version = public_version + is_seen::int,
        public_updated_at = CASE WHEN is_seen THEN context_now() ELSE public_updated_at END,
        customer_spoke_last = CASE
            WHEN TG_OP = 'INSERT' AND NEW.type = 'USER' THEN NEW.author_id IS NOT DISTINCT FROM customer_id
            WHEN TG_OP = 'DELETE' AND OLD.type = 'USER' THEN coalesce((
                SELECT author_id IS NOT DISTINCT FROM customer_id FROM comments
                WHERE ticket_id = about AND type = 'USER'
                ORDER BY created_at DESC, id DESC LIMIT 1
            ), true)
            ELSE customer_spoke_last
        END
    WHERE id = about;
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM tickets WHERE id = OLD.ticket_id) THEN
        INSERT INTO history (ticket_id, actor_id, action, metadata, is_internal, created_at)
        VALUES (OLD.ticket_id, current_profile(), 'comment_deleted', history_metadata(jsonb_build_object(
            'commentId', OLD.id, 'type', OLD.type, 'authorId', OLD.author_id
        )), true, context_now());
    END IF;
    RETURN NULL;
END
$$;

-- Who attaches a content holds this lock in common, who forgets it alone: between storing
-- the content and referring to it nothing else would keep it.
CREATE FUNCTION attachment_lock(digest text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || left(digest, 16))::bit(64)::bigint;

-- Files are mostly compressed already, and are read slice by slice.
ALTER TABLE attachment_contents ALTER COLUMN content SET STORAGE EXTERNAL;

-- A person's drafts and files go with their texts.
CREATE OR REPLACE FUNCTION erase_texts(person uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    touched uuid[];
    forgotten text[];
    erased CONSTANT text := '[erased]';
BEGIN
    SELECT array_agg(DISTINCT id) INTO touched FROM (
        SELECT id FROM tickets WHERE customer_id = person
        UNION ALL
        SELECT ticket_id FROM comments WHERE author_id = person
    ) AS part;
    UPDATE tickets SET title = erased, description = '', feedback_text = NULL WHERE customer_id = person;
    UPDATE comments SET content = erased, metadata = '{}' WHERE author_id = person;
    DELETE FROM drafts WHERE author_id = person;
    WITH deleted AS (
        DELETE FROM attachments
        WHERE author_id = person
            -- What came with their requests, whoever typed them in.
            OR comment_id IS NULL AND draft_id IS NULL
                AND ticket_id IN (SELECT id FROM tickets WHERE customer_id = person)
        RETURNING digest
    )
    SELECT array_agg(DISTINCT digest) INTO forgotten FROM deleted;
    PERFORM pg_advisory_xact_lock(attachment_lock(digest)) FROM unnest(forgotten) AS digest ORDER BY digest;
    DELETE FROM attachment_contents AS kept
    WHERE digest = ANY (forgotten)
        AND NOT EXISTS (SELECT FROM attachments WHERE attachments.digest = kept.digest);
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

-- Tickets that were here before: the latest comment tells when, and whose turn it was.
-- Not a change of theirs, so no trigger may hear of it.
ALTER TABLE tickets DISABLE TRIGGER USER;
UPDATE tickets SET
    last_activity_at = greatest(created_at, closed_at, public_updated_at),
    customer_spoke_last = coalesce((
        SELECT author_id IS NOT DISTINCT FROM tickets.customer_id FROM comments
        WHERE ticket_id = tickets.id AND type = 'USER'
        ORDER BY created_at DESC, id DESC LIMIT 1
    ), true);

ALTER TABLE profiles ADD CONSTRAINT ck_profiles_declined_letters CHECK (
    array_position(declined_letters, NULL) IS NULL AND declined_letters <@ ARRAY[
        'ticket_received', 'staff_replied', 'feedback_request',
        'assigned', 'sla_warning', 'sla_breach', 'low_rating', 'unassignable'
    ]
);

CREATE TRIGGER drafts_touch BEFORE UPDATE ON drafts FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER macros_touch BEFORE UPDATE ON macros FOR EACH ROW EXECUTE FUNCTION touch_row();

DO $do$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT tgname, tgrelid::regclass AS relation FROM pg_trigger
        WHERE NOT tgisinternal AND tgrelid IN ('tickets'::regclass, 'drafts'::regclass, 'macros'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.relation, t.tgname);
    END LOOP;
END
$do$;

------------------------------------------------------------------ permissions

GRANT SELECT, INSERT, UPDATE, DELETE ON drafts, attachments TO emberone_system;
GRANT SELECT, INSERT, DELETE ON attachment_contents TO emberone_system;
GRANT SELECT ON macros TO emberone_system;
GRANT SELECT, INSERT, UPDATE ON ticket_reads TO emberone_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON drafts, macros TO emberone_agent, emberone_admin;
GRANT SELECT ON attachments, attachment_contents TO emberone_agent, emberone_admin, emberone_customer;
GRANT SELECT, INSERT, UPDATE ON ticket_reads TO emberone_agent, emberone_admin;
GRANT SELECT ON mail_outbox TO emberone_agent;
GRANT UPDATE (language, declined_letters) ON profiles TO emberone_agent, emberone_customer;

ALTER TABLE drafts ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachment_contents ENABLE ROW LEVEL SECURITY;
ALTER TABLE macros ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket_reads ENABLE ROW LEVEL SECURITY;
ALTER TABLE mail_outbox ENABLE ROW LEVEL SECURITY;

ALTER POLICY own_update ON profiles TO emberone_customer, emberone_agent;

-- Colleagues see that somebody is writing; only who writes it changes it.
CREATE POLICY staff_read ON drafts FOR SELECT TO emberone_agent, emberone_admin, emberone_system USING (true);
CREATE POLICY own_insert ON drafts FOR INSERT TO emberone_agent, emberone_admin
    WITH CHECK (author_id = (SELECT current_profile()));
CREATE POLICY own_update ON drafts FOR UPDATE TO emberone_agent, emberone_admin
    USING (author_id = (SELECT current_profile())) WITH CHECK (author_id = (SELECT current_profile()));
CREATE POLICY own_delete ON drafts FOR DELETE TO emberone_agent, emberone_admin
    USING (author_id = (SELECT current_profile()));
CREATE POLICY system_write ON drafts FOR ALL TO emberone_system USING (true) WITH CHECK (true);

-- A customer sees the files of what they see: of the request itself (no comment, no draft)
-- and of comments that their own row policy shows.
CREATE POLICY staff_read ON attachments FOR SELECT TO emberone_agent, emberone_admin, emberone_system USING (true);
CREATE POLICY system_write ON attachments FOR ALL TO emberone_system USING (true) WITH CHECK (true);
CREATE POLICY own_read ON attachments FOR SELECT TO emberone_customer USING (
    draft_id IS NULL
    AND ticket_id IN (SELECT id FROM tickets WHERE customer_id = (SELECT current_profile()))
    AND (comment_id IS NULL OR comment_id IN (SELECT id FROM comments))
);
CREATE POLICY staff_read ON attachment_contents FOR SELECT TO emberone_agent, emberone_admin, emberone_system USING (true);
CREATE POLICY system_write ON attachment_contents FOR ALL TO emberone_system USING (true) WITH CHECK (true);
CREATE POLICY own_read ON attachment_contents FOR SELECT TO emberone_customer
    USING (digest IN (SELECT digest FROM attachments));

-- Macros without an owner are everybody's, and an admin's to change.
CREATE POLICY staff_read ON macros FOR SELECT TO emberone_agent, emberone_admin, emberone_system
    USING (owner_id IS NULL OR owner_id = (SELECT current_profile()));
CREATE POLICY admin_write ON macros FOR ALL TO emberone_admin
    USING (owner_id IS NULL OR owner_id = (SELECT current_profile()))
    WITH CHECK (owner_id IS NULL OR owner_id = (SELECT current_profile()));
CREATE POLICY own_write ON macros FOR ALL TO emberone_agent
    USING (owner_id = (SELECT current_profile())) WITH CHECK (owner_id = (SELECT current_profile()));

CREATE POLICY own_write ON ticket_reads FOR ALL TO emberone_agent, emberone_admin
    USING (profile_id = (SELECT current_profile())) WITH CHECK (profile_id = (SELECT current_profile()));
CREATE POLICY system_write ON ticket_reads FOR ALL TO emberone_system USING (true) WITH CHECK (true);

-- Letters that open an account are about no ticket: only admins look at them.
CREATE POLICY system_write ON mail_outbox FOR ALL TO emberone_system USING (true) WITH CHECK (true);
CREATE POLICY admin_read ON mail_outbox FOR SELECT TO emberone_admin USING (true);
CREATE POLICY agent_read ON mail_outbox FOR SELECT TO emberone_agent USING (ticket_id IS NOT NULL);

ALTER POLICY own_insert ON tickets WITH CHECK (
    customer_id = (SELECT current_profile()) AND status = 'OPEN' AND assigned_agent_id IS NULL
    AND closed_at IS NULL AND feedback_rating IS NULL AND feedback_text IS NULL
    AND team_id IS NULL AND tags = '{}' AND assignment_reason IS NULL
    AND follows_id IS NULL AND handed_off_by IS NULL AND assignment_skipped_at IS NULL
    AND sla_priority = priority AND created_at = context_now()
    AND snoozed_until IS NULL AND customer_spoke_last
);
