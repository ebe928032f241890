-- Admins hear of a CRITICAL ticket that nobody can take whatever the hour is: one that becomes
-- so is looked at once more at once.
CREATE FUNCTION await_no_hours() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE hours_awaited SET begin_at = context_now() WHERE ticket_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER tickets_await_no_hours AFTER UPDATE OF priority ON tickets
    FOR EACH ROW WHEN (NEW.priority = 'CRITICAL' AND OLD.priority <> 'CRITICAL')
    EXECUTE FUNCTION await_no_hours();
ALTER TABLE tickets ENABLE ALWAYS TRIGGER tickets_await_no_hours;

GRANT SELECT, INSERT, UPDATE, DELETE ON hours_awaited TO emberone_system;
