"""The demo's past, played by the services that people and workers use, each thing at its own time.

Between two acts everything happens that would have happened: the machine assigns,
clocks warn and breach, customers are asked. What lies in the last minute before
the first start is played last, when the present's promises hold already.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, text

from emberone.db import now_of, reading
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.attachments import Upload
from emberone.domain.enums import Priority
from emberone.domain.errors import EmberOneError
from emberone.domain.lifecycle import Event
from emberone.jobs import Job
from emberone.models import Ticket
from emberone.services import assignment, comments, feedback, sla, snoozing, tickets, waits
from emberone.services.demo.script import SORTING, Act, ScriptError, Story, Turn, contents
from emberone.services.demo.stage import Stage
from emberone.services.sweeps import OLDEST_DUE
from emberone.services.tickets import TicketChanges

#: What is younger belongs to the present.
PRESENT: Final = timedelta(minutes=1)
_A_SWEEP_LATER: Final = timedelta(seconds=2)

_SWEEPS: Final[dict[Job, Callable[[datetime], int]]] = {
    Job.SLA: lambda now: sla.sweep_sla(now=now),
    Job.WAITS: lambda now: waits.sweep_waits(now=now),
    Job.FEEDBACK: lambda now: feedback.sweep_feedback(now=now),
}
_NEXT_DUE: Final = {job: text(OLDEST_DUE[job]) for job in _SWEEPS}

_REPLIES: Final = {
    Act.REPLY: Event.STAFF_REPLY,
    Act.REPLY_AND_WAIT: Event.STAFF_REPLY_AND_WAIT,
    Act.REPLY_AND_CLOSE: Event.STAFF_REPLY_AND_CLOSE,
}


@dataclass(frozen=True, slots=True)
class _Moment:
    """One thing that happens, and when."""

    ago: timedelta
    happen: Callable[[datetime], None]


@dataclass(slots=True)
class Replay:
    """The stories as they unfold; `past()` first, then `present()`."""

    stage: Stage
    stories: tuple[Story, ...]
    #: By the story's place in `stories`; a late comment may have moved it to a new ticket.
    _tickets: dict[int, UUID] = field(default_factory=dict)

    def past(self) -> None:
        """Play everything that lies more than a minute before the first start."""
        moments = [moment for moment in self._moments() if moment.ago >= PRESENT]
        moments.sort(key=lambda moment: -moment.ago)
        for moment in moments:
            at = self.stage.now - moment.ago
            _let_work_happen(until=at)
            moment.happen(at)
        _let_work_happen(until=self.stage.now)
        assignment.sweep_assignments(now=self.stage.now)

    def present(self) -> None:
        """Play the last minute, as near to this very moment as the script says."""
        with reading(SYSTEM) as session:
            now = now_of(session)
        for moment in sorted(self._moments(), key=lambda moment: -moment.ago):
            if moment.ago < PRESENT:
                moment.happen(now - moment.ago)

    def _moments(self) -> list[_Moment]:
        found = []
        for place, story in enumerate(self.stories):
            found.append(_Moment(story.ago, self._opening(place, story)))
            found += [_Moment(turn.ago, self._turn(place, story, turn)) for turn in story.turns]
            if story.team is not None:
                found.append(_Moment(story.ago - SORTING, self._sorting(place, story)))
        return found

    def _opening(self, place: int, story: Story) -> Callable[[datetime], None]:
        def happen(at: datetime) -> None:
            customer = self.stage.customers[story.customer]
            assert customer.profile_id is not None
            self._tickets[place] = tickets.open_ticket(
                self.stage.staff[story.taken_by] if story.taken_by else customer,
                customer.profile_id,
                story.title,
                story.text,
                priority=story.priority,
                files=_uploads(story.files),
                now=at,
            )

        return _checked(story.place, happen)

    def _sorting(self, place: int, story: Story) -> Callable[[datetime], None]:
        def happen(at: datetime) -> None:
            assert story.team is not None
            ticket_id, admin = self._tickets[place], self.stage.admin
            changes = TicketChanges(team_id=self.stage.teams[story.team], tags=story.tags)
            tickets.change_ticket(admin, ticket_id, changes, version=None, now=at)
            if story.agent:
                agent_id = self.stage.staff[story.agent].profile_id
                tickets.assign_ticket(admin, ticket_id, agent_id, now=at)
            assignment.sweep_assignments(now=at)

        return _checked(story.place, happen)

    def _turn(self, place: int, story: Story, turn: Turn) -> Callable[[datetime], None]:
        def happen(at: datetime) -> None:
            ticket_id = self._tickets[place]
            customer = self.stage.customers[story.customer]
            if turn.act is Act.CUSTOMER:
                self._tickets[place] = comments.comment_as_customer(
                    customer, ticket_id, turn.value, files=_uploads(turn.files), now=at
                )
            elif turn.act is Act.RATE:
                tickets.rate_ticket(customer, ticket_id, turn.value, turn.words, now=at)
            elif turn.act in {Act.CLOSE, Act.REOPEN} and turn.by is None:
                _close_or_reopen(customer, ticket_id, turn, at)
            else:
                self._act(self._staff(ticket_id, turn), ticket_id, turn, at)

        return _checked(f"{story.place}, {turn.act} at {turn.ago} before the start", happen)

    def _act(self, actor: Actor, ticket_id: UUID, turn: Turn, at: datetime) -> None:
        """What a member of staff does."""
        if turn.act in _REPLIES:
            files = _uploads(turn.files)
            comments.reply(actor, ticket_id, turn.value, _REPLIES[turn.act], files=files, now=at)
        elif turn.act is Act.NOTE:
            comments.add_note(actor, ticket_id, turn.value, files=_uploads(turn.files), now=at)
        elif turn.act in {Act.CLOSE, Act.REOPEN}:
            _close_or_reopen(actor, ticket_id, turn, at)
        elif turn.act is Act.SNOOZE:
            snoozing.snooze_ticket(actor, ticket_id, at + turn.value, now=at)
        elif turn.act is Act.ASSIGN:
            agent_id = self.stage.staff[turn.value].profile_id
            tickets.assign_ticket(actor, ticket_id, agent_id, now=at)
        else:
            changes = self._changes(turn)
            tickets.change_ticket(actor, ticket_id, changes, version=None, now=at)

    def _changes(self, turn: Turn) -> TicketChanges:
        if turn.act is Act.TEAM:
            return TicketChanges(team_id=self.stage.teams[turn.value])
        if turn.act is Act.TAGS:
            return TicketChanges(tags=turn.value)
        priority: Priority = turn.value
        return TicketChanges(priority=priority)

    def _staff(self, ticket_id: UUID, turn: Turn) -> Actor:
        """Who does it: the one the script names, else the ticket's agent."""
        if turn.by is not None:
            return self.stage.staff[turn.by]
        with reading(SYSTEM) as session:
            agent_id = session.scalar(
                select(Ticket.assigned_agent_id).where(Ticket.id == ticket_id)
            )
        for actor in self.stage.staff.values():
            if actor.profile_id == agent_id:
                return actor
        raise ScriptError("Nobody has the ticket: say who with 'by'.")


