"""Writing letters into the outbox."""

import pytest
from sqlalchemy import select, text

from emberone.db import as_system, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import MailState
from emberone.jobs import Job, send_nudges_with
from emberone.models import Letter
from emberone.services import letters


@pytest.fixture
def nudged():
    """The jobs that were nudged, in order."""
    jobs: list[Job] = []
    send_nudges_with(jobs.append)
    yield jobs
    send_nudges_with(lambda job: None)


def write(to, ticket_id=None, *, key="k", letter="assigned", **params):
    if ticket_id is None:
        params = {"number": 1, "title": "T", "priority": "LOW", "ticket_id": "-"} | params
    with transaction(SYSTEM) as session:
        return letters.write(
            session,
            key=key,
            letter=letter,
            to_profile_id=to.profile_id,
            ticket_id=ticket_id,
            params=params,
        )


def outbox():
    with reading(SYSTEM) as session:
        return session.scalars(select(Letter).order_by(Letter.id)).all()


def deactivate(owner, person):
    owner.execute(
        "WITH u AS (INSERT INTO users (email, active, fs_uniquifier)"
        " SELECT email, false, email FROM profiles WHERE id = %s RETURNING id)"
        " UPDATE profiles SET user_id = (SELECT id FROM u) WHERE id = %s",
        (person.profile_id, person.profile_id),
    )


def test_a_letter_is_written_once_per_key(make, nudged):
    agent, ticket = make.agent("Ana Costa"), make.ticket(title="No VPN")
    assert write(agent, ticket) is True
    assert write(agent, ticket) is False
    (letter,) = outbox()
    assert (letter.state, letter.to_profile_id, letter.ticket_id) == (
        MailState.QUEUED,
        agent.profile_id,
        ticket,
    )
    assert letter.params["name"] == "Ana Costa"
    assert letter.params["title"] == "No VPN"
    assert letter.params["ticket_id"] == str(ticket)
    assert letter.params["priority"] == "MEDIUM"
    assert nudged == [Job.MAIL]


def test_what_the_caller_gives_is_not_overwritten(make):
    write(make.agent(), make.ticket(title="Now"), title="Then")
    assert outbox()[0].params["title"] == "Then"


def test_what_a_letter_says_is_fixed_when_it_is_written(make):
    ticket = make.ticket(title="Before")
    write(make.agent(), ticket)
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE tickets SET title = 'After'"))
    assert outbox()[0].params["title"] == "Before"


@pytest.mark.parametrize(
    "email", ["a@import.invalid", "a@IMPORT.INVALID", "a@invalid", "a@x.y.invalid"]
)
def test_an_address_that_cannot_exist_is_never_mailed(make, nudged, email):
    assert write(make.customer(email=email)) is True
    (letter,) = outbox()
    assert letter.state is MailState.SUPPRESSED
    assert letter.last_error == "No mail can reach this address."
    assert nudged == []


def test_an_address_that_merely_looks_like_one_is_mailed(make):
    write(make.customer(email="a@valid.org"))
    write(make.customer(email="a@notinvalid"), key="2")
    assert {letter.state for letter in outbox()} == {MailState.QUEUED}


def test_a_suppressed_address_is_never_mailed_however_it_is_spelled(make, owner):
    owner.execute("INSERT INTO suppressed_addresses (email, reason) VALUES ('ana@x.org', '550')")
    write(make.customer(email="Ana@X.org"))
    assert outbox()[0].state is MailState.SUPPRESSED


def test_a_deactivated_person_is_not_mailed(make, owner):
    agent = make.agent()
    deactivate(owner, agent)
    write(agent)
    (letter,) = outbox()
    assert (letter.state, letter.last_error) == (
        MailState.SUPPRESSED,
        "This person is deactivated.",
    )


def test_an_agents_act_writes_a_letter_with_the_products_rights(make):
    agent, customer, ticket = make.agent(), make.customer(), make.ticket()
    with transaction(agent) as session, as_system(session):
        letters.write(
            session,
            key="k",
            letter="assigned",
            to_profile_id=customer.profile_id,
            ticket_id=ticket,
            params={},
        )
    assert len(outbox()) == 1


def test_every_active_admin_gets_a_letter_of_their_own(make, owner):
    admins = {make.admin().profile_id, make.admin().profile_id}
    deactivate(owner, make.admin())
    make.agent()
    ticket = make.ticket()

    def tell():
        with transaction(SYSTEM) as session:
            return letters.write_to_admins(
                session,
                key_prefix="low",
                letter="low_rating",
                ticket_id=ticket,
                params={"rating": 1, "text": None, "agent": None},
            )

    assert tell() == 2
    assert tell() == 0
    assert {letter.to_profile_id for letter in outbox()} == admins


def test_a_letter_that_could_not_be_worded_is_refused_when_it_is_written(make):
    with pytest.raises(ValueError, match="lacks agent, rating, text"):
        write(make.admin(), make.ticket(), letter="low_rating")
    with pytest.raises(LookupError, match="no_such"):
        write(make.admin(), letter="no_such")
    assert outbox() == []
