"""Who gets which ticket: the choice alone, without database or clock.

:func:`choose` takes the waiting tickets in their order and the agents as they
stand, and decides one ticket after the other, each with the loads that the
decisions before it left. Its cost is one heap per distinct demand (team and
skills), so a thousand agents are no slower than ten.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from emberone.domain.enums import AssignmentStrategy

#: Why an agent does not come into question, as history says it; the first that holds counts.
NOT_IN_TEAM: Final = "team"
INACTIVE: Final = "inactive"
ABSENT: Final = "absent"
AWAY: Final = "away"
OFF_HOURS: Final = "off_hours"
SKILL: Final = "skill"
FULL: Final = "full"
#: Had as many as one window allows (rule 6).
PACED: Final = "paced"
OWN_TICKET: Final = "own_ticket"
HANDED_OFF: Final = "handed_off"

_NEVER: Final = datetime.min.replace(tzinfo=UTC)

#: Lower goes first; the agent's id is the last tie-break.
_Rank: TypeAlias = tuple[float, tuple[int, datetime, int], UUID]


@dataclass(frozen=True, slots=True)
class WaitingTicket:
    """A ticket in need of an agent, and what it asks of one."""

    id: UUID
    customer_id: UUID
    team_id: UUID | None = None
    skills: frozenset[str] = frozenset()
    #: How much of a capacity it takes (rule 4); 1 where all tickets count the same.
    weight: int = 1
    #: Who gave it away themselves and does not get it back (rule 12).
    handed_off_by: UUID | None = None
    #: Who had it before it was reopened, and has it again if they can (rule 7).
    previous_agent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AgentAtWork:
    """An agent as they stand."""

    id: UUID
    capacity: int
    load: int
    is_active: bool = True
    is_available: bool = True
    #: Away for a time that was entered beforehand (rule 13).
    is_absent: bool = False
    #: Whether it is their working hours now.
    is_on_hours: bool = True
    #: When those begin, where they have not and it is near enough to wait for.
    begins_at: datetime | None = None
    #: How many more tickets they may be given in this window; None: as many as there is room for.
    allowance: int | None = None
    skills: frozenset[str] = frozenset()
    team_ids: frozenset[UUID] = frozenset()
    last_assigned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How many tickets one agent is given within one window, so that nobody is flooded (rule 6)."""

    #: 0: as many as there is room for.
    tickets: int
    window: timedelta

    def allowance(self, turns: Sequence[datetime], now: datetime) -> int | None:
        """How many more they may be given now, whose latest tickets came then; None: any number."""
        if not self.tickets:
            return None
        return max(0, self.tickets - sum(turn > now - self.window for turn in turns))

    def resumes_at(self, turns: Sequence[datetime], now: datetime) -> datetime | None:
        """When they may be given another one; None: now."""
        if self.allowance(turns, now) != 0:
            return None
        return turns[-self.tickets] + self.window

    def kept(self, turns: Sequence[datetime]) -> Sequence[datetime]:
        """As much of the turns, oldest first, as the next decision needs."""
        return turns[-self.tickets :] if self.tickets else []


@dataclass(frozen=True, slots=True)
class Decision:
    """Who gets a ticket and why; nobody, where no agent is eligible."""

    ticket_id: UUID
    agent_id: UUID | None
    #: What history keeps of it: strategy, number of candidates, why the others were out.
    reason: Mapping[str, Any]
    #: When somebody's working hours begin who could take it then (rule 8); None where it is
    #: assigned, or nobody could even so.
    waits_until: datetime | None = None


def choose(
    tickets: Iterable[WaitingTicket],
    agents: Sequence[AgentAtWork],
    strategy: AssignmentStrategy,
) -> list[Decision]:
    """Decide the tickets in the order given; every decision counts in the loads of the next."""
    roster = _Roster(agents, strategy)
    return [roster.decide(ticket) for ticket in tickets]


@dataclass(slots=True)
class _Lane:
    """Everyone who can take the tickets of one demand, and how many cannot and why."""

    able: set[UUID] = field(default_factory=set)
    #: Whom only the hour keeps from it.
    later: list[AgentAtWork] = field(default_factory=list)
    out: Counter[str] = field(default_factory=Counter)
    #: May hold ranks that are too low by now: loads only grow, so the top is looked at again.
    heap: list[tuple[_Rank, UUID]] = field(default_factory=list)


