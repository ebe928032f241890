-- Whether anything in the queue has moved, told by one cheap statement.

-- A transaction that changes tickets leaves its number in one slot. It takes whichever slot is
-- free, so that two never wait for each other, nor in a circle; a counter in one row would let
-- every change of a ticket wait for all others.
INSERT INTO queue_pulse (slot, moved_by) SELECT n, 0 FROM generate_series(0, 63) AS n;

CREATE FUNCTION move_queue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    me bigint;
    free smallint;
BEGIN
    -- A sweep that finds nothing has moved nothing.
    IF NOT EXISTS (SELECT FROM moved) THEN
        RETURN NULL;
    END IF;
    me := pg_current_xact_id()::text::bigint;
    -- Once in each transaction; going back to a savepoint takes both back.
    IF current_setting('emberone.moved', true) = me::text THEN
        RETURN NULL;
    END IF;
    SELECT slot INTO free FROM queue_pulse ORDER BY slot LIMIT 1 FOR UPDATE SKIP LOCKED;
    UPDATE queue_pulse SET moved_by = me WHERE slot = coalesce(free, pg_backend_pid() % 64);
    PERFORM set_config('emberone.moved', me::text, true);
    RETURN NULL;
END
$$;

CREATE TRIGGER tickets_move_inserted AFTER INSERT ON tickets
    REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION move_queue();
CREATE TRIGGER tickets_move_updated AFTER UPDATE ON tickets
    REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION move_queue();
CREATE TRIGGER tickets_move_deleted AFTER DELETE ON tickets
    REFERENCING OLD TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION move_queue();
ALTER TABLE tickets ENABLE ALWAYS TRIGGER tickets_move_inserted;
ALTER TABLE tickets ENABLE ALWAYS TRIGGER tickets_move_updated;
ALTER TABLE tickets ENABLE ALWAYS TRIGGER tickets_move_deleted;

GRANT SELECT ON queue_pulse TO emberone_agent, emberone_admin, emberone_system;
