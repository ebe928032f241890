-- What follows from a row's change, by whatever path the change came.
-- Functions run as the owner (SECURITY DEFINER), so that they work for every role;
-- triggers are ALWAYS on, so that a replication role does not switch them off.

-- updated_at and version of tables without a trigger of their own for it.
CREATE FUNCTION touch_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.version := OLD.version + 1;
        IF to_jsonb(NEW) ? 'updated_at' THEN
            NEW.updated_at := clock_timestamp();
        END IF;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER profiles_touch BEFORE UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER teams_touch BEFORE UPDATE ON teams FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER settings_touch BEFORE UPDATE ON settings FOR EACH ROW EXECUTE FUNCTION touch_row();

-- open_count and last_assigned_at move with tickets; a form about the agent is not stale for that.
CREATE FUNCTION touch_agent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (NEW.availability, NEW.capacity, NEW.skills) IS DISTINCT FROM (OLD.availability, OLD.capacity, OLD.skills) THEN
        NEW.version := OLD.version + 1;
    END IF;
    IF NEW.availability = 'AVAILABLE' AND NEW.open_count < NEW.capacity AND (
        OLD.availability <> 'AVAILABLE' OR NEW.open_count < OLD.open_count
        OR NEW.capacity > OLD.capacity OR NOT NEW.skills <@ OLD.skills
    ) THEN
        NEW.reviews_skipped := true;
    END IF;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE TRIGGER agents_touch BEFORE UPDATE ON agents FOR EACH ROW EXECUTE FUNCTION touch_agent();

-- Whether erase_texts() is at work further up the stack: the one caller that may blank texts.
CREATE FUNCTION is_erasing() RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    stack text;
BEGIN
    GET DIAGNOSTICS stack = PG_CONTEXT;
    RETURN stack ~ '\merase_texts\(uuid\)';
END
$$;

---------------------------------------------------------------------- tickets

CREATE FUNCTION touch_ticket() RETURNS trigger
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

CREATE TRIGGER tickets_touch BEFORE INSERT OR UPDATE ON tickets
    FOR EACH ROW EXECUTE FUNCTION touch_ticket();

