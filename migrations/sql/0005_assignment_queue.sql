-- What lets assignment look at every ticket once and again only when something has changed.
--
-- A ticket that nobody could take is marked `assignment_skipped_at` and leaves the queue
-- that every sweep reads. An agent who becomes able to take more (back at work, room,
-- a skill, a team, a sign-in) is marked `reviews_skipped`; the next sweep looks through
-- the skipped tickets for these agents, best first, and clears the mark. So ten thousand
-- tickets that nobody can take cost nothing while nothing changes, never stand before
-- one that somebody can take, and are never forgotten.

-- open_count and last_assigned_at move with tickets; a form about the agent is not stale for that.
CREATE OR REPLACE FUNCTION touch_agent() RETURNS trigger
LANGUAGE plpgsql AS $$
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
REVOKE EXECUTE ON FUNCTION review_skipped_for(uuid[]) FROM PUBLIC;

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

-- What the machine remembers of a ticket for its own queue. A trigger of its own, first by
-- name, so that `tickets_touch` sees what it did.
CREATE FUNCTION queue_ticket() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.assigned_agent_id IS DISTINCT FROM OLD.assigned_agent_id AND OLD.assigned_agent_id IS NOT NULL THEN
        -- Assignment rule 12: who gave the ticket away themselves does not get it back.
        NEW.handed_off_by := CASE WHEN OLD.assigned_agent_id = nullif(current_setting('emberone.profile_id', true), '')::uuid
            THEN OLD.assigned_agent_id END;
    END IF;
    IF (NEW.status, NEW.assigned_agent_id, NEW.team_id, NEW.tags, NEW.customer_id)
        IS DISTINCT FROM (OLD.status, OLD.assigned_agent_id, OLD.team_id, OLD.tags, OLD.customer_id)
    THEN
        NEW.assignment_skipped_at := NULL;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER tickets_queue BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION queue_ticket();

ALTER TABLE team_members ENABLE ALWAYS TRIGGER team_members_review_inserted;
ALTER TABLE team_members ENABLE ALWAYS TRIGGER team_members_review_deleted;
ALTER TABLE users ENABLE ALWAYS TRIGGER users_review_active;
ALTER TABLE profiles ENABLE ALWAYS TRIGGER profiles_review_active;
ALTER TABLE tags ENABLE ALWAYS TRIGGER tags_review_skill;
ALTER TABLE tickets ENABLE ALWAYS TRIGGER tickets_queue;

-- The mark is the machine's own: a form about the ticket is not stale for it.
-- Its trigger comes, by name, right after `tickets_touch`.
CREATE FUNCTION overlook_mark() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    probe tickets := OLD;
BEGIN
    probe.assignment_skipped_at := NEW.assignment_skipped_at;
    probe.updated_at := NEW.updated_at;
    probe.version := NEW.version;
    probe.search := NEW.search;
    IF probe IS NOT DISTINCT FROM NEW THEN
        NEW.version := OLD.version;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER tickets_touch_mark BEFORE UPDATE ON tickets
    FOR EACH ROW WHEN (NEW.assignment_skipped_at IS DISTINCT FROM OLD.assignment_skipped_at)
    EXECUTE FUNCTION overlook_mark();
ALTER TABLE tickets ENABLE ALWAYS TRIGGER tickets_touch_mark;
