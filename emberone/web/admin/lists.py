"""What every list needs for its page: order and page from the address, headings, chips, pager."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from flask import request, url_for
from flask_babel import format_decimal
from flask_babel import gettext as _

from emberone.queries.paging import COUNT_LIMIT, Order, Page, Paging
from emberone.web.admin.params import Values

SIZES: Final = ("25", "50", "100", "200")
DEFAULT_SIZE: Final = 25


class Column(NamedTuple):
    """One heading of a list; `order` names the order that it sorts by."""

    label: str
    order: str | None = None
    css: str = ""


class Chip(NamedTuple):
    """A filter that is on: the arguments it stands for, and how it is worded."""

    names: tuple[str, ...]
    label: str
    value: str


@dataclass(slots=True)
class Listing:
    """One list's address: where it is, how it is sorted and filtered."""

    endpoint: str
    orders: Mapping[str, Order]
    values: Values
    #: The arguments that filter, in the order of the page.
    filter_names: Sequence[str]
    chips: list[Chip] = field(default_factory=list)
    paging: Paging = field(init=False)
    # Read once: a page has an address of its own for every row.
    _filters: dict[str, str] = field(init=False, repr=False)
    _kept: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        carried = request.args
        values = {name: carried.get(name, "").strip() for name in self.filter_names}
        self._filters = {name: value for name, value in values.items() if value}
        names = ("view", "sort", "desc", "size")
        self._kept = {name: carried[name] for name in names if carried.get(name)}
        default = next(iter(self.orders))
        order = self.orders[self.values.one_of("sort", self.orders) or default]
        wanted = self.values.one_of("desc", ("0", "1"))
        self.paging = Paging(
            order=order,
            descending=order.descending if wanted is None else wanted == "1",
            cursor=self.values.text("cursor", 1000),
            size=int(self.values.one_of("size", SIZES) or DEFAULT_SIZE),
        )

    def filters(self) -> dict[str, str]:
        """The filters that the address carries."""
        return dict(self._filters)

    def kept(self) -> dict[str, str]:
        """What is kept while the filters change: view, order and size."""
        return dict(self._kept)

    def url(self, endpoint: str | None = None, **changes: str | None) -> str:
        """The list's address with these arguments changed, on its first page."""
        values = {**self._filters, **self._kept, **changes}
        kept = {name: value for name, value in values.items() if value is not None}
        return url_for(endpoint or self.endpoint, **kept)

    def headings(self, columns: Sequence[Column]) -> list[dict[str, Any]]:
        """The columns as the theme's table takes them."""
        return [self._heading(column) for column in columns]

    def _heading(self, column: Column) -> dict[str, Any]:
        heading: dict[str, Any] = {"label": column.label, "class": column.css}
        if column.order is None:
            return heading
        order = self.orders[column.order]
        descending = order.descending
        if order is self.paging.order:
            heading["sort"] = "descending" if self.paging.descending else "ascending"
            descending = not self.paging.descending
        heading["sort_url"] = self.url(sort=order.name, desc="1" if descending else "0")
        return heading

    def sorts(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """Every order as a link, for a menu; choosing the present one turns it round."""
        return [
            {
                "label": label,
                "is_on": self.orders[name] is self.paging.order,
                "url": self._heading(Column(label, name))["sort_url"],
            }
            for name, label in labels.items()
        ]

    def shown_chips(self) -> list[dict[str, str]]:
        """The filters that are on, each with the address without it."""
        return [
            {
                "label": chip.label,
                "value": chip.value,
                "remove_url": self.url(**dict.fromkeys(chip.names)),
            }
            for chip in self.chips
        ]

    def clear_url(self) -> str:
        """The list's address without any filter."""
        return url_for(self.endpoint, **self.kept())

    def pages(self, page: Page[Any]) -> dict[str, str | None]:
        """The addresses of the neighbouring pages."""
        return {
            "previous": self.url(cursor=page.previous) if page.previous else None,
            "following": self.url(cursor=page.following) if page.following else None,
            # A page that was emptied meanwhile, or an address cut off at its end.
            "first": self.url() if self.paging.cursor and not page.rows else None,
        }


def worded_count(count: int | None) -> str | None:
    """A count that stops at a thousand: "1,000+"."""
    if count is None:
        return None
    if count > COUNT_LIMIT:
        return _("%(count)s+", count=format_decimal(COUNT_LIMIT))
    return str(format_decimal(count))
