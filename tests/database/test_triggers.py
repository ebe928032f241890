"""What follows from a row's change, raw SQL included."""

import threading
from datetime import UTC, datetime

import psycopg
import pytest

from emberone.domain.actor import Actor
from tests.conftest import DATABASE
from tests.database.conftest import connected


def _history(owner, ticket, *actions):
    return owner.execute(
        "SELECT action, old_value, new_value, metadata, actor_id FROM history"
        " WHERE ticket_id = %s AND (%s::text[] = '{}' OR action = ANY (%s)) ORDER BY created_at, id",
        (ticket, list(actions), list(actions)),
    ).fetchall()


class TestHistory:
    """History is written by the database and can be changed by nobody."""

    def test_each_changed_field_is_one_entry(self, people, owner):
        agent = people.agent.profile_id
        people.as_(people.agent)(
            "UPDATE tickets SET status = 'IN_PROGRESS', priority = 'HIGH', assigned_agent_id = %s,"
            " title = 'new', description = 'other' WHERE id = %s",
            agent,
            people.ticket,
        )
        entries = _history(owner, people.ticket)
        assert [entry[0] for entry in entries] == [
            "created",
            "status_changed",
            "priority_changed",
            "assignment_changed",
            "title_changed",
            "description_changed",
        ]
        by_action = {entry[0]: entry for entry in entries}
        assert by_action["status_changed"][1:3] == ({"status": "OPEN"}, {"status": "IN_PROGRESS"})
        assert by_action["priority_changed"][1:3] == ({"priority": "MEDIUM"}, {"priority": "HIGH"})
        assert by_action["assignment_changed"][1:3] == (
            {"assignedAgentId": None},
            {"assignedAgentId": str(agent)},
        )
        assert all(entry[4] == agent for entry in entries[1:])
        assert all(entry[3] == {"source": "agent_dashboard"} for entry in entries[1:])

    def test_psql_is_recorded_too(self, people, owner):
        owner.execute("UPDATE tickets SET status = 'CLOSED'")
        (entry,) = _history(owner, people.ticket, "status_changed")
        assert entry[3] == {"source": "system"}
        assert entry[4] is None

    def test_whoever_waited_comes_after_what_was_done_meanwhile(self, people, owner, postgres):
        with postgres.connect("postgres", DATABASE) as late, late.transaction():
            late.execute("SELECT now()")
            owner.execute("UPDATE tickets SET priority = 'HIGH' WHERE id = %s", [people.ticket])
            # Its now is older than the entry that is there already.
            late.execute("UPDATE tickets SET status = 'CLOSED' WHERE id = %s", [people.ticket])
        assert [entry[0] for entry in _history(owner, people.ticket)] == [
            "created",
            "priority_changed",
            "status_changed",
        ]

    def test_what_is_said_to_have_been_at_another_time_stays_where_it_was_put(self, people, owner):
        times = [datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)]
        for priority, now in zip(("HIGH", "LOW"), times, strict=True):
            people.as_(people.agent)("UPDATE tickets SET priority = %s", priority, now=now)
        owner.execute("UPDATE tickets SET priority = 'CRITICAL'")
        entries = owner.execute(
            "SELECT new_value ->> 'priority', created_at FROM history"
            " WHERE ticket_id = %s AND action = 'priority_changed' ORDER BY id",
            [people.ticket],
        ).fetchall()
        assert entries[:2] == list(zip(("HIGH", "LOW"), times, strict=True))
        # No clock is so wrong that what happens now should wait for what is to come.
        assert entries[2][1] < times[1]

    def test_nothing_changed_is_nothing_recorded(self, people, owner):
        before = _history(owner, people.ticket)
        owner.execute("UPDATE tickets SET title = title, status = status")
        assert _history(owner, people.ticket) == before

    def test_it_outlives_its_ticket(self, people, owner):
        people.as_(people.admin)("DELETE FROM tickets WHERE id = %s", people.ticket)
        created, deleted = _history(owner, people.ticket)
        assert (created[0], deleted[0]) == ("created", "deleted")
        assert deleted[1]["title"] == created[2]["title"]

    @pytest.mark.parametrize("who", ["emberone_owner", "postgres"])
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE history SET action = 'x'",
            'UPDATE history SET metadata = \'{"source": "system"}\', actor_id = NULL',
            "UPDATE history SET actor_id = NULL WHERE actor_id IS NOT NULL",
            "UPDATE history SET created_at = now()",
            "DELETE FROM history",
            "TRUNCATE history",
            "TRUNCATE tickets CASCADE",
            "TRUNCATE comments CASCADE",
        ],
    )
    def test_the_owner_and_a_superuser_are_refused_too(self, postgres, people, who, statement):
        people.as_(people.agent)("UPDATE tickets SET status = 'WAITING'")
        with connected(postgres, who) as connection:
            for replication in ("origin", "replica") if who == "postgres" else ("origin",):
                if who == "postgres":
                    connection.execute(f"SET session_replication_role = {replication}")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)

    @pytest.mark.parametrize("table", ["history", "tickets", "comments"])
    def test_who_would_empty_a_table_is_told_which_one_may_not_be(self, owner, table):
        # PostgreSQL asks the table that was named first, then those that refer to it.
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=f"TRUNCATE of {table} is"):
            owner.execute(f"TRUNCATE {table} CASCADE")

    def test_only_the_name_of_a_person_who_is_gone_is_forgotten(self, people, owner, make):
        ghost = make.customer()
        people.as_(Actor(ghost.profile_id, None))(
            "UPDATE tickets SET title = 'by ghost' WHERE id = %s", people.ticket
        )
        people.as_(people.admin)("DELETE FROM profiles WHERE id = %s", ghost.profile_id)
        (entry,) = _history(owner, people.ticket, "title_changed")
        assert entry[4] is None
        assert entry[2] == {"title": "by ghost"}

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("new_value", '{"unknown": 1}'),
            ("new_value", '{"status": "BROKEN"}'),
            ("new_value", '{"status": null}'),
            ("new_value", '{"assignedAgentId": "not-a-uuid"}'),
            ("new_value", "[]"),
            ("metadata", "{}"),
            ("metadata", '{"source": "elsewhere"}'),
            ("metadata", '{"source": "system", "extra": 1}'),
            ("metadata", '{"source": "system", "reason": 1}'),
        ],
    )
    def test_malformed_json_is_refused(self, people, column, value):
        with pytest.raises(psycopg.errors.CheckViolation):
            people.by_role(None)(
                f"INSERT INTO history (ticket_id, action, {column}) VALUES (uuidv7(), 'x', %s)",
                value,
            )


