"""How promises were kept: the verdicts of clocks, by metric and priority."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.domain.enums import Metric, Priority

#: A verdict counts where its moment lies: when the event came, or the due time that passed
#: without it. What was stopped before either promised nothing any more.
_VERDICTS: Final = text(
    "SELECT clock.metric, coalesce(ticket.sla_priority, ticket.priority) AS priority,"
    " count(*) FILTER (WHERE breached_at IS NULL AND met_at IS NOT NULL) AS met,"
    " count(*) FILTER (WHERE breached_at IS NOT NULL) AS breached,"
    " count(*) FILTER (WHERE breached_at IS NULL AND met_at IS NULL AND stopped_at IS NULL)"
    " AS undecided,"
    " percentile_cont(0.5) WITHIN GROUP (ORDER BY consumed_s)"
    " FILTER (WHERE met_at IS NOT NULL) AS median_s"
    " FROM sla_clocks AS clock JOIN tickets AS ticket ON ticket.id = clock.ticket_id"
    " WHERE coalesce(breached_at, met_at, started_at) >= :since"
    " AND coalesce(breached_at, met_at, started_at) < :until"
    " GROUP BY 1, 2"
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
