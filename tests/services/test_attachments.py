"""Files on tickets and comments: what is kept, named, refused and forgotten."""

import hashlib
import threading

import psycopg
import pytest
from sqlalchemy import select, text

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.attachments import Upload, address
from emberone.domain.enums import DraftKind, DraftState
from emberone.domain.errors import Conflict, Invalid, NotFound
from emberone.domain.lifecycle import Event
from emberone.models import (
    Attachment,
    AttachmentContent,
    Comment,
    Draft,
    HistoryEntry,
    Letter,
    Ticket,
)
from emberone.services import attachments, comments, tickets
from tests.conftest import DATABASE

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
HELLO = Upload("hello.txt", b"hello")


def _all(model, *where):
    with reading(SYSTEM) as session:
        return session.scalars(select(model).where(*where).order_by(model.id)).all()


def _contents():
    with reading(SYSTEM) as session:
        rows = session.execute(select(AttachmentContent.digest, AttachmentContent.content))
        return {digest: bytes(content) for digest, content in rows}


def _open(actor, **more):
    return tickets.open_ticket(actor, actor.profile_id, "It is broken", "See the picture.", **more)


@pytest.fixture
def customer(make):
    return make.customer("Ana")


@pytest.fixture
def agent(make):
    return make.agent("Ben")


def test_files_that_come_with_a_request_hang_on_the_ticket(customer):
    ticket_id = _open(customer, files=[Upload("C:\\shot.png", PNG)])
    [file] = _all(Attachment)
    assert (file.ticket_id, file.comment_id, file.draft_id) == (ticket_id, None, None)
    assert (file.author_id, file.name, file.media_type, file.size) == (
        customer.profile_id,
        "shot.png",
        "image/png",
        len(PNG),
    )
    assert _contents() == {hashlib.sha256(PNG).hexdigest(): PNG}


def test_a_comments_metadata_names_its_files(customer, agent):
    ticket_id = _open(customer)
    comment_id = comments.reply(
        agent, ticket_id, "Try this.", Event.STAFF_REPLY, files=[HELLO, Upload("a.png", PNG)]
    )
    files = {file.name: file for file in _all(Attachment)}
    assert {file.comment_id for file in files.values()} == {comment_id}
    [comment] = _all(Comment)
    assert comment.details == {
        "attachments": [
            {
                "id": str(files[name].id),
                "name": name,
                "type": kind,
                "size": size,
                "url": address(files[name].id, name),
            }
            for name, kind, size in [
                ("hello.txt", "text/plain", 5),
                ("a.png", "image/png", len(PNG)),
            ]
        ]
    }


def test_a_note_and_a_customers_comment_carry_files_too(customer, agent):
    ticket_id = _open(customer)
    note_id = comments.add_note(agent, ticket_id, "Look.", files=[HELLO])
    comments.comment_as_customer(customer, ticket_id, "Here.", files=[Upload("b.txt", b"b")])
    by_name = {file.name: file for file in _all(Attachment)}
    assert by_name["hello.txt"].comment_id == note_id
    assert by_name["hello.txt"].author_id == agent.profile_id
    assert by_name["b.txt"].author_id == customer.profile_id
    assert [len(comment.details["attachments"]) for comment in _all(Comment)] == [1, 1]


def test_files_of_a_comment_that_came_too_late_go_to_the_new_ticket(customer, set_setting):
    set_setting(reopen_days=0)
    ticket_id = _open(customer)
    tickets.close_ticket(customer, ticket_id)
    new_id = comments.comment_as_customer(customer, ticket_id, "Again!", files=[HELLO])
    assert new_id != ticket_id
    [file] = _all(Attachment)
    assert (file.ticket_id, file.comment_id) == (new_id, None)


def test_a_note_with_a_file_moves_nothing_that_the_customer_can_see(customer, agent):
    ticket_id = _open(customer)
    before = _all(Ticket)[0]
    comments.add_note(agent, ticket_id, "Look.", files=[HELLO])
    after = _all(Ticket)[0]
    assert (after.public_version, after.public_updated_at) == (
        before.public_version,
        before.public_updated_at,
    )
    assert after.activity_no > before.activity_no


def test_one_bad_file_refuses_everything_that_was_sent_with_it(customer, agent, set_setting):
    set_setting(attachment_limit_mb=1)
    ticket_id = _open(customer)
    before = len(_all(HistoryEntry)), len(_all(Letter))
    for bad in (
        Upload("big.bin", bytes(2**20 + 1)),
        Upload("empty.txt", b""),
        Upload("virus.exe", b"MZ"),
    ):
        with pytest.raises(Invalid):
            comments.reply(agent, ticket_id, "Try.", Event.STAFF_REPLY, files=[HELLO, bad])
        with pytest.raises(Invalid):
            _open(customer, files=[bad])
    assert (_all(Comment), _all(Attachment), _contents()) == ([], [], {})
    assert len(_all(Ticket)) == 1
    assert (len(_all(HistoryEntry)), len(_all(Letter))) == before


