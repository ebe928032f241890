"""Mentions: a note that names a colleague sends one letter about it, in the same transaction."""

import pytest
from sqlalchemy import select

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import MailState
from emberone.domain.errors import Invalid, StaleWrite
from emberone.domain.lifecycle import Event
from emberone.models import Comment, Letter, Profile
from emberone.services import comments, drafts
from tests.services.test_letters import deactivate


@pytest.fixture
def people(make):
    """Who writes, a colleague, an admin, and a customer."""
    return make.agent("Ben Okafor"), make.agent("Yuki Tanaka"), make.admin("Ada Boss")


@pytest.fixture
def ticket(make):
    return make.ticket(make.customer("Carla Customer"))


def letters():
    with reading(SYSTEM) as session:
        found = session.scalars(select(Letter).where(Letter.letter == "mention"))
        return sorted(found, key=lambda one: one.to_email)


def readers():
    with reading(SYSTEM) as session:
        names = select(Profile.full_name).join(Letter, Letter.to_profile_id == Profile.id)
        return sorted(session.scalars(names.where(Letter.letter == "mention")))


def version_of(comment_id):
    with reading(SYSTEM) as session:
        return session.get_one(Comment, comment_id).version


@pytest.mark.parametrize("write", [comments.add_note, drafts.leave_note])
def test_whom_a_note_names_gets_one_letter_with_its_words(write, people, ticket):
    ben = people[0]
    write(ben, ticket, "@Yuki Tanaka and @Ada, see **this**. @Yuki Tanaka?")
    assert readers() == ["Ada Boss", "Yuki Tanaka"]
    for letter in letters():
        assert letter.ticket_id == ticket
        assert letter.params["author"] == "Ben Okafor"
        assert letter.params["content"].startswith("@Yuki Tanaka and @Ada")
        assert letter.state is MailState.QUEUED


def test_nobody_is_told_of_their_own_note_and_customers_never(people, ticket):
    ben = people[0]
    comments.add_note(ben, ticket, "@Ben Okafor @Carla Customer @Nobody")
    assert letters() == []


def test_a_reply_names_nobody(people, ticket):
    ben = people[0]
    comments.reply(ben, ticket, "@Yuki Tanaka will call you.", Event.STAFF_REPLY)
    assert letters() == []


def test_an_edited_note_reaches_only_whom_it_did_not_name_before(people, ticket):
    ben = people[0]
    note = comments.add_note(ben, ticket, "@Yuki Tanaka, look.")
    words = "@Yuki Tanaka, look. @Ada Boss too."
    comments.edit_comment(ben, note, words, version=version_of(note))
    comments.edit_comment(ben, note, f"{words} Now.", version=version_of(note))
    assert readers() == ["Ada Boss", "Yuki Tanaka"]
    with pytest.raises(StaleWrite):
        comments.edit_comment(ben, note, "@Ada Boss", version=1)


def test_an_edited_reply_names_nobody(people, ticket):
    ben = people[0]
    comments.reply(ben, ticket, "Hello.", Event.STAFF_REPLY)
    with reading(SYSTEM) as session:
        reply = session.scalars(select(Comment.id)).one()
    comments.edit_comment(ben, reply, "@Ada Boss", version=version_of(reply))
    assert letters() == []


def test_a_note_that_is_deleted_meanwhile_is_not_sent(people, ticket):
    ben, _yuki, ada = people
    kept = comments.add_note(ben, ticket, "@Yuki Tanaka")
    gone = comments.add_note(ben, ticket, "@Ada Boss")
    comments.delete_comment(ada, gone)
    assert {one.key.split(":")[1]: one.state for one in letters()} == {
        str(kept): MailState.QUEUED,
        str(gone): MailState.SUPPRESSED,
    }


def test_who_declined_it_or_works_here_no_more_gets_none(people, ticket, owner):
    ben, yuki, ada = people
    deactivate(owner, yuki)
    with transaction(SYSTEM) as session:
        session.get_one(Profile, ada.profile_id).declined_letters = ["mention"]
    comments.add_note(ben, ticket, "@Yuki Tanaka @Ada Boss")
    assert [(one.state, one.last_error) for one in letters()] == [
        (MailState.SUPPRESSED, "This person chose not to get these letters."),
    ]


def test_the_note_and_its_letters_come_together_or_not_at_all(people, ticket, owner):
    ben = people[0]
    owner.execute("ALTER TABLE mail_outbox ADD CHECK (letter <> 'mention')")
    with pytest.raises(Invalid):
        comments.add_note(ben, ticket, "@Yuki Tanaka")
    assert owner.execute("SELECT count(*) FROM comments").fetchone() == (0,)
