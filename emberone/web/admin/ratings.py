"""The report of customers' ratings (feedback rule 11)."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from babel.dates import format_skeleton
from flask import url_for
from flask_admin import expose
from flask_babel import format_date, get_locale
from flask_babel import gettext as _

from emberone.db import now_of
from emberone.domain.actor import Actor
from emberone.domain.enums import Priority
from emberone.domain.ratings import ENOUGH, Figures, Whose
from emberone.policy import RATING_REPORT, may
from emberone.queries import ratings
from emberone.queries.ratings import Period, Report
from emberone.web.admin.base import PanelView
from emberone.web.admin.params import Values, arguments
from emberone.web.admin.periods import span_tabs
from emberone.web.admin.ratings_picture import bars
from emberone.web.session import current_actor
from emberone.web.theme.badges import badge_of
from emberone.web.zone import reader_zone

#: How many days back one looks by a link, and without one.
_SPANS: Final = ("30", "90", "365")
_DEFAULT_SPAN: Final = "90"

#: Up to so many days the steps of time are weeks, then months, then years.
_MOST_BY_WEEK: Final = 92
_MOST_BY_MONTH: Final = 1_100


class RatingView(PanelView):
    """What customers think of the answers they got: an agent's own, a team's, everybody's."""

    address = "rating"

    @expose("/")
    def index_view(self) -> str:
        """Show the figures of a period, as a whole and in groups."""
        values, actor = arguments(), current_actor()
        now = now_of(self.session)
        offered = self._offered(actor)
        whose = values.choice("whose", Whose) or offered[0]
        span = values.one_of("days", _SPANS) or _DEFAULT_SPAN
        period = _period(values, now, int(span))
        report = ratings.report(self.session, actor, whose, period)
        over_time = _over_time(report, period, now)
        return self.render(
            "panel/rating_report.html",
            whose_tabs=self._whose_tabs(offered, whose),
            span_tabs=self._span_tabs(values, whose, span),
            whose=whose,
            first_day=period.begins.astimezone(period.zone).date().isoformat(),
            last_day=_last_day(period).isoformat(),
            whole=report.whole,
            groups=_groups(report, over_time),
            bars=bars(over_time),
            ends=(over_time[0][0], over_time[-1][0]),
            enough=ENOUGH,
        )

    def _offered(self, actor: Actor) -> list[Whose]:
        """Whose figures the actor may look at, the widest that they may choose last."""
        if may(actor, RATING_REPORT, whose=Whose.ALL):
            return [Whose.ALL]
        return [Whose.MINE, Whose.TEAMS] if ratings.has_team(self.session, actor) else [Whose.MINE]

    def _whose_tabs(self, offered: list[Whose], whose: Whose) -> list[dict[str, Any]]:
        if len(offered) == 1:
            return []
        labels = {Whose.MINE: _("My closings"), Whose.TEAMS: _("My teams")}
        return [
            {
                "label": labels[one],
                "url": url_for("rating.index_view", **{**_kept(), "whose": one.value}),
                "active": one is whose,
            }
            for one in offered
        ]

    def _span_tabs(self, values: Values, whose: Whose, span: str) -> list[dict[str, Any]]:
        is_typed = values.has("from") or values.has("to")
        kept = {"whose": whose.value} if values.has("whose") else {}
        shown = None if is_typed else span
        return span_tabs("rating.index_view", _SPANS, shown, **kept)


def _kept() -> dict[str, str]:
    """What of the address stays while one looks at others' figures."""
    values = arguments()
    found = {name: values.text(name) for name in ("days", "from", "to")}
    return {name: text for name, text in found.items() if text}


def _period(values: Values, now: datetime, days: int) -> Period:
    """The days that the address names, else the last so many of the reader's."""
    zone = reader_zone()
    today = now.astimezone(zone).date()
    ends = values.day_ends("to") or datetime.combine(today + timedelta(days=1), time(), zone)
    begins = values.day_begins("from")
    if begins is None:
        begins = datetime.combine(ends.date() - timedelta(days=days), time(), zone)
    if begins >= ends:
        # The days were typed the other way round.
        begins, ends = (
            datetime.combine(ends.date() - timedelta(days=1), time(), zone),
            datetime.combine(begins.date() + timedelta(days=1), time(), zone),
        )
    length = (ends.date() - begins.date()).days
    unit = "week" if length <= _MOST_BY_WEEK else "month" if length <= _MOST_BY_MONTH else "year"
    return Period(begins, ends, unit, zone)


def _last_day(period: Period) -> date:
    return period.ends.astimezone(period.zone).date() - timedelta(days=1)


def _over_time(report: Report, period: Period, now: datetime) -> list[tuple[str, Figures]]:
    """Every step of the period in words, also those in which nothing was closed."""
    day, last = period.begins.date(), _last_day(period)
    if period.unit == "week":
        day -= timedelta(days=day.weekday())
    else:
        day = day.replace(day=1, month=day.month if period.unit == "month" else 1)
    found = []
    while day <= last:
        found.append((_step_name(day, period.unit, now), report.by_time.get(day, Figures())))
        day = _following(day, period.unit)
    return found


def _following(day: date, unit: str) -> date:
    if unit == "week":
        return day + timedelta(days=7)
    if unit == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day.replace(year=day.year + 1)


def _step_name(day: date, unit: str, now: datetime) -> str:
    if unit == "year":
        return str(day.year)
    locale = get_locale()
    if unit == "month":
        return str(format_skeleton("yMMM", day, locale=locale or "en"))
    is_english = locale is None or locale.language == "en"
    if is_english:
        words = format_date(day, "d MMM" if day.year == now.year else "d MMM y")
    else:
        words = format_skeleton("MMMd" if day.year == now.year else "yMMMd", day, locale=locale)
    return _("from %(day)s", day=words)


def _groups(report: Report, over_time: list[tuple[str, Figures]]) -> list[dict[str, Any]]:
    """The tables: a heading, what its first column is, and its lines."""
    found = []
    if report.by_agent:
        lines = [
            (name or _("nobody, or somebody who is gone"), agent_id, figures)
            for agent_id, name, figures in report.by_agent
        ]
        found.append({"title": _("By agent"), "first": _("Agent"), "lines": lines})
    found.append(
        {
            "title": _("By priority"),
            "first": _("Priority"),
            "lines": [
                (badge_of(priority).label, None, report.by_priority[priority])
                for priority in sorted(Priority, key=lambda one: one.rank, reverse=True)
                if priority in report.by_priority
            ],
        }
    )
    labels = {False: _("every promise kept"), True: _("a time limit was broken")}
    found.append(
        {
            "title": _("By promises"),
            "first": _("Time limits"),
            "lines": [
                (label, None, report.by_breach[is_breached])
                for is_breached, label in labels.items()
                if is_breached in report.by_breach
            ],
        }
    )
    # The picture leaves a place where nothing was closed; a line would say nothing.
    lines = [(label, None, figures) for label, figures in over_time if figures != Figures()]
    found.append({"title": _("Over time"), "first": _("Closed"), "lines": lines})
    return found
