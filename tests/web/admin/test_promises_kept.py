"""The page of promises that were kept or broken: which verdicts count, and of when."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from emberone.db import reading
from emberone.queries.attainment import attainment
from tests.planning import planned

ADDRESS = "/admin/sla/kept/"


def rows(text):
    """The cells of every line of every table, as they read."""
    lines = re.findall(r"<tr>(.*?)</tr>", text.split("<tbody>", 1)[-1], re.DOTALL)
    cells = [re.findall(r"<td.*?>(.*?)</td>", line, re.DOTALL) for line in lines]
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in line] for line in cells if line]


@pytest.fixture
def verdict(make, owner):
    """A clock that ended so many days ago."""

    def ended(*, days=1, metric="RESOLUTION", priority="HIGH", is_met=True, is_late=False):
        at = datetime.now(UTC) - timedelta(days=days)
        ticket = make.ticket(priority=priority)
        owner.execute(
            "INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, target_s, started_at,"
            " consumed_s, met_at, stopped_at, breached_at) VALUES (%s, %s,"
            " (SELECT id FROM sla_policy_versions LIMIT 1), 3600, %s, 5400, %s, %s, %s)",
            (
                ticket, metric, at, at if is_met else None, None if is_met else at,
                at if is_late else None,
            ),
        )  # fmt: skip

    return ended


def test_met_and_missed_are_counted_by_metric_and_priority(as_agent, verdict):
    for _ in range(3):
        verdict()
    verdict(is_late=True)
    verdict(priority="LOW", is_late=True)
    verdict(metric="FIRST_RESPONSE", priority="LOW")
    text = as_agent.get(ADDRESS).text
    first, resolution = text.split("Resolution</h2>")
    assert rows(first)[-1][:5] == ["Low", "100%", "1", "0", "0"]
    assert [row[:5] for row in rows(resolution)] == [
        ["High", "75%", "3", "1", "0"],
        ["Low", "0%", "0", "1", "0"],
    ]
    assert rows(resolution)[0][5] == "2 hr"


def test_what_was_stopped_before_its_verdict_promises_nothing(as_agent, verdict):
    verdict(is_met=False)
    verdict(is_met=False, is_late=True)
    assert [row[1:4] for row in rows(as_agent.get(ADDRESS).text)] == [["0%", "0", "1"]]


def test_a_verdict_counts_on_its_own_day(as_agent, verdict):
    verdict(days=40)
    assert "Nothing was decided yet" in as_agent.get(ADDRESS).text
    assert len(rows(as_agent.get(f"{ADDRESS}?days=90").text)) == 1
    assert as_agent.get(f"{ADDRESS}?days=91").status_code == 400


def test_what_may_still_be_kept_is_counted_when_it_began(as_agent, make, owner):
    ticket = make.ticket(priority="HIGH")
    owner.execute(
        "INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, target_s, started_at,"
        " running_since, due_at) SELECT %s, 'RESOLUTION', id, 3600, now() - interval '9 days',"
        " now(), now() + interval '1 day' FROM sla_policy_versions LIMIT 1",
        (ticket,),
    )
    assert rows(as_agent.get(f"{ADDRESS}?days=30").text) == [["High", "–", "0", "0", "1", "–"]]
    assert rows(as_agent.get(f"{ADDRESS}?days=7").text) == []


def test_a_period_is_found_by_the_index_of_verdicts_alone(agent):
    with reading(agent) as session:
        # A table that is nearly empty is read faster as a whole.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        with planned(session) as plans:
            now = datetime.now(UTC)
            attainment(session, now - timedelta(days=90), now)
        [plan] = plans()
    assert "Index Only Scan using ix_sla_clocks_verdict" in plan
    assert "Seq Scan" not in plan


def test_customers_have_no_business_there(as_customer):
    assert as_customer.get(ADDRESS).status_code == 403
