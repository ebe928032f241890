"""Tickets that wait for a silent customer have a row, whoever writes and however."""

from datetime import UTC, datetime, timedelta

import pytest

pytestmark = pytest.mark.rule("feedback 12")

DAY = timedelta(days=1)


@pytest.fixture
def waiting(make, owner):
    """A ticket to which staff spoke last, made to wait by plain SQL."""

    def made(**columns):
        ticket = make.ticket(**columns)
        owner.execute(
            "UPDATE tickets SET status = 'WAITING', customer_spoke_last = false WHERE id = %s",
            [ticket],
        )
        return ticket

    return made


@pytest.fixture
def row_of(owner):
    """From when the customer counts as silent, and when it is looked at; None: no row."""

    def found(ticket):
        return owner.execute(
            "SELECT quiet_from, due_at FROM waits WHERE ticket_id = %s", [ticket]
        ).fetchone()

    return found


@pytest.fixture
def look_far_away(owner):
    """Nothing is looked at for a year."""

    def put_off():
        owner.execute("UPDATE waits SET due_at = now() + interval '1 year'")

    return put_off


def is_looked_at(row):
    return row[1] < datetime.now(UTC) + DAY


def test_it_comes_and_goes_with_the_status(waiting, row_of, owner):
    ticket = waiting()
    assert row_of(ticket) is not None
    owner.execute("UPDATE tickets SET status = 'IN_PROGRESS'")
    assert row_of(ticket) is None


def test_a_ticket_that_comes_in_waiting_has_one(make, row_of):
    answered = make.ticket(status="WAITING", customer_spoke_last=False)
    unanswered = make.ticket(status="WAITING")
    assert row_of(answered) is not None
    assert row_of(unanswered) is None


def test_it_goes_with_the_ticket(waiting, row_of, owner):
    ticket = waiting()
    owner.execute("DELETE FROM tickets")
    assert row_of(ticket) is None


def test_it_begins_anew_with_what_the_customer_sees_and_with_nothing_else(waiting, row_of, owner):
    ticket = waiting()
    before = row_of(ticket)
    owner.execute("UPDATE tickets SET priority = 'CRITICAL', tags = '{vip}'")
    assert row_of(ticket) == before
    owner.execute("UPDATE tickets SET title = 'Another'")
    assert row_of(ticket)[0] > before[0]


def test_one_that_is_put_aside_counts_from_its_return(waiting, row_of, owner):
    ticket = waiting()
    back = datetime.now(UTC) + 5 * DAY
    owner.execute("UPDATE tickets SET snoozed_until = %s", [back])
    assert row_of(ticket) == (back, back + timedelta(hours=23))
    owner.execute("UPDATE tickets SET snoozed_until = NULL")
    assert row_of(ticket)[0] < back


def test_another_team_is_looked_at_at_once(make, waiting, row_of, owner, look_far_away):
    ticket, team = waiting(), make.team()
    before = row_of(ticket)
    look_far_away()
    owner.execute("UPDATE tickets SET team_id = %s", [team])
    assert row_of(ticket)[0] == before[0]
    assert is_looked_at(row_of(ticket))


@pytest.mark.parametrize(
    "change",
    [
        "quiet_reminder_days = 1",
        "quiet_close_days = 1",
        "sla_policy_id = (SELECT id FROM sla_policies LIMIT 1)",
    ],
)
def test_a_teams_other_days_are_looked_at_at_once_and_only_for_its_tickets(
    make, waiting, row_of, owner, look_far_away, change
):
    team = make.team()
    its, others = waiting(team_id=team), waiting()
    look_far_away()
    owner.execute(f"UPDATE teams SET {change}")
    assert is_looked_at(row_of(its))
    assert not is_looked_at(row_of(others))


def test_other_settings_are_looked_at_at_once(waiting, row_of, owner, look_far_away):
    ticket = waiting()
    look_far_away()
    owner.execute("UPDATE settings SET reopen_days = 3")
    assert not is_looked_at(row_of(ticket))
    owner.execute("UPDATE settings SET quiet_close_days = 3")
    assert is_looked_at(row_of(ticket))
