"""The life of a ticket: what each verb does to state, history, clocks and outbox."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Availability, CommentType, MailState, Priority, Role, Status
from emberone.domain.errors import (
    Conflict,
    IllegalTransition,
    Invalid,
    NotAllowed,
    NotFound,
    StaleWrite,
    StillReferenced,
)
from emberone.domain.lifecycle import Event
from emberone.models import (
    Agent,
    Comment,
    FeedbackRequest,
    HistoryEntry,
    Letter,
    Profile,
    SLAClock,
    Ticket,
    User,
)
from emberone.services import agents, comments, profiles, tickets
from emberone.services.tickets import TicketChanges

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _one(model, *where):
    with reading(SYSTEM) as session:
        return session.scalars(select(model).where(*where)).one()


def _to_staff():
    return [letter for letter in _all(Letter) if letter.letter != "ticket_received"]


def _all(model, *where):
    with reading(SYSTEM) as session:
        return session.scalars(select(model).where(*where).order_by(model.id)).all()


def _ticket(ticket_id):
    return _one(Ticket, Ticket.id == ticket_id)


def _actions(ticket_id):
    entries = _all(HistoryEntry, HistoryEntry.ticket_id == ticket_id)
    return [entry.action for entry in sorted(entries, key=lambda e: (e.created_at, e.id))]


def _metrics(ticket_id):
    """metric → the clock's state in one word."""
    states = {}
    for clock in _all(SLAClock, SLAClock.ticket_id == ticket_id):
        states[clock.metric.value] = (
            "met"
            if clock.met_at
            else "stopped"
            if clock.stopped_at
            else "paused"
            if clock.paused_at
            else "running"
        )
    return states


@pytest.fixture
def people(make):
    class People:
        customer = make.customer()
        agent = make.agent()
        admin = make.admin()

    return People


@pytest.fixture
def ticket(people):
    return tickets.open_ticket(
        people.customer, people.customer.profile_id, "Printer on fire", "Help!", now=NOW
    )


class TestOpening:
    def test_a_customer_opens_their_own(self, people, ticket):
        row = _ticket(ticket)
        assert (row.status, row.priority, row.assigned_agent_id) == (
            Status.OPEN,
            Priority.MEDIUM,
            None,
        )
        assert row.created_at == NOW
        (created, *_) = _all(HistoryEntry, HistoryEntry.action == "created")
        assert created.actor_id == people.customer.profile_id
        assert created.details["source"] == "customer_portal"
        assert _metrics(ticket) == {"FIRST_RESPONSE": "running", "RESOLUTION": "running"}

    @pytest.mark.parametrize(
        ("priority", "allowed"), [(Priority.HIGH, True), (Priority.CRITICAL, False)]
    )
    def test_customers_ask_for_a_priority_up_to_the_setting(self, people, priority, allowed):
        mine = people.customer.profile_id
        if allowed:
            assert tickets.open_ticket(people.customer, mine, "t", "d", priority=priority)
        else:
            with pytest.raises(Invalid):
                tickets.open_ticket(people.customer, mine, "t", "d", priority=priority)

    def test_customers_open_none_for_others(self, people, make):
        with pytest.raises(NotAllowed):
            tickets.open_ticket(people.customer, make.customer().profile_id, "t", "d")
        assert _all(Ticket) == []

    def test_staff_open_for_customers_only(self, people):
        with pytest.raises(Invalid, match="customers"):
            tickets.open_ticket(people.agent, people.admin.profile_id, "t", "d")

    def test_staff_may_begin_with_a_comment_which_starts_no_first_response(self, people):
        ticket = tickets.open_ticket(
            people.agent, people.customer.profile_id, "t", "d", comment="We noticed a fault."
        )
        assert _metrics(ticket) == {"RESOLUTION": "running"}
        comments.comment_as_customer(people.customer, ticket, "And now?")
        assert _metrics(ticket)["FIRST_RESPONSE"] == "running"

    @pytest.mark.parametrize(
        ("title", "description"), [("", "d"), ("t\x00", "d"), ("t", "d\x00"), ("t", "x" * 100_001)]
    )
    def test_bad_texts_write_nothing(self, people, title, description):
        with pytest.raises(Invalid):
            tickets.open_ticket(people.customer, people.customer.profile_id, title, description)
        assert _all(Ticket) == []

    def test_an_agent_who_is_given_the_ticket_gets_a_letter(self, people):
        tickets.open_ticket(
            people.admin,
            people.customer.profile_id,
            "t",
            "d",
            agent_id=people.agent.profile_id,
        )
        assert {(letter.letter, letter.to_profile_id) for letter in _all(Letter)} == {
            ("assigned", people.agent.profile_id),
            ("ticket_received", people.customer.profile_id),
        }


