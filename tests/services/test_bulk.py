"""Many tickets at once: each by itself, each with its own outcome."""

import pytest
from sqlalchemy import text

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Status
from emberone.domain.errors import IllegalTransition, Invalid, NotFound, StaleWrite
from emberone.domain.lifecycle import Event
from emberone.models import Ticket
from emberone.services import bulk, comments, tagging, tickets
from emberone.services.bulk import Chosen
from emberone.services.feedback import sweep_feedback
from emberone.services.tickets import TicketChanges


def look(ticket_id):
    with reading(SYSTEM) as session:
        return session.get_one(Ticket, ticket_id)


def seen(*ids):
    """The tickets as a list shows them now."""
    rows = [look(ticket_id) for ticket_id in ids]
    return [Chosen(row.id, row.version, row.activity_no) for row in rows]


def reasons_of_skipping():
    with reading(SYSTEM) as session:
        return set(session.execute(text("SELECT state, state_reason FROM feedback_requests")))


@pytest.fixture
def case(make, set_setting):
    """Three answered tickets of three customers, and an agent."""
    set_setting(feedback_delay_s=0)
    agent = make.agent()
    ids = []
    for _ in range(3):
        customer = make.customer()
        ids.append(tickets.open_ticket(customer, customer.profile_id, "Help", "It is broken."))
        comments.reply(agent, ids[-1], "We look at it.", Event.STAFF_REPLY)
    return agent, ids


@pytest.mark.rule("feedback 2")
def test_closing_many_asks_nobody_for_a_rating(case):
    agent, ids = case
    assert bulk.close_each(agent, seen(*ids)) == []
    assert {look(ticket_id).status for ticket_id in ids} == {Status.CLOSED}
    sweep_feedback()
    assert reasons_of_skipping() == {("SKIPPED", "mass_close")}


def test_closing_one_is_no_mass_close(case):
    agent, ids = case
    assert bulk.close_each(agent, seen(ids[0])) == []
    sweep_feedback()
    assert reasons_of_skipping() == {("SENT", None)}


def test_a_ticket_that_refuses_does_not_hold_up_the_others(case, make):
    agent, ids = case
    chosen = seen(*ids)
    tickets.close_ticket(agent, ids[1])
    comments.add_note(make.agent(), ids[2], "Do not close yet.")
    refusals = {refusal.ticket_id: refusal.error for refusal in bulk.close_each(agent, chosen)}
    assert {key: type(error) for key, error in refusals.items()} == {
        ids[1]: StaleWrite,
        ids[2]: StaleWrite,
    }
    assert look(ids[0]).status is Status.CLOSED
    assert look(ids[2]).status is Status.IN_PROGRESS


def test_a_closed_ticket_says_that_it_is_closed(case):
    agent, ids = case
    tickets.close_ticket(agent, ids[0])
    (refusal,) = bulk.close_each(agent, seen(ids[0]))
    assert isinstance(refusal.error, IllegalTransition)


def test_what_a_colleague_has_just_done_is_not_overwritten(case, make):
    agent, ids = case
    other = make.agent()
    chosen = seen(*ids)
    tickets.assign_ticket(other, ids[0], other.profile_id)
    refusals = bulk.on_each(
        chosen,
        lambda one: tickets.assign_ticket(
            agent, one.ticket_id, agent.profile_id, version=one.version
        ),
    )
    assert [refusal.ticket_id for refusal in refusals] == [ids[0]]
    assert look(ids[0]).assigned_agent_id == other.profile_id
    assert look(ids[1]).assigned_agent_id == agent.profile_id


def test_who_may_not_is_refused_for_every_ticket(case, make):
    _agent, ids = case
    stranger = make.customer()
    refusals = bulk.close_each(stranger, seen(*ids))
    assert {type(refusal.error) for refusal in refusals} == {NotFound}
    assert {look(ticket_id).status for ticket_id in ids} == {Status.IN_PROGRESS}


@pytest.mark.parametrize("count", [0, bulk.MOST + 1])
def test_none_and_too_many_are_refused_before_anything_is_done(case, count):
    _agent, ids = case
    done = []
    with pytest.raises(Invalid):
        bulk.on_each(seen(ids[0]) * count, done.append)
    assert done == []


def test_the_limit_is_the_one_that_people_read():
    assert str(bulk.MOST) in bulk.TooMany().message


def test_a_tag_is_added_to_and_taken_off_whatever_else_there_is(case):
    agent, ids = case
    tickets.change_ticket(agent, ids[0], TicketChanges(tags=["vip"]), version=None)
    version = look(ids[1]).version
    for ticket_id in ids[:2]:
        tagging.add_tags(agent, ticket_id, ["Refund", "vip"])
    assert [look(ticket_id).tags for ticket_id in ids] == [["refund", "vip"]] * 2 + [[]]
    assert look(ids[1]).version == version + 1
    tagging.add_tags(agent, ids[1], ["vip"])
    assert look(ids[1]).version == version + 1
    for ticket_id in ids:
        tagging.remove_tags(agent, ticket_id, ["vip"])
    assert [look(ticket_id).tags for ticket_id in ids] == [["refund"]] * 2 + [[]]


def test_no_ticket_gets_more_tags_than_it_may_have(case):
    agent, ids = case
    with transaction(SYSTEM) as session:
        session.get_one(Ticket, ids[0]).tags = [f"tag {n:02}" for n in range(20)]
    with pytest.raises(Invalid):
        tagging.add_tags(agent, ids[0], ["one more"])
    tagging.add_tags(agent, ids[0], ["tag 01"])


def letters_to(agent):
    with reading(SYSTEM) as session:
        return [
            tuple(row)
            for row in session.execute(
                text(
                    "SELECT letter, state, send_after <= now() FROM mail_outbox"
                    " WHERE to_profile_id = :agent ORDER BY id"
                ),
                {"agent": agent.profile_id},
            )
        ]


def test_who_is_given_many_is_told_of_them_in_one_letter_at_once(case, make):
    agent, ids = case
    other = make.agent()
    assert bulk.assign_each(agent, seen(*ids), other.profile_id) == []
    assert {look(ticket_id).assigned_agent_id for ticket_id in ids} == {other.profile_id}
    *lines, digest = letters_to(other)
    assert {line[:2] for line in lines} == {("assigned", "collapsed")}
    assert len(lines) == 3
    assert digest == ("digest", "queued", True)


def test_one_ticket_of_many_that_could_be_given_is_told_of_at_once(case, make):
    agent, ids = case
    other, chosen = make.agent(), seen(*ids)
    for ticket_id in ids[1:]:
        tickets.close_ticket(agent, ticket_id)
    refusals = bulk.assign_each(agent, chosen, other.profile_id)
    assert len(refusals) == 2
    assert letters_to(other) == [("assigned", "queued", True)]


def test_who_takes_many_themselves_is_told_of_none(case, make):
    _, ids = case
    other = make.agent()
    assert bulk.assign_each(other, seen(*ids), other.profile_id) == []
    assert letters_to(other) == []


def test_many_given_back_to_the_pool_tell_nobody(case):
    agent, ids = case
    assert bulk.assign_each(agent, seen(*ids), None) == []
    assert letters_to(agent) == []
