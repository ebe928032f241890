DROP TRIGGER tickets_await_no_hours ON tickets;
DROP FUNCTION await_no_hours();