def _close_or_reopen(actor: Actor, ticket_id: UUID, turn: Turn, at: datetime) -> None:
    act = tickets.close_ticket if turn.act is Act.CLOSE else tickets.reopen_ticket
    act(actor, ticket_id, now=at)


def _uploads(names: tuple[str, ...]) -> list[Upload]:
    return [Upload(name, contents(name)) for name in names]


def _let_work_happen(*, until: datetime) -> None:
    """Run the sweeps of clocks, quiet tickets and feedback at every time when something fell due."""
    while True:
        with reading(SYSTEM) as session:
            due = {job: session.scalar(statement) for job, statement in _NEXT_DUE.items()}
        moment, job = min(
            ((moment, job) for job, moment in due.items() if moment), default=(None, None)
        )
        if moment is None or job is None or moment > until:
            return
        # A breach is later than due: at the very instant there is none (SLA rule 16).
        if not _SWEEPS[job](moment + _A_SWEEP_LATER):
            raise ScriptError(f"What was due for {job} at {moment} would not happen.")


def _checked(place: str, happen: Callable[[datetime], None]) -> Callable[[datetime], None]:
    """The same, with the place in the script where a rule of the product refuses it."""

    def run(at: datetime) -> None:
        try:
            happen(at)
        except (EmberOneError, ScriptError) as refusal:
            raise ScriptError(f"{place}: {refusal}") from refusal

    return run
