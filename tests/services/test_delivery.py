"""Delivering letters to a real mail server, and to several kinds of bad ones."""

import itertools
import socket
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from emberone.db import db, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import MailState, Role
from emberone.domain.errors import Conflict, NotAllowed, NotFound
from emberone.jobs import Job, send_nudges_with
from emberone.mail.fates import MAX_ATTEMPTS
from emberone.mail.messages import message_id
from emberone.mail.site import current_site
from emberone.mail.smtp import MailServer
from emberone.models import Letter, Profile, SuppressedAddress
from emberone.services import delivery, digests, letters, outbox
from tests.conftest import settings_for
from tests.smtp_sink import Sink


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink


@pytest.fixture
def smtp(postgres, database):
    """Let the product use a mail server: `smtp(sink)`."""
    before = database.extensions["emberone.settings"]

    def use(sink, url=None):
        database.extensions["emberone.settings"] = settings_for(
            postgres, EMBERONE_SMTP_URL=url or sink.url, EMBERONE_BASE_URL="https://help.example"
        )

    yield use
    database.extensions["emberone.settings"] = before


@pytest.fixture
def write(make):
    """Write a letter to a new person; returns its id."""

    def write(email=None, *, key=None, send_after=None):
        agent, ticket = make.agent(email=email), make.ticket()
        with transaction(SYSTEM) as session:
            letters.write(
                session,
                key=key or f"k{ticket}",
                letter="assigned",
                to_profile_id=agent.profile_id,
                ticket_id=ticket,
                params={},
                send_after=send_after,
            )
            letter = session.scalar(
                select(Letter.id).where(Letter.to_profile_id == agent.profile_id)
            )
        digests.admit_due()
        return letter

    return write


def load(letter_id):
    with reading(SYSTEM) as session:
        return session.get(Letter, letter_id)


def suppressed():
    with reading(SYSTEM) as session:
        return set(session.scalars(select(SuppressedAddress.email)))


def database_now():
    with reading(SYSTEM) as session:
        return session.scalar(text("SELECT now()"))


def test_a_due_letter_is_sent_once(smtp, sink, write):
    smtp(sink)
    letter = write("ana@example.org", key="assigned:1")
    assert delivery.deliver_due() == 1
    assert delivery.deliver_due() == 0
    (message,) = sink.messages
    assert sink.recipients == ["ana@example.org"]
    assert message["Message-ID"] == message_id("assigned:1", current_site())
    assert message["Auto-Submitted"] == "auto-generated"
    assert "no-reply@help.example" in message["From"]
    sent = load(letter)
    assert (sent.state, sent.attempts, sent.last_error) == (MailState.SENT, 1, None)
    assert sent.sent_at is not None
    assert (sent.lease_id, sent.leased_until) == (None, None)


def test_a_letter_waits_for_its_time(smtp, sink, write):
    smtp(sink)
    later = database_now() + timedelta(hours=1)
    letter = write(send_after=later)
    assert delivery.deliver_due() == 0
    assert load(letter).state is MailState.QUEUED
    assert delivery.deliver_due(now=later) == 1
    assert load(letter).state is MailState.SENT


def test_several_letters_share_one_connection(smtp, sink, write):
    smtp(sink)
    for _ in range(5):
        write()
    assert delivery.deliver_due() == 5
    assert len(sink.messages) == 5
    assert sink.connections == 1


def test_the_oldest_due_goes_first_and_the_limit_holds(smtp, sink, write):
    smtp(sink)
    now = database_now()
    write("late@example.org", send_after=now - timedelta(minutes=1))
    write("early@example.org", send_after=now - timedelta(minutes=2))
    assert delivery.deliver_due(limit=1) == 1
    assert sink.recipients == ["early@example.org"]


def test_without_a_mail_server_due_letters_are_kept_for_good(database, smtp, sink, write):
    due, later = write(), write(send_after=database_now() + timedelta(hours=1))
    assert delivery.deliver_due() == 1
    assert load(due).state is MailState.KEPT
    assert load(later).state is MailState.QUEUED
    smtp(sink)
    assert delivery.deliver_due() == 0
    assert sink.messages == []


@pytest.mark.parametrize("behaviour", ["defer", "die", "busy"])
def test_what_the_server_may_take_later_goes_back_to_the_queue(smtp, sink, write, behaviour):
    smtp(sink)
    letter = write()
    sink.behaviour = behaviour
    before = database_now()
    delivery.deliver_due()
    waiting = load(letter)
    assert (waiting.state, waiting.attempts) == (MailState.QUEUED, 1)
    assert waiting.last_error
    assert waiting.send_after > before + timedelta(seconds=3)
    assert delivery.deliver_due() == 0
    sink.behaviour = "take"
    assert delivery.deliver_due(now=waiting.send_after) == 1
    assert load(letter).state is MailState.SENT
    assert len(sink.messages) == 1
    assert suppressed() == set()


