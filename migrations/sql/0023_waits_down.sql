-- Tickets wait for ever again.

DROP TRIGGER teams_look_at_waits ON teams;
DROP TRIGGER settings_look_at_waits ON settings;
DROP FUNCTION look_at_waits();
DROP TRIGGER tickets_wait_updated ON tickets;
DROP TRIGGER tickets_wait_inserted ON tickets;
DROP FUNCTION keep_wait();
DROP FUNCTION is_waiting(ticket_status, boolean);

UPDATE profiles SET declined_letters = array_remove(declined_letters, 'reminder')
    WHERE 'reminder' = ANY (declined_letters);
