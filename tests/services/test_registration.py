"""Coming to a sign-in by oneself, as steps; and choosing for oneself."""

import threading

import pytest
from sqlalchemy import func, select

from emberone.db import db, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Role
from emberone.domain.errors import Conflict, Invalid, NotAllowed
from emberone.models import Letter, Profile, User
from emberone.services import registration, sign_in_letters
from emberone.services.accounts import checked_password, sign_out_everywhere
from emberone.services.profiles import choose

HASH = "a hash"


def count(model) -> int:
    with reading(SYSTEM) as session:
        return session.scalar(select(func.count()).select_from(model))


def test_of_two_registrations_at_once_one_makes_the_account(database):
    """Both come before either has finished: the address is held, so the second sees the first."""
    made, at_once = [], threading.Barrier(2)

    def register():
        with database.app_context():
            at_once.wait(10)
            with transaction(SYSTEM) as session:
                registration.hold_address(session, "ana@example.org")
                if registration.may_register(session, "ana@example.org"):
                    registration.register(session, "ana@example.org", "Ana", HASH, language=None)
                    made.append(1)
            db.session.remove()

    threads = [threading.Thread(target=register) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert made == [1]
    assert (count(User), count(Profile)) == (1, 1)


def test_only_nobodys_and_a_known_customers_address_can_be_registered(make, owner):
    elsewhere = make.customer(email="elsewhere@example.org")
    owner.execute("UPDATE profiles SET user_id = 'oidc|7' WHERE id = %s", [elsewhere.profile_id])
    make.customer(email="known@example.org")
    make.agent(email="agent@example.org")
    with reading(SYSTEM) as session:
        answers = {
            name: registration.may_register(session, f"{name}@EXAMPLE.org")
            for name in ("nobody", "known", "agent", "elsewhere")
        }
    assert answers == {"nobody": True, "known": True, "agent": False, "elsewhere": False}


def test_a_proven_address_links_its_customer_and_never_a_colleague(make):
    customer, agent = make.customer(email="ana@example.org"), make.agent(email="ben@example.org")
    with transaction(SYSTEM) as session:
        linked = []
        for email in ("ANA@example.org", "ben@example.org"):
            user = User(email=email, password=HASH, fs_uniquifier=email)
            session.add(user)
            session.flush()
            linked.append(registration.address_proven(session, user))
    assert linked[0].id == customer.profile_id
    assert linked[1] is None
    with reading(SYSTEM) as session:
        assert session.get_one(Profile, agent.profile_id).user_id is None


def test_letters_are_bounded_for_a_person_but_notices_always_come(make):
    with transaction(SYSTEM) as session:
        user = registration.register(session, "ana@example.org", "Ana", HASH, language=None)
        for number in range(sign_in_letters.LETTERS_PER_HOUR + 2):
            sign_in_letters.write_reset(session, user, f"claim {number}")
        sign_in_letters.write_confirm(session, user, "claim")
        sign_in_letters.write_known(session, user)
        sign_in_letters.write_password_changed(session, user)
    with reading(SYSTEM) as session:
        written = list(session.scalars(select(Letter.letter).order_by(Letter.created_at)))
    assert sorted(written) == ["password_changed"] + ["reset"] * sign_in_letters.LETTERS_PER_HOUR


def test_what_one_chooses_is_kept_to_ones_role(make):
    agent = make.agent("Ben")
    choose(agent, language=None, declined_letters=["assigned"])
    with reading(SYSTEM) as session:
        assert session.get_one(Profile, agent.profile_id).declined_letters == ["assigned"]
    for letters in (["feedback_request"], ["reset"], ["nonsense"]):
        with pytest.raises(Invalid):
            choose(agent, language=None, declined_letters=letters)
    with pytest.raises(NotAllowed):
        choose(agent, full_name="Somebody", language=None, declined_letters=())
    with pytest.raises(Invalid):
        choose(agent, language="xx", declined_letters=())
    with reading(SYSTEM) as session:
        kept = session.get_one(Profile, agent.profile_id)
        assert (kept.full_name, kept.declined_letters) == ("Ben", ["assigned"])


def test_what_was_declined_in_another_role_is_not_forgotten(make, owner):
    person = make.customer("Ana")
    owner.execute(
        "UPDATE profiles SET declined_letters = '{assigned}' WHERE id = %s", [person.profile_id]
    )
    choose(person, full_name="Ana", language=None, declined_letters=["staff_replied"])
    with reading(SYSTEM) as session:
        kept = session.get_one(Profile, person.profile_id).declined_letters
    assert kept == ["assigned", "staff_replied"]


def test_who_signs_in_elsewhere_has_no_sessions_here(make):
    with pytest.raises(Conflict):
        sign_out_everywhere(make.customer())


@pytest.mark.parametrize(
    ("password", "is_good"),
    [
        ("correct horse battery", True),
        ("pässwörd ünï", True),
        ("short", False),
        ("abababababab", False),
        ("x1y2" * 300, False),
        ("ANA@example.org", False),
    ],
)
def test_a_password_is_long_varied_and_not_ones_address(password, is_good):
    if is_good:
        assert len(checked_password(password)) >= 10
        return
    with pytest.raises(Invalid):
        checked_password(password, about=["ana@example.org"])


def test_nobody_registers_as_anything_but_a_customer(make):
    with transaction(SYSTEM) as session:
        registration.register(session, "ana@example.org", "Ana", HASH, language=None)
    with reading(SYSTEM) as session:
        assert session.scalars(select(Profile.role)).all() == [Role.CUSTOMER]