def test_the_limit_is_the_one_the_admin_chose(customer, set_setting):
    set_setting(attachment_limit_mb=25)
    _open(customer, files=[Upload("big.bin", bytes(25 * 2**20))])
    assert _all(Attachment)[0].size == 25 * 2**20
    with pytest.raises(Invalid, match="larger than 25 MB"):
        _open(customer, files=[Upload("big.bin", bytes(25 * 2**20 + 1))])


def test_the_same_content_is_stored_once_however_often_it_is_attached(customer, make):
    _open(customer, files=[HELLO])
    _open(make.customer(), files=[Upload("other.txt", b"hello"), Upload("third.txt", b"hello")])
    assert len(_all(Attachment)) == 3
    assert len(_contents()) == 1


def test_deleting_a_ticket_or_a_comment_deletes_its_files(customer, agent, make):
    admin = make.admin()
    first = _open(customer, files=[HELLO])
    second = _open(customer)
    comment_id = comments.reply(agent, second, "Try.", Event.STAFF_REPLY, files=[HELLO])
    comments.delete_comment(admin, comment_id)
    assert [file.ticket_id for file in _all(Attachment)] == [first]
    tickets.delete_ticket(admin, first)
    assert _all(Attachment) == []


def test_a_night_later_contents_that_nothing_refers_to_are_gone(customer, make):
    kept = _open(customer, files=[Upload("kept.txt", b"kept")])
    gone = _open(customer, files=[HELLO, Upload("also.txt", b"kept")])
    tickets.delete_ticket(make.admin(), gone)
    assert len(_contents()) == 2
    assert attachments.forget_unused_contents() == 1
    assert list(_contents().values()) == [b"kept"]
    assert attachments.forget_unused_contents() == 0
    assert [file.ticket_id for file in _all(Attachment)] == [kept]


def test_more_contents_than_fit_in_one_batch_are_forgotten(owner, database):
    owner.execute(
        "INSERT INTO attachment_contents (digest, size, content)"
        " SELECT encode(sha256(c), 'hex'), length(c), c"
        " FROM (SELECT int4send(n) AS c FROM generate_series(1, 250) AS n) AS contents"
    )
    assert attachments.forget_unused_contents() == 250
    assert _contents() == {}


def test_a_content_that_is_being_attached_is_not_forgotten(customer, make, owner):
    """The content is there and unused when it is attached again: both orders are safe."""
    tickets.delete_ticket(make.admin(), _open(customer, files=[HELLO]))
    ticket_id = _open(customer)
    digest = hashlib.sha256(b"hello").hexdigest()
    with transaction(customer) as session:
        attachments.attach(session, [HELLO], ticket_id=ticket_id)
        # Another connection, while the file is not committed yet.
        assert _forgotten_elsewhere(owner, digest) == []
    assert attachments.forget_unused_contents() == 0
    assert list(_contents().values()) == [b"hello"]


def _forgotten_elsewhere(owner, digest):
    with owner.transaction():
        found = owner.execute(str(attachments._UNUSED)).fetchall()
        assert (digest,) not in found
        return found


def test_attaching_waits_for_the_clearing_and_stores_the_content_anew(
    customer, make, owner, database, postgres
):
    tickets.delete_ticket(make.admin(), _open(customer, files=[HELLO]))
    ticket_id = _open(customer)
    digest = hashlib.sha256(b"hello").hexdigest()
    failures = []

    def attach():
        with database.app_context():
            try:
                comments.comment_as_customer(customer, ticket_id, "Here.", files=[HELLO])
            except Exception as error:
                failures.append(error)

    other = threading.Thread(target=attach)
    with owner.transaction():
        assert owner.execute(str(attachments._UNUSED)).fetchall() == [(digest,)]
        owner.execute("DELETE FROM attachment_contents WHERE digest = %s", (digest,))
        other.start()
        _wait_until_blocked(postgres)
    other.join()
    assert failures == []
    assert [file.digest for file in _all(Attachment)] == [digest]
    assert list(_contents().values()) == [b"hello"]


