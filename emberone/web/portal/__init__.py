"""The customers' portal: their own tickets, and nothing of what staff do among themselves."""

from emberone.web.portal import comments, ticket_page, tickets
from emberone.web.portal.frame import blueprint

__all__ = ["blueprint", "comments", "ticket_page", "tickets"]
