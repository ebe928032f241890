-- What an agent's work weighs, how fast it comes, and when they are absent.

-- How much of a capacity a ticket takes where priorities are weighed (assignment rule 4).
CREATE FUNCTION weight_of(priority ticket_priority) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE priority WHEN 'CRITICAL' THEN 3 WHEN 'HIGH' THEN 2 ELSE 1 END;

-- open_weight moves with open_count, whether it counts or not: choosing that it does is then
-- a matter of reading, and no ticket that changes at that moment is counted wrong.
DROP FUNCTION count_open_tickets(uuid[], uuid[], uuid[]);
CREATE FUNCTION count_open_tickets(
    old_ids uuid[], old_weights integer[], new_ids uuid[], new_weights integer[], given_ids uuid[]
) RETURNS void
LANGUAGE sql AS $$
    WITH moved AS (
        SELECT id, sum(n) AS n, sum(weight) AS weight
        FROM (
            SELECT id, -1 AS n, -weight AS weight FROM unnest(old_ids, old_weights) AS lost (id, weight)
            UNION ALL
            SELECT id, 1, weight FROM unnest(new_ids, new_weights) AS won (id, weight)
            UNION ALL
            SELECT id, 0, 0 FROM unnest(given_ids) AS id
        ) AS part
        GROUP BY id
        HAVING sum(n) <> 0 OR sum(weight) <> 0 OR id = ANY (given_ids)
    ), locked AS (
        SELECT profile_id FROM agents WHERE profile_id IN (SELECT id FROM moved)
        ORDER BY profile_id FOR NO KEY UPDATE
    )
    UPDATE agents
    SET open_count = open_count + moved.n,
        open_weight = open_weight + moved.weight,
        last_assigned_at = CASE WHEN moved.id = ANY (given_ids)
            THEN greatest(last_assigned_at, context_now()) ELSE last_assigned_at END
    FROM moved JOIN locked ON locked.profile_id = moved.id
    WHERE agents.profile_id = moved.id
