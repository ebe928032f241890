-- A ticket that came back from being put aside by itself keeps the mark of it until somebody does
-- something (docs/decisions/0016-snooze.md). Losing the mark then, as when it is given to another
-- agent, is nothing that the customer's silence begins anew with: a reminder that has left would
-- leave a second time, and the day that it named would move.

CREATE FUNCTION asleep_until(snoozed_until timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE
RETURN CASE WHEN snoozed_until > context_now() THEN snoozed_until END;

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
            AND NEW.public_version = OLD.public_version
            AND asleep_until(NEW.snoozed_until) IS NOT DISTINCT FROM asleep_until(OLD.snoozed_until)
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
