-- Tickets that wait for a customer who is silent have a row in `waits`, by whatever path they
-- came to wait: services, bulk statements, psql.

CREATE FUNCTION is_waiting(status ticket_status, customer_spoke_last boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN status = 'WAITING' AND NOT customer_spoke_last;

-- It begins anew with whatever the customer can see, and with being put aside or brought back;
-- until a ticket comes back by itself its customer counts as not silent yet. No step comes within
-- a working day, which is 23 hours where clocks go forward.
CREATE FUNCTION keep_wait() RETURNS trigger
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

CREATE TRIGGER tickets_wait_inserted AFTER INSERT ON tickets
    FOR EACH ROW WHEN (NEW.status = 'WAITING') EXECUTE FUNCTION keep_wait();
CREATE TRIGGER tickets_wait_updated AFTER UPDATE ON tickets
    FOR EACH ROW WHEN (NEW.status = 'WAITING' OR OLD.status = 'WAITING') EXECUTE FUNCTION keep_wait();

-- Another patience, or another policy with another calendar, holds from now on.
CREATE FUNCTION look_at_waits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'settings' THEN
        UPDATE waits SET due_at = context_now();
    ELSE
        UPDATE waits SET due_at = context_now()
        FROM tickets WHERE tickets.id = waits.ticket_id AND tickets.team_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER settings_look_at_waits AFTER UPDATE ON settings FOR EACH ROW WHEN (
    (OLD.quiet_reminder_days, OLD.quiet_close_days)
        IS DISTINCT FROM (NEW.quiet_reminder_days, NEW.quiet_close_days)
) EXECUTE FUNCTION look_at_waits();
CREATE TRIGGER teams_look_at_waits AFTER UPDATE ON teams FOR EACH ROW WHEN (
    (OLD.quiet_reminder_days, OLD.quiet_close_days, OLD.sla_policy_id)
        IS DISTINCT FROM (NEW.quiet_reminder_days, NEW.quiet_close_days, NEW.sla_policy_id)
) EXECUTE FUNCTION look_at_waits();

ALTER TABLE tickets ENABLE ALWAYS TRIGGER tickets_wait_inserted;
ALTER TABLE tickets ENABLE ALWAYS TRIGGER tickets_wait_updated;
ALTER TABLE settings ENABLE ALWAYS TRIGGER settings_look_at_waits;
ALTER TABLE teams ENABLE ALWAYS TRIGGER teams_look_at_waits;

-- Nobody is reminded, and nothing closed, for a silence from before there was a reminder.
INSERT INTO waits (ticket_id, quiet_from, due_at)
SELECT id, greatest(now(), snoozed_until), greatest(now(), snoozed_until) + interval '23 hours'
FROM tickets WHERE is_waiting(status, customer_spoke_last);

GRANT SELECT, INSERT, UPDATE, DELETE ON waits TO emberone_system;
GRANT SELECT ON waits TO emberone_agent, emberone_admin;
