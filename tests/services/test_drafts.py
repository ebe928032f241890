"""Drafts: what is kept while writing, and what sending, taking back and discarding do."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from emberone.db import now_of, reading
from emberone.domain.actor import SYSTEM
from emberone.domain.attachments import Upload
from emberone.domain.enums import DraftKind, DraftState, Status
from emberone.domain.errors import Conflict, IllegalTransition, Invalid, NotAllowed, NotFound
from emberone.domain.lifecycle import Event
from emberone.models import Attachment, Comment, Draft, Ticket
from emberone.queries.drafts import draft_of, replies_on_their_way, writing_now
from emberone.services import comments, drafts, publishing, tickets

REPLY, NOTE = DraftKind.REPLY, DraftKind.NOTE
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DELAY = timedelta(seconds=15)


@pytest.fixture
def ana(make):
    return make.agent("Ana")


@pytest.fixture
def ben(make):
    return make.agent("Ben")


@pytest.fixture
def customer(make):
    return make.customer("Carl")


@pytest.fixture
def ticket(customer):
    return tickets.open_ticket(customer, customer.profile_id, "Help", "It broke.", now=NOW)


def _drafts():
    with reading(SYSTEM) as session:
        return session.scalars(select(Draft).order_by(Draft.created_at, Draft.id)).all()


def _said():
    with reading(SYSTEM) as session:
        return session.scalars(select(Comment.content).order_by(Comment.id)).all()


def _status(ticket):
    with reading(SYSTEM) as session:
        return session.get_one(Ticket, ticket).status


def _everything_else():
    """Every table of the product but the drafts, row by row."""
    with reading(SYSTEM) as session:
        return {
            table: session.execute(text(f"SELECT t::text FROM {table} AS t ORDER BY 1")).all()
            for table in (
                "tickets", "comments", "history", "sla_clocks", "sla_steps", "agents",
                "feedback_requests", "mail_outbox", "profiles", "ticket_reads",
            )
        }  # fmt: skip


# ------------------------------------------------------------------------------- writing


def test_what_one_writes_is_kept_and_written_over(ana, ticket):
    first = drafts.save_draft(ana, ticket, REPLY, "Hel")
    assert drafts.save_draft(ana, ticket, NOTE, "Hello\r\n  there ") == first
    with reading(ana) as session:
        card = draft_of(session, ana, ticket)
    assert (card.id, card.kind, card.content) == (first, NOTE, "Hello\n  there ")


def test_an_empty_text_is_no_draft(ana, ticket):
    assert drafts.save_draft(ana, ticket, REPLY, " \n ") is None
    drafts.save_draft(ana, ticket, REPLY, "Hello")
    assert drafts.save_draft(ana, ticket, REPLY, "") is None
    assert _drafts() == []


def test_each_person_writes_a_text_of_their_own_on_each_ticket(make, ana, ben, ticket):
    other = make.ticket()
    for actor, on, words in ((ana, ticket, "A"), (ben, ticket, "B"), (ana, other, "C")):
        drafts.save_draft(actor, on, REPLY, words)
    with reading(ana) as session:
        assert draft_of(session, ana, ticket).content == "A"
        assert draft_of(session, ana, other).content == "C"
    with reading(ben) as session:
        assert draft_of(session, ben, ticket).content == "B"
        assert draft_of(session, ben, other) is None


def test_colleagues_see_who_writes_now(ana, ben, ticket):
    drafts.save_draft(ana, ticket, REPLY, "Hello")
    with reading(ben) as session:
        now = now_of(session)
        assert writing_now(session, ben, ticket, now) == ["Ana"]
        assert writing_now(session, ana, ticket, now) == []
        assert writing_now(session, ben, ticket, now + timedelta(minutes=2)) == []


def test_customers_have_no_drafts(make, customer, ana, ticket):
    with pytest.raises(NotAllowed):
        drafts.save_draft(customer, ticket, REPLY, "Hello")
    with pytest.raises(NotAllowed):
        drafts.send_reply(customer, ticket, "Hello", Event.STAFF_REPLY)
    theirs = drafts.send_reply(ana, ticket, "Hello", Event.STAFF_REPLY)
    for verb in (drafts.take_back, drafts.discard_draft, drafts.send_again):
        with pytest.raises(NotAllowed):
            verb(customer, theirs)


def test_a_ticket_that_is_not_there_takes_no_draft(ana):
    with pytest.raises(NotFound):
        drafts.save_draft(ana, uuid4(), REPLY, "Hello")
    with pytest.raises(NotFound):
        drafts.send_reply(ana, uuid4(), "Hello", Event.STAFF_REPLY)


def test_a_text_that_cannot_be_stored_is_refused(ana, ticket):
    with pytest.raises(Invalid):
        drafts.save_draft(ana, ticket, REPLY, "a\x00b")
    with pytest.raises(Invalid):
        drafts.save_draft(ana, ticket, REPLY, "a" * 100_001)
    with pytest.raises(Invalid):
        drafts.send_reply(ana, ticket, "  ", Event.STAFF_REPLY)
    assert _drafts() == []


# ------------------------------------------------------------------------------- sending


def test_a_reply_that_waits_moves_nothing_but_itself(ana, ticket):
    before = _everything_else()
    draft = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY_AND_CLOSE, now=NOW)
    (row,) = _drafts()
    assert (row.id, row.state, row.kind, row.publish_after) == (
        draft,
        DraftState.WAITING,
        REPLY,
        NOW + DELAY,
    )
    assert publishing.publish_due(now=NOW + DELAY - timedelta(microseconds=1)) == 0
    drafts.take_back(ana, draft)
    drafts.discard_draft(ana, draft)
    assert _everything_else() == before


def test_what_was_being_written_becomes_the_reply(ana, ticket):
    draft = drafts.save_draft(ana, ticket, REPLY, "Try thi")
    assert drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY) == draft
    with reading(ana) as session:
        assert draft_of(session, ana, ticket) is None
        (waiting,) = replies_on_their_way(session, ticket)
    assert (waiting.content, waiting.author_name, waiting.is_held) == ("Try this.", "Ana", False)


def test_a_late_autosave_does_not_bring_the_sent_text_back(ana, ticket):
    drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY)
    assert drafts.save_draft(ana, ticket, REPLY, "Try thi") is None
    assert len(_drafts()) == 1
    assert drafts.save_draft(ana, ticket, REPLY, "And one more thing") is not None


def test_a_note_in_the_making_stays_beside_a_reply(ana, ticket):
    note = drafts.save_draft(ana, ticket, NOTE, "He is furious")
    reply = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY)
    assert {row.id: row.state for row in _drafts()} == {
        note: DraftState.WRITING,
        reply: DraftState.WAITING,
    }


def test_a_double_click_sends_one_reply(ana, ticket):
    first = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=NOW)
    later = NOW + timedelta(seconds=3)
    assert drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=later) == first
    (row,) = _drafts()
    assert row.publish_after == NOW + DELAY


def test_the_same_text_sent_otherwise_is_the_same_reply_with_the_later_wish(ana, ticket):
    first = drafts.send_reply(ana, ticket, "Bye.", Event.STAFF_REPLY, now=NOW)
    later = NOW + timedelta(seconds=3)
    again = drafts.send_reply(ana, ticket, "Bye.", Event.STAFF_REPLY_AND_CLOSE, now=later)
    (row,) = _drafts()
    assert again == first == row.id
    assert (row.event, row.publish_after) == (Event.STAFF_REPLY_AND_CLOSE, later + DELAY)


def test_two_people_may_send_the_same_words(ana, ben, ticket):
    drafts.send_reply(ana, ticket, "Hello", Event.STAFF_REPLY)
    drafts.send_reply(ben, ticket, "Hello", Event.STAFF_REPLY)
    assert len(_drafts()) == 2


def test_what_the_ticket_does_not_allow_is_refused_at_once(ana, ticket):
    tickets.close_ticket(ana, ticket)
    for event in (Event.STAFF_REPLY, Event.STAFF_REPLY_AND_WAIT):
        with pytest.raises(IllegalTransition):
            drafts.send_reply(ana, ticket, "Hello", event)
    with pytest.raises(ValueError, match="not a reply"):
        drafts.send_reply(ana, ticket, "Hello", Event.CLOSE)
    assert _drafts() == []


def test_without_a_delay_a_reply_is_a_comment_at_once(ana, ticket, set_setting):
    set_setting(reply_delay_s=0)
    drafts.save_draft(ana, ticket, REPLY, "Try this.")
    drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY_AND_WAIT)
    assert (_said(), _drafts(), _status(ticket)) == (["Try this."], [], Status.WAITING)


def test_the_author_can_see_that_the_customer_spoke_meanwhile(ana, customer, ticket):
    drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=NOW)
    with reading(ana) as session:
        assert not replies_on_their_way(session, ticket)[0].customer_spoke_since
    comments.comment_as_customer(customer, ticket, "Solved!", now=NOW + timedelta(seconds=5))
    with reading(ana) as session:
        assert replies_on_their_way(session, ticket)[0].customer_spoke_since
    assert publishing.publish_due(now=NOW + DELAY) == 1
    assert _said() == ["Solved!", "Try this."]


def test_a_double_click_without_a_delay_says_it_once(ana, ticket, set_setting):
    set_setting(reply_delay_s=0)
    first = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=NOW)
    again = drafts.send_reply(
        ana, ticket, "Try this.", Event.STAFF_REPLY, now=NOW + timedelta(seconds=2)
    )
    assert again == first
    assert (_said(), _drafts()) == (["Try this."], [])
    later = NOW + timedelta(minutes=2)
    assert drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=later) != first
    assert _said() == ["Try this."] * 2


def test_a_click_that_comes_after_publishing_is_the_same_reply(ana, ticket):
    drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=NOW)
    assert publishing.publish_due(now=NOW + DELAY) == 1
    moment = NOW + DELAY + timedelta(seconds=1)
    drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=moment)
    assert (_said(), _drafts()) == (["Try this."], [])


def test_the_same_words_written_anew_are_another_reply(ana, ticket, set_setting):
    set_setting(reply_delay_s=0)
    drafts.send_reply(ana, ticket, "Any news?", Event.STAFF_REPLY)
    drafts.save_draft(ana, ticket, REPLY, "Any news? Please")
    drafts.send_reply(ana, ticket, "Any news?", Event.STAFF_REPLY)
    assert _said() == ["Any news?"] * 2


# ------------------------------------------------------------------------------- notes


def test_a_note_is_left_at_once_with_what_was_kept_of_it(ana, ticket):
    drafts.save_draft(ana, ticket, NOTE, "He is fur")
    note = drafts.leave_note(ana, ticket, "He is furious", files=[FILE])
    assert drafts.leave_note(ana, ticket, "He is furious", files=[FILE]) == note
    assert (_said(), _drafts()) == (["He is furious"], [])
    assert _files() == [("list.txt", None, True)]
    assert drafts.save_draft(ana, ticket, NOTE, "He is furi") is None


def test_a_note_takes_the_files_of_its_draft(ana, ticket):
    sent = drafts.send_reply(ana, ticket, "See.", Event.STAFF_REPLY, files=[FILE])
    drafts.take_back(ana, sent)
    drafts.save_draft(ana, ticket, NOTE, "See.")
    drafts.leave_note(ana, ticket, "See.", files=[Upload("more.txt", b"four")])
    with reading(SYSTEM) as session:
        named = session.scalars(select(Comment.details)).one()["attachments"]
    assert [file["name"] for file in named] == ["list.txt", "more.txt"]


def test_a_reply_in_the_making_stays_beside_a_note(ana, ticket):
    drafts.save_draft(ana, ticket, REPLY, "Dear Carl")
    drafts.leave_note(ana, ticket, "He is furious")
    assert [row.content for row in _drafts()] == ["Dear Carl"]


def test_customers_leave_no_notes(customer, ticket):
    with pytest.raises(NotAllowed):
        drafts.leave_note(customer, ticket, "Hello")
    assert _said() == []


FILE = Upload("list.txt", b"one two three")


def _files():
    with reading(SYSTEM) as session:
        return [
            (file.name, file.draft_id, file.comment_id is not None)
            for file in session.scalars(select(Attachment).order_by(Attachment.id))
        ]


def test_files_wait_with_their_reply_and_go_with_it(ana, ticket):
    draft = drafts.send_reply(ana, ticket, "See.", Event.STAFF_REPLY, files=[FILE], now=NOW)
    again = drafts.send_reply(ana, ticket, "See.", Event.STAFF_REPLY, files=[FILE], now=NOW)
    assert again == draft
    assert _files() == [("list.txt", draft, False)]
    assert publishing.publish_due(now=NOW + DELAY) == 1
    assert _files() == [("list.txt", None, True)]
    with reading(SYSTEM) as session:
        (named,) = session.scalars(select(Comment.details)).one()["attachments"]
    assert named["name"] == "list.txt"


def test_the_same_words_with_another_file_are_another_reply(ana, ticket):
    drafts.send_reply(ana, ticket, "See.", Event.STAFF_REPLY, files=[FILE])
    other = Upload("other.txt", b"something else")
    drafts.send_reply(ana, ticket, "See.", Event.STAFF_REPLY, files=[other])
    assert len(_drafts()) == 2


def test_files_come_back_with_what_is_taken_back_and_keep_an_empty_text(ana, ticket):
    draft = drafts.send_reply(ana, ticket, "See.", Event.STAFF_REPLY, files=[FILE])
    drafts.take_back(ana, draft)
    assert drafts.save_draft(ana, ticket, REPLY, "") == draft
    assert _files() == [("list.txt", draft, False)]
    second = drafts.send_reply(ana, ticket, "Now really.", Event.STAFF_REPLY, now=NOW)
    assert second == draft
    drafts.discard_draft(ana, draft)
    assert _files() == []


def test_files_of_a_text_begun_meanwhile_are_kept_too(ana, ticket):
    first = drafts.send_reply(ana, ticket, "One", Event.STAFF_REPLY, files=[FILE])
    second = drafts.send_reply(ana, ticket, "Two", Event.STAFF_REPLY, files=[FILE])
    drafts.take_back(ana, second)
    drafts.take_back(ana, first)
    assert _files() == [("list.txt", first, False)] * 2
    assert [row.content for row in _drafts()] == ["One\n\nTwo"]


def test_a_file_that_is_refused_sends_nothing(ana, ticket):
    with pytest.raises(Invalid):
        drafts.send_reply(ana, ticket, "See.", Event.STAFF_REPLY, files=[Upload("a", b"")])
    assert (_drafts(), _files()) == ([], [])


# ------------------------------------------------------------------------------- taking back


def test_a_reply_taken_back_is_a_text_in_the_making_again(ana, ticket):
    draft = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=NOW)
    drafts.take_back(ana, draft)
    drafts.take_back(ana, draft)
    assert publishing.publish_due(now=NOW + DELAY) == 0
    with reading(ana) as session:
        assert draft_of(session, ana, ticket).content == "Try this."
    assert _said() == []


def test_a_published_reply_cannot_be_taken_back(ana, ticket):
    draft = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=NOW)
    assert publishing.publish_due(now=NOW + DELAY) == 1
    for verb in (drafts.take_back, drafts.discard_draft, drafts.send_again):
        with pytest.raises(Conflict):
            verb(ana, draft)
    assert _said() == ["Try this."]


def test_nobody_takes_back_a_colleagues_reply(make, ana, ben, ticket):
    draft = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY)
    for actor in (ben, make.admin()):
        for verb in (drafts.take_back, drafts.discard_draft, drafts.send_again):
            with pytest.raises(NotAllowed):
                verb(actor, draft)
    assert [row.state for row in _drafts()] == [DraftState.WAITING]


def test_a_text_begun_meanwhile_stands_below_what_comes_back(ana, ticket):
    draft = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY)
    drafts.save_draft(ana, ticket, REPLY, "One more thing")
    drafts.take_back(ana, draft)
    (row,) = _drafts()
    assert (row.id, row.kind, row.content) == (draft, REPLY, "Try this.\n\nOne more thing")


def test_a_note_begun_meanwhile_does_not_become_part_of_a_reply(ana, ticket):
    draft = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY)
    drafts.save_draft(ana, ticket, NOTE, "He is furious")
    drafts.take_back(ana, draft)
    (row,) = _drafts()
    assert (row.kind, row.content) == (NOTE, "Try this.\n\nHe is furious")


def test_two_texts_that_do_not_fit_together_both_stay(ana, ticket):
    draft = drafts.send_reply(ana, ticket, "a" * 99_999, Event.STAFF_REPLY)
    drafts.save_draft(ana, ticket, REPLY, "One more thing")
    with pytest.raises(Invalid):
        drafts.take_back(ana, draft)
    assert {row.state for row in _drafts()} == {DraftState.WAITING, DraftState.WRITING}


def test_a_text_that_is_discarded_never_leaves(ana, ticket):
    writing = drafts.save_draft(ana, ticket, REPLY, "Hm")
    drafts.discard_draft(ana, writing)
    waiting = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=NOW)
    drafts.discard_draft(ana, waiting)
    assert publishing.publish_due(now=NOW + DELAY) == 0
    assert (_drafts(), _said()) == ([], [])


# ------------------------------------------------------------------------------- held ones


@pytest.fixture
def held(ana, ben, ticket):
    """Ana's reply to a ticket that Ben closed before it was published."""
    draft = drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=NOW)
    tickets.close_ticket(ben, ticket, now=NOW + timedelta(seconds=5))
    assert publishing.publish_due(now=NOW + DELAY) == 1
    return draft


