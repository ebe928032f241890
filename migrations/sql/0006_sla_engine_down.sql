DROP TRIGGER tickets_touch_sla_priority ON tickets;
DROP FUNCTION keep_staffs_priority();