def _wait_until_blocked(postgres):
    """Until a session of the product waits for an advisory lock."""
    with postgres.connect("postgres", DATABASE) as watcher:
        while not watcher.execute(
            "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).fetchall():
            pass


def test_two_messages_with_the_same_new_contents_do_not_wait_for_each_other_for_ever(
    customer, make, database
):
    """Each in its own order of files: the locks are taken in one."""
    files = [Upload(f"{n}.bin", bytes([n]) * 100_000) for n in range(8)]
    other = make.customer()
    failures = []

    def send(actor, mine):
        with database.app_context():
            try:
                for n in range(3):
                    # The very same request again would be taken for one.
                    tickets.open_ticket(actor, actor.profile_id, f"Broken {n}", "", files=mine)
            except Exception as error:
                failures.append(error)

    threads = [
        threading.Thread(target=send, args=(customer, files)),
        threading.Thread(target=send, args=(other, files[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(_contents()) == 8
    assert len(_all(Attachment)) == 48


class TestDrafts:
    """Files on texts that are not comments yet."""

    @pytest.fixture
    def draft(self, customer, agent):
        ticket_id = _open(customer)
        with transaction(agent) as session:
            draft = Draft(
                ticket_id=ticket_id,
                author_id=agent.profile_id,
                kind=DraftKind.REPLY,
                content="Try.",
            )
            session.add(draft)
            session.flush()
            attachments.attach(session, [HELLO], ticket_id=ticket_id, draft_id=draft.id)
        return draft

    def test_a_drafts_files_become_those_of_its_comment(self, draft, agent):
        comment_id = comments.reply(agent, draft.ticket_id, "Try.", Event.STAFF_REPLY)
        with transaction(SYSTEM) as session:
            comment = session.get_one(Comment, comment_id)
            attachments.publish_draft_files(session, draft.id, comment)
        [file] = _all(Attachment)
        assert (file.draft_id, file.comment_id) == (None, comment_id)
        assert file.author_id == agent.profile_id
        [comment] = _all(Comment)
        assert [named["id"] for named in comment.details["attachments"]] == [str(file.id)]

    def test_a_draft_without_files_leaves_the_comment_alone(self, customer, agent, draft):
        attachments.remove_from_draft(agent, _all(Attachment)[0].id)
        comment_id = comments.reply(agent, draft.ticket_id, "Try.", Event.STAFF_REPLY)
        with transaction(SYSTEM) as session:
            comment = session.get_one(Comment, comment_id)
            attachments.publish_draft_files(session, draft.id, comment)
        [comment] = _all(Comment)
        assert (comment.details, comment.version) == ({}, 1)

    def test_only_its_author_takes_a_file_off_a_draft(self, draft, agent, make, customer):
        [file] = _all(Attachment)
        for other in (make.agent(), make.admin(), customer):
            with pytest.raises(NotFound):
                attachments.remove_from_draft(other, file.id)
        assert len(_all(Attachment)) == 1
        attachments.remove_from_draft(agent, file.id)
        assert _all(Attachment) == []
        with pytest.raises(NotFound):
            attachments.remove_from_draft(agent, file.id)

    def test_a_file_of_a_reply_on_its_way_stays(self, draft, agent, owner):
        owner.execute(
            "UPDATE drafts SET state = %s, publish_after = now(), event = %s",
            (DraftState.WAITING.value, Event.STAFF_REPLY.name),
        )
        with pytest.raises(Conflict):
            attachments.remove_from_draft(agent, _all(Attachment)[0].id)
        assert len(_all(Attachment)) == 1

    def test_a_file_of_a_comment_is_not_taken_off_this_way(self, customer, agent):
        ticket_id = _open(customer)
        comments.add_note(agent, ticket_id, "Look.", files=[HELLO])
        with pytest.raises(NotFound):
            attachments.remove_from_draft(agent, _all(Attachment)[0].id)

    def test_a_draft_that_is_thrown_away_takes_its_files_along(self, draft, agent):
        with transaction(agent) as session:
            session.delete(session.get_one(Draft, draft.id))
        assert _all(Attachment) == []


class TestErasure:
    """What becomes of files when a person's texts are erased."""

    def _erase(self, admin, person):
        with transaction(admin) as session:
            session.execute(text("SELECT erase_texts(:id)"), {"id": person.profile_id})

    def test_a_persons_files_go_with_their_texts(self, customer, agent, make):
        other = make.customer()
        ticket_id = _open(customer, files=[HELLO])
        comments.comment_as_customer(customer, ticket_id, "Here.", files=[Upload("b.txt", b"b")])
        comments.reply(agent, ticket_id, "Try.", Event.STAFF_REPLY, files=[Upload("c.txt", b"c")])
        _open(other, files=[Upload("mine.txt", b"b")])
        self._erase(make.admin(), customer)
        assert sorted(file.name for file in _all(Attachment)) == ["c.txt", "mine.txt"]
        # Contents that somebody else has too are theirs as well.
        assert sorted(_contents().values()) == [b"b", b"c"]
        named = [comment.details.get("attachments") for comment in _all(Comment)]
        assert [bool(files) for files in named] == [False, True]

    def test_files_that_staff_attached_to_a_persons_request_go_too(self, customer, agent, make):
        tickets.open_ticket(agent, customer.profile_id, "Phoned", "", files=[HELLO])
        self._erase(make.admin(), customer)
        assert (_all(Attachment), _contents()) == ([], {})


def test_the_database_itself_refuses_a_content_under_another_digest(owner):
    with pytest.raises(psycopg.errors.CheckViolation):
        owner.execute(
            "INSERT INTO attachment_contents (digest, size, content) VALUES (%s, 1, 'x')",
            ("0" * 64,),
        )
