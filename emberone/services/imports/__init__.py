"""Importing: what other systems' files say becomes tickets, people and history here."""
