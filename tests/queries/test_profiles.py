"""People are found by any part of their name or address, whatever there are."""

import pytest
from sqlalchemy import text

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Role
from emberone.queries import profiles
from emberone.queries.paging import Paging
from emberone.queries.profiles import ProfileFilters
from tests.planning import planned

ORDER = profiles.ORDERS["name"]


@pytest.fixture
def people(make):
    """Four of them, of whom each is a case."""
    return {
        "anna": make.customer("Anna Meißner", email="a.m@post.example"),
        "odd": make.customer("100 % Wool_Shop", email="shop@wool.example"),
        "omer": make.customer("Ömer ÇELIK", email="omer@celik.example"),
        "agent": make.agent("Anton Agent", email="anton@desk.example"),
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("n", {"anna", "agent"}),
        ("an", {"anna", "agent"}),
        ("ann", {"anna"}),
        ("ANNA M", {"anna"}),
        ("meiß", {"anna"}),
        ("%", {"odd"}),
        ("0 %", {"odd"}),
        ("l_s", {"odd"}),
        ("l%s", set()),
        ("çel", {"omer"}),
        ("ömer ç", {"omer"}),
        ("@celik.ex", {"omer"}),
        ("desk", {"agent"}),
        ("zqx", set()),
        # Name and address are two: nobody is called by the end of one and the start of the other.
        ("nera.m", set()),
    ],
)
def test_any_part_of_a_name_or_an_address_finds_a_person(people, words, expected):
    with reading(SYSTEM) as session:
        found = {row.id for row in profiles.find_people(session, words, tuple(Role))}
        filters = ProfileFilters(text=words)
        page = profiles.list_profiles(session, filters, Paging(ORDER, descending=False))
    names = {name for name, actor in people.items() if actor.profile_id in found}
    assert names == expected
    assert {row.id for row in page.rows} == found


def test_a_lookup_answers_with_a_few_people_of_the_roles_asked_for(make, owner, people):
    owner.execute(
        "INSERT INTO profiles (email, full_name, role)"
        " SELECT 'x' || n || '@example.org', 'Anna ' || n, 'CUSTOMER' FROM generate_series(1, 50) n"
    )
    with reading(SYSTEM) as session:
        found = profiles.find_people(session, "an", (Role.CUSTOMER,), limit=1000)
        agents = profiles.find_people(session, "an", (Role.AGENT,))
    assert len(found) == profiles.LOOKUP_LIMIT
    assert [person.id for person in agents] == [people["agent"].profile_id]


def test_nobody_reads_all_people_to_find_some(database, owner):
    owner.execute(
        "INSERT INTO profiles (email, full_name, role)"
        " SELECT 'p' || n || '@example.org', 'Name ' || n, 'CUSTOMER'"
        " FROM generate_series(1, 20000) n"
    )
    owner.execute("ANALYZE profiles")
    expected = {
        # Rare letters in a row: straight to who has them.
        "zqx": "ix_profiles_trigrams",
        "name 19999": "ix_profiles_trigrams",
        # What nearly everybody has: the first names in order are a page of them.
        "n": "ix_profiles_full_name",
        "na": "ix_profiles_full_name",
        "name": "ix_profiles_full_name",
    }
    with reading(SYSTEM) as session:
        # A plan for these words, as the driver's first executions make one.
        session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        for words, index in expected.items():
            with planned(session) as plans:
                profiles.find_people(session, words, (Role.CUSTOMER,))
            (plan,) = plans()
            assert index in plan, words
            assert "Seq Scan" not in plan, words