def test_pauses_grow_and_the_eighth_failure_is_the_last(smtp, sink, write):
    smtp(sink)
    sink.behaviour = "defer"
    letter, now, pauses = write(), database_now(), []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert load(letter).state is MailState.QUEUED
        assert delivery.deliver_due(now=now) == 1
        failed = load(letter)
        assert failed.attempts == attempt
        pauses.append(failed.send_after - now)
        now = max(now, failed.send_after)
    assert load(letter).state is MailState.DEAD
    assert load(letter).last_error.startswith("451")
    assert delivery.deliver_due(now=now + timedelta(days=1)) == 0
    assert all(2 * a < b for a, b in itertools.pairwise(pauses[:6]))
    assert max(pauses) <= timedelta(seconds=delivery.LONGEST_PAUSE_S * 1.25)


@pytest.mark.parametrize(
    ("behaviour", "is_suppressed"),
    [
        ("bounce", True),
        ("bounce_plain", True),
        ("relay_denied", False),
        ("full", False),
        ("reject", False),
    ],
)
@pytest.mark.rule("feedback 9")
def test_a_refused_letter_is_dead_and_only_a_wrong_address_is_silenced(
    smtp, sink, write, behaviour, is_suppressed
):
    smtp(sink)
    sink.behaviour = behaviour
    letter = write("Ana@Example.org")
    assert delivery.deliver_due() == 1
    dead = load(letter)
    assert (dead.state, dead.attempts) == (MailState.DEAD, 1)
    assert "@" not in dead.last_error
    assert suppressed() == ({"ana@example.org"} if is_suppressed else set())


def test_a_refused_letter_does_not_hold_up_the_next_on_its_connection(smtp, sink, write):
    smtp(sink)
    sink.behaviour_of = {"bad@example.org": "bounce"}
    write("bad@example.org")
    good = write("good@example.org")
    assert delivery.deliver_due() == 2
    assert load(good).state is MailState.SENT
    assert sink.connections == 1


def test_letters_written_before_their_address_bounced_are_not_sent(smtp, sink, write, owner):
    smtp(sink)
    letter = write("ana@example.org")
    owner.execute(
        "INSERT INTO suppressed_addresses (email, reason) VALUES ('ana@example.org', 'x')"
    )
    assert delivery.deliver_due() == 1
    assert load(letter).state is MailState.SUPPRESSED
    assert sink.messages == []


def change(letter_id, **columns):
    """Something about the reader that changes while the letter waits."""
    with transaction(SYSTEM) as session:
        reader = session.get_one(Profile, session.get_one(Letter, letter_id).to_profile_id)
        for name, value in columns.items():
            setattr(reader, name, value)


def test_a_letter_declined_since_it_was_written_is_not_sent(smtp, sink, write):
    smtp(sink)
    declined, other = write(), write()
    change(declined, declined_letters=["assigned"])
    change(other, declined_letters=["mention"])
    assert delivery.deliver_due() == 2
    row = load(declined)
    assert (row.state, row.last_error) == (
        MailState.SUPPRESSED,
        "This person chose not to get these letters.",
    )
    assert load(other).state is MailState.SENT
    assert len(sink.messages) == 1


def test_whoever_was_deactivated_since_it_was_written_is_not_mailed(smtp, sink, write, owner):
    smtp(sink)
    letter, user = write(), uuid4()
    owner.execute(
        "INSERT INTO users (id, email, fs_uniquifier, active) VALUES (%s, 'gone@x.test', 'x', false)",
        [user],
    )
    change(letter, user_id=str(user))
    assert delivery.deliver_due() == 1
    row = load(letter)
    assert (row.state, row.last_error) == (MailState.SUPPRESSED, "This person is deactivated.")
    assert sink.messages == []


def test_whoever_is_no_staff_any_more_is_told_nothing_of_tickets(smtp, sink, write):
    smtp(sink)
    letter = write()
    change(letter, role=Role.CUSTOMER)
    assert delivery.deliver_due() == 1
    row = load(letter)
    assert (row.state, row.last_error) == (
        MailState.SUPPRESSED,
        "This person is not one of the staff.",
    )
    assert sink.messages == []


