-- A clock begins under the priority whose target it was given; who writes one without saying
-- which is understood to mean the ticket's.
CREATE FUNCTION know_clock_priority() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    SELECT coalesce(sla_priority, priority) INTO NEW.target_priority
    FROM tickets WHERE id = NEW.ticket_id;
    RETURN NEW;
END
$$;

CREATE TRIGGER sla_clocks_know_priority BEFORE INSERT ON sla_clocks
    FOR EACH ROW WHEN (NEW.target_priority IS NULL) EXECUTE FUNCTION know_clock_priority();
ALTER TABLE sla_clocks ENABLE ALWAYS TRIGGER sla_clocks_know_priority;