class TestReplying:
    @pytest.mark.parametrize(
        ("event", "status", "clocks"),
        [
            (
                Event.STAFF_REPLY,
                Status.IN_PROGRESS,
                {"FIRST_RESPONSE": "met", "RESOLUTION": "running"},
            ),
            (
                Event.STAFF_REPLY_AND_WAIT,
                Status.WAITING,
                {"FIRST_RESPONSE": "met", "RESOLUTION": "paused"},
            ),
            (
                Event.STAFF_REPLY_AND_CLOSE,
                Status.CLOSED,
                {"FIRST_RESPONSE": "met", "RESOLUTION": "met"},
            ),
        ],
    )
    def test_the_verb_decides_the_status_and_the_clocks_follow(
        self, people, ticket, event, status, clocks
    ):
        comments.reply(people.agent, ticket, "On it.", event, now=NOW + HOUR)
        row = _ticket(ticket)
        assert row.status is status
        assert row.closed_at == (NOW + HOUR if status is Status.CLOSED else None)
        assert _metrics(ticket) == clocks
        comment = _one(Comment)
        assert (comment.type, comment.is_internal) == (CommentType.USER, False)
        assert comment.author_id == people.agent.profile_id
        assert comment.created_at == NOW + HOUR

    def test_an_agent_who_answers_a_ticket_that_nobody_has_takes_it(self, people, ticket):
        comments.reply(people.agent, ticket, "Mine.", Event.STAFF_REPLY)
        assert _ticket(ticket).assigned_agent_id == people.agent.profile_id
        assert _one(Agent, Agent.profile_id == people.agent.profile_id).open_count == 1

    def test_an_admin_who_answers_does_not(self, people, ticket):
        comments.reply(people.admin, ticket, "Hello.", Event.STAFF_REPLY)
        assert _ticket(ticket).assigned_agent_id is None

    def test_a_closed_ticket_asks_before_it_reopens(self, people, ticket):
        tickets.close_ticket(people.agent, ticket)
        with pytest.raises(IllegalTransition, match="confirm"):
            comments.reply(people.agent, ticket, "More.", Event.STAFF_REPLY)
        assert _all(Comment) == []
        comments.reply(people.agent, ticket, "More.", Event.STAFF_REPLY_REOPENING)
        assert _ticket(ticket).status is Status.IN_PROGRESS

    def test_customers_do_not_reply_as_staff(self, people, ticket):
        with pytest.raises(NotAllowed):
            comments.reply(people.customer, ticket, "x", Event.STAFF_REPLY_AND_CLOSE)

    def test_a_note_moves_nothing_the_customer_can_see(self, people, ticket):
        before = _ticket(ticket)
        comments.add_note(people.agent, ticket, "Looks like arson.")
        after = _ticket(ticket)
        assert after.status is Status.OPEN
        assert (after.public_version, after.public_updated_at) == (
            before.public_version,
            before.public_updated_at,
        )
        assert _metrics(ticket)["FIRST_RESPONSE"] == "running"
        note = _one(Comment)
        assert (note.type, note.is_internal) == (CommentType.INTERNAL, True)
        with reading(people.customer) as session:
            assert session.scalars(select(Comment)).all() == []

    def test_customers_write_no_notes(self, people, ticket):
        with pytest.raises(NotAllowed):
            comments.add_note(people.customer, ticket, "x")


