"""The database's half of the permission table: grants, and what each role is refused."""

import psycopg
import pytest

from emberone.domain.enums import Role

#: table → role → what the whole table grants: Select, Insert, Update, Delete.
GRANTS = {
    "users": {"system": "SIUD"},
    "profiles": {"admin": "SIUD", "agent": "SI", "customer": "S", "system": "SIU"},
    "tickets": {"admin": "SIUD", "agent": "SIU", "customer": "SI", "system": "SIU"},
    "comments": {"admin": "SIUD", "agent": "SIU", "customer": "SI", "system": "SIU"},
    "history": {"admin": "S", "agent": "S", "system": "SI"},
    "agents": {"admin": "SU", "agent": "S", "system": "SIU"},
    "absences": {"admin": "SID", "agent": "SID", "system": "SU"},
    "teams": {"admin": "SIUD", "agent": "S", "system": "SIU"},
    "team_members": {"admin": "SIUD", "agent": "S", "system": "SID"},
    "tags": {"admin": "SIUD", "agent": "S", "system": "SIU"},
    "settings": {"admin": "SU", "agent": "S", "customer": "S", "system": "SIU"},
    "settings_history": {"admin": "S"},
    "calendars": {"admin": "SIUD", "agent": "S", "system": "SIUD"},
    "calendar_versions": {"admin": "SI", "agent": "S", "system": "SI"},
    "sla_policies": {"admin": "SIUD", "agent": "S", "system": "SIU"},
    "sla_policy_versions": {"admin": "SIUD", "agent": "S", "system": "SIU"},
    "sla_targets": {"admin": "SIUD", "agent": "S", "system": "SIU"},
    "sla_plan_steps": {"admin": "SIUD", "agent": "S", "system": "SIU"},
    "sla_clocks": {"admin": "S", "agent": "S", "system": "SIU"},
    "sla_steps": {"admin": "S", "agent": "S", "system": "SIU"},
    "hours_awaited": {"system": "SIUD"},
    "waits": {"admin": "S", "agent": "S", "system": "SIUD"},
    "feedback_requests": {"admin": "S", "agent": "S", "system": "SIU"},
    "drafts": {"admin": "SIUD", "agent": "SIUD", "system": "SIUD"},
    "attachments": {"admin": "S", "agent": "S", "customer": "S", "system": "SIUD"},
    "attachment_contents": {"admin": "S", "agent": "S", "customer": "S", "system": "SID"},
    "macros": {"admin": "SIUD", "agent": "SIUD", "system": "S"},
    "ticket_reads": {"admin": "SIU", "agent": "SIU", "system": "SIU"},
    "ticket_viewers": {"admin": "SIUD", "agent": "SIUD"},
    "mail_outbox": {"admin": "S", "agent": "S", "system": "SIU"},
    "suppressed_addresses": {"admin": "SD", "system": "SIU"},
    "queue_pulse": {"admin": "S", "agent": "S", "system": "S"},
    "sweep_runs": {"admin": "S", "system": "SIU"},
    "imported_rows": {"admin": "S", "system": "SIU"},
    "staff_names": {"admin": "S", "agent": "S", "customer": "S", "system": "S"},
    "ticket_history_public": {"customer": "S"},
    "working_agents": {"admin": "S", "agent": "S", "system": "S"},
    "alembic_version": {},
}

#: (table, role) → columns granted for UPDATE (or SELECT) alone.
COLUMN_GRANTS = {
    ("tickets", "customer", "UPDATE"): {"title", "description", "priority"},
    ("comments", "customer", "UPDATE"): {"content", "metadata"},
    ("profiles", "customer", "UPDATE"): {"full_name", "language", "declined_letters"},
    ("profiles", "agent", "UPDATE"): {"language", "declined_letters"},
    ("agents", "agent", "UPDATE"): {"availability"},
    ("users", "admin", "SELECT"): {"id", "email", "active", "confirmed_at", "created_at"},
}


