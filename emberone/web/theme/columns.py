"""How Flask-Admin's lists and details show values of one type.

Set `column_type_formatters = COLUMN_FORMATTERS` (and the same for
`column_type_formatters_detail`) on a view.
"""

from datetime import date, datetime
from enum import Enum
from typing import Any

from flask_babel import format_date, gettext
from markupsafe import Markup

from emberone.web.theme.formats import DAY, time_full, time_iso, time_short
from emberone.web.theme.marks import icon


def show_nothing(_view: Any, _value: None, _name: str) -> str:
    """Show that there is no value by an empty cell."""
    return ""


def show_bool(_view: Any, value: bool, _name: str) -> Markup:
    """Show yes and no as icons with those words."""
    name, word = ("check", gettext("yes")) if value else ("minus", gettext("no"))
    return icon(name, word, **{"class": "icon-sm"})


def show_datetime(_view: Any, value: datetime, _name: str) -> Markup:
    """Show a time in the reader's zone, the whole of it in the tooltip."""
    return Markup('<time class="cell-nowrap" datetime="{}" title="{}">{}</time>').format(
        time_iso(value), time_full(value), time_short(value)
    )


def show_date(_view: Any, value: date, _name: str) -> str:
    """Show a day."""
    return str(format_date(value, DAY))


def show_enum(_view: Any, value: Enum, _name: str) -> str:
    """Show a choice by its name in words."""
    return value.name.replace("_", " ").capitalize()


COLUMN_FORMATTERS = {
    type(None): show_nothing,
    bool: show_bool,
    datetime: show_datetime,
    date: show_date,
    Enum: show_enum,
}
