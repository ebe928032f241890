-- Whoever has other working hours may be able to take more, and so may everybody whose
-- calendar has a new version.

CREATE OR REPLACE FUNCTION touch_agent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (NEW.availability, NEW.capacity, NEW.skills, NEW.calendar_id)
        IS DISTINCT FROM (OLD.availability, OLD.capacity, OLD.skills, OLD.calendar_id)
    THEN
        NEW.version := OLD.version + 1;
    END IF;
    IF NEW.availability = 'AVAILABLE' AND NEW.open_count < NEW.capacity AND (
        OLD.availability <> 'AVAILABLE' OR NEW.open_count < OLD.open_count
        OR NEW.open_weight < OLD.open_weight OR NEW.calendar_id IS DISTINCT FROM OLD.calendar_id
        OR NEW.capacity > OLD.capacity OR NOT NEW.skills <@ OLD.skills
    ) THEN
        NEW.reviews_skipped := true;
    END IF;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE FUNCTION review_for_hours() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM review_skipped_for(array_agg(profile_id)) FROM agents
    WHERE calendar_id = NEW.calendar_id HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER calendar_versions_review AFTER INSERT ON calendar_versions
    FOR EACH ROW EXECUTE FUNCTION review_for_hours();
ALTER TABLE calendar_versions ENABLE ALWAYS TRIGGER calendar_versions_review;
