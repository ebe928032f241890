"""Real incidents, lived through again: every pause is counted, and twice gives the same."""

from pathlib import Path

import pytest
from sqlalchemy import text

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Metric, Priority
from emberone.queries.calendars import calendars_of
from emberone.queries.sla import clocks_of, stories
from tests.conftest import recreate_database
from tests.everything import EVERYTHING
from tests.replay.log import Replay, read
from tests.replay.report import report

LOG = Path(__file__).parents[1] / "data" / "servicenow_event_log.csv"
#: All of its 500 incidents take minutes.
INCIDENTS = None if EVERYTHING else 20

CALENDARS = text(
    "SELECT priority, (SELECT id FROM calendar_versions WHERE calendar_id = target.calendar_id)"
    " AS version FROM sla_targets AS target JOIN sla_policy_versions AS version"
    " ON version.id = policy_version_id JOIN sla_policies AS policy ON policy.id = policy_id"
    " WHERE is_default AND metric = 'RESOLUTION'"
)


@pytest.mark.rule("sla 8")
def test_every_pause_of_real_incidents_is_counted_and_twice_gives_the_same(
    postgres, database, make
):
    steps = read(LOG, INCIDENTS)
    first = _live_through(steps, make)
    recreate_database(postgres)
    assert _live_through(steps, make) == first


def _live_through(steps, make):
    replay = Replay(make.agent(capacity=10_000), make.customer())
    replay.run(steps)
    now = steps[-1].event.at
    with reading(SYSTEM) as session:
        versions = {Priority(row.priority): row.version for row in session.execute(CALENDARS)}
        calendars = calendars_of(session, set(versions.values()))
        assert any(life.pauses for life in replay.lives.values())
        for life in replay.lives.values():
            if life.worked_since is not None:
                life.note(now, life.status, life.priority)
            worked = sum(
                calendars[versions[priority]].between(since, until)
                for priority, since, until in life.worked
            )
            assert _resolution(session, life, now).consumed_s == pytest.approx(worked, abs=1e-3)
        return report(session, replay)


def _resolution(session, life, now):
    """The clock of the resolution, which its story tells in the same way."""
    clock = next(
        c for c in clocks_of(session, life.ticket_id, now) if c.metric is Metric.RESOLUTION
    )
    told = [s for s in stories(session, life.ticket_id, now) if s.metric is Metric.RESOLUTION]
    assert max(told, key=lambda story: story.cycle).timing.breached_at == clock.breached_at
    return clock