def test_every_table_grants_exactly_what_the_table_says(owner):
    letters = {"SELECT": "S", "INSERT": "I", "UPDATE": "U", "DELETE": "D"}
    found: dict[str, dict[str, str]] = {}
    for table, role, privilege in owner.execute(
        "SELECT c.relname, r.rolname, p.privilege"
        " FROM pg_class c, pg_roles r, unnest(%s::text[]) WITH ORDINALITY AS p (privilege, n)"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p')"
        " AND r.rolname LIKE 'emberone\\_%%' AND r.rolname <> 'emberone_owner'"
        " AND has_table_privilege(r.oid, c.oid, p.privilege)"
        " ORDER BY c.relname, r.rolname, p.n",
        (list(letters),),
    ):
        row = found.setdefault(table, {})
        short = role.removeprefix("emberone_")
        row[short] = row.get(short, "") + letters[privilege]
    tables = {
        row[0]
        for row in owner.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'v', 'p')"
        )
    }
    assert tables == set(GRANTS)
    assert found == {table: roles for table, roles in GRANTS.items() if roles}


def test_column_grants_are_exactly_what_the_table_says(owner):
    found: dict[tuple[str, str, str], set[str]] = {}
    for table, role, privilege, column in owner.execute(
        "SELECT c.relname, r.rolname, p.privilege, a.attname"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0, pg_roles r,"
        " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS p (privilege)"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        " AND NOT a.attisdropped"
        " AND r.rolname LIKE 'emberone\\_%' AND r.rolname <> 'emberone_owner'"
        " AND has_column_privilege(r.oid, c.oid, a.attnum, p.privilege)"
        " AND NOT has_table_privilege(r.oid, c.oid, p.privilege)"
    ):
        found.setdefault((table, role.removeprefix("emberone_"), privilege), set()).add(column)
    assert found == COLUMN_GRANTS


def test_nobody_may_truncate_and_the_login_itself_may_do_nothing(owner):
    assert (
        owner.execute(
            "SELECT r.rolname, c.relname FROM pg_class c, pg_roles r"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
            " AND r.rolname LIKE 'emberone\\_%' AND r.rolname <> 'emberone_owner'"
            " AND has_table_privilege(r.oid, c.oid, 'TRUNCATE, REFERENCES, TRIGGER')"
        ).fetchall()
        == []
    )
    assert owner.execute(
        "SELECT rolcanlogin, rolinherit, rolsuper FROM pg_roles WHERE rolname = 'emberone_app'"
    ).fetchone() == (True, False, False)


@pytest.mark.parametrize("verb", ["SELECT 1 FROM", "DELETE FROM"])
def test_without_a_context_every_statement_is_refused(app_connection, verb):
    for table in GRANTS:
        if verb == "DELETE FROM" and table in {
            "staff_names",
            "ticket_history_public",
            "working_agents",
        }:
            continue
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_connection.execute(f"{verb} {table}")


def test_a_context_is_forgotten_with_its_transaction(people, app_connection):
    people.as_(people.admin)("SELECT 1 FROM tickets")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute("SELECT 1 FROM tickets")


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AGENT, None])
def test_staff_and_the_product_see_every_row(people, role):
    run = people.by_role(role)
    assert run("SELECT count(*) FROM tickets") == [(2,)]
    assert run("SELECT count(*) FROM profiles") == [(4,)]


