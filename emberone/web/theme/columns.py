"""How Flask-Admin's lists and details show values of one type.

Set `column_type_formatters = COLUMN_FORMATTERS` (and the same for
`column_type_formatters_detail`) on a view.
"""

from datetime import date, datetime
from enum import Enum
from typing import Any

from flask_babel import format_date, gettext
from markupsafe import Markup

from emberone.web.theme.assets import icon_url
from emberone.web.theme.formats import time_full, time_iso, time_short


def _icon(name: str, label: str) -> Markup:
    """Return an icon that says its name to who cannot see it."""
    return Markup(
        '<svg class="icon icon-sm" width="16" height="16" role="img" aria-label="{}">'
        '<use href="{}"></use></svg>'
    ).format(label, icon_url(name))


def show_nothing(_view: Any, _value: None, _name: str) -> str:
    """Show that there is no value by an empty cell."""
    return ""


def show_bool(_view: Any, value: bool, _name: str) -> Markup:
    """Show yes and no as icons with those words."""
    return _icon("check", gettext("yes")) if value else _icon("minus", gettext("no"))


def show_datetime(_view: Any, value: datetime, _name: str) -> Markup:
    """Show a time in the reader's zone, the whole of it in the tooltip."""
    return Markup('<time class="cell-nowrap" datetime="{}" title="{}">{}</time>').format(
        time_iso(value), time_full(value), time_short(value)
    )


def show_date(_view: Any, value: date, _name: str) -> str:
    """Show a day."""
    return str(format_date(value))


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
