"""Settings: only admins change them, and every one of them acts from the next moment on."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import AssignmentStrategy, DraftState, FeedbackState, Priority, Status
from emberone.domain.errors import Invalid, NotAllowed, StaleWrite
from emberone.domain.lifecycle import Event
from emberone.domain.settings import CHOICES, LIMITS, SWITCHES
from emberone.models import Draft, FeedbackRequest, Letter, Setting, SettingChange, Ticket
from emberone.services import comments, digests, drafts, feedback, letters, tickets, waits
from emberone.services.assignment import sweep_assignments
from emberone.services.attachments import Upload
from emberone.services.registration import allows_registration
from emberone.services.settings import change_settings, current

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def admin(make):
    return make.admin()


@pytest.fixture
def choose(admin):
    """Changes settings as the admin: `choose(reopen_days=1)`."""

    def chosen(**values):
        with reading(SYSTEM) as session:
            version = current(session).version
        return change_settings(admin, values, version=version)

    return chosen


def _one(statement):
    with reading(SYSTEM) as session:
        return session.scalars(statement).one()


# ------------------------------------------------------------------------------ the verb


def test_an_admin_changes_settings_and_history_says_so(admin, choose):
    assert choose(reopen_days=3, reply_delay_s=15) == {"reopen_days"}
    setting = _one(select(Setting))
    assert (setting.reopen_days, setting.version) == (3, 2)
    with reading(admin) as session:
        (entry,) = session.scalars(select(SettingChange)).all()
    assert (entry.setting, entry.old_value, entry.new_value) == ("reopen_days", 7, 3)
    assert entry.actor_id == admin.profile_id


def test_nobody_else_changes_them(make):
    for actor in (make.agent(), make.customer()):
        with pytest.raises(NotAllowed):
            change_settings(actor, {"reopen_days": 3}, version=1)
    assert _one(select(Setting.reopen_days)) == 7


def test_a_stale_change_is_refused(admin, choose):
    choose(reopen_days=3)
    with pytest.raises(StaleWrite):
        change_settings(admin, {"reopen_days": 5}, version=1)
    assert _one(select(Setting.reopen_days)) == 3


def test_changing_nothing_makes_no_form_stale(choose):
    assert choose(reopen_days=7) == set()
    assert _one(select(Setting.version)) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", False),
        ("version", 9),
        ("metadata", 1),
        ("reopen_days", True),
        ("reopen_days", "7"),
        ("reopen_days", 7.5),
        ("customer_max_priority", "URGENT"),
        ("assignment_strategy", None),
        ("allows_registration", "yes"),
        *((name, least - 1) for name, (least, _most) in LIMITS.items()),
        *((name, most + 1) for name, (_least, most) in LIMITS.items()),
    ],
)
def test_what_a_setting_does_not_take_is_refused(admin, name, value):
    with pytest.raises(Invalid) as refusal:
        change_settings(admin, {"reopen_days": 3, name: value}, version=1)
    assert refusal.value.details["field"] == name
    assert _one(select(Setting.version)) == 1


# ------------------------------------------------------------------- every setting acts


def _closed(make, **how):
    customer, agent = make.customer(), make.agent()
    ticket = tickets.open_ticket(customer, customer.profile_id, "No VPN", "It fails.", now=T0)
    comments.reply(agent, ticket, "Try again.", Event.STAFF_REPLY_AND_CLOSE, now=T0, **how)
    return customer, ticket


def reopen_days_acts(make, choose):
    choose(reopen_days=2)
    customer, ticket = _closed(make)
    assert comments.comment_as_customer(customer, ticket, "No!", now=T0 + 1.5 * DAY) == ticket
    customer, ticket = _closed(make)
    follow_up = comments.comment_as_customer(customer, ticket, "No!", now=T0 + 2.5 * DAY)
    assert follow_up != ticket
    assert _one(select(Ticket.status).where(Ticket.id == ticket)) is Status.CLOSED


def customer_max_priority_acts(make, choose):
    customer = make.customer()
    asked = (customer, customer.profile_id, "No VPN", "It fails.")
    with pytest.raises(Invalid, match="so high"):
        tickets.open_ticket(*asked, priority=Priority.CRITICAL)
    choose(customer_max_priority=Priority.CRITICAL)
    tickets.open_ticket(*asked, priority=Priority.CRITICAL)
    choose(customer_max_priority=Priority.LOW)
    with pytest.raises(Invalid, match="so high"):
        tickets.open_ticket(*asked, priority=Priority.MEDIUM)


def assignment_strategy_acts(make, choose):
    # Half busy with much room, and not busy at all with little.
    roomy, idle = make.agent(capacity=20), make.agent(capacity=2)
    for _ in range(5):
        make.ticket(assigned_agent_id=roomy.profile_id)
    choose(assignment_strategy=AssignmentStrategy.LEAST_LOADED)
    first = make.ticket()
    assert sweep_assignments() == 1
    choose(assignment_strategy=AssignmentStrategy.LEAST_UTILISED)
    second = make.ticket()
    assert sweep_assignments() == 1
    chosen = [
        _one(select(Ticket.assigned_agent_id).where(Ticket.id == ticket))
        for ticket in (first, second)
    ]
    assert chosen == [roomy.profile_id, idle.profile_id]


def weighs_priority_acts(make, choose):
    agent = make.agent(capacity=2)
    make.ticket(assigned_agent_id=agent.profile_id, priority=Priority.HIGH)
    choose(weighs_priority=True)
    ticket = make.ticket()
    sweep_assignments()
    given = select(Ticket.assigned_agent_id).where(Ticket.id == ticket)
    assert _one(given) is None
    choose(weighs_priority=False)
    sweep_assignments()
    assert _one(given) == agent.profile_id


def _given_at(*moments):
    """How many tickets assignment has given after each of these moments."""
    counts = []
    for moment in moments:
        while sweep_assignments(now=moment):
            pass
        given = select(func.count()).where(Ticket.assigned_agent_id.is_not(None))
        counts.append(_one(given))
    return counts


def pace_tickets_acts(make, choose):
    make.agent()
    choose(pace_tickets=1)
    make.ticket(), make.ticket()
    assert _given_at(T0) == [1]
    choose(pace_tickets=2)
    assert _given_at(T0) == [2]


def pace_window_s_acts(make, choose):
    make.agent()
    choose(pace_tickets=1, pace_window_s=120)
    make.ticket(), make.ticket()
    assert _given_at(T0, T0 + timedelta(seconds=119), T0 + timedelta(seconds=120)) == [1, 1, 2]


def _request(ticket):
    return _one(select(FeedbackRequest).where(FeedbackRequest.ticket_id == ticket))


def feedback_delay_s_acts(make, choose):
    choose(feedback_delay_s=90)
    _customer, ticket = _closed(make)
    assert _request(ticket).send_after == T0 + timedelta(seconds=90)
    assert feedback.sweep_feedback(now=T0 + timedelta(seconds=89)) == 0
    assert feedback.sweep_feedback(now=T0 + timedelta(seconds=90)) == 1


def feedback_expiry_days_acts(make, choose):
    choose(feedback_expiry_days=2)
    _customer, ticket = _closed(make)
    assert _request(ticket).expires_at == T0 + HOUR + 2 * DAY


def feedback_throttle_days_acts(make, choose):
    choose(feedback_throttle_days=1)
    customer, _ticket = _closed(make)
    assert feedback.sweep_feedback(now=T0 + HOUR) == 1
    for later, state in ((0.5 * DAY, FeedbackState.SKIPPED), (2 * DAY, FeedbackState.SENT)):
        agent = make.agent()
        ticket = tickets.open_ticket(
            customer, customer.profile_id, f"After {later}", "Again.", now=T0 + later
        )
        comments.reply(agent, ticket, "So.", Event.STAFF_REPLY_AND_CLOSE, now=T0 + later)
        feedback.sweep_feedback(now=T0 + later + HOUR)
        assert _request(ticket).state is state


def _quiet(make):
    """A ticket that waits for its customer since T0."""
    customer, agent = make.customer(), make.agent()
    ticket = tickets.open_ticket(customer, customer.profile_id, "T", "D", now=T0)
    comments.reply(agent, ticket, "Which one?", Event.STAFF_REPLY_AND_WAIT, now=T0)
    return ticket


def quiet_reminder_days_acts(make, choose):
    choose(quiet_reminder_days=1)
    _quiet(make)
    assert waits.sweep_waits(now=T0 + DAY) == 1
    assert _one(select(func.count()).where(Letter.letter == "reminder")) == 1


def quiet_close_days_acts(make, choose):
    choose(quiet_reminder_days=0, quiet_close_days=1)
    ticket = _quiet(make)
    assert waits.sweep_waits(now=T0 + DAY) == 1
    assert _one(select(Ticket.status).where(Ticket.id == ticket)) is Status.CLOSED


def reply_delay_s_acts(make, choose):
    choose(reply_delay_s=120)
    agent, ticket = make.agent(), make.ticket()
    drafts.send_reply(agent, ticket, "Try this.", Event.STAFF_REPLY, now=T0)
    waiting = _one(select(Draft))
    assert (waiting.state, waiting.publish_after) == (
        DraftState.WAITING,
        T0 + timedelta(seconds=120),
    )


def attachment_limit_mb_acts(make, choose):
    choose(attachment_limit_mb=1)
    customer = make.customer()
    asked = (customer, customer.profile_id, "No VPN", "It fails.")
    with pytest.raises(Invalid, match="larger than 1 MB"):
        tickets.open_ticket(*asked, files=[Upload("big.bin", bytes(2**20 + 1))])
    choose(attachment_limit_mb=2)
    tickets.open_ticket(*asked, files=[Upload("big.bin", bytes(2**20 + 1))])


def digest_above_acts(make, choose):
    choose(digest_above=2)
    agent, ticket = make.agent(), make.ticket()
    with transaction(SYSTEM) as session:
        for key in "abc":
            letters.write(
                session,
                key=key,
                letter="assigned",
                to_profile_id=agent.profile_id,
                ticket_id=ticket,
                params={},
            )
    assert digests.admit_due() == 3
    assert _one(select(Letter.params).where(Letter.letter == "digest"))["count"] == 3


def allows_registration_acts(make, choose):
    with reading(SYSTEM) as session:
        assert allows_registration(session)
    choose(allows_registration=False)
    with reading(SYSTEM) as session:
        assert not allows_registration(session)


ACTS = {
    act.__name__.removesuffix("_acts"): act
    for act in (
        reopen_days_acts,
        customer_max_priority_acts,
        assignment_strategy_acts,
        weighs_priority_acts,
        pace_tickets_acts,
        pace_window_s_acts,
        feedback_delay_s_acts,
        feedback_expiry_days_acts,
        feedback_throttle_days_acts,
        quiet_reminder_days_acts,
        quiet_close_days_acts,
        reply_delay_s_acts,
        attachment_limit_mb_acts,
        digest_above_acts,
        allows_registration_acts,
    )
}


@pytest.mark.parametrize("name", [*LIMITS, *CHOICES, *sorted(SWITCHES)])
def test_changing_it_changes_what_happens(name, make, choose):
    ACTS[name](make, choose)