class TestCustomer:
    """What a customer's role may do by raw SQL."""

    def test_sees_own_rows_only(self, people):
        run = people.as_(people.customer)
        assert run("SELECT id FROM tickets") == [(people.ticket,)]
        assert run("SELECT id FROM profiles") == [(people.customer.profile_id,)]
        assert run("SELECT id FROM staff_names ORDER BY id") == sorted(
            [(people.admin.profile_id,), (people.agent.profile_id,)]
        )

    def test_sees_nothing_without_a_person(self, people):
        nobody = people.customer.__class__(None, Role.CUSTOMER)
        assert people.as_(nobody)("SELECT id FROM tickets") == []

    @pytest.mark.parametrize(
        "columns",
        [
            "customer_id",  # of someone else
            "customer_id, status",
            "customer_id, assigned_agent_id",
            "customer_id, feedback_rating",
            "customer_id, feedback_text",
            "customer_id, tags",
            "customer_id, follows_id",
            "customer_id, sla_priority",
            "customer_id, assignment_skipped_at",
            "customer_id, created_at",
        ],
    )
    def test_may_insert_a_plain_open_ticket_of_their_own_only(self, people, columns):
        run = people.as_(people.customer)
        assert (
            run(
                "INSERT INTO tickets (title, description, customer_id) VALUES ('t', 'd', %s)",
                people.customer.profile_id,
            )
            == 1
        )
        values = {
            "customer_id": people.other.profile_id
            if columns == "customer_id"
            else people.customer.profile_id,
            "status": "WAITING",
            "assigned_agent_id": people.agent.profile_id,
            "feedback_rating": 5,
            "feedback_text": "fine",
            "tags": ["vip"],
            "follows_id": people.foreign,
            "sla_priority": "CRITICAL",
            "assignment_skipped_at": "2020-01-01",
            "created_at": "2020-01-01",
        }
        given = [values[name] for name in columns.split(", ")]
        marks = ", ".join(["%s"] * len(given))
        run.refuses(
            f"INSERT INTO tickets (title, description, {columns}) VALUES ('t', 'd', {marks})",
            *given,
        )

    def test_may_change_three_columns_of_their_own_open_tickets(self, people):
        run = people.as_(people.customer)
        assert run("UPDATE tickets SET title = 'x', description = 'y', priority = 'HIGH'") == 1
        for column, value in [
            ("status", "CLOSED"),
            ("assigned_agent_id", None),
            ("customer_id", people.other.profile_id),
            ("feedback_rating", 5),
            ("team_id", None),
            ("public_version", 7),
            ("created_at", "2020-01-01"),
        ]:
            run.refuses(f"UPDATE tickets SET {column} = %s", value)
        run.refuses("DELETE FROM tickets")
        people.as_(people.agent)("UPDATE tickets SET status = 'CLOSED'")
        assert run("UPDATE tickets SET title = 'z'") == 0

    def test_sees_no_internal_comment(self, people):
        for kind, internal in [
            ("USER", False),
            ("INTERNAL", True),
            ("SYSTEM", True),
            ("SYSTEM", False),
        ]:
            people.by_role(None)(
                "INSERT INTO comments (ticket_id, content, type, is_internal) VALUES (%s, 'c', %s, %s)",
                people.ticket,
                kind,
                internal,
            )
        run = people.as_(people.customer)
        assert run("SELECT type::text FROM comments ORDER BY 1") == [("SYSTEM",), ("USER",)]

    @pytest.mark.parametrize(
        ("change", "refused"),
        [
            ({}, False),
            ({"ticket": "foreign"}, True),
            ({"author": "other"}, True),
            ({"author": None}, True),
            ({"type": "SYSTEM"}, True),
            ({"type": "INTERNAL", "is_internal": True}, True),
        ],
    )
    def test_may_say_public_things_on_their_own_tickets_only(self, people, change, refused):
        run = people.as_(people.customer)
        author = change.get("author", "customer")
        values = (
            people.foreign if change.get("ticket") else people.ticket,
            getattr(people, author).profile_id if author else None,
            change.get("type", "USER"),
            change.get("is_internal", False),
        )
        sql = (
            "INSERT INTO comments (ticket_id, author_id, type, is_internal, content)"
            " VALUES (%s, %s, %s, %s, 'hello')"
        )
        if refused:
            run.refuses(sql, *values)
        else:
            assert run(sql, *values) == 1

    def test_may_edit_their_own_comment_for_fifteen_minutes(self, people):
        run = people.as_(people.customer)
        sql = "INSERT INTO comments (ticket_id, author_id, content) VALUES (%s, %s, 'hello')"
        run(sql, people.ticket, people.customer.profile_id)
        people.as_(people.agent)(sql, people.ticket, people.agent.profile_id)
        assert run("UPDATE comments SET content = 'hi'") == 1
        run.refuses("UPDATE comments SET type = 'SYSTEM'")
        run.refuses("DELETE FROM comments")
        later = run("SELECT context_now() + interval '15 minutes'")[0][0]
        assert run("UPDATE comments SET content = 'too late'", now=later) == 0

    def test_may_rename_themselves_and_nothing_more(self, people):
        run = people.as_(people.customer)
        assert run("UPDATE profiles SET full_name = 'New Name'") == 1
        run.refuses("UPDATE profiles SET role = 'ADMIN'")
        run.refuses("UPDATE profiles SET email = 'x@example.org'")
        run.refuses(
            "INSERT INTO profiles (email, full_name, role) VALUES ('x@example.org', 'x', 'CUSTOMER')"
        )

    def test_reads_the_public_history_of_own_tickets_only(self, people):
        by_agent = people.as_(people.agent)
        by_agent(
            "UPDATE tickets SET assigned_agent_id = %s, status = 'IN_PROGRESS', priority = 'LOW'",
            people.agent.profile_id,
        )
        by_agent("UPDATE tickets SET assigned_agent_id = NULL, status = 'OPEN'")
        by_agent("UPDATE tickets SET status = 'WAITING'")
        run = people.as_(people.customer)
        run.refuses("SELECT * FROM history")
        rows = run("SELECT ticket_id, action, new_value FROM ticket_history_public ORDER BY id")
        assert [(ticket, action) for ticket, action, _ in rows] == [
            (people.ticket, "created"),
            (people.ticket, "status_changed"),
        ]
        assert all("assignedAgentId" not in value for _, _, value in rows)
        with pytest.raises(psycopg.errors.UndefinedColumn):
            run("SELECT metadata FROM ticket_history_public")