class TestCustomersComment:
    def test_it_resumes_a_waiting_ticket(self, people, ticket):
        comments.reply(people.agent, ticket, "Which?", Event.STAFF_REPLY_AND_WAIT, now=NOW + HOUR)
        comments.comment_as_customer(people.customer, ticket, "That one.", now=NOW + 2 * HOUR)
        assert _ticket(ticket).status is Status.IN_PROGRESS
        assert _metrics(ticket) == {
            "FIRST_RESPONSE": "met",
            "NEXT_RESPONSE": "running",
            "RESOLUTION": "running",
        }
        (entry,) = _all(
            HistoryEntry,
            HistoryEntry.action == "status_changed",
            HistoryEntry.actor_id == people.customer.profile_id,
        )
        assert entry.details["source"] == "customer_portal"

    def test_it_reopens_a_ticket_closed_lately_and_cancels_the_request_to_rate(
        self, people, ticket
    ):
        comments.reply(people.agent, ticket, "Done.", Event.STAFF_REPLY_AND_CLOSE, now=NOW + HOUR)
        assert _one(FeedbackRequest).state == "PENDING"
        again = comments.comment_as_customer(
            people.customer, ticket, "No.", now=NOW + timedelta(days=7)
        )
        assert again == ticket
        row = _ticket(ticket)
        assert (row.status, row.closed_at) == (Status.OPEN, None)
        assert row.assigned_agent_id == people.agent.profile_id
        assert _one(FeedbackRequest).state == "CANCELLED"

    def test_on_a_ticket_closed_long_ago_it_opens_a_new_one(self, people, ticket):
        tickets.close_ticket(people.customer, ticket, now=NOW)
        new = comments.comment_as_customer(
            people.customer, ticket, "It burns again.", now=NOW + timedelta(days=8)
        )
        assert new != ticket
        assert _ticket(ticket).status is Status.CLOSED
        row = _ticket(new)
        assert (row.follows_id, row.description, row.status) == (
            ticket,
            "It burns again.",
            Status.OPEN,
        )
        assert _metrics(new) == {"FIRST_RESPONSE": "running", "RESOLUTION": "running"}

    def test_a_foreign_ticket_does_not_exist(self, people, ticket, make):
        stranger = make.customer()
        for verb in (
            lambda: comments.comment_as_customer(stranger, ticket, "x"),
            lambda: tickets.close_ticket(stranger, ticket),
            lambda: tickets.reopen_ticket(stranger, ticket),
            lambda: tickets.rate_ticket(stranger, ticket, 5, None),
            lambda: tickets.change_ticket(stranger, ticket, TicketChanges(title="x"), version=1),
            lambda: tickets.close_ticket(stranger, uuid4()),
        ):
            with pytest.raises(NotFound):
                verb()

    def test_staff_speak_through_replies(self, people, ticket):
        with pytest.raises(NotFound):
            comments.comment_as_customer(people.agent, ticket, "x")


class TestClosingAndReopening:
    @pytest.mark.parametrize("who", ["customer", "agent", "admin"])
    def test_closing_invites_the_customer_once(self, people, ticket, who):
        tickets.close_ticket(getattr(people, who), ticket, now=NOW + HOUR)
        request = _one(FeedbackRequest)
        assert (request.cycle, request.state) == (1, "PENDING")
        assert request.send_after == NOW + 2 * HOUR
        with pytest.raises(IllegalTransition):
            tickets.close_ticket(getattr(people, who), ticket)
        assert len(_all(FeedbackRequest)) == 1

    def test_closing_without_an_answer_cancels_the_first_response(self, people, ticket):
        tickets.close_ticket(people.agent, ticket)
        assert _metrics(ticket) == {"FIRST_RESPONSE": "stopped", "RESOLUTION": "met"}

    @pytest.mark.parametrize(
        ("who", "status"), [("customer", Status.OPEN), ("agent", Status.IN_PROGRESS)]
    )
    def test_reopening_leads_to_the_status_of_whoever_did(self, people, ticket, who, status):
        tickets.close_ticket(people.agent, ticket)
        tickets.reopen_ticket(getattr(people, who), ticket)
        assert _ticket(ticket).status is status

    def test_a_reopened_ticket_of_an_agent_who_is_away_returns_to_the_pool(self, people, ticket):
        comments.reply(people.agent, ticket, "Done.", Event.STAFF_REPLY_AND_CLOSE)
        agents.set_availability(people.agent, people.agent.profile_id, Availability.AWAY)
        tickets.reopen_ticket(people.customer, ticket)
        assert _ticket(ticket).assigned_agent_id is None

    def test_an_agent_who_is_away_keeps_the_ticket_they_are_answering(self, people, ticket):
        tickets.close_ticket(people.agent, ticket)
        agents.set_availability(people.agent, people.agent.profile_id, Availability.AWAY)
        comments.reply(people.agent, ticket, "One more thing.", Event.STAFF_REPLY_REOPENING)
        row = _ticket(ticket)
        assert (row.assigned_agent_id, row.status) == (people.agent.profile_id, Status.IN_PROGRESS)

    def test_reopened_for_a_colleague_who_is_away_it_waits_in_the_pool_as_open(
        self, people, ticket
    ):
        comments.reply(people.agent, ticket, "Done.", Event.STAFF_REPLY_AND_CLOSE)
        agents.set_availability(people.agent, people.agent.profile_id, Availability.AWAY)
        tickets.reopen_ticket(people.admin, ticket)
        row = _ticket(ticket)
        assert (row.assigned_agent_id, row.status) == (None, Status.OPEN)


