DROP TRIGGER settings_review ON settings;
DROP FUNCTION review_for_settings();
DROP TRIGGER absences_review ON absences;
DROP FUNCTION review_for_absence();
DROP FUNCTION count_open_tickets(uuid[], integer[], uuid[], integer[], uuid[]);

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

CREATE OR REPLACE FUNCTION count_inserted_tickets() RETURNS trigger
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

CREATE OR REPLACE FUNCTION count_updated_tickets() RETURNS trigger
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

CREATE OR REPLACE FUNCTION count_deleted_tickets() RETURNS trigger
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

REVOKE EXECUTE ON FUNCTION count_open_tickets(uuid[], uuid[], uuid[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION touch_agent() RETURNS trigger
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

DROP FUNCTION weight_of(ticket_priority);