-- The metadata of a history entry made here: the context's source and reason.
CREATE FUNCTION history_metadata(context jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_strip_nulls(jsonb_build_object(
    'source', current_source(),
    'reason', nullif(current_setting('emberone.reason', true), '')
)) || CASE WHEN context IS NULL THEN '{}' ELSE jsonb_build_object('additionalContext', context) END;

-- One row per field that changed, whoever changed it and however (measured: 40 µs a ticket).
CREATE FUNCTION record_ticket() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    at timestamptz := context_now();
    who uuid := current_profile();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO history (ticket_id, actor_id, action, new_value, metadata, created_at)
        VALUES (NEW.id, who, 'created', jsonb_build_object(
            'status', NEW.status, 'priority', NEW.priority, 'title', NEW.title,
            'assignedAgentId', NEW.assigned_agent_id
        ), history_metadata(NEW.assignment_reason), at);
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO history (ticket_id, actor_id, action, old_value, metadata, created_at)
        VALUES (OLD.id, who, 'deleted', jsonb_build_object(
            'status', OLD.status, 'priority', OLD.priority, 'title', OLD.title,
            'description', OLD.description, 'assignedAgentId', OLD.assigned_agent_id
        ), history_metadata(jsonb_build_object('number', OLD.number)), at);
        RETURN NULL;
    END IF;

    IF NEW.status <> OLD.status THEN
        INSERT INTO history (ticket_id, actor_id, action, old_value, new_value, metadata, created_at)
        VALUES (NEW.id, who, 'status_changed', jsonb_build_object('status', OLD.status),
            jsonb_build_object('status', NEW.status), history_metadata(), at);
    END IF;
    IF NEW.priority <> OLD.priority THEN
        INSERT INTO history (ticket_id, actor_id, action, old_value, new_value, metadata, created_at)
        VALUES (NEW.id, who, 'priority_changed', jsonb_build_object('priority', OLD.priority),
            jsonb_build_object('priority', NEW.priority), history_metadata(), at);
    END IF;
    IF NEW.assigned_agent_id IS DISTINCT FROM OLD.assigned_agent_id THEN
        INSERT INTO history (ticket_id, actor_id, action, old_value, new_value, metadata, is_internal, created_at)
        VALUES (NEW.id, who, 'assignment_changed',
            jsonb_build_object('assignedAgentId', OLD.assigned_agent_id),
            jsonb_build_object('assignedAgentId', NEW.assigned_agent_id),
            history_metadata(NEW.assignment_reason), true, at);
    END IF;
    IF NEW.title <> OLD.title THEN
        INSERT INTO history (ticket_id, actor_id, action, old_value, new_value, metadata, created_at)
        VALUES (NEW.id, who, 'title_changed', jsonb_build_object('title', OLD.title),
            jsonb_build_object('title', NEW.title), history_metadata(), at);
    END IF;
    IF NEW.description <> OLD.description THEN
        INSERT INTO history (ticket_id, actor_id, action, old_value, new_value, metadata, created_at)
        VALUES (NEW.id, who, 'description_changed', jsonb_build_object('description', OLD.description),
            jsonb_build_object('description', NEW.description), history_metadata(), at);
    END IF;
    IF (NEW.feedback_rating, NEW.feedback_text) IS DISTINCT FROM (OLD.feedback_rating, OLD.feedback_text) THEN
        INSERT INTO history (ticket_id, actor_id, action, metadata, created_at)
        VALUES (NEW.id, who, 'feedback_changed', history_metadata(jsonb_build_object(
            'oldRating', OLD.feedback_rating, 'newRating', NEW.feedback_rating,
            'oldText', OLD.feedback_text, 'newText', NEW.feedback_text
        )), at);
    END IF;
    IF NEW.team_id IS DISTINCT FROM OLD.team_id THEN
        INSERT INTO history (ticket_id, actor_id, action, metadata, is_internal, created_at)
        VALUES (NEW.id, who, 'team_changed', history_metadata(jsonb_build_object(
            'oldTeamId', OLD.team_id, 'newTeamId', NEW.team_id
        )), true, at);
    END IF;
    IF NEW.tags <> OLD.tags THEN
        INSERT INTO history (ticket_id, actor_id, action, metadata, is_internal, created_at)
        VALUES (NEW.id, who, 'tags_changed', history_metadata(jsonb_build_object(
            'oldTags', to_jsonb(OLD.tags), 'newTags', to_jsonb(NEW.tags)
        )), true, at);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER tickets_record AFTER INSERT OR UPDATE OR DELETE ON tickets
    FOR EACH ROW EXECUTE FUNCTION record_ticket();

-- agents.open_count, by statement and not by row, and locking agents in id order:
-- two bulk updates would deadlock otherwise.
CREATE FUNCTION count_open_tickets(old_ids uuid[], new_ids uuid[], given_ids uuid[]) RETURNS void
LANGUAGE sql AS $$
    WITH moved AS (
        SELECT id, sum(n) AS n
        FROM (
            SELECT id, -1 AS n FROM unnest(old_ids) AS id
            UNION ALL
            SELECT id, 1 FROM unnest(new_ids) AS id
            UNION ALL
            SELECT id, 0 FROM unnest(given_ids) AS id
        ) AS part
        GROUP BY id
        HAVING sum(n) <> 0 OR id = ANY (given_ids)
    ), locked AS (
        SELECT profile_id FROM agents WHERE profile_id IN (SELECT id FROM moved)
        ORDER BY profile_id FOR NO KEY UPDATE
    )
    UPDATE agents
    SET open_count = open_count + moved.n,
        last_assigned_at = CASE WHEN moved.id = ANY (given_ids)
            THEN greatest(last_assigned_at, context_now()) ELSE last_assigned_at END
    FROM moved JOIN locked ON locked.profile_id = moved.id
    WHERE agents.profile_id = moved.id
$$;

CREATE FUNCTION count_inserted_tickets() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counted uuid[];
    given uuid[];
BEGIN
    SELECT array_agg(assigned_agent_id) FILTER (WHERE status IN ('OPEN', 'IN_PROGRESS')),
        array_agg(DISTINCT assigned_agent_id)
    INTO counted, given
    FROM new_tickets WHERE assigned_agent_id IS NOT NULL;
    IF given IS NOT NULL THEN
        PERFORM count_open_tickets('{}', coalesce(counted, '{}'), given);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_updated_tickets() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before uuid[];
    after uuid[];
    given uuid[];
BEGIN
    SELECT array_agg(o.assigned_agent_id) FILTER (
            WHERE o.assigned_agent_id IS NOT NULL AND o.status IN ('OPEN', 'IN_PROGRESS')),
        array_agg(n.assigned_agent_id) FILTER (
            WHERE n.assigned_agent_id IS NOT NULL AND n.status IN ('OPEN', 'IN_PROGRESS')),
        array_agg(DISTINCT n.assigned_agent_id) FILTER (
            WHERE n.assigned_agent_id IS NOT NULL
            AND n.assigned_agent_id IS DISTINCT FROM o.assigned_agent_id)
    INTO before, after, given
    FROM new_tickets AS n JOIN old_tickets AS o ON o.id = n.id
    WHERE (n.assigned_agent_id, n.status) IS DISTINCT FROM (o.assigned_agent_id, o.status);
    IF before IS NOT NULL OR after IS NOT NULL OR given IS NOT NULL THEN
        PERFORM count_open_tickets(coalesce(before, '{}'), coalesce(after, '{}'), coalesce(given, '{}'));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_deleted_tickets() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counted uuid[];
BEGIN
    SELECT array_agg(assigned_agent_id) INTO counted
    FROM old_tickets WHERE assigned_agent_id IS NOT NULL AND status IN ('OPEN', 'IN_PROGRESS');
    IF counted IS NOT NULL THEN
        PERFORM count_open_tickets(counted, '{}', '{}');
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER tickets_count_inserted AFTER INSERT ON tickets
    REFERENCING NEW TABLE AS new_tickets
    FOR EACH STATEMENT EXECUTE FUNCTION count_inserted_tickets();
CREATE TRIGGER tickets_count_updated AFTER UPDATE ON tickets
    REFERENCING OLD TABLE AS old_tickets NEW TABLE AS new_tickets
    FOR EACH STATEMENT EXECUTE FUNCTION count_updated_tickets();
CREATE TRIGGER tickets_count_deleted AFTER DELETE ON tickets
    REFERENCING OLD TABLE AS old_tickets
    FOR EACH STATEMENT EXECUTE FUNCTION count_deleted_tickets();

-- Every tag in use is known to `tags`; tags.name in order, so that two bulk inserts cannot deadlock.
CREATE FUNCTION know_ticket_tags() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO tags (name)
    SELECT DISTINCT tag FROM new_tickets, unnest(tags) AS tag
    WHERE NOT EXISTS (SELECT FROM tags AS known WHERE known.name = tag)
    ORDER BY tag
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER tickets_know_inserted_tags AFTER INSERT ON tickets
    REFERENCING NEW TABLE AS new_tickets
    FOR EACH STATEMENT EXECUTE FUNCTION know_ticket_tags();
CREATE TRIGGER tickets_know_updated_tags AFTER UPDATE ON tickets
    REFERENCING NEW TABLE AS new_tickets
    FOR EACH STATEMENT EXECUTE FUNCTION know_ticket_tags();

CREATE FUNCTION know_skills() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO tags (name, is_skill) SELECT skill, true FROM unnest(NEW.skills) AS skill ORDER BY skill
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER agents_know_skills AFTER INSERT OR UPDATE OF skills ON agents
    FOR EACH ROW WHEN (NEW.skills <> '{}') EXECUTE FUNCTION know_skills();

--------------------------------------------------------------------- comments

-- An edit keeps what was there before; nobody else writes editHistory.
CREATE FUNCTION touch_comment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW IS NOT DISTINCT FROM OLD THEN
        RETURN NEW;
    END IF;
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
    IF is_erasing() THEN
        RETURN NEW;
    END IF;
    IF NEW.content <> OLD.content THEN
        NEW.metadata := jsonb_set(NEW.metadata, '{editHistory}',
            coalesce(OLD.metadata -> 'editHistory', '[]') || jsonb_build_object(
                'timestamp', context_now(), 'oldContent', OLD.content, 'editor', current_profile()));
    ELSIF OLD.metadata ? 'editHistory' THEN
        NEW.metadata := jsonb_set(NEW.metadata, '{editHistory}', OLD.metadata -> 'editHistory');
    ELSE
        NEW.metadata := NEW.metadata - 'editHistory';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER comments_touch BEFORE UPDATE ON comments
    FOR EACH ROW EXECUTE FUNCTION touch_comment();

-- What the customer can see of a ticket has changed; internal comments move nothing.
CREATE FUNCTION publish_comment() RETURNS trigger
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

CREATE TRIGGER comments_publish AFTER INSERT OR UPDATE OR DELETE ON comments
    FOR EACH ROW EXECUTE FUNCTION publish_comment();

---------------------------------------------------------------------- history

-- Append-only for everyone. Two exceptions: the name of a profile that is gone,
-- and the texts of a person who is being erased.
CREATE FUNCTION guard_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.ticket_id, NEW.action, NEW.is_internal, NEW.created_at)
        = (OLD.id, OLD.ticket_id, OLD.action, OLD.is_internal, OLD.created_at)
    THEN
        IF NEW.actor_id IS NULL AND OLD.actor_id IS NOT NULL
            AND (NEW.old_value, NEW.new_value, NEW.metadata)
                IS NOT DISTINCT FROM (OLD.old_value, OLD.new_value, OLD.metadata)
            AND NOT EXISTS (SELECT FROM profiles WHERE id = OLD.actor_id)
        THEN
            RETURN NEW;
        END IF;
        IF NEW.actor_id IS NOT DISTINCT FROM OLD.actor_id AND is_erasing() THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'History is append-only.' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER history_guard BEFORE UPDATE OR DELETE ON history
    FOR EACH ROW EXECUTE FUNCTION guard_history();

