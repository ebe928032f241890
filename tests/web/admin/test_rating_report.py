"""The report of ratings: whose, of when, in which groups, and what is hidden."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Priority
from emberone.domain.errors import NotAllowed
from emberone.domain.ratings import Figures, Whose, wilson
from emberone.models import TeamMember
from emberone.queries import ratings
from emberone.queries.ratings import Period
from tests.planning import planned
from tests.web.admin.conftest import rows

pytestmark = pytest.mark.rule("feedback 11")

ADDRESS = "/admin/rating/"


@pytest.fixture
def rate(make, owner):
    """Closings of an agent, each with its stars (None: not answered), so many days ago."""

    def closed(agent, stars, *, days=3, priority="MEDIUM", is_breached=False, is_sent=True):
        at = datetime.now(UTC) - timedelta(days=days)
        for rating in stars:
            ticket = make.ticket(now=at, priority=Priority(priority), status="CLOSED")
            state = "SENT" if rating is None else "ANSWERED"
            if is_breached:
                _breach(owner, ticket, at - timedelta(hours=1))
            owner.execute(
                "INSERT INTO feedback_requests (ticket_id, cycle, profile_id, agent_id_at_close,"
                " state, send_after, expires_at, token_hash, sent_at, rating, answer_no, created_at,"
                " priority_at_close, was_breached)"
                " SELECT id, 1, customer_id, %s, %s, %s, %s, id::text, %s, %s, %s, %s,"
                " priority, EXISTS (SELECT FROM sla_clocks WHERE ticket_id = tickets.id"
                " AND breached_at IS NOT NULL)"
                " FROM tickets WHERE id = %s",
                (
                    agent and agent.profile_id, state, at, at, at if is_sent else None,
                    rating, int(rating is not None), at, ticket,
                ),
            )  # fmt: skip

    return closed


def _breach(owner, ticket, at):
    owner.execute(
        "INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, target_s, started_at,"
        " consumed_s, breached_at, detected_at, met_at)"
        " SELECT %s, 'RESOLUTION', (SELECT id FROM sla_policy_versions LIMIT 1), 60, %s, 90,"
        " %s, %s, %s",
        (ticket, at, at, at, at + timedelta(minutes=30)),
    )


@pytest.fixture
def figures(make):
    """What the query finds for somebody, of the last thirty days."""

    def found(actor, whose=Whose.ALL, days=30):
        now = datetime.now(UTC)
        period = Period(
            now - timedelta(days=days), now + timedelta(days=1), "week", ZoneInfo("UTC")
        )
        with reading(actor) as session:
            return ratings.report(session, actor, whose, period)

    return found


def lines(page, title):
    """The lines of one table: its first cell and the others, without the markup."""
    table = re.search(
        rf"<caption class=\"visually-hidden\">{title}</caption>(.*?)</table>", page, re.DOTALL
    )
    assert table, title
    found = {}
    for line in re.findall(r"<tr>(.*?)</tr>", table[1].split("<tbody>")[1], re.DOTALL):
        cells = [
            " ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split())
            for cell in re.findall(r"<td[^>]*>(.*?)</td>", line, re.DOTALL)
        ]
        found[cells[0]] = cells[1:]
    return found


def page(browser, query=""):
    answer = browser.get(f"{ADDRESS}{query}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_answered_by_sent_and_what_came_without_a_letter(admin, agent, rate, figures):
    rate(agent, [5, 4, 3, 1, None, None])
    rate(agent, [2], is_sent=False)
    assert figures(admin).whole == Figures(sent=6, answered=4, stars=(1, 1, 1, 1, 1))


def test_what_was_skipped_or_still_waits_is_not_asked(admin, agent, rate, figures, owner):
    rate(agent, [None, None])
    owner.execute(
        "UPDATE feedback_requests SET state = 'SKIPPED', sent_at = NULL, token_hash = NULL"
    )
    assert figures(admin).whole == Figures()


def test_it_is_the_agents_who_had_it_when_it_was_closed(admin, agent, make, rate, figures, owner):
    ben = make.agent("Ben")
    rate(agent, [5] * 5)
    owner.execute("UPDATE tickets SET assigned_agent_id = %s", (ben.profile_id,))
    [(agent_id, name, found)] = figures(admin).by_agent
    assert (agent_id, name, found.count) == (agent.profile_id, "Ana Agent", 5)


def test_groups_by_priority_and_by_promise(admin, agent, rate, figures):
    rate(agent, [5, 5], priority="HIGH")
    rate(agent, [1], priority="LOW", is_breached=True)
    found = figures(admin)
    assert {group: f.count for group, f in found.by_priority.items()} == {
        Priority.HIGH: 2,
        Priority.LOW: 1,
    }
    assert {group: f.count for group, f in found.by_breach.items()} == {False: 2, True: 1}


def test_a_promise_that_was_broken_after_the_closing_does_not_count(
    admin, agent, rate, figures, owner
):
    rate(agent, [5])
    _breach(owner, rows("SELECT id FROM tickets")[0].id, datetime.now(UTC))
    assert list(figures(admin).by_breach) == [False]


def test_only_the_period_counts(admin, agent, rate, figures):
    rate(agent, [5], days=3)
    rate(agent, [1], days=40)
    assert figures(admin).whole.stars == (0, 0, 0, 0, 1)
    assert figures(admin, days=50).whole.count == 2


def test_an_agent_sees_their_own_and_their_teams_figures_and_no_name(make, agent, rate, figures):
    team = make.team()
    ben, cleo = make.agent("Ben", team=team), make.agent("Cleo")
    with transaction(SYSTEM) as session:
        session.add(TeamMember(team_id=team, profile_id=agent.profile_id))
    rate(agent, [5, 5])
    rate(ben, [1])
    rate(cleo, [3, 3, 3])
    assert figures(agent, Whose.MINE).whole.stars == (0, 0, 0, 0, 2)
    assert figures(agent, Whose.TEAMS).whole.stars == (1, 0, 0, 0, 2)
    assert figures(agent, Whose.TEAMS).by_agent == []
    with pytest.raises(NotAllowed):
        figures(agent, Whose.ALL)


def test_the_page_tells_of_all_groups_in_words_and_numbers(as_admin, agent, rate):
    rate(agent, [5, 5, 5, 4, 2], priority="HIGH")
    html = page(as_admin)
    low, high = wilson(4, 5)
    told = [f"80% ({low:.0%} to {high:.0%})", "4.2", "5", "5", "100%"]
    assert lines(html, "By agent") == {"Ana Agent": told}
    assert lines(html, "By priority") == {"High": told}
    assert lines(html, "By promises") == {"every promise kept": told}
    assert told in lines(html, "Over time").values()
    assert html.count("ratings-picture__bar") == 1
    assert " style=" not in html.split("<main")[1]


def test_groups_with_fewer_than_five_ratings_are_hidden_and_it_says_so(as_admin, agent, make, rate):
    rate(agent, [5] * 5)
    rate(make.agent("Ben"), [1] * 4)
    html = page(as_admin)
    assert lines(html, "By agent")["Ben"] == ["hidden: fewer than 5 ratings"]
    assert "Groups with fewer than 5 ratings are hidden" in html


def test_a_whole_with_fewer_than_five_shows_nothing(as_admin, agent, rate):
    rate(agent, [1] * 4)
    html = page(as_admin)
    assert "Not enough ratings" in html
    assert "Ana Agent" not in html.split("<main")[1]
    assert "ratings-picture__plot" not in html


def test_a_period_is_typed_either_way_round(as_admin, agent, rate):
    rate(agent, [5] * 5, days=40)
    day = datetime.now(UTC).date()
    first, last = day - timedelta(days=50), day - timedelta(days=30)
    for query in (f"?from={first}&to={last}", f"?from={last}&to={first}"):
        html = page(as_admin, query)
        assert f'name="from" type="date" value="{first}"' in html
        assert "Ana Agent" in html
    assert "Not enough ratings" in page(as_admin, "?days=30")


@pytest.mark.parametrize(
    ("query", "place", "steps"),
    [
        # The week from 5 January is the second of five, January the last of thirteen months,
        # 2026 the last of seven years.
        ("?from=2026-01-01&to=2026-01-31", 1, 5),
        ("?from=2025-01-15&to=2026-01-14", 12, 13),
        ("?from=2020-02-01&to=2026-02-01", 6, 7),
    ],
)
def test_steps_in_which_nothing_was_closed_have_their_place(
    as_admin, agent, rate, query, place, steps
):
    rate(agent, [5] * 5, days=(datetime.now(UTC) - datetime(2026, 1, 10, tzinfo=UTC)).days)
    html = page(as_admin, query)
    [middle] = re.findall(r'__range" x1="([0-9.]+)"', html)
    assert float(middle) == pytest.approx(1000 * (place + 0.5) / steps, abs=0.1)
    assert len(lines(html, "Over time")) == 1


@pytest.mark.parametrize(
    "query", ["?from=x", "?to=2026-13-01", "?days=7", "?whose=yours", "?from=1899-01-01"]
)
def test_what_is_no_period_is_not_understood(as_admin, query):
    assert as_admin.get(f"{ADDRESS}{query}").status_code == 400


def test_who_may_open_it(as_agent, as_customer, browser, agent, make):
    assert as_customer.get(ADDRESS).status_code == 403
    assert browser.get(ADDRESS).status_code == 302
    html = page(as_agent)
    assert "My teams" not in html
    assert as_agent.get(f"{ADDRESS}?whose=all").status_code == 403
    team = make.team()
    with transaction(SYSTEM) as session:
        session.add(TeamMember(team_id=team, profile_id=agent.profile_id))
    assert "My teams" in page(as_agent)
    assert 'href="/admin/rating/"' in as_agent.get("/admin/ticket/").text


def test_the_page_asks_as_often_for_one_agent_as_for_twenty(as_admin, make, rate, queries):
    rate(make.agent(), [5] * 5)
    page(as_admin)
    queries()
    page(as_admin)
    few = len(queries())
    for _ in range(19):
        rate(make.agent(), [4] * 5)
    queries()
    page(as_admin, "?days=365")
    assert len(queries()) == few


def test_a_period_is_found_by_its_index(admin):
    now = datetime.now(UTC)
    period = Period(now - timedelta(days=30), now, "week", ZoneInfo("UTC"))
    with reading(admin) as session:
        # A table that is nearly empty is read faster as a whole.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        with planned(session) as plans:
            ratings.report(session, admin, Whose.ALL, period)
        [plan] = plans()
    assert "ix_feedback_requests_asked" in plan