class TestErasing:
    """A person's texts can be blanked, and by `erase_texts` alone."""

    def test_texts_go_and_the_facts_stay(self, people, owner):
        customer = people.customer.profile_id
        run = people.as_(people.customer)
        run("UPDATE tickets SET title = 'my secret', description = 'secret'")
        run(
            "INSERT INTO comments (ticket_id, author_id, content) VALUES (%s, %s, 'secret')",
            people.ticket,
            customer,
        )
        run("UPDATE comments SET content = 'another secret'")
        people.as_(people.admin)("SELECT erase_texts(%s)", customer)
        dump = "".join(
            str(row)
            for table in ("tickets", "comments", "history")
            for row in owner.execute(f"SELECT to_jsonb(t) - 'search' FROM {table} t").fetchall()
        )
        assert "secret" not in dump
        actions = [entry[0] for entry in _history(owner, people.ticket)]
        assert "title_changed" in actions
        assert actions[-1] == "texts_erased"

    def test_a_letter_that_waits_no_longer_leaves_with_them(self, people, owner):
        for n, state in enumerate(("queued", "kept", "dead")):
            owner.execute(
                "INSERT INTO mail_outbox (key, letter, params, to_email, ticket_id, state)"
                " VALUES (%s, 'low_rating', '{\"text\": \"secret\"}', 'b@example.org', %s, %s)",
                (f"k{n}", people.ticket, state),
            )
        people.as_(people.admin)("SELECT erase_texts(%s)", people.customer.profile_id)
        left = owner.execute("SELECT state, params::text FROM mail_outbox ORDER BY key").fetchall()
        assert left == [("suppressed", "{}"), ("suppressed", "{}"), ("dead", "{}")]

    def test_others_texts_stay(self, people, owner):
        people.as_(people.admin)("SELECT erase_texts(%s)", people.customer.profile_id)
        (title,) = owner.execute(
            "SELECT title FROM tickets WHERE id = %s", (people.foreign,)
        ).fetchone()
        assert title != "[erased]"

    def test_only_admins_may(self, people):
        for actor in (people.agent, people.customer, Actor(None, None)):
            people.as_(actor).refuses("SELECT erase_texts(%s)", people.customer.profile_id)


