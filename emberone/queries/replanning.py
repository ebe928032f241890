"""How far a changed policy or calendar has come: open clocks done of those to do (SLA rule 15)."""

from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

#: Every version of a policy or calendar that is the newest no longer, one id in each row, and
#: since when.
STALE: Final = (
    "SELECT old.id AS policy_version_id, NULL::uuid AS calendar_version, newer.created_at AS since"
    " FROM sla_policy_versions AS old JOIN LATERAL (SELECT created_at FROM sla_policy_versions"
    "  WHERE policy_id = old.policy_id AND version > old.version"
    "  ORDER BY version LIMIT 1) AS newer ON true"
    " UNION ALL"
    " SELECT NULL, old.id, newer.created_at"
    " FROM calendar_versions AS old JOIN LATERAL (SELECT created_at FROM calendar_versions"
    "  WHERE calendar_id = old.calendar_id AND version > old.version"
    "  ORDER BY version LIMIT 1) AS newer ON true"
)

#: Open clocks under one old version, in the order of their index: the planner believes that
#: most clocks are under it, since most are under the newest, and would read them all.
WAITING_FOR_POLICY: Final = (
    "SELECT ticket_id FROM sla_clocks WHERE policy_version_id = {}"
    " AND met_at IS NULL AND stopped_at IS NULL ORDER BY ticket_id"
)
WAITING_FOR_CALENDAR: Final = (
    "SELECT ticket_id FROM sla_clocks WHERE calendar_version = {}"
    " AND met_at IS NULL AND stopped_at IS NULL ORDER BY ticket_id"
)

#: Since when the oldest has been waiting.
OLDEST_DUE: Final = (
    f"SELECT min(since) FROM ({STALE}) AS stale WHERE"  # noqa: S608 - our own constants
    f" ({WAITING_FOR_POLICY.format('stale.policy_version_id')} LIMIT 1) IS NOT NULL"
    f" OR ({WAITING_FOR_CALENDAR.format('stale.calendar_version')} LIMIT 1) IS NOT NULL"
)

#: Each half counts in its index, old version by old version.
_PROGRESS: Final = text(
    "SELECT 'policy' AS kind, policy.id, policy.name, newest.version,"  # noqa: S608
    " newest.to_replan AS total, (SELECT coalesce(sum(waiting.n), 0)::int"
    "  FROM sla_policy_versions AS old CROSS JOIN LATERAL (SELECT count(*) AS n"
    f"   FROM ({WAITING_FOR_POLICY.format('old.id')}) AS clock) AS waiting"
    "  WHERE old.policy_id = policy.id AND old.version < newest.version) AS waiting"
    " FROM sla_policies AS policy JOIN LATERAL (SELECT * FROM sla_policy_versions"
    "  WHERE policy_id = policy.id ORDER BY version DESC LIMIT 1) AS newest ON true"
    " UNION ALL"
    " SELECT 'calendar', calendar.id, calendar.name, newest.version,"
    " newest.to_replan, (SELECT coalesce(sum(waiting.n), 0)::int"
    "  FROM calendar_versions AS old CROSS JOIN LATERAL (SELECT count(*) AS n"
    f"   FROM ({WAITING_FOR_CALENDAR.format('old.id')}) AS clock) AS waiting"
    "  WHERE old.calendar_id = calendar.id AND old.version < newest.version)"
    " FROM calendars AS calendar JOIN LATERAL (SELECT * FROM calendar_versions"
    "  WHERE calendar_id = calendar.id ORDER BY version DESC LIMIT 1) AS newest ON true"
    " ORDER BY kind, name"
)


class Replanning(NamedTuple):
    """A policy or a calendar whose newest version not every open clock follows yet."""

    #: `policy` or `calendar`.
    kind: str
    id: UUID
    name: str
    version: int
    #: Open clocks.
    total: int
    waiting: int

    @property
    def done(self) -> int:
        """How many follow it, or have ended meanwhile."""
        return self.total - self.waiting


def replanning(session: Session) -> list[Replanning]:
    """What is being planned again just now; empty when every open clock follows the newest."""
    rows = session.execute(_PROGRESS)
    # One that began while the version was being written was not counted with the others.
    found = [
        Replanning(
            row.kind, row.id, row.name, row.version, max(row.total, row.waiting), row.waiting
        )
        for row in rows
    ]
    return [one for one in found if one.waiting]


def progress_of(session: Session, kind: str, its_id: UUID) -> Replanning | None:
    """How far that policy or calendar has come; None where every open clock follows it."""
    found = (one for one in replanning(session) if (one.kind, one.id) == (kind, its_id))
    return next(found, None)
