"""Flask-Admin's filters as links and plain forms: choosing one shows its field, applying it filters.

The stock page builds these with a script; here the address says everything.
`flt<number>_<argument>=<value>` is Flask-Admin's own notation, `fltadd` ours:
the filter that was chosen and has no value yet.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request

ADD = "fltadd"

Groups = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class FilterRow:
    """One filter as the page shows it: what it compares, how, with what."""

    group: str
    operation: str
    arg: str
    options: list[tuple[str, str]] | None
    type: str | None
    value: str
    remove_url: str


def _url(filters: list[tuple[str, str]], add: str | None = None) -> str:
    """Return the list's address with these filters, on its first page, all else as it is."""
    kept = [
        (name, value)
        for name, value in request.args.items(multi=True)
        if not name.startswith("flt") and name != "page"
    ]
    numbered = [(f"flt{number}_{arg}", value) for number, (arg, value) in enumerate(filters)]
    added = [(ADD, add)] if add else []
    return f"{request.path}?{urlencode(kept + numbered + added)}"


def _active() -> list[tuple[str, str]]:
    """Return argument and value of the filters that the present address names."""
    return [
        (name.split("_", 1)[1], value)
        for name, value in request.args.items(multi=True)
        if name.startswith("flt") and "_" in name
    ]


def filter_add_url(arg: str) -> str:
    """Return the address that shows one more filter, ready for its value."""
    return _url(_active(), add=arg)


def filter_rows(groups: Groups) -> list[FilterRow]:
    """Return the filters of the present address that exist, and the one just chosen."""
    known = {item["arg"]: (group, item) for group, items in groups.items() for item in items}
    filters = [(arg, value) for arg, value in _active() if arg in known]
    rows = []
    for number, (arg, value) in enumerate(filters):
        others = filters[:number] + filters[number + 1 :]
        rows.append(_row(*known[arg], value, _url(others)))
    chosen = request.args.get(ADD)
    if chosen in known:
        rows.append(_row(*known[chosen], "", _url(filters)))
    return rows


def _row(group: str, item: dict[str, Any], value: str, remove_url: str) -> FilterRow:
    """Put one filter's description and value together."""
    return FilterRow(
        group=group,
        operation=str(item["operation"]),
        arg=item["arg"],
        options=item["options"],
        type=item["type"],
        value=value,
        remove_url=remove_url,
    )