class TestTicketColumns:
    """Columns that the database keeps by itself."""

    def test_closing_and_reopening_keep_closed_at(self, people, owner):
        run = people.as_(people.agent)
        then = run("SELECT '2020-05-05 10:00+00'::timestamptz")[0][0]
        run("UPDATE tickets SET status = 'CLOSED' WHERE id = %s", people.ticket, now=then)
        assert owner.execute(
            "SELECT closed_at FROM tickets WHERE id = %s", (people.ticket,)
        ).fetchone() == (then,)
        run("UPDATE tickets SET status = 'OPEN' WHERE id = %s", people.ticket)
        assert owner.execute(
            "SELECT closed_at FROM tickets WHERE id = %s", (people.ticket,)
        ).fetchone() == (None,)

    def test_a_given_closing_time_is_kept(self, owner, people):
        owner.execute(
            "UPDATE tickets SET status = 'CLOSED', closed_at = '2021-01-01 00:00+00' WHERE id = %s",
            (people.ticket,),
        )
        (closed_at,) = owner.execute(
            "SELECT closed_at FROM tickets WHERE id = %s", (people.ticket,)
        ).fetchone()
        assert closed_at.year == 2021

    @pytest.mark.parametrize(
        ("change", "moves_version", "moves_public"),
        [
            ("title = 'x'", True, True),
            ("status = 'WAITING'", True, True),
            ("status = 'IN_PROGRESS'", True, True),
            ("priority = 'LOW'", True, False),
            ("tags = '{vip}'", True, False),
            ("assigned_agent_id = (SELECT profile_id FROM agents)", True, False),
            ("title = title", False, False),
        ],
    )
    def test_versions_move_with_what_changed(
        self, owner, people, change, moves_version, moves_public
    ):
        sql = "SELECT version, public_version, public_updated_at, updated_at FROM tickets WHERE id = %s"
        before = owner.execute(sql, (people.ticket,)).fetchone()
        owner.execute(f"UPDATE tickets SET {change} WHERE id = %s", (people.ticket,))
        after = owner.execute(sql, (people.ticket,)).fetchone()
        assert after[0] - before[0] == int(moves_version)
        assert after[1] - before[1] == int(moves_public)
        assert (after[2] != before[2]) == moves_public
        assert after[3] > before[3]

    def test_going_back_to_the_pool_is_no_step_back_to_the_customer(self, owner, people):
        sql = "SELECT status, public_status, public_version FROM tickets WHERE id = %s"

        def become(status):
            owner.execute("UPDATE tickets SET status = %s WHERE id = %s", (status, people.ticket))
            return owner.execute(sql, (people.ticket,)).fetchone()

        begun = become("IN_PROGRESS")
        assert become("OPEN") == ("OPEN", "IN_PROGRESS", begun[2])
        assert become("IN_PROGRESS") == ("IN_PROGRESS", "IN_PROGRESS", begun[2])
        assert become("CLOSED")[:2] == ("CLOSED", "CLOSED")
        assert become("OPEN")[:2] == ("OPEN", "OPEN")

    def test_a_customer_sees_the_priority_they_asked_for(self, owner, people):
        sql = "SELECT priority, public_priority, public_version FROM tickets WHERE id = %s"
        asked = owner.execute(sql, (people.ticket,)).fetchone()
        people.as_(people.agent)("UPDATE tickets SET priority = 'CRITICAL'")
        assert owner.execute(sql, (people.ticket,)).fetchone() == ("CRITICAL", *asked[1:])
        people.as_(people.customer)("UPDATE tickets SET priority = 'HIGH'")
        after = owner.execute(sql, (people.ticket,)).fetchone()
        assert after == ("HIGH", "HIGH", asked[2] + 1)

    @pytest.mark.parametrize(("internal", "moves"), [(False, 1), (True, 0)])
    def test_only_public_comments_move_what_the_customer_sees(self, owner, people, internal, moves):
        sql = "SELECT public_version, version, public_updated_at FROM tickets WHERE id = %s"
        before = owner.execute(sql, (people.ticket,)).fetchone()
        people.as_(people.agent)(
            "INSERT INTO comments (ticket_id, author_id, content, type, is_internal)"
            " VALUES (%s, %s, 'c', %s, %s)",
            people.ticket,
            people.agent.profile_id,
            "INTERNAL" if internal else "USER",
            internal,
        )
        after = owner.execute(sql, (people.ticket,)).fetchone()
        assert after[0] - before[0] == moves
        assert after[1] == before[1]
        assert (after[2] != before[2]) == bool(moves)

    @pytest.mark.parametrize(
        ("change", "is_seen", "is_news"),
        [
            ("title = 'x'", True, True),
            ("tags = '{vip}'", True, True),
            ("snoozed_until = now() + interval '1 day'", True, False),
            ("assignment_skipped_at = now()", False, False),
            ("title = title", False, False),
        ],
    )
    def test_staff_s_counter_moves_with_what_they_see(
        self, owner, people, change, is_seen, is_news
    ):
        sql = "SELECT activity_no, last_activity_at FROM tickets WHERE id = %s"
        before = owner.execute(sql, (people.ticket,)).fetchone()
        owner.execute(f"UPDATE tickets SET {change} WHERE id = %s", (people.ticket,))
        after = owner.execute(sql, (people.ticket,)).fetchone()
        assert after[0] - before[0] == int(is_seen)
        assert (after[1] > before[1]) == is_news

    def test_who_spoke_last_follows_the_public_conversation(self, owner, people):
        def say(actor, kind="USER"):
            people.as_(actor)(
                "INSERT INTO comments (ticket_id, author_id, content, type, is_internal)"
                " VALUES (%s, %s, 'c', %s, %s)",
                people.ticket,
                actor.profile_id,
                kind,
                kind == "INTERNAL",
            )
            return told()

        def told():
            return owner.execute(
                "SELECT customer_spoke_last, activity_no FROM tickets WHERE id = %s",
                (people.ticket,),
            ).fetchone()

        assert told() == (True, 1)
        assert say(people.agent) == (False, 2)
        assert say(people.customer) == (True, 3)
        assert say(people.agent, "INTERNAL") == (True, 4)
        assert say(people.admin) == (False, 5)
        owner.execute("DELETE FROM comments WHERE author_id = %s", (people.admin.profile_id,))
        assert told() == (True, 6)

    def test_only_agents_can_be_assigned(self, people):
        for person in (people.admin, people.customer):
            with pytest.raises(psycopg.errors.RaiseException, match="Only agents"):
                people.as_(people.admin)(
                    "UPDATE tickets SET assigned_agent_id = %s", person.profile_id
                )

    @pytest.mark.parametrize(
        "change",
        [
            "title = '  '",
            "title = repeat('x', 501)",
            "description = repeat('x', 100001)",
            "feedback_rating = 6",
            "feedback_rating = 0",
            "tags = '{UPPER}'",
            "tags = '{a,a}'",
            "tags = '{\" padded \"}'",
            "follows_id = id",
        ],
    )
    def test_invalid_values_are_refused(self, owner, people, change):
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(f"UPDATE tickets SET {change}")

    def test_the_priority_that_targets_follow_is_the_last_one_a_person_set(self, owner, people):
        sql = "SELECT priority::text, sla_priority::text FROM tickets WHERE id = %s"
        people.by_role(None)("UPDATE tickets SET priority = 'HIGH'")
        assert owner.execute(sql, (people.ticket,)).fetchone() == ("HIGH", "MEDIUM")
        people.as_(people.agent)("UPDATE tickets SET priority = 'CRITICAL'")
        assert owner.execute(sql, (people.ticket,)).fetchone() == ("CRITICAL", "CRITICAL")

    def test_tags_in_use_are_known(self, owner, people, make):
        known = "SELECT name, is_skill FROM tags ORDER BY name"
        make.ticket(tags=["vpn"])
        assert owner.execute(known).fetchall() == [("vpn", False)]
        owner.execute("UPDATE tickets SET tags = '{billing,vip}'")
        assert owner.execute(known).fetchall() == [
            ("billing", False),
            ("vip", False),
            ("vpn", False),
        ]
        owner.execute("UPDATE agents SET skills = '{french,vpn}'")
        assert owner.execute(known).fetchall()[1] == ("french", True)

    @pytest.mark.parametrize(
        ("statement", "moves"),
        [
            (
                "INSERT INTO tickets (title, description, customer_id)"
                " SELECT 't', 'd', id FROM profiles WHERE role = 'CUSTOMER'",
                True,
            ),
            ("UPDATE tickets SET priority = 'HIGH'", True),
            ("DELETE FROM tickets", True),
            ("UPDATE tickets SET priority = 'HIGH' WHERE status = 'CLOSED'", False),
        ],
    )
    def test_lists_hear_of_every_ticket_that_moved(self, owner, people, statement, moves):
        pulse = "SELECT slot, moved_by FROM queue_pulse ORDER BY slot"
        before = owner.execute(pulse).fetchall()
        owner.execute(statement)
        assert (owner.execute(pulse).fetchall() != before) == moves


