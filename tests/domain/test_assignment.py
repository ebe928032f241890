"""Who gets which ticket: the choice alone."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from emberone.domain.assignment import AgentAtWork, Pace, WaitingTicket, choose
from emberone.domain.enums import AssignmentStrategy

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEAM, OTHER_TEAM = UUID(int=901), UUID(int=902)
ALL = list(AssignmentStrategy)


def agent(n: int, capacity: int = 10, load: int = 0, **more) -> AgentAtWork:
    return AgentAtWork(id=UUID(int=n), capacity=capacity, load=load, **more)


def ticket(n: int = 1, **more) -> WaitingTicket:
    return WaitingTicket(id=UUID(int=1000 + n), customer_id=UUID(int=999), **more)


def first(agents, strategy=AssignmentStrategy.LEAST_UTILISED, **asked):
    """Who gets one ticket: the agent's number, or None."""
    chosen = choose([ticket(**asked)], agents, strategy)[0].agent_id
    return chosen and chosen.int


@pytest.mark.rule("assignment 6")
@pytest.mark.parametrize(
    ("strategy", "chosen"),
    [
        # 1 is at 5 of 10, 2 at 4 of 5, 3 at 12 of 20.
        (AssignmentStrategy.LEAST_UTILISED, 1),
        (AssignmentStrategy.LEAST_LOADED, 3),
        (AssignmentStrategy.ROUND_ROBIN, 2),
    ],
)
def test_each_strategy_has_its_own_first(strategy, chosen):
    agents = [
        agent(1, 10, 5, last_assigned_at=NOW - timedelta(hours=1)),
        agent(2, 5, 4, last_assigned_at=NOW - timedelta(hours=2)),
        agent(3, 20, 12, last_assigned_at=NOW),
    ]
    assert first(agents, strategy) == chosen


@pytest.mark.rule("assignment 6")
@pytest.mark.parametrize("strategy", ALL)
def test_ties_go_to_whoever_waits_longest_then_by_id(strategy):
    waiting = [
        agent(1, last_assigned_at=NOW),
        agent(2, last_assigned_at=NOW - timedelta(minutes=1)),
    ]
    assert first(waiting, strategy) == 2
    assert first([*waiting, agent(3)], strategy) == 3
    assert first([agent(5), agent(4)], strategy) == 4


@pytest.mark.rule("assignment 3")
@pytest.mark.parametrize(
    ("candidate", "asked", "why"),
    [
        (agent(1, is_active=False), {}, "inactive"),
        (agent(1, is_available=False), {}, "away"),
        (agent(1, is_absent=True), {}, "absent"),
        (agent(1, is_on_hours=False), {}, "off_hours"),
        (agent(1, is_absent=True, is_available=False), {}, "absent"),
        (agent(1, allowance=0), {}, "paced"),
        (agent(1, capacity=2, load=2), {}, "full"),
        (agent(1, capacity=2, load=3), {}, "full"),
        (agent(1, capacity=0), {}, "full"),
        (agent(1), {"skills": frozenset({"vpn"})}, "skill"),
        (agent(1, skills=frozenset({"vpn"})), {"skills": frozenset({"vpn", "sap"})}, "skill"),
        (agent(1), {"handed_off_by": UUID(int=1)}, "handed_off"),
    ],
)
def test_whoever_cannot_take_it_is_left_out_and_counted(candidate, asked, why):
    decision = choose([ticket(**asked)], [candidate], AssignmentStrategy.LEAST_UTILISED)[0]
    assert decision.agent_id is None
    assert decision.reason == {
        "strategy": "LEAST_UTILISED",
        "candidates": 0,
        "out": {why: 1},
    }


@pytest.mark.rule("assignment 12")
def test_nobody_gets_a_ticket_of_their_own():
    own = WaitingTicket(id=UUID(int=1001), customer_id=UUID(int=1))
    decisions = choose([own], [agent(1), agent(2, 10, 9)], AssignmentStrategy.LEAST_UTILISED)
    assert decisions[0].agent_id == UUID(int=2)
    assert decisions[0].reason["out"] == {"own_ticket": 1}


@pytest.mark.rule("assignment 3")
def test_a_team_chooses_among_its_members():
    agents = [agent(1), agent(2, 10, 9, team_ids=frozenset({TEAM}))]
    assert first(agents, team_id=TEAM) == 2
    assert first(agents) == 1
    # A team without members is served by everyone.
    assert first(agents, team_id=OTHER_TEAM) == 1


