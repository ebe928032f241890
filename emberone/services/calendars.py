"""Business calendars: making them, and changing which hours count from now on.

A version never changes: clocks were measured with it. What is open when a new one
comes is planned again in the background (SLA rule 15).
"""

import logging
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from emberone.db import now_of, service, transaction
from emberone.domain import texts
from emberone.domain.actor import Actor
from emberone.domain.calendar import make_calendar
from emberone.domain.errors import CalendarExhausted, Conflict, Invalid, NotFound, StaleWrite
from emberone.jobs import Job, nudge
from emberone.models import Calendar, CalendarVersion
from emberone.policy import SLA_MANAGE, require
from emberone.queries.calendars import users_of, was_used

logger = logging.getLogger(__name__)

#: So many of those that count by a calendar a refusal names.
_NAMED: Final = 5

_OPEN_CLOCKS = text(
    "SELECT count(*) FROM sla_clocks JOIN calendar_versions AS version"
    " ON version.id = calendar_version WHERE version.calendar_id = :calendar_id"
    " AND met_at IS NULL AND stopped_at IS NULL"
)

#: The most business seconds that a target by this calendar takes, or one of its steps.
_LONGEST = text(
    "SELECT max(greatest(target.target_s, target.target_s * step.percent / 100,"
    " target.target_s + step.offset_s))::float8"
    " FROM sla_policies AS policy JOIN LATERAL (SELECT id FROM sla_policy_versions"
    "  WHERE policy_id = policy.id ORDER BY version DESC LIMIT 1) AS newest ON true"
    " JOIN sla_targets AS target ON target.policy_version_id = newest.id"
    " LEFT JOIN sla_plan_steps AS step ON step.policy_version_id = newest.id"
    "  AND step.priority = target.priority AND step.metric = target.metric"
    " WHERE target.calendar_id = :calendar_id"
)


@service
def create_calendar(actor: Actor, name: str, zone: str, definition: Any) -> UUID:
    """Make a calendar in its first version; Conflict where one has this name.

    Invalid where it opens at no time within a year (SLA rule 13), or is written wrongly.
    """
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        calendar = Calendar(name=_checked_name(session, name, None))
        session.add(calendar)
        session.flush()
        _write(session, calendar.id, 1, zone, _checked(session, zone, definition))
        return calendar.id


@service
def add_version(
    actor: Actor,
    calendar_id: UUID,
    zone: str,
    definition: Any,
    *,
    version: int,
    name: str | None = None,
) -> int:
    """Let other hours count from now on, and return the number of the version that says so.

    StaleWrite where another version came after the one that the person looked at. The
    same hours once more make no version; a name is not of a version and just changes.
    """
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        calendar = _locked(session, calendar_id)
        newest = _newest(session, calendar_id)
        if calendar.archived_at is not None:
            raise Conflict("This calendar was put aside; take it up again first.")
        if newest.version != version:
            raise StaleWrite(version=newest.version)
        checked = _checked(session, zone, definition, calendar_id)
        if name is not None:
            calendar.name = _checked_name(session, name, calendar_id)
        if (newest.zone, newest.definition) == (zone, checked):
            return version
        _write(session, calendar_id, version + 1, zone, checked)
        nudge(session, Job.REPLAN)
        return version + 1


@service
def put_aside(actor: Actor, calendar_id: UUID) -> None:
    """Offer a calendar no more; what counted by it keeps it.

    Conflict while a policy in its newest version, or an agent, counts by it.
    """
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        calendar = _locked(session, calendar_id)
        _require_unused(session, calendar_id)
        if calendar.archived_at is None:
            calendar.archived_at, calendar.archived_by = now_of(session), actor.profile_id


@service
def take_up(actor: Actor, calendar_id: UUID) -> None:
    """Offer a calendar again that was put aside; nothing happens where it was not."""
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        calendar = _locked(session, calendar_id)
        calendar.archived_at, calendar.archived_by = None, None


@service
def delete_calendar(actor: Actor, calendar_id: UUID) -> None:
    """Delete a calendar that nothing has ever counted by, with its versions.

    Conflict where something has: how that was reckoned must stay to be told.
    """
    with transaction(actor) as session:
        require(actor, SLA_MANAGE)
        calendar = _locked(session, calendar_id)
        _require_unused(session, calendar_id)
        if session.scalar(was_used(calendar_id)):
            raise Conflict("Something has counted by this calendar, so it can only be put aside.")
        session.delete(calendar)
        logger.info("calendar.deleted", extra={"calendar_id": str(calendar_id)})


def _require_unused(session: Session, calendar_id: UUID) -> None:
    names = [user.name for user in users_of(session, calendar_id)]
    if names:
        shown = ", ".join(names[:_NAMED])
        raise Conflict(
            "This calendar is in use: %(names)s. Choose another one there first.",
            names=shown if len(names) <= _NAMED else f"{shown} …",
        )


def _checked(
    session: Session, zone: str, definition: Any, calendar_id: UUID | None = None
) -> dict[str, Any]:
    """The definition in its one written form; Invalid where a policy promises more than is open."""
    now = now_of(session)
    calendar = make_calendar(zone, definition, now)
    longest = session.scalar(_LONGEST, {"calendar_id": calendar_id}) if calendar_id else None
    try:
        calendar.add(now, longest or 0)
    except CalendarExhausted as error:
        raise Invalid(
            "Too little is open for what policies promise by this calendar.", field="definition"
        ) from error
    return calendar.definition


def _checked_name(session: Session, name: str, own_id: UUID | None) -> str:
    name = texts.person_name(name)
    taken = select(Calendar.id).where(func.lower(Calendar.name) == name.lower())
    if session.scalar(taken) not in {None, own_id}:
        raise Conflict("There is a calendar of this name already.", field="name")
    return name


def _locked(session: Session, calendar_id: UUID) -> Calendar:
    calendar = session.get(Calendar, calendar_id, with_for_update=True)
    if calendar is None:
        raise NotFound
    return calendar


def _newest(session: Session, calendar_id: UUID) -> CalendarVersion:
    return session.scalars(
        select(CalendarVersion)
        .where(CalendarVersion.calendar_id == calendar_id)
        .order_by(CalendarVersion.version.desc())
        .limit(1)
    ).one()


def _write(
    session: Session, calendar_id: UUID, number: int, zone: str, definition: dict[str, Any]
) -> None:
    version = CalendarVersion(
        calendar_id=calendar_id,
        version=number,
        zone=zone,
        definition=definition,
        to_replan=session.scalar(_OPEN_CLOCKS, {"calendar_id": calendar_id}) or 0,
    )
    session.add(version)