class TestOpenCount:
    """agents.open_count equals the count and open_weight the weight, whatever the statement."""

    def _drift(self, owner):
        return owner.execute(
            "SELECT profile_id, open_count, n, open_weight, weight FROM agents LEFT JOIN LATERAL ("
            " SELECT count(*) AS n, coalesce(sum(CASE priority WHEN 'CRITICAL' THEN 3"
            " WHEN 'HIGH' THEN 2 ELSE 1 END), 0) AS weight"
            " FROM tickets WHERE assigned_agent_id = profile_id"
            " AND status IN ('OPEN', 'IN_PROGRESS')) AS t ON true"
            " WHERE open_count <> n OR open_weight <> weight"
        ).fetchall()

    @pytest.mark.rule("assignment 4")
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE tickets SET assigned_agent_id = (SELECT min(profile_id::text)::uuid FROM agents)",
            "UPDATE tickets SET status = 'WAITING'",
            "UPDATE tickets SET status = 'CLOSED', assigned_agent_id = NULL",
            "DELETE FROM tickets WHERE status = 'OPEN'",
            "UPDATE tickets SET priority = 'CRITICAL'",
            "UPDATE tickets SET priority = 'LOW', status = 'WAITING' WHERE priority = 'CRITICAL'",
            "INSERT INTO tickets (title, description, customer_id, assigned_agent_id, priority)"
            " SELECT 't', 'd', customer_id, assigned_agent_id, 'HIGH' FROM tickets",
        ],
    )
    def test_bulk_statements_are_counted(self, owner, people, make, statement):
        agents = [people.agent, make.agent()]
        for agent in agents:
            for priority in ("LOW", "HIGH", "CRITICAL"):
                make.ticket(people.customer, assigned_agent_id=agent.profile_id, priority=priority)
        assert self._drift(owner) == []
        assert owner.execute("SELECT sum(open_weight) FROM agents").fetchone() == (12,)
        assert owner.execute("SELECT sum(open_count) FROM agents").fetchone() == (6,)
        owner.execute(statement)
        assert self._drift(owner) == []

    def test_being_given_a_ticket_is_remembered(self, owner, people):
        owner.execute("UPDATE tickets SET assigned_agent_id = (SELECT profile_id FROM agents)")
        (first,) = owner.execute("SELECT last_assigned_at FROM agents").fetchone()
        assert first is not None
        owner.execute("UPDATE tickets SET status = 'WAITING'")
        assert owner.execute("SELECT last_assigned_at FROM agents").fetchone() == (first,)

    def test_bulk_updates_in_opposite_order_do_not_deadlock(self, postgres, owner, people, make):
        agents = [make.agent() for _ in range(8)]
        for n in range(80):
            make.ticket(people.customer, assigned_agent_id=agents[n % 8].profile_id, title=f"{n}")
        failures = []

        def shuffle(direction, parity):
            try:
                with connected(postgres, "emberone_owner") as connection:
                    for status in ("WAITING", "OPEN") * 10:
                        connection.execute(
                            "UPDATE tickets SET status = %s WHERE id IN (SELECT id FROM tickets"
                            f" WHERE number %% 2 = %s ORDER BY number {direction})",
                            (status, parity),
                        )
            except psycopg.Error as error:
                failures.append(error)

        threads = [
            threading.Thread(target=shuffle, args=("ASC", 0)),
            threading.Thread(target=shuffle, args=("DESC", 1)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        assert self._drift(owner) == []


class TestComments:
    """Comments keep what they were."""

    def test_an_edit_keeps_the_old_text_whatever_the_editor_sends(self, people, owner):
        run = people.as_(people.agent)
        run(
            "INSERT INTO comments (ticket_id, author_id, content) VALUES (%s, %s, 'first')",
            people.ticket,
            people.agent.profile_id,
        )
        run("UPDATE comments SET content = 'second'")
        run("UPDATE comments SET content = 'third', metadata = '{}'")
        run("UPDATE comments SET metadata = '{}'")
        (metadata,) = owner.execute("SELECT metadata FROM comments").fetchone()
        assert [edit["oldContent"] for edit in metadata["editHistory"]] == ["first", "second"]
        assert {edit["editor"] for edit in metadata["editHistory"]} == {
            str(people.agent.profile_id)
        }

    def test_a_deletion_is_in_history(self, people, owner):
        people.as_(people.agent)(
            "INSERT INTO comments (ticket_id, author_id, content) VALUES (%s, %s, 'c')",
            people.ticket,
            people.agent.profile_id,
        )
        people.as_(people.admin)("DELETE FROM comments")
        (entry,) = _history(owner, people.ticket, "comment_deleted")
        assert entry[4] == people.admin.profile_id

    @pytest.mark.parametrize(("kind", "internal"), [("INTERNAL", False), ("USER", True)])
    def test_kind_and_visibility_agree(self, people, kind, internal):
        with pytest.raises(psycopg.errors.CheckViolation):
            people.by_role(None)(
                "INSERT INTO comments (ticket_id, content, type, is_internal) VALUES (%s, 'c', %s, %s)",
                people.ticket,
                kind,
                internal,
            )

    @pytest.mark.parametrize(
        "metadata",
        [
            "[]",
            '{"unknown": 1}',
            '{"attachments": {}}',
            '{"attachments": [{"id": 1}]}',
            '{"editHistory": [1]}',
            '{"systemData": []}',
        ],
    )
    def test_malformed_metadata_is_refused(self, people, metadata):
        with pytest.raises(psycopg.errors.CheckViolation):
            people.by_role(None)(
                "INSERT INTO comments (ticket_id, content, metadata) VALUES (%s, 'c', %s)",
                people.ticket,
                metadata,
            )


class TestPeople:
    """Profiles keep the product able to work."""

    def test_every_agent_has_a_row_in_agents(self, people, owner):
        owner.execute(
            "INSERT INTO profiles (email, full_name, role) VALUES ('new@example.org', 'n', 'AGENT')"
        )
        assert owner.execute("SELECT count(*) FROM agents").fetchone() == (2,)
        owner.execute("UPDATE profiles SET role = 'CUSTOMER' WHERE email = 'new@example.org'")
        assert owner.execute("SELECT count(*) FROM agents").fetchone() == (1,)

    def test_an_agent_with_tickets_stays_an_agent(self, people, owner):
        owner.execute("UPDATE tickets SET assigned_agent_id = (SELECT profile_id FROM agents)")
        with pytest.raises(psycopg.errors.RaiseException, match="hand them over"):
            owner.execute("UPDATE profiles SET role = 'CUSTOMER' WHERE role = 'AGENT'")

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM profiles WHERE role = 'ADMIN'",
            "UPDATE profiles SET role = 'AGENT' WHERE role = 'ADMIN'",
            "UPDATE users SET active = false",
        ],
    )
    def test_the_last_admin_stays(self, people, owner, statement):
        owner.execute(
            "WITH u AS (INSERT INTO users (email, fs_uniquifier) VALUES ('a@example.org', 'x') RETURNING id)"
            " UPDATE profiles SET user_id = u.id::text FROM u WHERE role = 'ADMIN'"
        )
        with pytest.raises(psycopg.errors.RaiseException, match="last active admin"):
            owner.execute(statement)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE users SET active = false",
            "UPDATE profiles SET role = 'CUSTOMER' WHERE user_id IS NOT NULL",
        ],
    )
    def test_an_admin_who_cannot_sign_in_is_no_replacement(self, people, owner, make, statement):
        owner.execute(
            "WITH u AS (INSERT INTO users (email, fs_uniquifier) VALUES ('a@example.org', 'x')"
            " RETURNING id) UPDATE profiles SET user_id = u.id::text FROM u WHERE role = 'ADMIN'"
        )
        colleague = make.admin()
        with pytest.raises(psycopg.errors.RaiseException, match="last active admin"):
            owner.execute(statement)
        owner.execute(
            "UPDATE profiles SET user_id = 'oidc|7' WHERE id = %s", (colleague.profile_id,)
        )
        owner.execute(statement.replace("IS NOT NULL", "<> 'oidc|7'"))

    def test_two_admins_cannot_remove_each_other(self, postgres, people, make):
        second = make.admin()
        with (
            connected(postgres, "emberone_owner") as one,
            connected(postgres, "emberone_owner") as two,
        ):
            outcome = []

            def demote_second():
                try:
                    two.execute(
                        "UPDATE profiles SET role = 'CUSTOMER' WHERE id = %s", (second.profile_id,)
                    )
                except psycopg.errors.RaiseException as error:
                    outcome.append(error)

            with one.transaction():
                one.execute(
                    "UPDATE profiles SET role = 'CUSTOMER' WHERE id = %s",
                    (people.admin.profile_id,),
                )
                thread = threading.Thread(target=demote_second)
                thread.start()
            thread.join(30)
            assert len(outcome) == 1

    def test_a_customer_with_tickets_cannot_be_deleted(self, people):
        with pytest.raises(psycopg.errors.IntegrityError) as refusal:
            people.as_(people.admin)(
                "DELETE FROM profiles WHERE id = %s", people.customer.profile_id
            )
        assert refusal.value.sqlstate in {"23503", "23001"}

    def test_addresses_are_unique_whatever_their_case(self, owner, people):
        owner.execute(
            "INSERT INTO profiles (email, full_name, role) VALUES ('A@x.org', 'n', 'CUSTOMER')"
        )
        with pytest.raises(psycopg.errors.UniqueViolation):
            owner.execute(
                "INSERT INTO profiles (email, full_name, role) VALUES ('a@X.org', 'n', 'CUSTOMER')"
            )


