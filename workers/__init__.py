"""Celery: an edge like any other, which turns messages into calls of services."""