class TestAssigning:
    def test_a_person_may_exceed_the_capacity(self, people, ticket, make):
        full = make.agent(capacity=0)
        tickets.assign_ticket(people.agent, ticket, full.profile_id)
        assert _ticket(ticket).assigned_agent_id == full.profile_id
        assert [letter.to_profile_id for letter in _to_staff()] == [full.profile_id]

    def test_taking_a_ticket_oneself_sends_no_letter(self, people, ticket):
        tickets.assign_ticket(people.agent, ticket, people.agent.profile_id)
        assert _to_staff() == []
        assert _ticket(ticket).status is Status.OPEN

    def test_a_ticket_returned_to_the_pool_is_open_again(self, people, ticket):
        comments.reply(people.agent, ticket, "x", Event.STAFF_REPLY)
        tickets.assign_ticket(people.agent, ticket, None)
        row = _ticket(ticket)
        assert (row.status, row.assigned_agent_id) == (Status.OPEN, None)

    @pytest.mark.parametrize("who", ["customer", "admin"])
    def test_only_agents_take_tickets(self, people, ticket, who):
        with pytest.raises(Invalid):
            tickets.assign_ticket(people.admin, ticket, getattr(people, who).profile_id)
        assert _ticket(ticket).assigned_agent_id is None

    def test_customers_assign_nothing(self, people, ticket):
        with pytest.raises(NotAllowed):
            tickets.assign_ticket(people.customer, ticket, people.agent.profile_id)