#: table → a change of it that makes a form about it stale.
VERSIONED = {
    "profiles": "full_name = full_name || '!'",
    "teams": "name = name || '!'",
    "agents": "capacity = capacity + 1",
    "tickets": "title = title || '!'",
    "comments": "content = content || '!'",
    "drafts": "content = content || '!'",
    "macros": "content = content || '!'",
    "settings": "reopen_days = reopen_days + 1",
}


def test_every_table_that_forms_are_made_of_counts_its_changes(world):
    tables = world.execute(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'version'"
        " AND table_schema = 'public' AND table_name NOT LIKE '%\\_versions'"
    )
    assert {name for (name,) in tables} == set(VERSIONED)
    for table, change in VERSIONED.items():
        before = world.execute(f"SELECT sum(version), count(*) FROM {table}").fetchone()
        world.execute(f"UPDATE {table} SET {change}")
        after = world.execute(f"SELECT sum(version) FROM {table}").fetchone()
        assert after[0] == before[0] + before[1], table


def test_a_clock_begins_under_the_priority_that_its_ticket_s_targets_follow(world):
    world.execute("UPDATE tickets SET sla_priority = 'HIGH' WHERE title = 'One'")

    def begin(cycle, priority):
        world.execute(
            "INSERT INTO sla_clocks (ticket_id, metric, cycle, policy_version_id, target_s,"
            " started_at, running_since, due_at, target_priority)"
            " SELECT ticket_id, metric, %s, policy_version_id, 60, now(), now(), now(), %s"
            " FROM sla_clocks WHERE cycle = 1",
            (cycle, priority),
        )
        return world.execute(
            "SELECT title, target_priority::text FROM sla_clocks"
            " JOIN tickets ON tickets.id = ticket_id WHERE cycle = %s ORDER BY title",
            (cycle,),
        ).fetchall()

    assert begin(8, None) == [("One", "HIGH"), ("Two", "MEDIUM")]
    assert begin(9, "LOW") == [("One", "LOW"), ("Two", "LOW")]
