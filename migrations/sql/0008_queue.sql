-- What the queue is sorted by, and people are found by. Any three letters in a row of a name
-- or an address are in an index, so that no extension is needed to find parts of words.

-- Its price is said so that the planner compares letters before it asks for these again.
CREATE FUNCTION trigrams(words text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000
RETURN (
    SELECT coalesce(array_agg(DISTINCT substr(lower(words), n, 3)), '{}')
    FROM generate_series(1, length(words) - 2) AS n
);

CREATE FUNCTION person_trigrams(full_name text, email text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN trigrams(full_name || chr(10) || email);

-- The most urgent first, in an index that goes on with the oldest first.
CREATE FUNCTION urgency(priority ticket_priority) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE priority WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 WHEN 'MEDIUM' THEN 2 ELSE 3 END;

-- When whoever spoke last took their turn: with the customer's oldest comment that nobody
-- has answered (the request itself where nobody ever has), or with the first answer since.
CREATE FUNCTION turn_began(about uuid, customer uuid, is_customers boolean, opened_at timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE
RETURN (
    SELECT CASE
        WHEN is_customers AND before.id IS NULL THEN opened_at
        ELSE coalesce((
            SELECT min(created_at) FROM comments
            WHERE ticket_id = about AND type = 'USER'
                AND (before.id IS NULL OR (created_at, id) > (before.created_at, before.id))
        ), opened_at)
    END
    FROM (VALUES (1)) AS one (row) LEFT JOIN LATERAL (
        SELECT created_at, id FROM comments
        WHERE ticket_id = about AND type = 'USER'
            AND (author_id IS NOT DISTINCT FROM customer) <> is_customers
        ORDER BY created_at DESC, id DESC LIMIT 1
    ) AS before ON true
);
REVOKE EXECUTE ON FUNCTION turn_began(uuid, uuid, boolean, timestamptz) FROM PUBLIC;

-- Follows `customer_spoke_last`; what moves the activity but not its time may have been a
-- comment that was deleted.
CREATE FUNCTION turn_ticket() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.unanswered_since := NEW.created_at;
    ELSIF NEW.customer_spoke_last <> OLD.customer_spoke_last
        OR (NEW.activity_no <> OLD.activity_no AND NEW.last_activity_at = OLD.last_activity_at)
    THEN
        NEW.unanswered_since :=
            turn_began(NEW.id, NEW.customer_id, NEW.customer_spoke_last, NEW.created_at);
    END IF;
    RETURN NEW;
END
$$;

-- Tickets that were here before. Not a change of theirs, so no trigger may hear of it.
ALTER TABLE tickets DISABLE TRIGGER USER;
UPDATE tickets SET
    unanswered_since = turn_began(id, customer_id, customer_spoke_last, created_at);

-- After `tickets_touch`, in the order of their names: a turn makes no form stale.
CREATE TRIGGER tickets_turn BEFORE INSERT OR UPDATE ON tickets
    FOR EACH ROW EXECUTE FUNCTION turn_ticket();
DO $do$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'tickets'::regclass
    LOOP
        EXECUTE format('ALTER TABLE tickets ENABLE ALWAYS TRIGGER %I', t.tgname);
    END LOOP;
END
$do$;