def test_a_team_whose_members_are_all_away_waits_for_them():
    agents = [agent(1), agent(2, is_available=False, team_ids=frozenset({TEAM}))]
    decision = choose([ticket(team_id=TEAM)], agents, AssignmentStrategy.LEAST_UTILISED)[0]
    assert decision.agent_id is None
    assert decision.reason["out"] == {"away": 1, "team": 1}


@pytest.mark.rule("assignment 7")
def test_the_previous_agent_has_it_again_unless_they_cannot():
    agents = [agent(1, 10, 9), agent(2)]
    assert first(agents, previous_agent_id=UUID(int=1)) == 1
    assert first([agent(1, 10, 10), agent(2)], previous_agent_id=UUID(int=1)) == 2
    assert first(agents, previous_agent_id=UUID(int=1), handed_off_by=UUID(int=1)) == 2
    reason = choose(
        [ticket(previous_agent_id=UUID(int=1))], agents, AssignmentStrategy.LEAST_UTILISED
    )[0].reason
    assert reason["previousAgent"] is True


@pytest.mark.rule("assignment 11")
def test_the_reason_counts_the_candidates_and_why_the_others_were_out():
    agents = [agent(1), agent(2), agent(3, is_available=False), agent(4, 1, 1), agent(5, 0)]
    reason = choose([ticket()], agents, AssignmentStrategy.ROUND_ROBIN)[0].reason
    assert reason == {
        "strategy": "ROUND_ROBIN",
        "candidates": 2,
        "out": {"away": 1, "full": 2},
    }


def test_each_decision_is_of_its_ticket_in_the_order_given():
    tickets = [ticket(3), ticket(1), ticket(2)]
    for agents in ([], [agent(1)]):
        decisions = choose(tickets, agents, AssignmentStrategy.LEAST_UTILISED)
        assert [decision.ticket_id for decision in decisions] == [asked.id for asked in tickets]


@pytest.mark.rule("assignment 12")
def test_a_barred_agent_is_asked_again_for_the_next_ticket():
    tickets = [ticket(1, handed_off_by=UUID(int=1)), ticket(2)]
    decisions = choose(tickets, [agent(1), agent(2)], AssignmentStrategy.LEAST_UTILISED)
    assert [decision.agent_id for decision in decisions] == [UUID(int=2), UUID(int=1)]


@pytest.mark.rule("assignment 4")
def test_a_heavy_ticket_fills_an_agent_sooner_and_still_fits_where_any_does():
    agents = [agent(1, 4), agent(2, 4)]
    tickets = [ticket(n, weight=3) for n in range(5)]
    decisions = choose(tickets, agents, AssignmentStrategy.LEAST_UTILISED)
    # At 3 of 4 there is room still: a critical ticket is not passed by by lesser ones.
    assert [d.agent_id and d.agent_id.int for d in decisions] == [1, 2, 1, 2, None]
    assert decisions[-1].reason["out"] == {"full": 2}


@pytest.mark.rule("assignment 6")
def test_nobody_is_given_more_at_a_time_than_the_pace_allows():
    agents = [agent(1, 50, allowance=2), agent(2, 50, 40)]
    decisions = choose([ticket(n) for n in range(4)], agents, AssignmentStrategy.LEAST_UTILISED)
    assert [d.agent_id.int for d in decisions] == [1, 1, 2, 2]
    assert decisions[-1].reason["out"] == {"paced": 1}


@pytest.mark.rule("assignment 6")
@pytest.mark.parametrize(
    ("minutes_ago", "more", "resumes_in"),
    [
        ([], 3, None),
        ([70, 60], 3, None),  # An hour ago exactly is out of the window.
        ([50, 10], 1, None),
        ([50, 20, 10], 0, 10),
        ([90, 50, 20, 10, 5], 0, 40),  # The window was wider, or the number higher, before.
    ],
)
def test_a_pace_counts_back_from_now(minutes_ago, more, resumes_in):
    pace = Pace(3, timedelta(hours=1))
    turns = [NOW - timedelta(minutes=n) for n in minutes_ago]
    assert pace.allowance(turns, NOW) == more
    resumes = None if resumes_in is None else NOW + timedelta(minutes=resumes_in)
    assert pace.resumes_at(turns, NOW) == resumes
    assert pace.kept(turns) == turns[-3:]


