-- One entry for each setting that a statement changes, whoever sent it.
CREATE FUNCTION record_settings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO settings_history (actor_id, setting, old_value, new_value, source, created_at)
    SELECT current_profile(), key, before.value, after.value, current_source(), context_now()
    FROM jsonb_each(to_jsonb(OLD)) AS before JOIN jsonb_each(to_jsonb(NEW)) AS after USING (key)
    WHERE before.value IS DISTINCT FROM after.value AND key <> 'version'
    ORDER BY key;
    RETURN NULL;
END
$$;

CREATE TRIGGER settings_record AFTER UPDATE ON settings
    FOR EACH ROW EXECUTE FUNCTION record_settings();

-- The row that is deleted and put back would have changed without an entry.
CREATE FUNCTION refuse_settings_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'Settings are changed, not deleted.' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER settings_refuse_delete BEFORE DELETE ON settings
    FOR EACH ROW EXECUTE FUNCTION refuse_settings_delete();
CREATE TRIGGER settings_refuse_truncate BEFORE TRUNCATE ON settings
    EXECUTE FUNCTION refuse_truncate();

-- Append-only for everyone, but for the name of a profile that is gone.
CREATE FUNCTION guard_settings_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.actor_id IS NULL AND OLD.actor_id IS NOT NULL
        AND (NEW.id, NEW.setting, NEW.old_value, NEW.new_value, NEW.source, NEW.created_at)
            = (OLD.id, OLD.setting, OLD.old_value, OLD.new_value, OLD.source, OLD.created_at)
        AND NOT EXISTS (SELECT FROM profiles WHERE id = OLD.actor_id)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'History is append-only.' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER settings_history_guard BEFORE UPDATE OR DELETE ON settings_history
    FOR EACH ROW EXECUTE FUNCTION guard_settings_history();
CREATE TRIGGER settings_history_refuse_truncate BEFORE TRUNCATE ON settings_history
    EXECUTE FUNCTION refuse_truncate();

-- The trigger writes as the owner; of the roles only admins read.
GRANT SELECT ON settings_history TO emberone_admin;
ALTER TABLE settings_history ENABLE ROW LEVEL SECURITY;
CREATE POLICY admin_read ON settings_history FOR SELECT TO emberone_admin USING (true);

DO $do$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT tgname, tgrelid::regclass AS relation FROM pg_trigger
        WHERE NOT tgisinternal AND tgrelid IN ('settings'::regclass, 'settings_history'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.relation, t.tgname);
    END LOOP;
END
$do$;