def test_a_letter_goes_to_where_its_reader_is_reached_when_it_leaves(smtp, sink, write):
    smtp(sink)
    letter = write("wrong@example.org")
    change(letter, email="right@example.org")
    assert delivery.deliver_due() == 1
    assert sink.recipients == ["right@example.org"]
    assert load(letter).to_email == "right@example.org"


@pytest.mark.parametrize("is_each", [True, False])
def test_after_a_bounce_it_is_sent_again_to_the_address_put_right(
    make, smtp, sink, write, owner, is_each
):
    smtp(sink)
    letter, admin = write("wrong@example.org"), make.admin()
    owner.execute("UPDATE mail_outbox SET state = 'dead'")
    owner.execute(
        "INSERT INTO suppressed_addresses (email, reason) VALUES ('wrong@example.org', '550')"
    )
    change(letter, email="right@example.org")
    if is_each:
        delivery.retry_letter(admin, letter)
    else:
        assert outbox.retry_letters(admin, MailState.DEAD) == 1
    assert delivery.deliver_due() == 1
    assert sink.recipients == ["right@example.org"]


def test_a_server_that_is_not_there_costs_one_letter_one_attempt(smtp, sink, write):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        smtp(sink, f"smtp://127.0.0.1:{closed.getsockname()[1]}")
        tried, untried = write(), write()
        assert delivery.deliver_due() == 0
    assert (load(tried).state, load(tried).attempts) == (MailState.QUEUED, 1)
    assert "ConnectionRefusedError" in load(tried).last_error
    assert (load(untried).state, load(untried).attempts) == (MailState.QUEUED, 0)


@pytest.mark.parametrize("behaviour", ["hang", "hang_data"])
def test_a_server_that_hangs_is_given_up(smtp, sink, write, behaviour):
    smtp(sink)
    sink.behaviour = behaviour
    letter = write()
    server = MailServer(sink.url, our_name="me", command_timeout=0.3, data_timeout=0.3)
    assert delivery.deliver_with(server, current_site(), limit=1) == 1
    waiting = load(letter)
    assert (waiting.state, waiting.attempts) == (MailState.QUEUED, 1)
    assert "timed out" in waiting.last_error


def test_a_server_that_wants_no_login_we_have_is_our_fault_and_not_the_letters(smtp, sink, write):
    smtp(sink, sink.url.replace("smtp://", "smtp://me:secret@"))
    letter = write()
    assert delivery.deliver_due() == 0
    assert load(letter).state is MailState.QUEUED
    assert "secret" not in load(letter).last_error


def test_starttls_is_not_silently_left_out(smtp, sink, write):
    smtp(sink, sink.url.replace("smtp://", "smtp+starttls://"))
    letter = write()
    assert delivery.deliver_due() == 0
    assert load(letter).state is MailState.QUEUED
    assert sink.messages == []


def test_threads_together_send_each_letter_once(database, smtp, sink, write):
    smtp(sink)
    for _ in range(40):
        write()
    start = threading.Barrier(8)
    counts, failures = [], []

    def work():
        try:
            with database.app_context():
                start.wait()
                counts.append(delivery.deliver_due(limit=100))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(counts) == 40
    assert len(sink.messages) == len(set(sink.message_ids)) == 40


@pytest.fixture
def nudged():
    """The jobs that were nudged, in order."""
    jobs = []
    send_nudges_with(jobs.append)
    yield jobs
    send_nudges_with(lambda job: None)


def test_who_begins_asks_for_another_connection_once_and_only_where_more_is_due(
    smtp, sink, write, nudged
):
    smtp(sink)
    for _ in range(3):
        write()
    write(send_after=database_now() + timedelta(hours=1))
    nudged.clear()
    assert delivery.deliver_due() == 3
    assert nudged == [Job.MAIL]
    write()
    nudged.clear()
    assert delivery.deliver_due() == 1
    assert nudged == []


def test_a_letter_in_the_hands_of_another_is_left_alone_until_the_lease_ends(smtp, sink, write):
    smtp(sink)
    letter = write()
    taken = delivery._claim(now=None)
    assert taken.id == letter
    assert delivery.deliver_due() == 0
    end = load(letter).leased_until
    assert delivery.deliver_due(now=end - timedelta(seconds=1)) == 0
    assert delivery.deliver_due(now=end) == 1
    assert load(letter).state is MailState.SENT


def test_who_lost_the_lease_changes_nothing(smtp, sink, write):
    smtp(sink)
    letter = write()
    late = delivery._claim(now=None)
    assert delivery.deliver_due(now=load(letter).leased_until) == 1
    delivery._settle(late, MailState.DEAD, "too late", now=None)
    assert load(letter).state is MailState.SENT


