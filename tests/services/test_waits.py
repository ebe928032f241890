"""Quiet tickets: who is reminded, what is closed, and what holds it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import CommentType, DraftKind, FeedbackState, MailState, Status
from emberone.domain.errors import Conflict, NotAllowed, NotFound
from emberone.domain.lifecycle import Event
from emberone.models import Comment, Wait
from emberone.services import calendars, comments, delivery, drafts, feedback, teams, tickets
from emberone.services.retries import MAX_ATTEMPTS
from emberone.services.snoozing import snooze_ticket, wake_ticket
from emberone.services.tickets import TicketChanges
from emberone.services.waits import retry_wait, sweep_waits
from tests.services.feedback_play import Case

pytestmark = pytest.mark.rule("feedback 12")

#: A Monday; the calendar that comes with the product works from Monday to Friday.
T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REMINDED, CLOSED = T0 + 3 * DAY, T0 + 9 * DAY


class Quiet(Case):
    """A ticket that waits for its customer since T0, and what the sweep does to it."""

    def __init__(self, make, customer=None):
        super().__init__(make, customer)
        self.reply(Event.STAFF_REPLY_AND_WAIT, T0)

    @property
    def wait(self):
        with reading(SYSTEM) as session:
            return session.get(Wait, self.id)

    @property
    def is_closed(self):
        return self.ticket.status is Status.CLOSED

    @property
    def reminders(self):
        return self.letters("reminder")

    def said_by_the_product(self):
        with reading(SYSTEM) as session:
            return session.scalars(
                select(Comment).where(
                    Comment.ticket_id == self.id, Comment.type == CommentType.SYSTEM
                )
            ).all()


@pytest.fixture
def quiet(make):
    return Quiet(make)


def sweep(now):
    """All that is due by then, looked at when it falls due, as beat would."""
    done = 0
    while True:
        with reading(SYSTEM) as session:
            due = session.scalar(text("SELECT min(due_at) FROM waits WHERE dead_at IS NULL"))
        if due is None or due > now:
            return done
        looked_at = sweep_waits(now=due)
        assert looked_at
        done += looked_at


def test_after_three_working_days_the_customer_is_reminded_once(quiet):
    sweep(REMINDED - timedelta(seconds=1))
    assert quiet.reminders == []
    sweep(REMINDED)
    [letter] = quiet.reminders
    assert letter.to_profile_id == quiet.customer.profile_id
    assert letter.params["closes_at"] == CLOSED.isoformat()
    assert (quiet.wait.reminded_at, quiet.wait.closes_at) == (REMINDED, CLOSED)
    [entry] = quiet.history("reminded")
    assert entry.is_internal
    assert entry.details["additionalContext"] == {"closesAt": CLOSED.isoformat()}
    assert "reason" not in entry.details
    sweep(CLOSED - timedelta(seconds=1))
    assert len(quiet.reminders) == 1
    assert not quiet.is_closed


def test_a_reminder_is_no_news_to_staff_and_moves_nothing_for_the_customer(quiet):
    before = quiet.ticket
    sweep(REMINDED)
    after = quiet.ticket
    for column in ("version", "activity_no", "public_version", "public_updated_at", "updated_at"):
        assert getattr(after, column) == getattr(before, column)


def test_after_seven_it_is_closed_with_a_comment_and_the_reason(quiet):
    sweep(CLOSED)
    assert quiet.is_closed
    assert quiet.ticket.closed_at == CLOSED
    [comment] = quiet.said_by_the_product()
    assert comment.content == "Closed because there was no answer for 7 working days."
    assert not comment.is_internal
    assert comment.details["systemData"] == {"kind": "inactivity", "days": 7}
    last = quiet.history("status_changed")[-1]
    assert (last.actor_id, last.details["reason"]) == (None, "inactivity")
    assert last.details["source"] == "system"
    assert quiet.wait is None
    assert len(quiet.letters("staff_replied")) == 1


@pytest.mark.rule("feedback 2")
def test_what_is_closed_so_is_not_asked_about(quiet):
    sweep(CLOSED)
    assert feedback.sweep_feedback(now=CLOSED + HOUR) == 1
    assert (quiet.request.state, quiet.request.state_reason) == (
        FeedbackState.SKIPPED,
        "inactivity",
    )
    assert quiet.letters() == []


def test_the_customer_brings_it_back_with_a_word(quiet):
    sweep(CLOSED)
    comments.comment_as_customer(quiet.customer, quiet.id, "Sorry, here it is.", now=CLOSED + DAY)
    assert quiet.ticket.status is Status.OPEN


def test_running_it_again_does_nothing_more(quiet):
    for now in (REMINDED, CLOSED):
        sweep(now)
        assert sweep_waits(now=now) == 0
    assert len(quiet.reminders) == 1
    assert len(quiet.said_by_the_product()) == 1


def test_two_sweeps_do_not_work_at_once(quiet, postgres):
    with postgres.connect("emberone_owner", "emberone") as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('waits', 0))")
        assert sweep_waits(now=CLOSED) == 0
    assert sweep_waits(now=CLOSED) == 1


def test_a_late_sweep_reminds_first_and_leaves_the_customer_four_days(quiet):
    late = T0 + 28 * DAY
    assert sweep_waits(now=late) == 1
    assert not quiet.is_closed
    assert quiet.reminders[0].params["closes_at"] == (late + 4 * DAY).isoformat()
    sweep(late + 4 * DAY)
    assert quiet.is_closed


# What holds it.


def test_the_customers_answer_ends_it_and_a_reminder_still_here_does_not_leave(quiet):
    sweep(REMINDED)
    assert quiet.reminders[0].state is MailState.QUEUED
    comments.comment_as_customer(quiet.customer, quiet.id, "Here.", now=REMINDED + HOUR)
    assert quiet.wait is None
    [letter] = quiet.reminders
    assert (letter.state, letter.last_error) == (
        MailState.SUPPRESSED,
        "The ticket no longer waits.",
    )
    sweep(CLOSED)
    assert quiet.ticket.status is Status.IN_PROGRESS


def test_it_begins_anew_when_we_ask_again(quiet):
    sweep(REMINDED)
    quiet.reply(Event.STAFF_REPLY_AND_WAIT, T0 + 7 * DAY)
    assert quiet.wait.reminded_at is None
    sweep(CLOSED)
    assert not quiet.is_closed
    assert len(quiet.reminders) == 1
    sweep(T0 + 10 * DAY)
    assert len(quiet.reminders) == 2


def test_a_note_does_not_hold_it(quiet):
    comments.add_note(quiet.agent, quiet.id, "Still nothing.", now=T0 + DAY)
    sweep(REMINDED)
    assert len(quiet.reminders) == 1


@pytest.mark.rule("feedback 13")
def test_one_that_is_put_aside_is_left_alone_and_counts_from_its_return(quiet):
    back = T0 + 14 * DAY
    snooze_ticket(quiet.agent, quiet.id, back, now=T0 + DAY)
    sweep(back + 3 * DAY - timedelta(seconds=1))
    assert quiet.reminders == []
    sweep(back + 3 * DAY)
    assert len(quiet.reminders) == 1
    sweep(back + 9 * DAY)
    assert quiet.is_closed


def test_who_takes_it_up_before_lets_it_count_from_then(quiet):
    snooze_ticket(quiet.agent, quiet.id, T0 + 14 * DAY, now=T0 + DAY)
    wake_ticket(quiet.agent, quiet.id, now=T0 + 2 * DAY)
    assert quiet.wait.quiet_from == T0 + 2 * DAY


def test_the_mark_of_having_been_put_aside_ends_no_silence(quiet, make):
    """Given to a colleague, long after it came back by itself: the customer hears nothing twice."""
    snooze_ticket(quiet.agent, quiet.id, T0 + HOUR, now=T0)
    sweep_waits(now=REMINDED + HOUR)
    before = quiet.wait
    assert before.closes_at == CLOSED + HOUR
    colleague = make.agent()
    tickets.assign_ticket(quiet.agent, quiet.id, colleague.profile_id, now=REMINDED + 2 * HOUR)
    assert quiet.ticket.snoozed_until is None
    after = quiet.wait
    assert (after.quiet_from, after.reminded_at) == (before.quiet_from, before.reminded_at)
    sweep_waits(now=CLOSED + HOUR)
    assert quiet.is_closed
    assert len(quiet.reminders) == 1


def test_putting_it_aside_takes_back_what_was_announced(quiet):
    sweep(REMINDED)
    snooze_ticket(quiet.agent, quiet.id, CLOSED - DAY, now=REMINDED + HOUR)
    sweep(CLOSED)
    assert not quiet.is_closed
    assert quiet.wait.closes_at is None


def test_it_is_not_closed_under_an_answer_that_is_on_its_way(quiet):
    sweep(CLOSED - timedelta(seconds=1))
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE settings SET reply_delay_s = 60"))
    drafts.send_reply(quiet.agent, quiet.id, "One more thing.", Event.STAFF_REPLY_AND_WAIT)
    assert sweep_waits(now=CLOSED) == 1
    assert not quiet.is_closed
    assert quiet.wait.due_at == CLOSED + timedelta(minutes=1)


def test_what_is_only_being_written_does_not_hold_it(quiet):
    drafts.save_draft(quiet.agent, quiet.id, DraftKind.REPLY, "Hm")
    sweep(CLOSED)
    assert quiet.is_closed


def test_a_ticket_that_someone_holds_is_looked_at_later(quiet, postgres):
    with postgres.connect("emberone_owner", "emberone") as other, other.transaction():
        other.execute("SELECT FROM tickets FOR UPDATE")
        assert sweep_waits(now=CLOSED) == 0
    assert sweep_waits(now=CLOSED) == 1


@pytest.mark.parametrize("event", [Event.STAFF_REPLY, Event.STAFF_REPLY_AND_CLOSE])
def test_only_what_waits_for_the_customer_is_quiet(make, event):
    case = Case(make).reply(event)
    assert sweep(CLOSED) == 0
    assert case.letters("reminder") == []


def test_one_in_which_the_customer_spoke_last_waits_for_us(make, owner):
    case = Case(make)
    owner.execute("UPDATE tickets SET status = 'WAITING'")
    with reading(SYSTEM) as session:
        assert session.get(Wait, case.id) is None


# How long.


def test_holidays_and_the_zone_are_those_of_the_policys_calendar(quiet, make, owner):
    [calendar_id, version] = owner.execute(
        "SELECT calendar_id, version FROM calendar_versions JOIN calendars"
        " ON calendars.id = calendar_id WHERE name = 'Business hours'"
    ).fetchone()
    day = {"date": "2026-03-04", "name": "Founders' day", "windows": []}
    week = {name: [["09:00", "17:00"]] for name in ("monday", "tuesday", "wednesday", "thursday")}
    calendars.add_version(
        make.admin(), calendar_id, "UTC", {"week": week, "exceptions": [day]}, version=version
    )
    # Tuesday, Thursday, and Monday: no Wednesday this week, and never a Friday.
    sweep(T0 + 7 * DAY - timedelta(seconds=1))
    assert quiet.reminders == []
    sweep(T0 + 7 * DAY)
    assert len(quiet.reminders) == 1


def test_around_the_clock_means_monday_to_friday(quiet, owner):
    owner.execute("UPDATE sla_targets SET calendar_id = NULL")
    sweep(CLOSED)
    assert quiet.ticket.closed_at == CLOSED


def test_other_days_hold_at_once(quiet, set_setting):
    sweep(T0 + DAY)
    set_setting(quiet_reminder_days=1, quiet_close_days=2)
    assert quiet.wait.due_at < datetime.now(UTC) + HOUR
    assert sweep_waits(now=datetime.now(UTC) + HOUR) == 1
    assert len(quiet.reminders) == 1


def test_0_is_never(quiet, set_setting):
    set_setting(quiet_reminder_days=0, quiet_close_days=0)
    far = datetime.now(UTC) + 3 * DAY
    sweep(far)
    assert quiet.reminders == []
    assert quiet.ticket.status is Status.WAITING


def test_a_reminder_without_a_closing_names_none_and_a_closing_is_announced_first(
    quiet, set_setting
):
    set_setting(quiet_close_days=0)
    now = datetime.now(UTC) + HOUR
    sweep_waits(now=now)
    assert [letter.params["closes_at"] for letter in quiet.reminders] == [None]
    set_setting(quiet_close_days=7)
    sweep_waits(now=now)
    assert not quiet.is_closed
    assert len(quiet.reminders) == 2
    assert quiet.reminders[-1].params["closes_at"] or quiet.reminders[0].params["closes_at"]


def test_a_team_has_its_own_days(make):
    team, admin = make.team("Billing"), make.admin()
    other = Quiet(make)
    quiet = Quiet(make)
    changes = TicketChanges(team_id=team)
    tickets.change_ticket(admin, quiet.id, changes, version=None, now=T0)
    teams.change_team(admin, team, "Billing", reminder_days=1, close_days=2, version=1)
    with transaction(SYSTEM) as session:
        # What happens now in this test lies after what is to come.
        session.execute(text("UPDATE waits SET due_at = quiet_from"))
    sweep(T0 + 2 * DAY)
    assert quiet.is_closed
    assert other.reminders == []


def test_a_team_may_leave_its_tickets_alone(make):
    team, admin = make.team("Billing"), make.admin()
    quiet = Quiet(make)
    tickets.change_ticket(admin, quiet.id, TicketChanges(team_id=team), version=None, now=T0)
    teams.change_team(admin, team, "Billing", reminder_days=0, close_days=0, version=1)
    sweep_waits(now=datetime.now(UTC) + HOUR)
    assert quiet.reminders == []
    assert quiet.wait.due_at > datetime.now(UTC) + 20 * HOUR


# What goes wrong.


def test_one_that_fails_ends_as_dead_and_holds_up_no_other(make, owner):
    poison, good = Quiet(make), Quiet(make)
    owner.execute(
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'poison'; END $$"
    )
    owner.execute(
        "CREATE TRIGGER poison BEFORE INSERT ON history FOR EACH ROW"
        f" WHEN (NEW.ticket_id = '{poison.id}' AND NEW.action = 'reminded')"
        " EXECUTE FUNCTION poison()"
    )
    now = REMINDED
    sweep_waits(now=now)
    assert len(good.reminders) == 1
    for attempt in range(1, MAX_ATTEMPTS + 1):
        wait = poison.wait
        assert (wait.attempts, wait.dead_at is not None) == (attempt, attempt == MAX_ATTEMPTS)
        assert wait.last_error
        now = wait.due_at
        sweep_waits(now=now)
    assert poison.reminders == []
    with pytest.raises(NotAllowed):
        retry_wait(poison.agent, poison.id)
    owner.execute("DROP TRIGGER poison ON history")
    admin = make.admin()
    retry_wait(admin, poison.id)
    with pytest.raises(Conflict):
        retry_wait(admin, poison.id)
    with pytest.raises(NotFound):
        retry_wait(admin, admin.profile_id)
    sweep_waits(now=datetime.now(UTC) + HOUR)
    assert len(poison.reminders) == 1


def test_the_batch_is_bounded(make):
    for _ in range(3):
        Quiet(make)
    assert sweep_waits(now=REMINDED, limit=2) == 2
    assert sweep_waits(now=REMINDED, limit=2) == 1


def test_an_address_that_takes_no_mail_does_not_keep_the_ticket_open(make):
    quiet = Quiet(make, make.customer(email="a@import.invalid"))
    sweep(REMINDED)
    assert quiet.reminders[0].state is MailState.SUPPRESSED
    sweep(CLOSED)
    assert quiet.is_closed


def test_the_reminder_is_in_the_tickets_thread(quiet):
    delivery.deliver_due(now=T0)
    sweep(REMINDED)
    [answer] = quiet.letters("staff_replied")
    assert quiet.reminders[0].params["follows"] == answer.key
