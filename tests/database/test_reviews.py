"""Whoever may take more than before looks again at the tickets that nobody could take."""

import pytest

pytestmark = pytest.mark.rule("assignment 1")

NOBODY, EVERYBODY = set(), {"Ana", "Ben"}


@pytest.fixture
def team(make):
    """A team of two."""
    team = make.team()
    for name in sorted(EVERYBODY):
        make.agent(name, team=team)
    return team


@pytest.fixture
def who_looks_again(team, owner):
    """The agents who do so after a statement; `ana` in it is Ana's id."""

    def after(statement):
        (ana,) = owner.execute("SELECT id FROM profiles WHERE full_name = 'Ana'").fetchone()
        owner.execute("UPDATE agents SET reviews_skipped = false")
        owner.execute(statement.replace("ana", f"'{ana}'"))
        found = owner.execute(
            "SELECT full_name FROM agents JOIN profiles ON id = profile_id WHERE reviews_skipped"
        )
        return {name for (name,) in found}

    return after


def test_other_hours_concern_those_who_keep_to_them(who_looks_again, owner):
    owner.execute(
        "WITH c AS (INSERT INTO calendars (name) VALUES ('Nights') RETURNING id) UPDATE agents"
        " SET calendar_id = c.id FROM c, profiles p WHERE p.id = profile_id AND full_name = 'Ana'"
    )
    version = (
        "INSERT INTO calendar_versions (calendar_id, version, zone, definition)"
        " SELECT id, 9, 'UTC', '{}' FROM calendars WHERE name %s 'Nights'"
    )
    assert who_looks_again(version % "<>") == NOBODY
    assert who_looks_again(version % "=") == {"Ana"}


@pytest.mark.parametrize(
    "change", ["DELETE FROM absences", "UPDATE absences SET ends_at = now() - interval '1 hour'"]
)
def test_an_absence_that_ends_otherwise_concerns_whose_it_is(who_looks_again, change):
    absence = (
        "INSERT INTO absences (agent_id, starts_at, ends_at)"
        " VALUES (ana, now() - interval '1 day', now() + interval '1 day')"
    )
    assert who_looks_again(absence) == NOBODY
    assert who_looks_again(change) == {"Ana"}


def test_signing_in_again_concerns_who_may(who_looks_again, owner):
    owner.execute(
        "INSERT INTO users (email, fs_uniquifier, active) VALUES ('ana@example.org', 'a', false)"
    )
    assert who_looks_again(
        "UPDATE profiles SET user_id = users.id::text FROM users WHERE profiles.id = ana"
    ) == {"Ana"}
    assert who_looks_again("UPDATE users SET active = true") == {"Ana"}
    assert who_looks_again("UPDATE users SET active = false") == NOBODY


@pytest.mark.parametrize(
    ("change", "who"),
    [
        ("weighs_priority = NOT weighs_priority", EVERYBODY),
        ("pace_tickets = pace_tickets + 1", EVERYBODY),
        ("pace_window_s = pace_window_s + 60", EVERYBODY),
        ("pace_window_s = pace_window_s", NOBODY),
        ("reopen_days = reopen_days + 1", NOBODY),
    ],
)
def test_settings_of_load_and_pace_concern_everybody(who_looks_again, change, who):
    assert who_looks_again(f"UPDATE settings SET {change}") == who


def test_a_tag_that_is_no_longer_a_skill_is_asked_of_nobody(who_looks_again, make):
    make.skill("vpn")
    assert who_looks_again("UPDATE tags SET is_skill = false") == EVERYBODY
    assert who_looks_again("UPDATE tags SET is_skill = true") == NOBODY


def test_a_new_member_looks_at_the_teams_tickets(who_looks_again, make):
    other = make.team()
    assert who_looks_again(f"INSERT INTO team_members VALUES ('{other}', ana)") == {"Ana"}


def test_the_tickets_of_a_team_that_its_last_member_left_are_everybodys(who_looks_again):
    assert who_looks_again("DELETE FROM team_members WHERE profile_id = ana") == NOBODY
    assert who_looks_again("DELETE FROM team_members") == EVERYBODY


@pytest.mark.rule("assignment 8")
@pytest.mark.parametrize(("priority", "awaits"), [("CRITICAL", False), ("HIGH", True)])
def test_a_ticket_that_becomes_critical_awaits_nobodys_hours(make, owner, priority, awaits):
    ticket = make.ticket()
    owner.execute(
        "INSERT INTO hours_awaited (ticket_id, begin_at) VALUES (%s, now() + interval '9 hours')",
        [ticket],
    )
    owner.execute("UPDATE tickets SET priority = %s WHERE id = %s", [priority, ticket])
    found = owner.execute("SELECT begin_at > now() FROM hours_awaited").fetchall()
    assert found == [(awaits,)]
