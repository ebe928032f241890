"""No setting changes in silence, whoever changes it, and nobody changes what was written of it."""

import psycopg
import pytest

from emberone.domain.settings import CHOICES, LIMITS, SWITCHES
from emberone.models import Setting

ENTRIES = "SELECT setting, old_value, new_value, actor_id, source FROM settings_history ORDER BY id"


def test_every_setting_that_a_statement_changes_gets_its_own_entry(people):
    as_admin = people.as_(people.admin)
    as_admin("UPDATE settings SET reopen_days = 3, allows_registration = false, reply_delay_s = 15")
    assert as_admin(ENTRIES) == [
        ("allows_registration", True, False, people.admin.profile_id, "agent_dashboard"),
        ("reopen_days", 7, 3, people.admin.profile_id, "agent_dashboard"),
    ]


def test_a_statement_that_changes_nothing_leaves_no_entry(people):
    people.as_(people.admin)("UPDATE settings SET reopen_days = 7")
    assert people.as_(people.admin)(ENTRIES) == []


def test_the_owner_at_the_database_leaves_an_entry_too(owner):
    owner.execute("UPDATE settings SET customer_max_priority = 'LOW'")
    assert owner.execute(ENTRIES).fetchall() == [
        ("customer_max_priority", "HIGH", "LOW", None, "system")
    ]


def test_even_without_ordinary_triggers_an_entry_is_left(postgres, owner):
    with postgres.connect(database="emberone") as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute("UPDATE settings SET reopen_days = 1")
    assert len(owner.execute(ENTRIES).fetchall()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settings_history SET setting = 'x'",
        "UPDATE settings_history SET actor_id = NULL",
        "DELETE FROM settings_history",
        "TRUNCATE settings_history",
        "DELETE FROM settings",
        "TRUNCATE settings",
    ],
)
def test_nobody_changes_the_entries_and_the_owner_neither(people, owner, statement):
    people.as_(people.admin)("UPDATE settings SET reopen_days = 3")
    before = owner.execute(ENTRIES).fetchall()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(statement)
    people.as_(people.admin).refuses(statement)
    people.by_role(None).refuses(statement)
    assert owner.execute(ENTRIES).fetchall() == before


def test_only_admins_read_it_and_nobody_writes_it(people):
    people.as_(people.admin)("UPDATE settings SET reopen_days = 3")
    for actor in (people.agent, people.customer):
        people.as_(actor).refuses("SELECT 1 FROM settings_history")
    insert = (
        "INSERT INTO settings_history (setting, old_value, new_value, source)"
        " VALUES ('reopen_days', '7', '3', 'system')"
    )
    for actor in (people.admin, people.agent, people.customer):
        people.as_(actor).refuses(insert)
    people.by_role(None).refuses(insert)


def test_it_outlives_the_name_of_who_is_gone(people, make, owner):
    gone = make.admin()
    people.as_(gone)("UPDATE settings SET reopen_days = 3")
    owner.execute("DELETE FROM profiles WHERE id = %s", (gone.profile_id,))
    assert owner.execute(ENTRIES).fetchall() == [("reopen_days", 7, 3, None, "agent_dashboard")]


def test_the_database_holds_the_same_limits_as_the_form(owner):
    for name, (least, most) in LIMITS.items():
        for value in (least, most):
            owner.execute(f"UPDATE settings SET {name} = {value}")
        for value in (least - 1, most + 1):
            with pytest.raises(psycopg.errors.CheckViolation):
                owner.execute(f"UPDATE settings SET {name} = {value}")


def test_every_column_is_a_setting_that_the_product_knows():
    columns = {column.name for column in Setting.__table__.columns} - {"id", "version"}
    assert {*LIMITS, *CHOICES, *SWITCHES} == columns