class TestChanging:
    def test_several_fields_are_one_write_and_one_entry_each(self, people, ticket, make):
        team = make.team()
        tickets.change_ticket(
            people.agent,
            ticket,
            TicketChanges(
                title="Printer smokes", priority=Priority.HIGH, team_id=team, tags=["Fire", "fire"]
            ),
            version=1,
        )
        row = _ticket(ticket)
        assert (row.title, row.priority, row.team_id, row.tags) == (
            "Printer smokes",
            Priority.HIGH,
            team,
            ["fire"],
        )
        assert {"title_changed", "priority_changed", "team_changed", "tags_changed"} <= set(
            _actions(ticket)
        )

    def test_a_stale_form_is_refused_and_changes_nothing(self, people, ticket):
        tickets.change_ticket(people.agent, ticket, TicketChanges(title="first"), version=1)
        with pytest.raises(StaleWrite) as refusal:
            tickets.change_ticket(people.admin, ticket, TicketChanges(title="second"), version=1)
        assert refusal.value.details["version"] == 2
        assert _ticket(ticket).title == "first"

    def test_a_customers_comment_makes_no_staff_form_stale(self, people, ticket):
        comments.comment_as_customer(people.customer, ticket, "Hurry!")
        tickets.change_ticket(people.agent, ticket, TicketChanges(title="x"), version=1)

    def test_a_shorter_target_moves_the_due_time(self, people, ticket):
        tickets.change_ticket(
            people.agent, ticket, TicketChanges(priority=Priority.CRITICAL), version=1, now=NOW
        )
        first = _one(SLAClock, SLAClock.ticket_id == ticket, SLAClock.metric == "FIRST_RESPONSE")
        assert first.due_at == NOW + timedelta(minutes=15)

    def test_customers_change_texts_and_priority_of_their_own_open_tickets(self, people, ticket):
        tickets.change_ticket(
            people.customer,
            ticket,
            TicketChanges(title="Still burning", priority=Priority.HIGH),
            version=1,
        )
        assert _ticket(ticket).priority is Priority.HIGH
        for changes in (
            TicketChanges(priority=Priority.CRITICAL),
            TicketChanges(tags=["vip"]),
            TicketChanges(team_id=None),
            TicketChanges(agent_id=people.agent.profile_id),
        ):
            with pytest.raises(NotAllowed):
                tickets.change_ticket(people.customer, ticket, changes, version=None)
        tickets.close_ticket(people.customer, ticket)
        with pytest.raises(NotAllowed):
            tickets.change_ticket(people.customer, ticket, TicketChanges(title="x"), version=None)

    def test_what_has_not_left_about_a_deleted_ticket_does_not(self, people, ticket):
        comments.reply(people.agent, ticket, "Try this.", Event.STAFF_REPLY, now=NOW)
        tickets.delete_ticket(people.admin, ticket)
        assert {letter.letter for letter in _all(Letter)} >= {"ticket_received", "staff_replied"}
        for letter in _all(Letter):
            assert (letter.state, letter.last_error) == (
                MailState.SUPPRESSED,
                "The ticket was deleted.",
            )

    def test_deleting_is_for_admins_and_history_stays(self, people, ticket):
        with pytest.raises(NotAllowed):
            tickets.delete_ticket(people.agent, ticket)
        tickets.delete_ticket(people.admin, ticket)
        assert _all(Ticket) == []
        assert _actions(ticket)[-1] == "deleted"


class TestRating:
    def test_a_customer_rates_their_closed_ticket(self, people, ticket):
        with pytest.raises(NotAllowed):
            tickets.rate_ticket(people.customer, ticket, 5, "great")
        tickets.close_ticket(people.customer, ticket)
        tickets.rate_ticket(people.customer, ticket, 5, "great")
        row = _ticket(ticket)
        assert (row.feedback_rating, row.feedback_text, row.status) == (5, "great", Status.CLOSED)
        assert "feedback_changed" in _actions(ticket)

    def test_staff_cannot_rate(self, people, ticket):
        tickets.close_ticket(people.agent, ticket)
        with pytest.raises(NotAllowed):
            tickets.rate_ticket(people.agent, ticket, 5, None)


class TestComments:
    def test_an_edit_keeps_the_old_text(self, people, ticket):
        comment = comments.reply(people.agent, ticket, "frist", Event.STAFF_REPLY)
        comments.edit_comment(people.agent, comment, "first", version=1)
        row = _one(Comment)
        assert row.content == "first"
        assert row.details["editHistory"][0]["oldContent"] == "frist"
        with pytest.raises(StaleWrite):
            comments.edit_comment(people.agent, comment, "other", version=1)

    def test_agents_edit_their_own_and_admins_any(self, people, ticket, make):
        comment = comments.reply(people.agent, ticket, "x", Event.STAFF_REPLY)
        with pytest.raises(NotAllowed):
            comments.edit_comment(make.agent(), comment, "y", version=1)
        comments.edit_comment(people.admin, comment, "y", version=1)
        with pytest.raises(NotAllowed):
            comments.delete_comment(people.agent, comment)
        comments.delete_comment(people.admin, comment)
        assert _all(Comment) == []
        assert "comment_deleted" in _actions(ticket)

    def test_customers_edit_their_own_for_fifteen_minutes_and_know_of_no_note(self, people, ticket):
        comments.comment_as_customer(people.customer, ticket, "x")
        comment = _one(Comment)
        comments.edit_comment(people.customer, comment.id, "y", version=1)
        assert _one(Comment).content == "y"
        note = comments.add_note(people.agent, ticket, "secret")
        with pytest.raises(NotFound):
            comments.edit_comment(people.customer, note, "z", version=1)

    def test_fifteen_minutes_later_it_is_too_late(self, people, ticket):
        then = datetime.now(UTC) - timedelta(minutes=15)
        comments.comment_as_customer(people.customer, ticket, "x", now=then)
        with pytest.raises(NotAllowed):
            comments.edit_comment(people.customer, _one(Comment).id, "y", version=1)
        assert _one(Comment).content == "x"


