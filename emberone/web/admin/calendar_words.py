"""What a version of a calendar says, in words, so that two can be compared."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _

from emberone.web.admin.calendar_form import DAY_NAMES, hours_text
from emberone.web.theme.formats import day_with_weekday


def calendar_words(zone: str, definition: Mapping[str, Any]) -> dict[str, list[str]]:
    """What it is about → the words for it, none where it says nothing."""
    said = {_("Time zone"): [zone.replace("_", " ")]}
    week = definition["week"]
    for day, name in DAY_NAMES.items():
        said[str(name)] = [hours_text(week.get(day, []))]
    for entry in definition["exceptions"]:
        words = hours_text(entry["windows"])
        if entry["name"]:
            words = _("%(name)s: %(hours)s", name=entry["name"], hours=words)
        day = date.fromisoformat(entry["date"])
        said[day_with_weekday(day, with_year=True)] = [words]
    return said