def test_without_a_pace_nothing_is_counted_or_kept():
    pace = Pace(0, timedelta(hours=1))
    assert pace.allowance([NOW], NOW) is None
    assert pace.resumes_at([NOW], NOW) is None
    assert pace.kept([NOW]) == []


@pytest.mark.rule("assignment 14")
@pytest.mark.parametrize("strategy", ALL)
@pytest.mark.parametrize("seed", range(5))
def test_equal_agents_get_equal_shares(strategy, seed):
    agents = [agent(n, 50) for n in range(1, 8)]
    random.Random(seed).shuffle(agents)
    decisions = choose([ticket(n) for n in range(200)], agents, strategy)
    shares = [sum(d.agent_id == a.id for d in decisions) for a in agents]
    assert max(shares) - min(shares) <= 1
    assert sum(shares) == 200


@pytest.mark.rule("assignment 14")
@pytest.mark.parametrize("strategy", ALL)
@pytest.mark.parametrize("seed", range(20))
def test_it_decides_like_the_plain_rules_one_ticket_at_a_time(strategy, seed):
    """The lanes and heaps against a reference that looks at everybody every time."""
    dice = random.Random(seed)
    skills = ["vpn", "sap", "print"]
    agents = [
        agent(
            n,
            dice.randint(0, 6),
            dice.randint(0, 4),
            is_active=dice.random() > 0.1,
            is_available=dice.random() > 0.2,
            is_absent=dice.random() < 0.1,
            is_on_hours=dice.random() > 0.1,
            allowance=dice.choice([None, None, 0, 1, 3]),
            skills=frozenset(dice.sample(skills, dice.randint(0, 3))),
            team_ids=frozenset(dice.sample([TEAM, OTHER_TEAM], dice.randint(0, 2))),
            last_assigned_at=dice.choice([None, NOW - timedelta(seconds=dice.randint(0, 5))]),
        )
        for n in range(1, 15)
    ]
    tickets = [
        WaitingTicket(
            id=UUID(int=1000 + n),
            customer_id=UUID(int=dice.choice([999, dice.randint(1, 14)])),
            team_id=dice.choice([None, TEAM, OTHER_TEAM]),
            skills=frozenset(dice.sample(skills, dice.choice([0, 0, 1, 2]))),
            weight=dice.choice([1, 1, 2, 3]),
            handed_off_by=dice.choice([None, UUID(int=dice.randint(1, 14))]),
            previous_agent_id=dice.choice([None, None, UUID(int=dice.randint(1, 14))]),
        )
        for n in range(60)
    ]
    decisions = choose(tickets, agents, strategy)
    assert [d.agent_id for d in decisions] == list(reference(tickets, agents, strategy))


def reference(tickets, agents, strategy):
    load = {a.id: a.load for a in agents}
    given = {a.id: 0 for a in agents}
    turn = {a.id: (0, a.last_assigned_at or datetime.min.replace(tzinfo=UTC)) for a in agents}
    staffed = {team for a in agents for team in a.team_ids}
    for n, asked in enumerate(tickets):
        eligible = [
            a
            for a in agents
            if a.is_active
            and a.is_available
            and not a.is_absent
            and a.is_on_hours
            and (a.allowance is None or given[a.id] < a.allowance)
            and load[a.id] < a.capacity
            and asked.skills <= a.skills
            and (asked.team_id not in staffed or asked.team_id in a.team_ids)
            and a.id not in {asked.customer_id, asked.handed_off_by}
        ]
        if not eligible:
            yield None
            continue

        def rank(a):
            by = {
                AssignmentStrategy.LEAST_UTILISED: load[a.id] / a.capacity,
                AssignmentStrategy.LEAST_LOADED: load[a.id] - a.capacity,
                AssignmentStrategy.ROUND_ROBIN: 0,
            }
            return by[strategy], turn[a.id], a.id

        again = [a for a in eligible if a.id == asked.previous_agent_id]
        chosen = again[0] if again else min(eligible, key=rank)
        load[chosen.id] += asked.weight
        given[chosen.id] += 1
        turn[chosen.id] = (1, NOW + timedelta(seconds=n))
        yield chosen.id
