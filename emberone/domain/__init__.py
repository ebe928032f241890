"""The rules of the trade in plain Python: no Flask, no SQL, no clock of its own."""