def test_a_letter_in_flight_at_a_crash_repeats_under_the_same_message_id(smtp, sink, write):
    smtp(sink)
    letter = write()

    class PowerCut(BaseException):
        pass

    class DyingServer(MailServer):
        def send(self, *args, **kwargs):
            super().send(*args, **kwargs)
            raise PowerCut

    with pytest.raises(PowerCut):
        delivery.deliver_with(DyingServer(sink.url, our_name="me"), current_site())
    crashed = load(letter)
    assert crashed.state is MailState.SENDING
    assert delivery.deliver_due(now=crashed.leased_until) == 1
    assert load(letter).state is MailState.SENT
    first, second = sink.message_ids
    assert first == second


def test_a_server_that_dies_after_taking_a_letter_sees_the_same_message_id_again(smtp, sink, write):
    smtp(sink)
    sink.behaviour = "die_after"
    letter = write()
    delivery.deliver_due()
    sink.behaviour = "take"
    assert delivery.deliver_due(now=load(letter).send_after) == 1
    first, second = sink.message_ids
    assert first == second


def test_a_letter_whose_deliverers_keep_dying_ends_as_dead(smtp, sink, write):
    smtp(sink)
    letter, now = write(), database_now()
    for _ in range(MAX_ATTEMPTS):
        assert delivery._claim(now=now).id == letter
        now = load(letter).leased_until
    assert delivery.deliver_due(now=now) == 1
    assert load(letter).state is MailState.DEAD
    assert sink.messages == []


def test_a_letter_that_cannot_be_worded_is_dead_and_the_next_one_leaves(smtp, sink, write, owner):
    smtp(sink)
    broken, good = write(), write()
    owner.execute("UPDATE mail_outbox SET params = '{}' WHERE id = %s", (broken,))
    assert delivery.deliver_due() == 2
    assert load(broken).state is MailState.DEAD
    assert load(broken).last_error == "UndefinedError in wording it"
    assert load(good).state is MailState.SENT


def test_on_term_the_letter_in_hand_is_finished_and_no_other_begun(smtp, sink, write):
    smtp(sink)
    first, second = write(), write()
    sink.before_reply = lambda message: delivery.stop_delivering()
    try:
        assert delivery.deliver_due() == 1
    finally:
        delivery._stopping.clear()
    assert load(first).state is MailState.SENT
    assert load(second).state is MailState.QUEUED


def test_nothing_is_locked_while_the_server_thinks(database, smtp, sink, write, owner):
    smtp(sink)
    letter = write()
    seen = []

    def look(message):
        owner.execute("SET lock_timeout = '2s'")
        seen.append(
            owner.execute(
                "SELECT state FROM mail_outbox WHERE id = %s FOR UPDATE", (letter,)
            ).fetchone()[0]
        )

    sink.before_reply = look
    assert delivery.deliver_due() == 1
    assert seen == ["sending"]
    assert db.session().info.get("door") is None


@pytest.mark.parametrize("state", ["dead", "kept"])
def test_an_admin_sends_a_dead_or_kept_letter_again(make, smtp, sink, write, owner, state):
    letter, admin = write(), make.admin()
    owner.execute(
        "UPDATE mail_outbox SET state = %s, attempts = 8, last_error = 'x' WHERE id = %s",
        (state, letter),
    )
    with pytest.raises(NotAllowed):
        delivery.retry_letter(make.agent(), letter)
    assert load(letter).state.value == state
    delivery.retry_letter(admin, letter)
    again = load(letter)
    assert (again.state, again.attempts, again.last_error) == (MailState.QUEUED, 0, None)
    smtp(sink)
    assert delivery.deliver_due() == 1


def test_only_dead_and_kept_letters_with_a_live_address_are_sent_again(make, write, owner):
    letter, admin = write("ana@example.org"), make.admin()
    with pytest.raises(Conflict, match="given up, or not sent"):
        delivery.retry_letter(admin, letter)
    with pytest.raises(NotFound):
        delivery.retry_letter(admin, admin.profile_id)
    owner.execute("UPDATE mail_outbox SET state = 'dead'")
    owner.execute(
        "INSERT INTO suppressed_addresses (email, reason) VALUES ('ana@example.org', 'x')"
    )
    with pytest.raises(Conflict, match="no longer takes mail"):
        delivery.retry_letter(admin, letter)
    assert load(letter).state is MailState.DEAD


def test_an_address_of_any_alphabet_is_sent_to_where_the_server_can(smtp, sink, write):
    smtp(sink)
    letter = write("zoë@example.org")
    assert delivery.deliver_due() == 1
    assert load(letter).state is MailState.SENT
    assert sink.recipients == ["zoë@example.org"]
