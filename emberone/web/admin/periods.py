"""Looking so many days back by a link: the tabs above a report."""

from typing import Any

from flask import url_for
from flask_babel import lazy_gettext as _l

_WORDS = {"7": _l("7 days"), "30": _l("30 days"), "90": _l("90 days"), "365": _l("12 months")}


def span_tabs(
    endpoint: str, spans: tuple[str, ...], shown: str | None, **kept: str
) -> list[dict[str, Any]]:
    """A tab for each of so many days, the one that is shown marked; `kept` stays in the address."""
    return [
        {
            "label": _WORDS[days],
            "url": url_for(endpoint, days=days, **kept),
            "active": days == shown,
        }
        for days in spans
    ]
