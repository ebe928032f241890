DROP TRIGGER calendar_versions_review ON calendar_versions;
DROP FUNCTION review_for_hours();

CREATE OR REPLACE FUNCTION touch_agent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (NEW.availability, NEW.capacity, NEW.skills) IS DISTINCT FROM (OLD.availability, OLD.capacity, OLD.skills) THEN
        NEW.version := OLD.version + 1;
    END IF;
    IF NEW.availability = 'AVAILABLE' AND NEW.open_count < NEW.capacity AND (
        OLD.availability <> 'AVAILABLE' OR NEW.open_count < OLD.open_count
        OR NEW.open_weight < OLD.open_weight
        OR NEW.capacity > OLD.capacity OR NOT NEW.skills <@ OLD.skills
    ) THEN
        NEW.reviews_skipped := true;
    END IF;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;
