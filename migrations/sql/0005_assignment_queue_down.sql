DROP TRIGGER tickets_touch_mark ON tickets;
DROP TRIGGER tickets_queue ON tickets;
DROP TRIGGER tags_review_skill ON tags;
DROP TRIGGER profiles_review_active ON profiles;
DROP TRIGGER users_review_active ON users;
DROP TRIGGER team_members_review_deleted ON team_members;
DROP TRIGGER team_members_review_inserted ON team_members;
DROP FUNCTION overlook_mark();
DROP FUNCTION queue_ticket();
DROP FUNCTION review_for_tag();
DROP FUNCTION review_for_active();
DROP FUNCTION review_for_members();
DROP FUNCTION review_skipped_for(uuid[]);

CREATE OR REPLACE FUNCTION touch_agent() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.availability, NEW.capacity, NEW.skills) IS DISTINCT FROM (OLD.availability, OLD.capacity, OLD.skills) THEN
        NEW.version := OLD.version + 1;
    END IF;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;
