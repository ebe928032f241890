CREATE OR REPLACE FUNCTION keep_wait() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    began timestamptz;
BEGIN
    IF NOT is_waiting(NEW.status, NEW.customer_spoke_last) THEN
        DELETE FROM waits WHERE ticket_id = NEW.id;
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF is_waiting(OLD.status, OLD.customer_spoke_last)
            AND (NEW.public_version, NEW.snoozed_until)
                IS NOT DISTINCT FROM (OLD.public_version, OLD.snoozed_until)
        THEN
            -- Another team may have another patience.
            UPDATE waits SET due_at = context_now()
            WHERE ticket_id = NEW.id AND NEW.team_id IS DISTINCT FROM OLD.team_id;
            RETURN NULL;
        END IF;
    END IF;
    began := greatest(context_now(), NEW.snoozed_until);
    INSERT INTO waits (ticket_id, quiet_from, due_at) VALUES (NEW.id, began, began + interval '23 hours')
    ON CONFLICT (ticket_id) DO UPDATE SET
        quiet_from = excluded.quiet_from, due_at = excluded.due_at, reminded_at = NULL, closes_at = NULL,
        attempts = 0, dead_at = NULL, last_error = NULL;
    RETURN NULL;
END
$$;

DROP FUNCTION asleep_until(timestamptz);