$$;
REVOKE EXECUTE ON FUNCTION count_open_tickets(uuid[], integer[], uuid[], integer[], uuid[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION count_inserted_tickets() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counted uuid[];
    weights integer[];
    given uuid[];
BEGIN
    SELECT array_agg(assigned_agent_id) FILTER (WHERE status IN ('OPEN', 'IN_PROGRESS')),
        array_agg(weight_of(priority)) FILTER (WHERE status IN ('OPEN', 'IN_PROGRESS')),
        array_agg(DISTINCT assigned_agent_id)
    INTO counted, weights, given
    FROM new_tickets WHERE assigned_agent_id IS NOT NULL;
    IF given IS NOT NULL THEN
        PERFORM count_open_tickets('{}', '{}', coalesce(counted, '{}'), coalesce(weights, '{}'), given);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION count_updated_tickets() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before uuid[];
    weights_before integer[];
    after uuid[];
    weights_after integer[];
    given uuid[];
BEGIN
    SELECT array_agg(o.assigned_agent_id) FILTER (
            WHERE o.assigned_agent_id IS NOT NULL AND o.status IN ('OPEN', 'IN_PROGRESS')),
        array_agg(weight_of(o.priority)) FILTER (
            WHERE o.assigned_agent_id IS NOT NULL AND o.status IN ('OPEN', 'IN_PROGRESS')),
        array_agg(n.assigned_agent_id) FILTER (
            WHERE n.assigned_agent_id IS NOT NULL AND n.status IN ('OPEN', 'IN_PROGRESS')),
        array_agg(weight_of(n.priority)) FILTER (
            WHERE n.assigned_agent_id IS NOT NULL AND n.status IN ('OPEN', 'IN_PROGRESS')),
        array_agg(DISTINCT n.assigned_agent_id) FILTER (
            WHERE n.assigned_agent_id IS NOT NULL
            AND n.assigned_agent_id IS DISTINCT FROM o.assigned_agent_id)
    INTO before, weights_before, after, weights_after, given
    FROM new_tickets AS n JOIN old_tickets AS o ON o.id = n.id
    WHERE (n.assigned_agent_id, n.status, n.priority)
        IS DISTINCT FROM (o.assigned_agent_id, o.status, o.priority);
    IF before IS NOT NULL OR after IS NOT NULL OR given IS NOT NULL THEN
        PERFORM count_open_tickets(
            coalesce(before, '{}'), coalesce(weights_before, '{}'),
            coalesce(after, '{}'), coalesce(weights_after, '{}'), coalesce(given, '{}'));
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION count_deleted_tickets() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counted uuid[];
    weights integer[];
BEGIN
    SELECT array_agg(assigned_agent_id), array_agg(weight_of(priority)) INTO counted, weights
    FROM old_tickets WHERE assigned_agent_id IS NOT NULL AND status IN ('OPEN', 'IN_PROGRESS');
    IF counted IS NOT NULL THEN
        PERFORM count_open_tickets(counted, weights, '{}', '{}', '{}');
    END IF;
    RETURN NULL;
END
$$;

UPDATE agents SET open_weight = counted.weight
FROM (
    SELECT assigned_agent_id, sum(weight_of(priority)) AS weight FROM tickets
    WHERE assigned_agent_id IS NOT NULL AND status IN ('OPEN', 'IN_PROGRESS')
    GROUP BY assigned_agent_id
) AS counted
WHERE profile_id = assigned_agent_id;

-- The weight is never below the count, so whoever has room by either has it by the count. Who
-- is marked without having room is not looked at: sweeps ask for both.
CREATE OR REPLACE FUNCTION touch_agent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (NEW.availability, NEW.capacity, NEW.skills) IS DISTINCT FROM (OLD.availability, OLD.capacity, OLD.skills) THEN
        NEW.version := OLD.version + 1;
    END IF;
    IF NEW.availability = 'AVAILABLE' AND NEW.open_count < NEW.capacity AND (
        OLD.availability <> 'AVAILABLE' OR NEW.open_count < OLD.open_count
        OR NEW.open_weight < OLD.open_weight
        OR NEW.capacity > OLD.capacity OR NOT NEW.skills <@ OLD.skills
    ) THEN
        NEW.reviews_skipped := true;
    END IF;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;

-- Another way of counting, or another pace, may leave everybody room.
CREATE FUNCTION review_for_settings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM review_skipped_for(NULL);
    RETURN NULL;
END
$$;

CREATE TRIGGER settings_review AFTER UPDATE OF weighs_priority, pace_tickets, pace_window_s ON settings
    FOR EACH ROW WHEN (
        (OLD.weighs_priority, OLD.pace_tickets, OLD.pace_window_s)
        IS DISTINCT FROM (NEW.weighs_priority, NEW.pace_tickets, NEW.pace_window_s)
    ) EXECUTE FUNCTION review_for_settings();

-- An absence that is taken back, or is over sooner.
CREATE FUNCTION review_for_absence() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM review_skipped_for(ARRAY[OLD.agent_id]);
    RETURN NULL;
END
$$;

CREATE TRIGGER absences_review AFTER DELETE OR UPDATE OF agent_id, starts_at, ends_at ON absences
    FOR EACH ROW EXECUTE FUNCTION review_for_absence();

GRANT SELECT ON absences TO emberone_agent, emberone_admin, emberone_system;
GRANT INSERT, DELETE ON absences TO emberone_agent, emberone_admin;
GRANT UPDATE ON absences TO emberone_system;

ALTER TABLE absences ENABLE ROW LEVEL SECURITY;
CREATE POLICY staff_read ON absences FOR SELECT TO emberone_agent, emberone_admin, emberone_system USING (true);
CREATE POLICY admin_insert ON absences FOR INSERT TO emberone_admin WITH CHECK (true);
CREATE POLICY admin_delete ON absences FOR DELETE TO emberone_admin USING (true);
CREATE POLICY own_insert ON absences FOR INSERT TO emberone_agent
    WITH CHECK (agent_id = (SELECT current_profile()));
CREATE POLICY own_delete ON absences FOR DELETE TO emberone_agent
    USING (agent_id = (SELECT current_profile()));
CREATE POLICY system_update ON absences FOR UPDATE TO emberone_system USING (true) WITH CHECK (true);

DO $do$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT tgname, tgrelid::regclass AS relation FROM pg_trigger
        WHERE NOT tgisinternal AND tgname IN ('settings_review', 'absences_review')
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.relation, t.tgname);
    END LOOP;
END
$do$;
