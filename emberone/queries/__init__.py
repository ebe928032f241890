"""What is there: every question asked of the database; nothing here writes."""
