DROP POLICY agent_read ON mail_outbox;
CREATE POLICY agent_read ON mail_outbox FOR SELECT TO emberone_agent USING (ticket_id IS NOT NULL);
UPDATE profiles SET declined_letters = array_remove(declined_letters, 'digest')
    WHERE 'digest' = ANY (declined_letters);
