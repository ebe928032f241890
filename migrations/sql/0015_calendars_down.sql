-- Without calendars every second counts.
UPDATE sla_clocks SET calendar_version = NULL WHERE calendar_version IS NOT NULL;
