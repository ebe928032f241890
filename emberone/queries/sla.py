"""SLA as people look at it: a ticket's clocks and their story, the next due, what is dead."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from emberone.domain import sla
from emberone.domain.enums import Metric, Priority
from emberone.domain.sla import Calendar, Standing, Timing
from emberone.domain.sla_story import Calendars, Change, ClockEvent, Story, replay, tell
from emberone.models import HistoryEntry, SLAClock, SLAStep, Ticket
from emberone.queries.calendars import calendars_of

#: The order in which people think of them.
METRICS: Final = (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE, Metric.RESOLUTION)


@dataclass(frozen=True, slots=True)
class ClockView:
    """One clock as a ticket's page shows it, at one moment."""

    id: UUID
    metric: Metric
    cycle: int
    standing: Standing
    #: Business seconds, as the next two.
    target_s: int
    consumed_s: float
    #: Negative once the due time has passed.
    remaining_s: float
    started_at: datetime
    #: None while paused, and where the calendar does not open for so long.
    due_at: datetime | None
    #: Met or stopped; None while open.
    over_at: datetime | None
    breached_at: datetime | None
    stopped_reason: str | None
    cause: str | None

    @property
    def is_open(self) -> bool:
        """Whether the event that the clock waits for may still come, breached or not."""
        return self.over_at is None


@dataclass(frozen=True, slots=True)
class NextDue:
    """What falls due next on a ticket, or did and is still open."""

    metric: Metric
    due_at: datetime
    is_breached: bool
    is_soon: bool


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a clock: when, what, and what became of it."""

    step_no: int
    percent: float | None
    offset_s: int | None
    actions: tuple[str, ...]
    fire_at: datetime | None
    fired_at: datetime | None
    skipped_reason: str | None
    dead_at: datetime | None


def clocks_of(session: Session, ticket_id: UUID, now: datetime) -> list[ClockView]:
    """Every clock of a ticket: by metric, the newest cycle first."""
    clocks = session.scalars(
        select(SLAClock).where(SLAClock.ticket_id == ticket_id).order_by(SLAClock.cycle.desc())
    ).all()
    calendars = calendars_of(session, {clock.calendar_version for clock in clocks})
    views = (_view(clock, now, calendars[clock.calendar_version]) for clock in clocks)
    return sorted(views, key=lambda v: METRICS.index(v.metric))


def steps_by_clock(session: Session, ticket_id: UUID) -> dict[tuple[Metric, int], list[StepView]]:
    """The steps of each clock of a ticket, by metric and cycle, in the order of their plan."""
    rows = session.execute(
        select(SLAStep, SLAClock.metric, SLAClock.cycle)
        .join(SLAClock, SLAClock.id == SLAStep.clock_id)
        .where(SLAClock.ticket_id == ticket_id)
        .order_by(SLAStep.clock_id, SLAStep.step_no)
    )
    found: dict[tuple[Metric, int], list[StepView]] = {}
    for step, metric, cycle in rows:
        view = StepView(
            step_no=step.step_no,
            percent=None if step.percent is None else float(step.percent),
            offset_s=step.offset_s,
            actions=tuple(step.actions),
            fire_at=step.fire_at,
            fired_at=step.fired_at,
            skipped_reason=step.skipped_reason,
            dead_at=step.dead_at,
        )
        found.setdefault((metric, cycle), []).append(view)
    return found


def find_ticket(session: Session, number_or_id: int | UUID) -> Ticket | None:
    """The ticket of this number or id."""
    column = Ticket.number if isinstance(number_or_id, int) else Ticket.id
    return session.scalars(select(Ticket).where(column == number_or_id)).one_or_none()


def policy_chosen(session: Session, ticket_id: UUID) -> str | None:
    """The name of the policy that was chosen last for a ticket, from history (SLA rule 0)."""
    details = session.scalar(
        select(HistoryEntry.details)
        .where(HistoryEntry.ticket_id == ticket_id, HistoryEntry.action == "sla_policy_chosen")
        .order_by(HistoryEntry.created_at.desc(), HistoryEntry.id.desc())
        .limit(1)
    )
    name: str | None = ((details or {}).get("additionalContext") or {}).get("policy")
    return name


#: The nearest due time of each ticket's open clocks.
_NEXT_DUE: Final = text(
    "SELECT DISTINCT ON (ticket_id) ticket_id, metric, due_at, target_s,"
    " breached_at IS NOT NULL OR due_at < :now AS is_breached"
    " FROM sla_clocks WHERE ticket_id = ANY (:ticket_ids) AND running_since IS NOT NULL"
    " AND due_at < :never ORDER BY ticket_id, due_at"
)


def next_due(session: Session, ticket_ids: Collection[UUID], now: datetime) -> dict[UUID, NextDue]:
    """The nearest due time of each of these tickets that has one, in one query."""
    rows = session.execute(
        _NEXT_DUE, {"ticket_ids": list(ticket_ids), "now": now, "never": sla.NEVER}
    )
    return {
        row.ticket_id: NextDue(
            Metric(row.metric),
            row.due_at,
            row.is_breached,
            sla.is_due_soon(row.due_at, row.target_s, now),
        )
        for row in rows
    }


def stories(session: Session, ticket_id: UUID, now: datetime) -> list[Story]:
    """The story of each clock of a ticket, reckoned from history alone (SLA rule 25)."""
    entries = _entries(session, ticket_id, "sla_policy_chosen", "sla_changed")
    events = [event for entry in entries for event in _events(entry.details)]
    calendars = calendars_of(session, {event.calendar for event in events})
    return sorted(tell(events, now, calendars), key=lambda story: METRICS.index(story.metric))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a clock stood when its ticket was closed."""

    timing: Timing
    #: Whose target it had; None: not to be told from history.
    priority: Priority | None
    calendar_version: UUID | None
    #: None: not to be told from history.
    policy_version_id: UUID | None
    due_set_by: UUID | None


