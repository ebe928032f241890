"""How each setting is put to people: its group, its words, its unit, and what was typed of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import format_decimal, lazy_gettext, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from emberone.domain.enums import AssignmentStrategy
from emberone.domain.settings import CHOICES, LIMITS, SWITCHES
from emberone.web.admin import choices
from emberone.web.admin.params import Values

_SECONDS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Field:
    """One setting on the page."""

    #: Its column.
    name: str
    label: Any
    #: What it means, in a sentence or two.
    sentence: Any
    #: What a plain number counts: "d", "s", "mb", "letters" or "tickets"; None for a span of any
    #: unit, and for others.
    unit: str | None = None

    @property
    def kind(self) -> str:
        """What it is typed into: number, span, choice or switch."""
        if self.name in SWITCHES:
            return "switch"
        if self.name in CHOICES:
            return "choice"
        return "number" if self.unit else "span"

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the most of a number."""
        return LIMITS[self.name]

    @property
    def options(self) -> choices.Pairs:
        """What a choice offers."""
        if self.name == "assignment_strategy":
            return [(value.value, str(_STRATEGIES[value])) for value in AssignmentStrategy]
        return list(reversed(choices.priorities()))

    def limits_text(self) -> str:
        """From how much to how much, as people say it."""
        least, most = self.limits
        return _(
            "From %(least)s to %(most)s.",
            least=format_decimal(least) if self.unit else self.text(least),
            most=self.text(most),
        )

    def text(self, value: Any) -> str:
        """A value in words; one that this version does not know as it stands."""
        if self.kind == "switch":
            return _("yes") if value else _("no")
        if self.kind == "choice":
            return dict(self.options).get(str(value), str(value))
        if not isinstance(value, int):
            return str(value)
        if self.unit == "mb":
            return _("%(count)s MB", count=format_decimal(value))
        if self.unit == "letters":
            return ngettext("%(num)s letter a minute", "%(num)s letters a minute", value)
        if self.unit == "workdays":
            return ngettext("%(num)s working day", "%(num)s working days", value)
        if self.unit == "tickets":
            return ngettext("%(num)s ticket", "%(num)s tickets", value)
        return span_text(value * _SECONDS[self.unit or "s"], self.unit)

    def typed(self, value: Any) -> dict[str, str]:
        """The value as the form shows it: field of the form → text."""
        if self.kind == "switch":
            return {self.name: "1" if value else ""}
        if self.kind == "span":
            unit = _unit_of(value)
            return {self.name: str(value // _SECONDS[unit]), f"{self.name}_unit": unit}
        return {self.name: str(value)}

    def sent(self, form: Values) -> dict[str, str]:
        """What was typed: field of the form → text."""
        names = (self.name, f"{self.name}_unit") if self.kind == "span" else (self.name,)
        return {name: form.raw(name).strip() for name in names}

    def read(self, sent: dict[str, str]) -> Any:
        """The value that was typed; raises ValueError with what is wrong with it."""
        text = sent[self.name]
        if self.kind == "switch":
            return text == "1"
        if self.kind == "choice":
            if text not in dict(self.options):
                raise ValueError(_("Choose one of these."))
            return CHOICES[self.name](text)
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise ValueError(_("Enter a whole number. %(limits)s", limits=self.limits_text()))
        number = int(text)
        if self.kind == "span":
            number *= _SECONDS.get(sent[f"{self.name}_unit"], 1)
        least, most = self.limits
        if not least <= number <= most:
            raise ValueError(self.limits_text())
        return number


def span_text(seconds: int, unit: str | None = None) -> str:
    """A span in the given unit, or in the largest that needs no fraction."""
    unit = unit or _unit_of(seconds)
    word: Callable[[int], str] = {
        "s": lambda n: ngettext("%(num)s second", "%(num)s seconds", n),
        "min": lambda n: ngettext("%(num)s minute", "%(num)s minutes", n),
        "h": lambda n: ngettext("%(num)s hour", "%(num)s hours", n),
        "d": lambda n: ngettext("%(num)s day", "%(num)s days", n),
    }[unit]
    return word(seconds // _SECONDS[unit])


def units() -> choices.Pairs:
    """What a span can be counted in."""
    return [("s", _("seconds")), ("min", _("minutes")), ("h", _("hours")), ("d", _("days"))]


def unit_word(unit: str | None) -> str:
    """What stands behind a plain number."""
    words = {
        "d": _("days"),
        "s": _("seconds"),
        "mb": _("MB"),
        "letters": _("letters a minute"),
        "tickets": _("tickets"),
        "workdays": _("working days"),
    }
    return words.get(unit or "", "")


def _unit_of(seconds: int) -> str:
    """The largest unit that needs no fraction; nothing at all is no minutes."""
    if seconds == 0:
        return "min"
    return next(unit for unit in ("d", "h", "min", "s") if seconds % _SECONDS[unit] == 0)


_STRATEGIES: Final = {
    AssignmentStrategy.LEAST_UTILISED: _l("The least busy for their capacity"),
    AssignmentStrategy.LEAST_LOADED: _l("Whoever has room for the most tickets"),
    AssignmentStrategy.ROUND_ROBIN: _l("In turn: who got one the longest ago"),
}

#: heading, what the group is about, its settings; every column of `settings` is in one.
GROUPS: Final = (
    (
        lazy_gettext("Tickets"),
        (
            Field(
                "reopen_days",
                _l("Closed tickets can be reopened for"),
                _l(
                    "If a customer writes on a closed ticket within this time, it opens again;"
                    " later a new ticket is opened that names the old one. 0: closed is final."
                ),
                "d",
            ),
            Field(
                "customer_max_priority",
                _l("Customers may raise priority to"),
                _l(
                    "How urgent customers may call their own open tickets. Staff may always choose."
                ),
            ),
            Field(
                "attachment_limit_mb",
                _l("Largest file"),
                _l("A larger file is refused, from customers and staff alike. Kept files stay."),
                "mb",
            ),
        ),
    ),
    (
        lazy_gettext("Work"),
        (
            Field(
                "assignment_strategy",
                _l("New tickets go to"),
                _l(
                    "Of the available agents who have room, are in the ticket's team and have its"
                    " skills. Tickets that have an agent keep them."
                ),
            ),
            Field(
                "weighs_priority",
                _l("Urgent tickets take more room"),
                _l(
                    "Against an agent's capacity a ticket of priority critical counts as three,"
                    " a high one as two. Without it every ticket counts as one."
                ),
            ),
            Field(
                "pace_tickets",
                _l("New tickets at a time"),
                _l(
                    "So many tickets are given to one agent at most within the time below, however"
                    " much room there is: whoever has just come is not flooded. 0: any number."
                ),
                "tickets",
            ),
            Field(
                "pace_window_s",
                _l("The time for these new tickets"),
                _l("Counted back from each moment. Tickets that people assign do not count."),
            ),
            Field(
                "reply_delay_s",
                _l("A reply can be taken back for"),
                _l(
                    "Replies wait for this long before the customer sees them and a letter leaves."
                    " 0: they are published at once."
                ),
                "s",
            ),
        ),
    ),
    (
        lazy_gettext("Quiet tickets"),
        (
            Field(
                "quiet_reminder_days",
                _l("A silent customer is reminded after"),
                _l(
                    "Counted on the working days of the SLA's calendar since we asked, while the"
                    " ticket is waiting and not put aside. Teams may have their own. 0: never."
                ),
                "workdays",
            ),
            Field(
                "quiet_close_days",
                _l("A ticket without an answer is closed after"),
                _l(
                    "Counted likewise, at the earliest a working day after the reminder, which says"
                    " when. No rating is asked for. 0: never."
                ),
                "workdays",
            ),
        ),
    ),
    (
        lazy_gettext("Feedback"),
        (
            Field(
                "feedback_delay_s",
                _l("Customers are asked to rate after"),
                _l(
                    "Counted from the closing of a ticket; one that is closed already keeps its time."
                ),
            ),
            Field(
                "feedback_expiry_days",
                _l("They can answer for"),
                _l("Counted from the letter; then its link no longer takes a rating."),
                "d",
            ),
            Field(
                "feedback_throttle_days",
                _l("The same customer is asked at most every"),
                _l(
                    "A ticket closed sooner after the last letter is not asked about. 0: ask each time."
                ),
                "d",
            ),
        ),
    ),
    (
        lazy_gettext("Mail"),
        (
            Field(
                "digest_above",
                _l("Staff get a digest above"),
                _l(
                    "Letters about tickets to one member of the staff: what comes on top of so many"
                    " within a minute is gathered for a minute and leaves as one letter. Letters to"
                    " customers always leave one by one."
                ),
                "letters",
            ),
        ),
    ),
    (
        lazy_gettext("Customers"),
        (
            Field(
                "allows_registration",
                _l("Anyone may create an account"),
                _l(
                    "Without it the page to register is closed, and customers get their sign-in"
                    " from staff."
                ),
            ),
        ),
    ),
)

#: Column → how it is shown.
FIELDS: Final = {field.name: field for _heading, fields in GROUPS for field in fields}