def test_a_held_reply_is_sent_again_with_another_event(ana, ticket, held):
    later = NOW + timedelta(hours=1)
    with pytest.raises(IllegalTransition):
        drafts.send_again(ana, held, now=later)
    drafts.send_again(ana, held, event=Event.STAFF_REPLY_REOPENING, now=later)
    drafts.send_again(ana, held, now=later)
    assert publishing.publish_due(now=later) == 0
    assert publishing.publish_due(now=later + DELAY) == 1
    assert (_said(), _drafts(), _status(ticket)) == (["Try this."], [], Status.IN_PROGRESS)


def test_its_author_finds_a_held_reply_and_takes_it_back(ana, ben, ticket, held):
    with reading(ana) as session:
        (mine,) = replies_on_their_way(session, ticket)
    assert (mine.id, mine.author_id) == (held, ana.profile_id)
    assert (mine.is_held, mine.publish_after) == (True, None)
    assert "closed" in mine.last_error
    drafts.take_back(ana, held)
    with reading(ana) as session:
        assert draft_of(session, ana, ticket).content == "Try this."
        assert replies_on_their_way(session, ticket) == []


def test_an_admin_throws_away_what_is_held(make, ben, held):
    with pytest.raises(NotAllowed):
        drafts.discard_draft(ben, held)
    drafts.discard_draft(make.admin(), held)
    assert _drafts() == []


def test_what_was_never_sent_cannot_be_sent_again(ana, ticket):
    draft = drafts.save_draft(ana, ticket, REPLY, "Hm")
    with pytest.raises(Conflict):
        drafts.send_again(ana, draft)


def test_a_ticket_goes_with_its_drafts(make, ana, ticket):
    drafts.send_reply(ana, ticket, "Try this.", Event.STAFF_REPLY, now=NOW)
    drafts.save_draft(ana, ticket, NOTE, "Hm")
    tickets.delete_ticket(make.admin(), ticket)
    assert _drafts() == []
    assert publishing.publish_due(now=NOW + DELAY) == 0
