"""The report of customers' ratings: figures of a period, as a whole and in groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.domain.enums import Priority
from emberone.domain.ratings import Figures, Whose
from emberone.policy import RATING_REPORT, require

#: The people whose closings are looked at; an index finds those of one agent or team.
_CREDITED: Final[Mapping[Whose, str]] = {
    Whose.ALL: "",
    Whose.MINE: " AND request.agent_id_at_close = :me",
    Whose.TEAMS: (
        " AND request.agent_id_at_close IN (SELECT colleague.profile_id FROM team_members AS mine"
        " JOIN team_members AS colleague USING (team_id) WHERE mine.profile_id = :me)"
    ),
}

#: How many of them are so.
_SUM: Final = "coalesce(sum(n) FILTER (WHERE {}), 0)::int"

#: One pass over the period, in an index that has all of it, and all groups over what is left: a
#: row for each agent, priority, step and number of stars. A request belongs to its closing
#: (rule 10): its time, its agent, its priority, and whether any promise was broken by then.
#: What a skipped request's customer said in the portal counts as a rating and was not sent.
_FIGURES: Final = (
    "WITH asked AS MATERIALIZED ("  # noqa: S608 - made of our own constants
    "SELECT request.agent_id_at_close AS agent_id, request.priority_at_close AS priority,"
    " request.was_breached AS is_breached,"
    " CAST(date_trunc(:unit, request.created_at AT TIME ZONE :zone) AS date) AS since,"
    " request.sent_at IS NOT NULL AS is_sent, request.rating, count(*) AS n"
    " FROM feedback_requests AS request"
    " WHERE request.created_at >= :begins AND request.created_at < :ends"
    " AND (request.sent_at IS NOT NULL OR request.rating IS NOT NULL){credited}"
    " GROUP BY 1, 2, 3, 4, 5, 6"
    "), grouped AS ("
    "SELECT grouping(agent_id, priority, is_breached, since) AS what,"
    " agent_id, priority, is_breached, since,"
    f" {_SUM.format('is_sent')} AS sent, {_SUM.format('is_sent AND rating > 0')} AS answered,"
    f" {_SUM.format('rating = 1')} AS one, {_SUM.format('rating = 2')} AS two,"
    f" {_SUM.format('rating = 3')} AS three, {_SUM.format('rating = 4')} AS four,"
    f" {_SUM.format('rating = 5')} AS five"
    " FROM asked"
    " GROUP BY GROUPING SETS ((), (agent_id), (priority), (is_breached), (since))"
    ") SELECT grouped.*, profiles.full_name FROM grouped"
    " LEFT JOIN profiles ON profiles.id = grouped.agent_id"
    " ORDER BY lower(profiles.full_name), grouped.agent_id, since"
)

#: What `grouping` says of each set: a bit for every column that it leaves out.
_WHOLE, _BY_AGENT, _BY_PRIORITY, _BY_BREACH, _BY_TIME = 0b1111, 0b0111, 0b1011, 0b1101, 0b1110


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when tickets were closed, and in which steps; days are those of the zone."""

    begins: datetime
    #: The first instant that is none of it any more.
    ends: datetime
    #: `week`, `month` or `year`.
    unit: str
    zone: ZoneInfo


@dataclass(slots=True)
class Report:
    """What customers said of a period."""

    whole: Figures = field(default_factory=Figures)
    #: By name; the second is None for what nobody had, or for somebody who is gone.
    by_agent: list[tuple[UUID | None, str | None, Figures]] = field(default_factory=list)
    by_priority: dict[Priority, Figures] = field(default_factory=dict)
    #: Whether a promise was broken → figures.
    by_breach: dict[bool, Figures] = field(default_factory=dict)
    #: The first day of each step in which anything was closed → figures.
    by_time: dict[date, Figures] = field(default_factory=dict)


def report(session: Session, actor: Actor, whose: Whose, period: Period) -> Report:
    """The figures of a period in one statement; by agent only where one looks at everybody.

    Raises NotAllowed where these are not the actor's to see.
    """
    require(actor, RATING_REPORT, whose=whose)
    values: dict[str, Any] = {
        "begins": period.begins,
        "ends": period.ends,
        "unit": period.unit,
        "zone": str(period.zone),
    }
    if whose is not Whose.ALL:
        values["me"] = actor.profile_id
    found = Report()
    for row in session.execute(text(_FIGURES.format(credited=_CREDITED[whose])), values):
        stars = (row.one, row.two, row.three, row.four, row.five)
        figures = Figures(row.sent, row.answered, stars)
        if row.what == _WHOLE:
            found.whole = figures
        elif row.what == _BY_AGENT and whose is Whose.ALL:
            found.by_agent.append((row.agent_id, row.full_name, figures))
        elif row.what == _BY_PRIORITY:
            found.by_priority[Priority(row.priority)] = figures
        elif row.what == _BY_BREACH:
            found.by_breach[row.is_breached] = figures
        elif row.what == _BY_TIME:
            found.by_time[row.since] = figures
    return found


def has_team(session: Session, actor: Actor) -> bool:
    """Whether the actor is a member of any team."""
    return bool(
        session.scalar(
            text("SELECT EXISTS (SELECT FROM team_members WHERE profile_id = :me)"),
            {"me": actor.profile_id},
        )
    )
