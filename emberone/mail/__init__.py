"""How letters are worded and named; sending them is a service's work."""
