"""How promises were kept: the verdicts of clocks, by metric and priority."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.domain.enums import Metric, Priority

#: A verdict counts where its moment lies: when the event came, or the due time that passed
#: without it; what waits for one counts where it began. What was stopped before either
#: promised nothing any more. An index has all of the first, another finds the second.
_VERDICTS: Final = text(
    "SELECT metric, target_priority,"
    " count(*) FILTER (WHERE breached_at IS NULL AND met_at IS NOT NULL) AS met,"
    " count(*) FILTER (WHERE breached_at IS NOT NULL) AS breached,"
    " count(*) FILTER (WHERE coalesce(breached_at, met_at) IS NULL) AS undecided,"
    " percentile_cont(0.5) WITHIN GROUP (ORDER BY consumed_s)"
    " FILTER (WHERE met_at IS NOT NULL) AS median_s"
    " FROM (SELECT metric, target_priority, breached_at, met_at, consumed_s FROM sla_clocks"
    "  WHERE coalesce(breached_at, met_at) >= :since AND coalesce(breached_at, met_at) < :until"
    "  UNION ALL SELECT metric, target_priority, breached_at, met_at, consumed_s FROM sla_clocks"
    "  WHERE met_at IS NULL AND stopped_at IS NULL AND breached_at IS NULL"
    "  AND started_at >= :since AND started_at < :until) AS clock"
    " GROUP BY metric, target_priority"
)


@dataclass(frozen=True, slots=True)
class Attainment:
    """The clocks of one metric at one priority."""

    metric: Metric
    priority: Priority
    met: int
    breached: int
    #: Still running or paused, and not late.
    undecided: int
    #: Business seconds until the event, of those that had it; None where none had.
    median_s: float | None

    @property
    def share(self) -> float | None:
        """Met ÷ (met + breached); None before the first verdict."""
        decided = self.met + self.breached
        return self.met / decided if decided else None


def attainment(session: Session, since: datetime, until: datetime) -> list[Attainment]:
    """What came of the promises whose verdicts lie in [since, until): metric, then urgency."""
    rows = session.execute(_VERDICTS, {"since": since, "until": until})
    found = [Attainment(Metric(row[0]), Priority(row[1]), *row[2:]) for row in rows]
    order = list(Metric)
    return sorted(found, key=lambda row: (order.index(row.metric), -row.priority.rank))
