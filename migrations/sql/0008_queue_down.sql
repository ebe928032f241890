DROP TRIGGER tickets_turn ON tickets;
DROP FUNCTION turn_ticket();
DROP FUNCTION turn_began(uuid, uuid, boolean, timestamptz);
DROP FUNCTION person_trigrams(text, text);
DROP FUNCTION trigrams(text);
DROP FUNCTION urgency(ticket_priority);
