-- A digest is about no one ticket, but about nothing that agents may not read.
DROP POLICY agent_read ON mail_outbox;
CREATE POLICY agent_read ON mail_outbox FOR SELECT TO emberone_agent
    USING (ticket_id IS NOT NULL OR letter = 'digest');