def moved_by_reopening(session: Session, ticket_id: UUID) -> dict[UUID, Ended | None]:
    """Each clock that its ticket's last change of status let go on: how it stood before that.

    None where it began then. From history alone, as its story is told.
    """
    entries = _entries(session, ticket_id, "sla_policy_chosen", "sla_changed", "status_changed")
    reopened_at = max(e.created_at for e in entries if e.action == "status_changed")
    moments: dict[UUID, list[_Moment]] = {}
    policy = None
    # What a clock stood under when it was reopened, and stands under again once that is taken back.
    before: dict[UUID, str | None] = {}
    restored: dict[UUID, str | None] = {}
    for entry in entries:
        for clock_id, event in _named_events(entry.details):
            moment = _Moment(
                event, entry.created_at, restored.get(clock_id, policy), entry.actor_id
            )
            moments.setdefault(clock_id, []).append(moment)
            if event.change is Change.REOPENED:
                before[clock_id] = moment.policy
                restored.pop(clock_id, None)
            elif event.change is Change.TAKEN_BACK:
                restored[clock_id] = before.get(clock_id)
        policy = (entry.details.get("additionalContext") or {}).get("policyVersionId", policy)
    found: dict[UUID, Ended | None] = {}
    calendars = calendars_of(session, {m.event.calendar for ms in moments.values() for m in ms})
    for clock_id, of_clock in moments.items():
        again = [n for n, m in enumerate(of_clock) if m.is_since(reopened_at, Change.REOPENED)]
        if again:
            found[clock_id] = _ended(of_clock[: again[-1]], of_clock[again[-1]].policy, calendars)
        elif of_clock[0].is_since(reopened_at, Change.STARTED) and not any(
            m.event.change is Change.MET for m in of_clock
        ):
            found[clock_id] = None
    return found


@dataclass(frozen=True, slots=True)
class _Moment:
    """A change of a clock, with what its entry of history knows besides."""

    event: ClockEvent
    noted_at: datetime
    #: The version of the policy that was chosen before.
    policy: str | None
    actor_id: UUID | None

    def is_since(self, moment: datetime, change: Change) -> bool:
        return self.event.change is change and self.noted_at >= moment


def _ended(before: list[_Moment], policy: str | None, calendars: Calendars) -> Ended:
    events = [moment.event for moment in before]
    by_hand = [m.actor_id for m in before if m.event.change is Change.PROMISED]
    return Ended(
        timing=replay(events, calendars)[-1],
        priority=events[-1].priority,
        calendar_version=events[-1].calendar,
        policy_version_id=None if policy is None else UUID(policy),
        due_set_by=by_hand[-1] if by_hand else None,
    )


def _entries(session: Session, ticket_id: UUID, *actions: str) -> Sequence[HistoryEntry]:
    return session.scalars(
        select(HistoryEntry)
        .where(HistoryEntry.ticket_id == ticket_id, HistoryEntry.action.in_(actions))
        .order_by(HistoryEntry.created_at, HistoryEntry.id)
    ).all()


def _named_events(details: dict[str, Any]) -> Iterable[tuple[UUID, ClockEvent]]:
    """The changes that an entry tells of, each with the id of its clock."""
    clocks = (details.get("additionalContext") or {}).get("clocks", ())
    return zip((UUID(clock["clock"]) for clock in clocks), _events(details), strict=True)


def _events(details: dict[str, Any]) -> list[ClockEvent]:
    context = details.get("additionalContext") or {}
    return [
        ClockEvent(
            metric=Metric(clock["metric"]),
            cycle=clock["cycle"],
            change=Change(clock["change"]),
            at=datetime.fromisoformat(context["at"]),
            target_s=clock["targetS"],
            calendar=UUID(clock["calendarVersion"]) if "calendarVersion" in clock else None,
            reason=clock.get("reason"),
            due_at=datetime.fromisoformat(clock["dueAt"]) if "dueAt" in clock else None,
            priority=Priority(clock["priority"]) if "priority" in clock else None,
        )
        for clock in context.get("clocks", ())
    ]


def _view(clock: SLAClock, now: datetime, calendar: Calendar) -> ClockView:
    timing = sla.settle(clock.timing, now)
    return ClockView(
        id=clock.id,
        metric=clock.metric,
        cycle=clock.cycle,
        standing=sla.standing(timing, now),
        target_s=clock.target_s,
        consumed_s=sla.consumed(timing, now, calendar),
        remaining_s=sla.remaining(timing, now, calendar),
        started_at=clock.started_at,
        due_at=None if clock.due_at == sla.NEVER else clock.due_at,
        over_at=timing.over_at,
        breached_at=timing.breached_at,
        stopped_reason=clock.stopped_reason,
        cause=clock.cause,
    )