class _Roster:
    """The agents with their loads as the decisions so far left them."""

    def __init__(self, agents: Sequence[AgentAtWork], strategy: AssignmentStrategy) -> None:
        self._agents = {agent.id: agent for agent in agents}
        self._loads = {agent.id: agent.load for agent in agents}
        self._given = dict.fromkeys(self._agents, 0)
        self._turns = {agent.id: (0, agent.last_assigned_at or _NEVER, 0) for agent in agents}
        self._staffed_teams = frozenset().union(*(agent.team_ids for agent in agents))
        self._strategy = strategy
        self._lanes: dict[tuple[UUID | None, frozenset[str]], _Lane] = {}
        self._decided = 0

    def decide(self, ticket: WaitingTicket) -> Decision:
        """Choose one ticket's agent and count it as theirs."""
        # A team without members has its tickets taken by everyone.
        team_id = ticket.team_id if ticket.team_id in self._staffed_teams else None
        lane = self._lane(team_id, ticket.skills)
        barred = {
            agent_id: why
            for agent_id, why in (
                (ticket.handed_off_by, HANDED_OFF),
                (ticket.customer_id, OWN_TICKET),
            )
            if agent_id is not None and agent_id in lane.able
        }
        reason: dict[str, Any] = {
            "strategy": self._strategy.value,
            "candidates": len(lane.able) - len(barred),
            "out": dict(sorted((lane.out + Counter(barred.values())).items())),
        }
        previous = ticket.previous_agent_id
        if previous is not None and previous in lane.able and previous not in barred:
            reason["previousAgent"] = True
            chosen: UUID | None = previous
        else:
            chosen = self._first(lane, barred)
        if chosen is not None:
            self._take(chosen, ticket.weight)
            return Decision(ticket.id, chosen, reason)
        not_them = {ticket.handed_off_by, ticket.customer_id}
        begins = [a.begins_at for a in lane.later if a.begins_at and a.id not in not_them]
        return Decision(ticket.id, None, reason, min(begins, default=None))

    def _lane(self, team_id: UUID | None, skills: frozenset[str]) -> _Lane:
        lane = self._lanes.get((team_id, skills))
        if lane is None:
            lane = self._lanes[team_id, skills] = _Lane()
            for agent in self._agents.values():
                why = self._why_out(agent, team_id, skills)
                if why is None:
                    lane.able.add(agent.id)
                else:
                    lane.out[why] += 1
                if why == OFF_HOURS and skills <= agent.skills and not self._why_no_more(agent.id):
                    lane.later.append(agent)
            lane.heap = [(self._rank(agent_id), agent_id) for agent_id in lane.able]
            heapq.heapify(lane.heap)
        return lane

    def _why_out(
        self, agent: AgentAtWork, team_id: UUID | None, skills: frozenset[str]
    ) -> str | None:
        """Why this agent cannot take tickets of this demand now; None: they can (rule 3)."""
        checks = (
            (team_id is None or team_id in agent.team_ids, NOT_IN_TEAM),
            (agent.is_active, INACTIVE),
            (not agent.is_absent, ABSENT),
            (agent.is_available, AWAY),
            (agent.is_on_hours, OFF_HOURS),
            (skills <= agent.skills, SKILL),
        )
        return next((why for holds, why in checks if not holds), self._why_no_more(agent.id))

    def _why_no_more(self, agent_id: UUID) -> str | None:
        """Why an agent gets nothing on top of what they have."""
        agent = self._agents[agent_id]
        if self._loads[agent_id] >= agent.capacity:
            return FULL
        if agent.allowance is not None and self._given[agent_id] >= agent.allowance:
            return PACED
        return None

    def _first(self, lane: _Lane, barred: Mapping[UUID, str]) -> UUID | None:
        """Who is first in a lane; the barred are put back afterwards."""
        aside: list[tuple[_Rank, UUID]] = []
        chosen: UUID | None = None
        while lane.heap and chosen is None:
            rank, agent_id = lane.heap[0]
            if agent_id not in lane.able:
                heapq.heappop(lane.heap)
            elif rank != (current := self._rank(agent_id)):
                heapq.heapreplace(lane.heap, (current, agent_id))
            elif agent_id in barred:
                aside.append(heapq.heappop(lane.heap))
            else:
                chosen = agent_id
        for entry in aside:
            heapq.heappush(lane.heap, entry)
        return chosen

    def _rank(self, agent_id: UUID) -> _Rank:
        """How soon it is an agent's turn (rule 6); it only ever grows."""
        load, capacity = self._loads[agent_id], self._agents[agent_id].capacity
        first = {
            AssignmentStrategy.LEAST_UTILISED: load / max(capacity, 1),
            AssignmentStrategy.LEAST_LOADED: float(load - capacity),
            AssignmentStrategy.ROUND_ROBIN: 0.0,
        }[self._strategy]
        return first, self._turns[agent_id], agent_id

    def _take(self, agent_id: UUID, weight: int) -> None:
        self._decided += 1
        self._loads[agent_id] += weight
        self._given[agent_id] += 1
        # Later than everyone whose last ticket came before these decisions.
        self._turns[agent_id] = (1, _NEVER, self._decided)
        why = self._why_no_more(agent_id)
        if why is not None:
            for lane in self._lanes.values():
                if agent_id in lane.able:
                    lane.able.remove(agent_id)
                    lane.out[why] += 1
