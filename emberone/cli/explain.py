"""`emberone explain`: why a ticket's clocks stand as they do."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import click

from emberone.config import Settings
from emberone.core import create_core
from emberone.db import now_of, reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Metric
from emberone.domain.errors import Invalid, NotFound
from emberone.domain.lifecycle import THANKS_DISMISSED
from emberone.domain.sla import CHANGES, NEVER, Timing
from emberone.domain.sla_story import Change, Segment, SegmentKind, Story
from emberone.models import Ticket
from emberone.queries import calendars, sla
from emberone.queries.calendars import Measuring

#: The greatest number that a ticket can have.
_MAX_NUMBER = 2**63 - 1

_WHY = {
    Change.STARTED: "it began",
    Change.PAUSED: "waiting for the customer",
    Change.RESUMED: "no longer waiting for the customer",
    Change.REOPENED: "the ticket was reopened",
    Change.TAKEN_BACK: "as it stood at the closing",
    Change.DISREGARDED: "it counts for nothing",
    Change.MET: "closed",
    Change.STOPPED: "closed",
    Change.RETARGETED: "another target",
    Change.PROMISED: "a time was promised",
    Change.RELEASED: "due by its target again",
}
_REASONS = {
    "import": "imported",
    "priority_change": "the priority was changed",
    "team_change": "the team was changed",
    "policy_change": "the policy was changed",
    "calendar_change": "the calendar was changed",
    "closed": "the ticket was closed",
    "came_closed": "the ticket came in closed",
    THANKS_DISMISSED: "the customer had only said thank you",
    "no_target": "nothing is promised for it any more",
}


@click.command("explain")
@click.argument("ticket")
def command(ticket: str) -> None:
    """Say why a ticket's SLA clocks stand as they do, reckoned from its history.

    TICKET is a number, as 1024 or #1024, or an id. Times are UTC.
    """
    app = create_core(Settings.from_env())
    with app.app_context(), reading(SYSTEM) as session:
        now = now_of(session)
        found = sla.find_ticket(session, parse(ticket))
        if found is None:
            raise NotFound(f"There is no ticket {ticket}.")
        for line in explanation(
            found,
            sla.policy_chosen(session, found.id),
            stories := sla.stories(session, found.id, now),
            sla.steps_by_clock(session, found.id),
            calendars.names_of(session, {s.calendar for s in stories if s.calendar is not None}),
            now,
        ):
            click.echo(line)


def parse(ticket: str) -> int | UUID:
    """The number or the id that someone typed; raises Invalid on anything else."""
    digits = ticket.strip().removeprefix("#")
    if digits.isascii() and digits.isdigit() and len(digits) < 20 and int(digits) <= _MAX_NUMBER:
        return int(digits)
    try:
        return UUID(ticket.strip())
    except ValueError:
        raise Invalid(
            f"TICKET is a number, as 1024 or #1024, or an id, and not {ticket[:60]!r}."
        ) from None


def explanation(
    ticket: Ticket,
    policy: str | None,
    stories: list[Story],
    steps: dict[tuple[Metric, int], list[sla.StepView]],
    measures: dict[UUID, Measuring],
    now: datetime,
) -> Iterator[str]:
    """The whole explanation, line by line."""
    yield f"#{ticket.number} {' '.join(ticket.title.split())}"
    promised = f"under the policy {policy}" if policy else "under no policy"
    yield f"{ticket.status}, {ticket.priority}, {promised}; now it is {_moment(now)}."
    if not stories:
        yield "Nothing is promised on this ticket: no clock has ever run."
    for story in stories:
        yield ""
        yield from _clock(story)
        if story.calendar is not None:
            name, version, zone = measures[story.calendar]
            yield f"  counted by the calendar {name}, version {version}, {zone}"
        for segment in story.segments:
            yield _segment(segment)
        for step in steps.get((story.metric, story.cycle), []):
            yield _step(step)


def _clock(story: Story) -> Iterator[str]:
    timing = story.timing
    yield f"{story.metric} (cycle {story.cycle}): {', '.join(_verdict(timing))}"
    consumed = sum(segment.consumed_s for segment in story.segments)
    line = f"  target {_span(timing.target_s)}, consumed {_span(consumed)}"
    if timing.is_open:
        left = story.remaining_s
        line += f", remaining {_span(left)}" if left >= 0 else f", overdue by {_span(-left)}"
    if timing.due_at == NEVER:
        line += ", never due: its calendar does not open for so long"
    elif timing.due_at is not None:
        line += f", due {_moment(timing.due_at)}"
    elif timing.is_open:
        line += ", no due time while paused"
    yield line


def _verdict(timing: Timing) -> Iterator[str]:
    if timing.breached_at is not None:
        by_change = timing.cause in CHANGES
        why = f" because {_REASONS[timing.cause]}" if by_change and timing.cause else ""
        yield f"breached at {_moment(timing.breached_at)}{why}"
    if timing.met_at is not None:
        yield f"{'done' if timing.breached_at else 'met'} at {_moment(timing.met_at)}"
    elif timing.stopped_at is not None:
        reason = _REASONS.get(timing.stopped_reason or "", timing.stopped_reason)
        yield f"stopped at {_moment(timing.stopped_at)} because {reason}"
    else:
        yield "running" if timing.is_running else "paused"


def _segment(segment: Segment) -> str:
    end = _moment(segment.end) if segment.end else "now"
    used = f" {_span(segment.consumed_s)}" if segment.kind is SegmentKind.RUNNING else ""
    if segment.began_with is None:
        why = "hours began" if segment.kind is SegmentKind.RUNNING else "hours ended"
    else:
        why = _WHY[segment.began_with]
    if segment.reason:
        why += f" ({_REASONS.get(segment.reason, segment.reason)})"
    return f"  {_moment(segment.start)} – {end}  {segment.kind}{used}: {why}"


def _step(step: sla.StepView) -> str:
    when = f"{step.percent:g} %" if step.percent is not None else f"{step.offset_s:+d} s from due"
    return f"  step {step.step_no} at {when}: {_outcome(step)} ({', '.join(step.actions)})"


def _outcome(step: sla.StepView) -> str:
    if step.fired_at is not None:
        return f"fired at {_moment(step.fired_at)}"
    if step.dead_at is not None:
        return f"given up at {_moment(step.dead_at)}"
    if step.skipped_reason is not None:
        return f"passed over, {step.skipped_reason.replace('_', ' ')}"
    return f"fires at {_moment(step.fire_at)}" if step.fire_at else "called off"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _span(seconds: float) -> str:
    """Seconds as people read them: days, hours, minutes and seconds, what is zero left out."""
    whole = round(seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"