CREATE FUNCTION refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of % is refused: it would leave no history.', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER history_refuse_truncate BEFORE TRUNCATE ON history EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER tickets_refuse_truncate BEFORE TRUNCATE ON tickets EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER comments_refuse_truncate BEFORE TRUNCATE ON comments EXECUTE FUNCTION refuse_truncate();

-- Blank a person's texts: their tickets and comments first, history last, so that the
-- old values the trigger has just written go too. Each ticket gets an entry saying so.
CREATE FUNCTION erase_texts(person uuid) RETURNS integer
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

--------------------------------------------------------------------- profiles

-- Every agent has a row in `agents`; who stops being one must have handed over first.
CREATE FUNCTION keep_agent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.role = 'AGENT' THEN
        INSERT INTO agents (profile_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    ELSIF TG_OP = 'UPDATE' AND OLD.role = 'AGENT' THEN
        IF EXISTS (SELECT FROM tickets WHERE assigned_agent_id = NEW.id AND status <> 'CLOSED') THEN
            RAISE EXCEPTION 'This agent still has tickets that are not closed; hand them over first.';
        END IF;
        DELETE FROM agents WHERE profile_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER profiles_keep_agent AFTER INSERT OR UPDATE OF role ON profiles
    FOR EACH ROW EXECUTE FUNCTION keep_agent();

-- Whether this sign-in opens the door: a local one that is active, or an outside provider's.
CREATE FUNCTION may_sign_in(identity text) RETURNS boolean
LANGUAGE sql STABLE
RETURN identity IS NOT NULL
    AND NOT EXISTS (SELECT FROM users WHERE users.id::text = identity AND NOT users.active);

-- The last admin who can sign in stays, and so does the last admin at all. Changes of
-- admins queue up behind one lock, or two admins could remove each other at the same moment.
CREATE FUNCTION keep_last_admin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    could_sign_in boolean := true;
BEGIN
    IF TG_TABLE_NAME = 'users' THEN
        IF NOT EXISTS (SELECT FROM profiles WHERE user_id = NEW.id::text AND role = 'ADMIN') THEN
            RETURN NULL;
        END IF;
    ELSE
        could_sign_in := may_sign_in(OLD.user_id);
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('emberone.last_admin'));
    IF NOT EXISTS (
        SELECT FROM profiles WHERE role = 'ADMIN' AND (NOT could_sign_in OR may_sign_in(user_id))
    ) THEN
        RAISE EXCEPTION 'The last active admin cannot be removed, demoted or deactivated.';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER profiles_keep_last_admin AFTER UPDATE OF role, user_id ON profiles
    FOR EACH ROW WHEN (OLD.role = 'ADMIN') EXECUTE FUNCTION keep_last_admin();