class TestAgent:
    """What an agent's role may do by raw SQL."""

    def test_may_change_but_not_delete_tickets(self, people):
        run = people.as_(people.agent)
        assert run("UPDATE tickets SET status = 'WAITING'") == 2
        for statement in (
            "DELETE FROM tickets",
            "DELETE FROM comments",
            "DELETE FROM profiles",
            "DELETE FROM history",
            "UPDATE history SET action = 'x'",
        ):
            run.refuses(statement)

    def test_speaks_and_edits_in_their_own_name_only(self, people):
        run = people.as_(people.agent)
        sql = (
            "INSERT INTO comments (ticket_id, author_id, type, is_internal, content)"
            " VALUES (%s, %s, %s, %s, 'c')"
        )
        assert run(sql, people.ticket, people.agent.profile_id, "USER", False) == 1
        assert run(sql, people.ticket, people.agent.profile_id, "INTERNAL", True) == 1
        run.refuses(sql, people.ticket, people.admin.profile_id, "USER", False)
        run.refuses(sql, people.ticket, people.agent.profile_id, "SYSTEM", True)
        people.as_(people.admin)(sql, people.ticket, people.admin.profile_id, "USER", False)
        assert run("UPDATE comments SET content = 'mine'") == 2

    def test_creates_customers_and_changes_nobody(self, people):
        run = people.as_(people.agent)
        sql = "INSERT INTO profiles (email, full_name, role) VALUES (%s, 'x', %s)"
        assert run(sql, "c@example.org", "CUSTOMER") == 1
        run.refuses(sql, "a@example.org", "AGENT")
        run.refuses(sql, "b@example.org", "ADMIN")
        run.refuses("UPDATE profiles SET full_name = 'x'")
        run.refuses("SELECT * FROM users")

    def test_chooses_language_and_letters_for_themselves_only(self, people):
        run = people.as_(people.agent)
        assert run("UPDATE profiles SET language = 'de', declined_letters = '{assigned}'") == 1
        run.refuses("UPDATE profiles SET email = 'x@example.org'")

    def test_sees_letters_about_tickets_and_no_link_that_opens_an_account(self, people, owner):
        owner.execute(
            "INSERT INTO mail_outbox (key, letter, to_email, ticket_id)"
            " VALUES ('a', 'assigned', 'a@b', %s), ('b', 'reset', 'a@b', NULL)",
            (people.ticket,),
        )
        assert people.as_(people.agent)("SELECT key FROM mail_outbox") == [("a",)]
        assert people.as_(people.admin)("SELECT count(*) FROM mail_outbox") == [(2,)]
        people.as_(people.customer).refuses("SELECT key FROM mail_outbox")

    def test_writes_drafts_in_their_own_name_only(self, people, make):
        run = people.as_(people.agent)
        sql = (
            "INSERT INTO drafts (ticket_id, author_id, kind, content) VALUES (%s, %s, 'reply', 'x')"
        )
        assert run(sql, people.ticket, people.agent.profile_id) == 1
        run.refuses(sql, people.ticket, people.admin.profile_id)
        colleague = people.as_(make.agent())
        assert colleague("SELECT content FROM drafts") == [("x",)]
        assert colleague("UPDATE drafts SET content = 'y'") == 0
        assert colleague("DELETE FROM drafts") == 0
        people.as_(people.customer).refuses("SELECT * FROM drafts")

    def test_keeps_macros_of_their_own_beside_everybody_s(self, people, make):
        run, admin = people.as_(people.agent), people.as_(people.admin)
        sql = "INSERT INTO macros (name, owner_id) VALUES ('Refund', %s)"
        run.refuses(sql, None)
        assert admin(sql, None) == 1
        assert run(sql, people.agent.profile_id) == 1
        assert run("SELECT count(*) FROM macros") == [(2,)]
        assert admin("SELECT count(*) FROM macros") == [(1,)]
        assert run("UPDATE macros SET content = 'x'") == 1
        assert people.as_(make.agent())("SELECT owner_id FROM macros") == [(None,)]

    def test_marks_tickets_read_for_themselves_only(self, people):
        run = people.as_(people.agent)
        sql = "INSERT INTO ticket_reads VALUES (%s, %s, 1)"
        assert run(sql, people.agent.profile_id, people.ticket) == 1
        run.refuses(sql, people.admin.profile_id, people.ticket)
        assert people.as_(people.admin)("SELECT count(*) FROM ticket_reads") == [(0,)]

    def test_sets_their_own_availability_only(self, people, make):
        make.agent()
        run = people.as_(people.agent)
        assert run("UPDATE agents SET availability = 'AWAY'") == 1
        run.refuses("UPDATE agents SET capacity = 1000")

    def test_enters_and_takes_back_their_own_absences_only(self, people, make):
        colleague = make.agent()
        run = people.as_(people.agent)
        sql = "INSERT INTO absences (agent_id, starts_at, ends_at) VALUES (%s, '2030-01-01', '2030-02-01')"
        assert run(sql, people.agent.profile_id) == 1
        run.refuses(sql, colleague.profile_id)
        run.refuses("UPDATE absences SET begun_at = now()")
        assert people.as_(colleague)("DELETE FROM absences") == 0
        assert run("DELETE FROM absences") == 1


class TestAdmin:
    """What an admin's role may do by raw SQL."""

    def test_reads_sign_ins_without_their_password(self, people):
        run = people.as_(people.admin)
        assert run("SELECT id, email, active FROM users") == []
        run.refuses("SELECT password FROM users")
        run.refuses("UPDATE users SET active = false")

    def test_deletes_but_writes_no_history(self, people):
        run = people.as_(people.admin)
        assert run("DELETE FROM tickets WHERE id = %s", people.ticket) == 1
        run.refuses("INSERT INTO history (ticket_id, action) VALUES (uuidv7(), 'x')")
        run.refuses("UPDATE history SET action = 'x'")
        run.refuses("DELETE FROM history")
        run.refuses("TRUNCATE history")

    def test_does_not_speak_in_anothers_name(self, people):
        people.as_(people.admin).refuses(
            "INSERT INTO comments (ticket_id, author_id, content) VALUES (%s, %s, 'c')",
            people.ticket,
            people.agent.profile_id,
        )