class TestPeople:
    def test_agents_create_customers_only(self, people):
        created = profiles.create_profile(people.agent, "new@x.org", "New", Role.CUSTOMER)
        assert _one(Profile, Profile.id == created).role is Role.CUSTOMER
        with pytest.raises(NotAllowed):
            profiles.create_profile(people.agent, "b@x.org", "Boss", Role.ADMIN)
        with pytest.raises(Conflict, match="e-mail"):
            profiles.create_profile(people.agent, "NEW@x.org", "New", Role.CUSTOMER)

    def test_an_agent_who_becomes_something_else_hands_over(self, people, ticket):
        comments.reply(people.agent, ticket, "x", Event.STAFF_REPLY)
        profiles.change_profile(
            people.admin,
            people.agent.profile_id,
            email="a@x.org",
            full_name="A",
            role=Role.CUSTOMER,
            version=1,
        )
        row = _ticket(ticket)
        assert (row.assigned_agent_id, row.status) == (None, Status.OPEN)
        assert _all_agents() == []

    def test_a_deactivated_agent_hands_over_and_is_signed_out(self, people, ticket):
        with transaction(SYSTEM) as session:
            user = User(email="agent@x.org", password="x", fs_uniquifier="before")
            session.add(user)
            session.flush()
            session.get(Profile, people.agent.profile_id).user_id = str(user.id)
        comments.reply(people.agent, ticket, "x", Event.STAFF_REPLY)
        with pytest.raises(NotAllowed):
            profiles.set_active(people.agent, people.agent.profile_id, False)
        profiles.set_active(people.admin, people.agent.profile_id, False)
        user = _one(User)
        assert not user.active
        assert user.fs_uniquifier != "before"
        assert _ticket(ticket).assigned_agent_id is None
        with pytest.raises(Invalid):
            tickets.assign_ticket(people.admin, ticket, people.agent.profile_id)

    def test_the_last_admin_stays(self, people):
        with pytest.raises(Conflict, match="last active admin"):
            profiles.change_profile(
                people.admin,
                people.admin.profile_id,
                email="a@x.org",
                full_name="A",
                role=Role.AGENT,
                version=1,
            )

    def test_customers_with_tickets_and_staff_are_not_deleted(self, people, ticket, make):
        with pytest.raises(StillReferenced, match="has tickets"):
            profiles.delete_profile(people.admin, people.customer.profile_id)
        with pytest.raises(Conflict, match="deactivated"):
            profiles.delete_profile(people.admin, people.agent.profile_id)
        profiles.delete_profile(people.admin, make.customer().profile_id)

    def test_agents_set_their_own_availability_only(self, people, make):
        other = make.agent()
        agents.set_availability(people.agent, people.agent.profile_id, Availability.AWAY)
        with pytest.raises(NotAllowed):
            agents.set_availability(people.agent, other.profile_id, Availability.AWAY)
        agents.set_availability(people.admin, other.profile_id, Availability.AWAY)
        assert {row.availability for row in _all_agents()} == {Availability.AWAY}

    def test_admins_change_what_assignment_knows(self, people, make):
        team = make.team()
        agents.change_agent(
            people.admin,
            people.agent.profile_id,
            capacity=3,
            skills=["VPN"],
            team_ids=[team],
            version=1,
        )
        (row,) = _all_agents()
        assert (row.capacity, row.skills) == (3, ["vpn"])
        with pytest.raises(StaleWrite):
            agents.change_agent(
                people.admin,
                people.agent.profile_id,
                capacity=4,
                skills=[],
                team_ids=[],
                version=1,
            )
        with pytest.raises(Invalid):
            agents.change_agent(
                people.admin,
                people.agent.profile_id,
                capacity=-1,
                skills=[],
                team_ids=[],
                version=2,
            )


def _all_agents():
    with reading(SYSTEM) as session:
        return session.scalars(select(Agent)).all()
