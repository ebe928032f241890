"""The four seed tables are exactly what was promised, on every supported PostgreSQL."""

import pytest

from emberone.db import Base

#: table → column → (type, nullable, default or None for "no default")
SEED = {
    "profiles": {
        "id": ("uuid", False, "uuidv7()"),
        "user_id": ("text", True, None),
        "email": ("text", False, None),
        "full_name": ("text", False, None),
        "role": ("role", False, None),
        "created_at": ("timestamp with time zone", False, "context_now()"),
        "updated_at": ("timestamp with time zone", False, "clock_timestamp()"),
    },
    "tickets": {
        "id": ("uuid", False, "uuidv7()"),
        "title": ("text", False, None),
        "description": ("text", False, None),
        "status": ("ticket_status", False, "'OPEN'::ticket_status"),
        "priority": ("ticket_priority", False, "'MEDIUM'::ticket_priority"),
        "customer_id": ("uuid", False, None),
        "assigned_agent_id": ("uuid", True, None),
        "created_at": ("timestamp with time zone", False, "context_now()"),
        "updated_at": ("timestamp with time zone", False, "clock_timestamp()"),
        "closed_at": ("timestamp with time zone", True, None),
        "feedback_rating": ("integer", True, None),
        "feedback_text": ("text", True, None),
    },
    "comments": {
        "id": ("uuid", False, "uuidv7()"),
        "ticket_id": ("uuid", False, None),
        "author_id": ("uuid", True, None),
        "content": ("text", False, None),
        "type": ("comment_type", False, "'USER'::comment_type"),
        "is_internal": ("boolean", False, "false"),
        "metadata": ("jsonb", False, "'{}'::jsonb"),
        "created_at": ("timestamp with time zone", False, "context_now()"),
        "updated_at": ("timestamp with time zone", False, "clock_timestamp()"),
    },
    "history": {
        "id": ("uuid", False, "uuidv7()"),
        "ticket_id": ("uuid", False, None),
        "actor_id": ("uuid", True, None),
        "action": ("text", False, None),
        "old_value": ("jsonb", True, None),
        "new_value": ("jsonb", True, None),
        "metadata": ("jsonb", False, """'{"source": "system"}'::jsonb"""),
        "created_at": ("timestamp with time zone", False, "context_now()"),
    },
}

ENUMS = {
    "role": ["ADMIN", "AGENT", "CUSTOMER"],
    "ticket_status": ["OPEN", "IN_PROGRESS", "WAITING", "CLOSED"],
    "ticket_priority": ["LOW", "MEDIUM", "HIGH", "CRITICAL"],
    "comment_type": ["USER", "SYSTEM", "INTERNAL"],
}

#: (table, column) → (referred table, delete rule); history.ticket_id deliberately has none.
FOREIGN_KEYS = {
    ("tickets", "customer_id"): ("profiles", "RESTRICT"),
    ("tickets", "assigned_agent_id"): ("profiles", "SET NULL"),
    ("comments", "ticket_id"): ("tickets", "CASCADE"),
    ("comments", "author_id"): ("profiles", "SET NULL"),
    ("history", "actor_id"): ("profiles", "SET NULL"),
}

INDEXED = {
    "tickets": ["customer_id", "assigned_agent_id", "status", "priority"],
    "comments": ["ticket_id", "author_id", "created_at"],
    "history": ["ticket_id", "actor_id", "created_at"],
}

UNIQUE = {
    "profiles": ["user_id", "lower(email)"],
    "tickets": ["number"],
}


def _columns(owner, table):
    return {
        name: (kind, nullable, default)
        for name, kind, nullable, default in owner.execute(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,"
            " pg_get_expr(d.adbin, d.adrelid)"
            " FROM pg_attribute a LEFT JOIN pg_attrdef d"
            " ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
            " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped",
            (table,),
        )
    }


@pytest.mark.parametrize("table", SEED)
def test_seed_columns_have_their_types_nullability_and_defaults(owner, table):
    columns = _columns(owner, table)
    assert {name: columns[name] for name in SEED[table]} == SEED[table]


