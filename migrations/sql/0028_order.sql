-- A transaction's now is when it began. One that then waited for somebody else's, or reads a
-- ticket that was committed meanwhile, would write its entry before theirs: assigned before
-- it was created. What happens live is therefore never earlier than what is there. What was
-- said to have happened at another time (an import, a replay) stays where it was put.
CREATE FUNCTION order_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    latest timestamptz;
BEGIN
    IF NEW.created_at = now() THEN
        SELECT created_at INTO latest FROM history
        WHERE ticket_id = NEW.ticket_id ORDER BY created_at DESC, id DESC LIMIT 1;
        IF latest > NEW.created_at AND latest <= clock_timestamp() THEN
            NEW.created_at := latest;
        END IF;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER history_order BEFORE INSERT ON history
    FOR EACH ROW EXECUTE FUNCTION order_history();
ALTER TABLE history ENABLE ALWAYS TRIGGER history_order;
