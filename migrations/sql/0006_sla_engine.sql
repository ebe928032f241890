-- SLA targets follow the last priority that staff set; a customer's wish moves them only
-- while no one of staff has had their say (SLA rule 18). `tickets_touch`, which fires before
-- this one, has taken every person's change over into sla_priority.
CREATE FUNCTION keep_staffs_priority() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM history
        WHERE ticket_id = NEW.id AND action IN ('created', 'priority_changed')
            AND metadata ->> 'source' = 'agent_dashboard'
    ) THEN
        NEW.sla_priority := OLD.sla_priority;
    END IF;
    RETURN NEW;
END
$$;

-- A trigger's name decides its turn: after `tickets_touch`.
CREATE TRIGGER tickets_touch_sla_priority BEFORE UPDATE ON tickets FOR EACH ROW
    WHEN (NEW.priority <> OLD.priority AND current_source() = 'customer_portal')
    EXECUTE FUNCTION keep_staffs_priority();
ALTER TABLE tickets ENABLE ALWAYS TRIGGER tickets_touch_sla_priority;
