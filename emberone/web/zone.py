"""In which zone a page words times: the reader's, whose browser has said it, else the product's."""

from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from flask import has_request_context, request
from flask_babel import get_timezone
from pytz import all_timezones_set

#: Written by `theme.js`: an IANA name, and nothing that tells who reads.
COOKIE: Final = "zone"


def zone_of_browser() -> str | None:
    """The zone that the request's browser is in; None where it has not said, or said nonsense."""
    if not has_request_context():
        return None
    name = request.cookies.get(COOKIE, "")
    # Flask-Babel formats with the one library, we reckon with the other.
    return name if name in all_timezones_set and name in _known() else None


def reader_zone() -> ZoneInfo:
    """The zone in which the reader of this page lives, for reckoning with."""
    return ZoneInfo(str(get_timezone()))


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())
