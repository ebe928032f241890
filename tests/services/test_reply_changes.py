"""What a reply changes with its publishing: with it, by the rules, and never at its cost."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import DraftKind, DraftState, Priority, Status
from emberone.domain.errors import Invalid
from emberone.domain.lifecycle import Event
from emberone.domain.macros import NO_CHANGES, ReplyChanges
from emberone.models import Comment, Draft, HistoryEntry, SLAClock, Ticket
from emberone.queries.drafts import draft_of
from emberone.services import drafts, publishing, teams, tickets
from emberone.services.tickets import TicketChanges
from tests.services.sla_play import AROUND_THE_CLOCK

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DUE = NOW + timedelta(seconds=15)


@pytest.fixture
def ana(make):
    return make.agent("Ana")


@pytest.fixture
def customer(make):
    return make.customer("Carl")


@pytest.fixture
def ticket(customer):
    return tickets.open_ticket(customer, customer.profile_id, "Help", "It broke.", now=NOW)


@pytest.fixture
def team(make):
    return make.team("Orders")


@pytest.fixture
def chosen(team):
    return ReplyChanges(Priority.HIGH, team, ("refund", "vip"))


def _look(ticket):
    with reading(SYSTEM) as session:
        return session.get_one(Ticket, ticket)


def _rows(model, *where):
    with reading(SYSTEM) as session:
        return session.scalars(select(model).where(*where).order_by(model.id)).all()


def _facts(ticket):
    row = _look(ticket)
    return row.priority, row.team_id, row.tags


def _send(ana, ticket, changes, words="Try this.", event=Event.STAFF_REPLY, now=NOW):
    return drafts.send_reply(ana, ticket, words, event, changes=changes, now=now)


def _card(ana, ticket):
    with reading(ana) as session:
        return draft_of(session, ana, ticket)


def test_nothing_changes_before_the_reply_is_published_and_all_with_it(ana, ticket, team, chosen):
    before = _facts(ticket)
    _send(ana, ticket, chosen)
    assert _facts(ticket) == before
    assert publishing.publish_due(now=DUE) == 1
    assert _facts(ticket) == (Priority.HIGH, team, ["refund", "vip"])
    assert [row.content for row in _rows(Comment)] == ["Try this."]


def test_history_names_the_author_as_for_any_change_of_theirs(ana, ticket, chosen):
    _send(ana, ticket, chosen)
    publishing.publish_due(now=DUE)
    entries = {entry.action: entry for entry in _rows(HistoryEntry)}
    for action in ("priority_changed", "tags_changed"):
        entry = entries[action]
        assert (entry.actor_id, entry.created_at) == (ana.profile_id, DUE), action
        assert entry.details["source"] == "agent_dashboard"
    assert entries["priority_changed"].new_value == {"priority": "HIGH"}


def test_the_clocks_follow_and_the_answer_is_judged_by_the_promise_it_was_given_under(
    ana, customer
):
    with transaction(SYSTEM) as session:
        session.execute(text(AROUND_THE_CLOCK))
    ticket = tickets.open_ticket(customer, customer.profile_id, "Help", "It broke.", now=NOW)
    late = NOW + timedelta(hours=1)  # CRITICAL would have been due after a quarter of one.
    _send(ana, ticket, ReplyChanges(Priority.CRITICAL), now=late)
    before = {clock.metric.value: clock.due_at for clock in _rows(SLAClock)}
    publishing.publish_due(now=late + timedelta(seconds=15))
    after = {clock.metric.value: clock for clock in _rows(SLAClock)}
    assert after["FIRST_RESPONSE"].due_at == before["FIRST_RESPONSE"]
    assert after["FIRST_RESPONSE"].met_at is not None
    assert after["FIRST_RESPONSE"].breached_at is None
    assert (before["RESOLUTION"], after["RESOLUTION"].due_at) == (
        NOW + timedelta(hours=24),
        NOW + timedelta(hours=4),
    )


def test_without_a_delay_both_happen_at_once(ana, ticket, team, chosen, set_setting):
    set_setting(reply_delay_s=0)
    _send(ana, ticket, chosen, event=Event.STAFF_REPLY_AND_CLOSE)
    assert _facts(ticket) == (Priority.HIGH, team, ["refund", "vip"])
    assert _look(ticket).status is Status.CLOSED


def test_taken_back_nothing_happened_and_what_was_chosen_is_still_there(ana, ticket, chosen):
    before = _facts(ticket)
    draft = _send(ana, ticket, chosen, event=Event.STAFF_REPLY_AND_WAIT)
    drafts.take_back(ana, draft)
    card = _card(ana, ticket)
    assert (card.changes, card.event) == (chosen, Event.STAFF_REPLY_AND_WAIT)
    assert publishing.publish_due(now=DUE) == 0
    assert _facts(ticket) == before
    # Sent again without them, nothing of it is left.
    _send(ana, ticket, NO_CHANGES)
    publishing.publish_due(now=DUE)
    assert _facts(ticket) == before


def test_taken_back_above_a_text_begun_meanwhile_both_choices_stand(ana, ticket, team):
    draft = _send(ana, ticket, ReplyChanges(Priority.HIGH, team, ("a",)))
    begun = ReplyChanges(Priority.LOW, None, ("b",))
    drafts.save_draft(ana, ticket, DraftKind.REPLY, "And this", changes=begun)
    drafts.take_back(ana, draft)
    assert _card(ana, ticket).changes == ReplyChanges(Priority.LOW, team, ("a", "b"))


def test_what_is_chosen_while_writing_is_kept_until_it_is_changed(ana, ticket, chosen):
    drafts.save_draft(ana, ticket, DraftKind.REPLY, "Hel", changes=chosen)
    drafts.save_draft(ana, ticket, DraftKind.REPLY, "Hello")
    assert _card(ana, ticket).changes == chosen
    drafts.save_draft(ana, ticket, DraftKind.REPLY, "Hello", changes=NO_CHANGES)
    assert not _card(ana, ticket).changes


def test_the_same_text_sent_with_other_changes_is_one_reply_with_the_later_wish(
    ana, ticket, chosen
):
    first = _send(ana, ticket, NO_CHANGES)
    later = NOW + timedelta(seconds=3)
    assert _send(ana, ticket, chosen, now=later) == first
    (row,) = _rows(Draft)
    assert (row.changes, row.publish_after) == (chosen, later + timedelta(seconds=15))


def test_a_team_that_is_gone_costs_its_change_and_not_the_reply(make, ana, ticket, team, chosen):
    _send(ana, ticket, chosen)
    teams.delete_team(make.admin(), team)
    assert publishing.publish_due(now=DUE) == 1
    assert [row.content for row in _rows(Comment)] == ["Try this."]
    assert _facts(ticket) == (Priority.HIGH, None, ["refund", "vip"])


def test_a_team_that_goes_while_the_reply_is_published_does_not_hold_it(
    database, make, ana, ticket, team, chosen
):
    """Whoever comes first: the reply is out, and the ticket is in no team that is not there."""
    _send(ana, ticket, chosen)
    admin = make.admin()
    begun = threading.Barrier(2)

    def delete():
        with database.app_context():
            begun.wait()
            teams.delete_team(admin, team)

    other = threading.Thread(target=delete)
    other.start()
    begun.wait()
    publishing.publish_due(now=DUE)
    other.join()
    publishing.publish_due(now=DUE + timedelta(minutes=1))
    assert _rows(Draft) == []
    assert len(_rows(Comment)) == 1
    assert _facts(ticket)[1] is None


def test_tags_for_which_there_is_no_room_cost_themselves_and_not_the_reply(ana, ticket):
    _send(ana, ticket, ReplyChanges(tags=("x-one", "x-two")))
    many = [f"tag {number}" for number in range(19)]
    tickets.change_ticket(ana, ticket, TicketChanges(tags=many), version=None, now=NOW)
    assert publishing.publish_due(now=DUE) == 1
    assert _facts(ticket)[2] == sorted([*many, "x-one"])
    assert len(_rows(Comment)) == 1


def test_a_reply_that_is_held_stays_whole(make, ana, ticket, team, chosen):
    draft = _send(ana, ticket, chosen)
    before = _facts(ticket)
    tickets.close_ticket(make.agent(), ticket, now=NOW + timedelta(seconds=5))
    assert publishing.publish_due(now=DUE) == 1
    (row,) = _rows(Draft)
    assert (row.state, row.changes, row.content) == (DraftState.HELD, chosen, "Try this.")
    assert _facts(ticket) == before
    drafts.send_again(ana, draft, event=Event.STAFF_REPLY_REOPENING, now=DUE)
    assert publishing.publish_due(now=DUE + timedelta(seconds=15)) == 1
    assert _facts(ticket) == (Priority.HIGH, team, ["refund", "vip"])


def test_a_team_that_does_not_exist_is_refused_when_the_reply_is_sent(ana, ticket, team, chosen):
    teams_gone = ReplyChanges(team_id=ticket)
    with pytest.raises(Invalid, match="no such team"):
        _send(ana, ticket, teams_gone)
    assert _rows(Draft) == []


def test_what_is_so_already_is_no_change(ana, ticket):
    _send(ana, ticket, ReplyChanges(Priority.MEDIUM, None, ()))
    publishing.publish_due(now=DUE)
    assert "priority_changed" not in {entry.action for entry in _rows(HistoryEntry)}
