-- Back to a queue that is asked for anew each time.

DROP TRIGGER tickets_move_deleted ON tickets;
DROP TRIGGER tickets_move_updated ON tickets;
DROP TRIGGER tickets_move_inserted ON tickets;
DROP FUNCTION move_queue();