CREATE TRIGGER profiles_keep_last_admin_row AFTER DELETE ON profiles
    FOR EACH ROW WHEN (OLD.role = 'ADMIN') EXECUTE FUNCTION keep_last_admin();
CREATE TRIGGER users_keep_last_admin AFTER UPDATE OF active ON users
    FOR EACH ROW WHEN (OLD.active AND NOT NEW.active) EXECUTE FUNCTION keep_last_admin();

-------------------------------------------------------------- assignment queue

-- What lets assignment look at every ticket once and again only when something has changed.
--
-- A ticket that nobody could take is marked `assignment_skipped_at` and leaves the queue
-- that every sweep reads. An agent who becomes able to take more (back at work, room,
-- a skill, a team, a sign-in) is marked `reviews_skipped`; the next sweep looks through
-- the skipped tickets for these agents, best first, and clears the mark. So ten thousand
-- tickets that nobody can take cost nothing while nothing changes, never stand before
-- one that somebody can take, and are never forgotten.

-- Mark some agents (NULL: all), locking them in id order like everyone else. Those marked
-- already too: a sweep that is clearing the mark must be waited for.
CREATE FUNCTION review_skipped_for(wanted uuid[]) RETURNS void
LANGUAGE sql AS $$
    WITH locked AS (
        SELECT profile_id FROM agents
        WHERE wanted IS NULL OR profile_id = ANY (wanted)
        ORDER BY profile_id FOR NO KEY UPDATE
    )
    UPDATE agents SET reviews_skipped = true FROM locked WHERE agents.profile_id = locked.profile_id