@pytest.mark.parametrize("table", SEED)
def test_an_insert_that_names_only_the_seeds_columns_works(owner, table):
    identity = {
        row[0]
        for row in owner.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> ''",
            (table,),
        )
    }
    required = {
        name
        for name, (_, nullable, default) in _columns(owner, table).items()
        if not nullable and default is None and name not in identity
    }
    assert required <= set(SEED[table])


@pytest.mark.parametrize("name", ENUMS)
def test_enums_have_their_values_in_order(owner, name):
    values = owner.execute(
        "SELECT enumlabel FROM pg_enum WHERE enumtypid = %s::regtype ORDER BY enumsortorder",
        (name,),
    ).fetchall()
    assert [value for (value,) in values] == ENUMS[name]


def test_foreign_keys_have_their_delete_rules(owner):
    rules = {"r": "RESTRICT", "n": "SET NULL", "c": "CASCADE", "a": "NO ACTION"}
    found = {
        (table, column): (referred, rules[rule])
        for table, column, referred, rule in owner.execute(
            "SELECT conrelid::regclass::text, a.attname, confrelid::regclass::text, confdeltype"
            " FROM pg_constraint JOIN pg_attribute a"
            " ON a.attrelid = conrelid AND a.attnum = conkey[1]"
            " WHERE contype = 'f' AND conrelid IN ('tickets'::regclass, 'comments'::regclass,"
            " 'history'::regclass, 'profiles'::regclass)"
        )
    }
    assert FOREIGN_KEYS.items() <= found.items()
    assert ("history", "ticket_id") not in found


def test_every_foreign_key_of_every_table_says_what_deleting_does_and_has_an_index(owner):
    bare = owner.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint c"
        " WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
        " AND (confdeltype = 'a' OR NOT EXISTS ("
        "   SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1]))"
    ).fetchall()
    assert bare == []


@pytest.mark.parametrize("table", INDEXED)
def test_promised_columns_lead_an_index(owner, table):
    leading = {
        row[0]
        for row in owner.execute(
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a"
            " ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
            " WHERE i.indrelid = %s::regclass AND i.indpred IS NULL",
            (table,),
        )
    }
    assert set(INDEXED[table]) <= leading


@pytest.mark.parametrize("table", UNIQUE)
def test_promised_uniqueness_is_an_index(owner, table):
    unique = {
        row[0]
        for row in owner.execute(
            "SELECT pg_get_indexdef(indexrelid, 1, true) FROM pg_index"
            " WHERE indrelid = %s::regclass AND indisunique AND indnatts = 1",
            (table,),
        )
    }
    assert set(UNIQUE[table]) <= unique


def test_every_table_tells_its_rows_apart_as_its_model_does(owner):
    found = owner.execute(
        "SELECT conrelid::regclass::text, array_agg(attname ORDER BY attname) FROM pg_constraint"
        " JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)"
        " WHERE contype = 'p' AND connamespace = 'public'::regnamespace GROUP BY 1"
    )
    expected = {
        table.name: sorted(table.primary_key.columns.keys())
        for table in Base.metadata.tables.values()
    }
    assert dict(found) == {**expected, "alembic_version": ["version_num"]}


def test_every_time_is_a_timestamptz(owner):
    others = owner.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type IN ('timestamp without time zone', 'date')"
    ).fetchall()
    assert others == []


def test_ids_are_time_ordered_uuids_of_version_seven(owner):
    ids = [
        row[0] for row in owner.execute("SELECT uuidv7() FROM generate_series(1, 2000)").fetchall()
    ]
    assert {uuid.version for uuid in ids} == {7}
    assert {uuid.variant for uuid in ids} == {"specified in RFC 4122"}
    assert len(set(ids)) == 2000
    # Within one millisecond the sub-millisecond part keeps the order of separate statements.
    apart = []
    for _ in range(50):
        apart.append(owner.execute("SELECT uuidv7()").fetchone()[0])
    assert apart == sorted(apart)


def test_triggers_cannot_be_switched_off_by_a_replication_role(owner):
    quiet = owner.execute(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
        " WHERE NOT tgisinternal AND tgenabled <> 'A'"
    ).fetchall()
    assert quiet == []


def test_functions_with_the_owners_rights_name_their_search_path(owner):
    loose = owner.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
        " AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=pg_catalog, public, pg_temp']"
    ).fetchall()
    assert loose == []
