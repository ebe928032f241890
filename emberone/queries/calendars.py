"""Business calendars: as clocks are measured with them, and as people look at them."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from datetime import date, datetime
from threading import Lock
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, exists, func, or_, select, text
from sqlalchemy.orm import Session

from emberone.domain.calendar import BusinessCalendar
from emberone.domain.sla import ALWAYS_OPEN
from emberone.domain.sla import Calendar as Measure
from emberone.domain.working_days import WEEKDAYS, WorkingDays
from emberone.models import Calendar, CalendarVersion, Profile, SLAClock, SLATarget

#: So many calendars each process keeps; three years of one are about 260 kB.
KEPT: Final = 128

#: Versions never change and their ids never come again, so what was built stays true.
_kept: Final[OrderedDict[UUID, BusinessCalendar]] = OrderedDict()
_lock: Final = Lock()


def calendar_of(session: Session, version: UUID | None) -> Measure:
    """The calendar of that version; None is 24×7."""
    if version is None:
        return ALWAYS_OPEN
    # Asked for each clock of a batch, so without the lock where it is kept.
    return _kept.get(version) or calendars_of(session, (version,))[version]


def calendars_of(session: Session, versions: Collection[UUID | None]) -> dict[UUID | None, Measure]:
    """The calendars of these versions, and 24×7 for None; at most one query."""
    found: dict[UUID | None, Measure] = {None: ALWAYS_OPEN}
    wanted = {version for version in versions if version is not None}
    with _lock:
        for version in wanted & _kept.keys():
            _kept.move_to_end(version)
            found[version] = _kept[version]
    missing = wanted - found.keys()
    if missing:
        found.update(_build(session, missing))
    return found


def _build(session: Session, versions: Collection[UUID]) -> Mapping[UUID | None, Measure]:
    rows = session.execute(
        select(CalendarVersion.id, CalendarVersion.zone, CalendarVersion.definition).where(
            CalendarVersion.id.in_(versions)
        )
    )
    built = {row.id: BusinessCalendar.read(row.zone, row.definition) for row in rows}
    if len(built) < len(versions):
        raise LookupError(f"There is no calendar {min(set(versions) - built.keys())}.")
    with _lock:
        _kept.update(built)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return {**built}


_NEWEST: Final = text(
    "SELECT DISTINCT ON (calendar_id) calendar_id, id FROM calendar_versions"
    " WHERE calendar_id = ANY (:ids) ORDER BY calendar_id, version DESC"
)


def newest_calendars(session: Session, ids: Collection[UUID]) -> dict[UUID, Measure]:
    """Each of these calendars in its newest version."""
    rows = session.execute(_NEWEST, {"ids": list(ids)}).all()
    measures = calendars_of(session, {row.id for row in rows})
    return {row.calendar_id: measures[row.id] for row in rows}


class Measuring(NamedTuple):
    """What a clock is measured with, as people call it."""

    name: str
    version: int
    zone: str


def names_of(session: Session, versions: Collection[UUID]) -> dict[UUID, Measuring]:
    """How these versions of calendars are called."""
    rows = session.execute(
        select(CalendarVersion.id, Calendar.name, CalendarVersion.version, CalendarVersion.zone)
        .join(Calendar, Calendar.id == CalendarVersion.calendar_id)
        .where(CalendarVersion.id.in_(versions))
    )
    return {row.id: Measuring(*row[1:]) for row in rows}


class CalendarRow(NamedTuple):
    """A calendar as it stands."""

    id: UUID
    name: str
    version: int
    version_id: UUID
    zone: str
    definition: dict[str, Any]
    #: When this version was made, and by whom; None: the product, or somebody who is gone.
    changed_at: datetime
    author_name: str | None
    #: The policies whose newest version measures a target with it, by name.
    policy_names: list[str]
    #: Since when it is put aside, and by whom; None: it is not.
    archived_at: datetime | None
    archived_by_name: str | None


class VersionRow(NamedTuple):
    """One version of a calendar or a policy, among the others."""

    id: UUID
    version: int
    created_at: datetime
    author_name: str | None


class Hours(NamedTuple):
    """Which hours a version of a calendar counts."""

    version: int
    zone: str
    definition: dict[str, Any]


#: The newest version of each calendar, with the policies that have it in their newest one.
_ROWS: Final = text(
    "SELECT calendars.id, calendars.name, version.version, version.id AS version_id,"
    " version.zone, version.definition, version.created_at, author.full_name,"
    " ARRAY (SELECT DISTINCT policy.name FROM sla_policies AS policy"
    "  JOIN LATERAL (SELECT id FROM sla_policy_versions WHERE policy_id = policy.id"
    "   ORDER BY version DESC LIMIT 1) AS newest ON true"
    "  JOIN sla_targets AS target ON target.policy_version_id = newest.id"
    "  WHERE target.calendar_id = calendars.id ORDER BY policy.name),"
    " calendars.archived_at, archiver.full_name"
    " FROM calendars JOIN LATERAL (SELECT * FROM calendar_versions"
    "  WHERE calendar_id = calendars.id ORDER BY version DESC LIMIT 1) AS version ON true"
    " LEFT JOIN profiles AS author ON author.id = version.author_id"
    " LEFT JOIN profiles AS archiver ON archiver.id = calendars.archived_by"
    " WHERE calendars.id = coalesce(:calendar_id, calendars.id)"
    " ORDER BY calendars.archived_at IS NOT NULL, lower(calendars.name)"
)


def list_calendars(session: Session) -> list[CalendarRow]:
    """Every calendar as it stands, by name; those that were put aside last."""
    return _rows(session)


def find_calendar(session: Session, calendar_id: UUID) -> CalendarRow | None:
    """One calendar as it stands."""
    return next(iter(_rows(session, calendar_id)), None)


def versions_of(session: Session, calendar_id: UUID) -> list[VersionRow]:
    """Every version of a calendar, the newest first."""
    rows = session.execute(
        select(
            CalendarVersion.id,
            CalendarVersion.version,
            CalendarVersion.created_at,
            Profile.full_name,
        )
        .outerjoin(Profile, Profile.id == CalendarVersion.author_id)
        .where(CalendarVersion.calendar_id == calendar_id)
        .order_by(CalendarVersion.version.desc())
    )
    return [VersionRow(*row) for row in rows]


#: The calendar that measures most targets of a team's policy, or of the default one.
_MOST_USED: Final = text(
    "SELECT version.id FROM sla_policies AS policy"
    " JOIN LATERAL (SELECT id FROM sla_policy_versions WHERE policy_id = policy.id"
    "  ORDER BY version DESC LIMIT 1) AS newest ON true"
    " JOIN sla_targets AS target ON target.policy_version_id = newest.id"
    " JOIN LATERAL (SELECT id FROM calendar_versions WHERE calendar_id = target.calendar_id"
    "  ORDER BY version DESC LIMIT 1) AS version ON true"
    " LEFT JOIN teams ON teams.id = :team_id"
    " WHERE CASE WHEN teams.sla_policy_id IS NULL THEN policy.is_default"
    "  ELSE policy.id = teams.sla_policy_id END"
    " GROUP BY version.id ORDER BY count(*) DESC, version.id LIMIT 1"
)


def working_days(session: Session, team_id: UUID | None) -> WorkingDays:
    """The days on which a team works: those that its policy's calendar opens on.

    Monday to Friday where the policy counts around the clock, or nothing is promised, and
    after the last day of a calendar that will not open any more.
    """
    version = session.scalar(_MOST_USED, {"team_id": team_id})
    calendar = calendar_of(session, version)
    if not isinstance(calendar, BusinessCalendar):
        return WEEKDAYS
    hours, last = calendar.hours, calendar.last_opening

    def is_working(day: date) -> bool:
        is_past_all = last is not None and day > last
        return WEEKDAYS.is_working(day) if is_past_all else bool(hours.of(day))

    return WorkingDays(calendar.zone, is_working)


class RunningOut(NamedTuple):
    """A calendar that somebody counts by, and that soon opens no more."""

    id: UUID
    name: str
    #: May lie behind already.
    last_opening: date


def running_out(session: Session, now: datetime) -> list[RunningOut]:
    """The calendars that policies or agents count by and that near their last date, by name."""
    used = set(session.scalars(_USED))
    rows = [row for row in _rows(session) if row.id in used]
    measures = calendars_of(session, {row.version_id for row in rows})
    found = []
    for row in rows:
        calendar = measures[row.version_id]
        last = calendar.runs_out(now) if isinstance(calendar, BusinessCalendar) else None
        if last is not None:
            found.append(RunningOut(row.id, row.name, last))
    return found


def calendar_choices(session: Session) -> list[tuple[UUID, str]]:
    """Id and name of every calendar that one can choose, by name."""
    offered = select(Calendar.id, Calendar.name).where(Calendar.archived_at.is_(None))
    rows = session.execute(offered.order_by(func.lower(Calendar.name)))
    return [(row.id, row.name) for row in rows]


def calendar_names(session: Session) -> dict[UUID, str]:
    """Id → name of every calendar, also of those that were put aside."""
    rows = session.execute(select(Calendar.id, Calendar.name))
    return {row.id: row.name for row in rows}


def was_used(calendar_id: UUID) -> Select[tuple[bool]]:
    """Whether a version of a policy, or a clock, has ever counted by this calendar."""
    of_it = CalendarVersion.calendar_id == calendar_id
    clocks = exists().where(SLAClock.calendar_version == CalendarVersion.id, of_it)
    targets = exists().where(SLATarget.calendar_id == calendar_id)
    return select(or_(targets, clocks))


def _rows(session: Session, calendar_id: UUID | None = None) -> list[CalendarRow]:
    return [CalendarRow(*row) for row in session.execute(_ROWS, {"calendar_id": calendar_id})]


#: What policies in their newest version, and agents, count by.
_USED: Final = text(
    "SELECT calendar_id FROM agents WHERE calendar_id IS NOT NULL"
    " UNION SELECT target.calendar_id FROM sla_policies AS policy"
    " JOIN LATERAL (SELECT id FROM sla_policy_versions WHERE policy_id = policy.id"
    "  ORDER BY version DESC LIMIT 1) AS newest ON true"
    " JOIN sla_targets AS target ON target.policy_version_id = newest.id"
    " WHERE target.calendar_id IS NOT NULL"
)


class User(NamedTuple):
    """A policy or an agent that counts time by a calendar."""

    #: `policy` or `agent`.
    kind: str
    id: UUID
    name: str


_USERS: Final = text(
    "SELECT 'policy' AS kind, policy.id, policy.name FROM sla_policies AS policy"
    " JOIN LATERAL (SELECT id FROM sla_policy_versions WHERE policy_id = policy.id"
    "  ORDER BY version DESC LIMIT 1) AS newest ON true"
    " WHERE EXISTS (SELECT FROM sla_targets WHERE policy_version_id = newest.id"
    "  AND calendar_id = :calendar_id)"
    " UNION ALL"
    " SELECT 'agent', profiles.id, full_name FROM agents"
    " JOIN profiles ON profiles.id = agents.profile_id WHERE calendar_id = :calendar_id"
    " ORDER BY kind DESC, name"
)


def users_of(session: Session, calendar_id: UUID) -> list[User]:
    """Who counts by this calendar now: policies, then agents, by name."""
    return [User(*row) for row in session.execute(_USERS, {"calendar_id": calendar_id})]


def definitions_of(session: Session, version_ids: Collection[UUID]) -> dict[UUID, Hours]:
    """Which hours each of these versions counts."""
    rows = session.execute(
        select(
            CalendarVersion.id,
            CalendarVersion.version,
            CalendarVersion.zone,
            CalendarVersion.definition,
        ).where(CalendarVersion.id.in_(version_ids))
    )
    return {row[0]: Hours(*row[1:]) for row in rows}
