DROP TRIGGER settings_history_refuse_truncate ON settings_history;
DROP TRIGGER settings_history_guard ON settings_history;
DROP TRIGGER settings_refuse_truncate ON settings;
DROP TRIGGER settings_refuse_delete ON settings;
DROP TRIGGER settings_record ON settings;
DROP FUNCTION guard_settings_history();
DROP FUNCTION refuse_settings_delete();
DROP FUNCTION record_settings();
