"""Calendars that nobody needs: deleted where nothing ever counted by them, else put aside."""

import pytest

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Metric, Priority
from emberone.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from emberone.domain.promises import Promises
from emberone.models import Agent, CalendarVersion
from emberone.queries.calendars import calendar_choices, calendar_names, find_calendar
from emberone.queries.sla import stories
from emberone.services import agents, calendars, sla_policies
from tests.services.sla_play import Play, after

WEEK = {"week": {"monday": [["09:00", "17:00"]]}}


@pytest.fixture
def admin(make):
    return make.admin("Ada")


@pytest.fixture
def fair(admin):
    return calendars.create_calendar(admin, "Fair", "UTC", WEEK)


def promises(calendar_id, target_s=3600):
    return Promises(
        targets={(Metric.RESOLUTION, Priority.LOW): target_s},
        calendars={Priority.LOW: calendar_id} if calendar_id else {},
        alerts=(),
    )


@pytest.fixture
def policy(admin, fair):
    return sla_policies.create_policy(admin, "Gold", promises(fair))


def row_of(calendar_id):
    with reading(SYSTEM) as session:
        return find_calendar(session, calendar_id)


def offered():
    with reading(SYSTEM) as session:
        return {name for _, name in calendar_choices(session)}


def test_what_nothing_ever_counted_by_is_deleted_with_its_versions(admin, fair, owner):
    calendars.add_version(admin, fair, "UTC", {"week": {"friday": [["09:00", "17:00"]]}}, version=1)
    calendars.delete_calendar(admin, fair)
    assert row_of(fair) is None
    with reading(SYSTEM) as session:
        assert session.query(CalendarVersion).filter_by(calendar_id=fair).all() == []
    calendars.create_calendar(admin, "Fair", "UTC", WEEK)


@pytest.mark.parametrize("act", [calendars.delete_calendar, calendars.put_aside])
def test_what_a_policy_counts_by_stays_and_the_policy_is_named(admin, fair, policy, act):
    with pytest.raises(Conflict) as refusal:
        act(admin, fair)
    assert refusal.value.details["names"] == "Gold"
    assert "Fair" in offered()


@pytest.mark.parametrize("act", [calendars.delete_calendar, calendars.put_aside])
def test_so_does_what_somebody_works_by(make, admin, fair, act):
    ana = make.agent("Ana", calendar_id=fair)
    with pytest.raises(Conflict, match="in use"):
        act(admin, fair)
    with transaction(SYSTEM) as session:
        session.get_one(Agent, ana.profile_id).calendar_id = None
    act(admin, fair)


def test_what_only_an_older_version_counted_by_is_put_aside_and_not_deleted(admin, fair, policy):
    sla_policies.add_version(admin, policy, promises(None))
    with pytest.raises(Conflict, match="can only be put aside"):
        calendars.delete_calendar(admin, fair)
    calendars.put_aside(admin, fair)
    row = row_of(fair)
    assert row.archived_at is not None
    assert row.archived_by_name == "Ada"
    assert "Fair" not in offered()
    with reading(SYSTEM) as session:
        assert calendar_names(session)[fair] == "Fair"


def test_clocks_that_counted_by_it_tell_their_story_still(make, admin, fair):
    play = Play(make)
    gold = play.policy(targets={(p, Metric.RESOLUTION): 3600 for p in Priority}, calendar=fair)
    ticket = play.open(by=play.agent, team_id=play.team(gold))
    version = row_of(fair).version_id
    assert play.clock(ticket, Metric.RESOLUTION).calendar_version == version
    sla_policies.add_version(admin, gold, promises(None))
    calendars.put_aside(admin, fair)
    with reading(SYSTEM) as session:
        [story] = stories(session, ticket, after(2))
        assert (story.calendar, story.timing.due_at) == (version, after(1))


def test_nobody_can_choose_it_any_more(make, admin, fair, policy):
    sla_policies.add_version(admin, policy, promises(None))
    calendars.put_aside(admin, fair)
    with pytest.raises(Invalid, match="no such calendar"):
        sla_policies.add_version(admin, policy, promises(fair, 7200))
    ana = make.agent("Ana")
    with pytest.raises(Invalid, match="no such calendar"):
        agents.change_agent(
            admin,
            ana.profile_id,
            capacity=5,
            skills=[],
            team_ids=[],
            calendar_id=fair,
            version=1,
        )
    with pytest.raises(Conflict, match="put aside"):
        calendars.add_version(admin, fair, "Europe/Berlin", WEEK, version=1)


def test_it_can_be_taken_up_again(admin, fair, policy):
    sla_policies.add_version(admin, policy, promises(None))
    calendars.put_aside(admin, fair)
    since = row_of(fair).archived_at
    calendars.put_aside(admin, fair)
    assert row_of(fair).archived_at == since
    calendars.take_up(admin, fair)
    assert row_of(fair).archived_at is None
    sla_policies.add_version(admin, policy, promises(fair))


def test_one_that_was_put_aside_unused_can_be_deleted_still(admin, fair):
    calendars.put_aside(admin, fair)
    calendars.delete_calendar(admin, fair)
    with pytest.raises(NotFound):
        calendars.take_up(admin, fair)


@pytest.mark.parametrize("act", [calendars.delete_calendar, calendars.put_aside, calendars.take_up])
def test_only_admins_may(make, fair, act):
    with pytest.raises(NotAllowed):
        act(make.agent(), fair)
    assert row_of(fair).archived_at is None
