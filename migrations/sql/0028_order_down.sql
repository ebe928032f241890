DROP TRIGGER history_order ON history;
DROP FUNCTION order_history();