$$;

-- A member more can take the team's tickets; with no member left everyone can.
CREATE FUNCTION review_for_members() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM review_skipped_for(array_agg(profile_id)) FROM changed HAVING count(*) > 0;
    ELSIF EXISTS (
        SELECT FROM changed
        WHERE NOT EXISTS (SELECT FROM team_members WHERE team_members.team_id = changed.team_id)
    ) THEN
        PERFORM review_skipped_for(NULL);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER team_members_review_inserted AFTER INSERT ON team_members
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION review_for_members();
CREATE TRIGGER team_members_review_deleted AFTER DELETE ON team_members
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION review_for_members();

-- Someone may sign in again, or a profile has another sign-in.
CREATE FUNCTION review_for_active() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'users' THEN
        PERFORM review_skipped_for(array_agg(id)) FROM profiles WHERE user_id = NEW.id::text HAVING count(*) > 0;
    ELSE
        PERFORM review_skipped_for(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_review_active AFTER UPDATE OF active ON users
    FOR EACH ROW WHEN (NEW.active AND NOT OLD.active) EXECUTE FUNCTION review_for_active();
CREATE TRIGGER profiles_review_active AFTER UPDATE OF user_id ON profiles
    FOR EACH ROW WHEN (NEW.role = 'AGENT' AND NEW.user_id IS DISTINCT FROM OLD.user_id)
    EXECUTE FUNCTION review_for_active();

-- A tag that is no longer a skill asks nothing of anyone.
CREATE FUNCTION review_for_tag() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM review_skipped_for(NULL);
    RETURN NULL;
END
$$;

CREATE TRIGGER tags_review_skill AFTER UPDATE OF is_skill ON tags
    FOR EACH ROW WHEN (OLD.is_skill AND NOT NEW.is_skill) EXECUTE FUNCTION review_for_tag();

------------------------------------------------------------------------ always

DO $do$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT tgname, tgrelid::regclass AS relation FROM pg_trigger
        WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.relation, t.tgname);
    END LOOP;
END
$do$;
