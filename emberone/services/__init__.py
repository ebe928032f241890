"""Every write: one verb, one function, one transaction."""
