"""The customers' portal."""

from emberone.web.portal.tickets import blueprint

__all__ = ["blueprint"]
