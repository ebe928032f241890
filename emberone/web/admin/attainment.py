"""How promises were kept: the page below the policies."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from flask_admin import expose

from emberone.db import now_of
from emberone.domain.enums import Metric
from emberone.queries.attainment import Attainment, attainment
from emberone.web.admin import sla_words as words
from emberone.web.admin.base import PanelView
from emberone.web.admin.limits import length_text
from emberone.web.admin.params import arguments
from emberone.web.admin.periods import span_tabs

#: How many days back one looks by a link, and without one.
_SPANS: Final = ("7", "30", "90", "365")
_DEFAULT_SPAN: Final = "30"


class AttainmentPages(PanelView):
    """The page about promises that were kept or broken."""

    @expose("/kept/")
    def kept(self) -> str:
        """Show the verdicts of the last days, by metric and priority."""
        span = arguments().one_of("days", _SPANS) or _DEFAULT_SPAN
        now = now_of(self.session)
        # A verdict may carry this very moment.
        until = now + timedelta(microseconds=1)
        rows = attainment(self.session, now - timedelta(days=int(span)), until)
        return self.render(
            "panel/sla_kept.html",
            tabs=span_tabs("sla.kept", _SPANS, span),
            metrics=_by_metric(rows),
            metric_name=words.metric_name,
            length_text=lambda seconds: length_text(timedelta(seconds=seconds)),
        )


def _by_metric(rows: Iterable[Attainment]) -> list[tuple[Metric, list[Attainment]]]:
    found: dict[Metric, list[Attainment]] = {}
    for row in rows:
        found.setdefault(row.metric, []).append(row)
    return list(found.items())
