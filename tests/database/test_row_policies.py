"""The row policies as they are in the catalogue, written down a second time.

What they mean is tried in `test_grants.py` by what each role is refused; here nobody
drops, widens or forgets one without saying so.
"""

import re
from typing import Final

import pytest

#: What a customer's own ticket is, in another table's policy.
_OWN_TICKET: Final = (
    "ticket_id IN (SELECT tickets.id FROM tickets WHERE (tickets.customer_id = me))"
)

#: table → policy → command, roles, conditions on the rows seen, conditions on the rows written.
POLICIES: Final = {
    "absences": {
        "admin_delete": ("DELETE", "admin", ["true"], None),
        "admin_insert": ("INSERT", "admin", None, ["true"]),
        "own_delete": ("DELETE", "agent", ["agent_id = me"], None),
        "own_insert": ("INSERT", "agent", None, ["agent_id = me"]),
        "staff_read": ("SELECT", "admin agent system", ["true"], None),
        "system_update": ("UPDATE", "system", ["true"], ["true"]),
    },
    "agents": {
        "own_update": ("UPDATE", "agent", ["profile_id = me"], ["profile_id = me"]),
        "staff_read": ("SELECT", "admin agent system", ["true"], None),
        "system_insert": ("INSERT", "system", None, ["true"]),
        "system_write": ("UPDATE", "admin system", ["true"], ["true"]),
    },
    "attachment_contents": {
        "own_read": (
            "SELECT",
            "customer",
            ["digest IN (SELECT attachments.digest FROM attachments)"],
            None,
        ),
        "staff_read": ("SELECT", "admin agent system", ["true"], None),
        "system_write": ("ALL", "system", ["true"], ["true"]),
    },
    "attachments": {
        "own_read": (
            "SELECT",
            "customer",
            [
                "draft_id IS NULL",
                _OWN_TICKET,
                "(comment_id IS NULL) OR (comment_id IN (SELECT comments.id FROM comments))",
            ],
            None,
        ),
        "staff_read": ("SELECT", "admin agent system", ["true"], None),
        "system_write": ("ALL", "system", ["true"], ["true"]),
    },
    "comments": {
        "admin_delete": ("DELETE", "admin", ["true"], None),
        "agent_update": (
            "UPDATE",
            "agent",
            ["author_id = me", "type <> 'SYSTEM'"],
            ["author_id = me", "type <> 'SYSTEM'"],
        ),
        "own_insert": (
            "INSERT",
            "customer",
            None,
            ["author_id = me", "type = 'USER'", "NOT is_internal", _OWN_TICKET],
        ),
        "own_read": ("SELECT", "customer", ["NOT is_internal", _OWN_TICKET], None),
        "own_update": (
            "UPDATE",
            "customer",
            ["author_id = me", "type = 'USER'", "created_at > (context_now() - '00:15:00')"],
            ["author_id = me", "type = 'USER'", "NOT is_internal"],
        ),
        "staff_insert": ("INSERT", "admin agent", None, ["author_id = me", "type <> 'SYSTEM'"]),
        "staff_read": ("SELECT", "admin agent system", ["true"], None),
        "system_insert": ("INSERT", "system", None, ["true"]),
        "system_update": ("UPDATE", "admin system", ["true"], ["true"]),
    },
    "drafts": {
        "own_delete": ("DELETE", "admin agent", ["author_id = me"], None),
        "own_insert": ("INSERT", "admin agent", None, ["author_id = me"]),
        "own_update": ("UPDATE", "admin agent", ["author_id = me"], ["author_id = me"]),
        "staff_read": ("SELECT", "admin agent system", ["true"], None),
        "system_write": ("ALL", "system", ["true"], ["true"]),
    },
    "macros": {
        "admin_write": (
            "ALL",
            "admin",
            ["(owner_id IS NULL) OR (owner_id = me)"],
            ["(owner_id IS NULL) OR (owner_id = me)"],
        ),
        "own_write": ("ALL", "agent", ["owner_id = me"], ["owner_id = me"]),
        "staff_read": (
            "SELECT",
            "admin agent system",
            ["(owner_id IS NULL) OR (owner_id = me)"],
            None,
        ),
    },
    "mail_outbox": {
        "admin_read": ("SELECT", "admin", ["true"], None),
        "agent_read": (
            "SELECT",
            "agent",
            ["(ticket_id IS NOT NULL) OR (letter = 'digest')"],
            None,
        ),
        "system_write": ("ALL", "system", ["true"], ["true"]),
    },
    "profiles": {
        "admin_delete": ("DELETE", "admin", ["true"], None),
        "agent_insert": ("INSERT", "agent", None, ["role = 'CUSTOMER'", "user_id IS NULL"]),
        "own_read": ("SELECT", "customer", ["id = me"], None),
        "own_update": ("UPDATE", "agent customer", ["id = me"], ["id = me"]),
        "staff_read": ("SELECT", "admin agent system", ["true"], None),
        "system_insert": ("INSERT", "admin system", None, ["true"]),
        "system_update": ("UPDATE", "admin system", ["true"], ["true"]),
    },
    "settings_history": {
        "admin_read": ("SELECT", "admin", ["true"], None),
    },
    "ticket_reads": {
        "own_write": ("ALL", "admin agent", ["profile_id = me"], ["profile_id = me"]),
        "system_write": ("ALL", "system", ["true"], ["true"]),
    },
    "ticket_viewers": {
        "own_delete": ("DELETE", "admin agent", ["profile_id = me"], None),
        "own_insert": ("INSERT", "admin agent", None, ["profile_id = me"]),
        "own_update": ("UPDATE", "admin agent", ["profile_id = me"], ["profile_id = me"]),
        "staff_read": ("SELECT", "admin agent", ["true"], None),
    },
    "tickets": {
        "admin_delete": ("DELETE", "admin", ["true"], None),
        "own_insert": (
            "INSERT",
            "customer",
            None,
            [
                "customer_id = me",
                "status = 'OPEN'",
                "assigned_agent_id IS NULL",
                "closed_at IS NULL",
                "feedback_rating IS NULL",
                "feedback_text IS NULL",
                "team_id IS NULL",
                "tags = '{}'",
                "assignment_reason IS NULL",
                "follows_id IS NULL",
                "handed_off_by IS NULL",
                "assignment_skipped_at IS NULL",
                "sla_priority = priority",
                "created_at = context_now()",
                "snoozed_until IS NULL",
                "customer_spoke_last",
            ],
        ),
        "own_read": ("SELECT", "customer", ["customer_id = me"], None),
        "own_update": (
            "UPDATE",
            "customer",
            ["customer_id = me", "status <> 'CLOSED'"],
            ["customer_id = me", "status <> 'CLOSED'"],
        ),
        "staff_insert": ("INSERT", "admin agent system", None, ["true"]),
        "staff_read": ("SELECT", "admin agent system", ["true"], None),
        "staff_update": ("UPDATE", "admin agent system", ["true"], ["true"]),
    },
}


def _conditions(expression: str | None) -> list[str] | None:
    """The conditions that an expression joins, spelt alike by every PostgreSQL."""
    if expression is None:
        return None
    plain = re.sub(r"::\w+(\[\])?", "", " ".join(expression.split()))
    plain = plain.replace("( SELECT current_profile() AS current_profile)", "me")
    plain = plain.replace("( SELECT", "(SELECT")
    return [_bare(one) for one in _joined(_bare(plain))]


def _bare(text: str) -> str:
    """Without the brackets around the whole."""
    if not text.startswith("("):
        return text
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return text[1:-1] if place == len(text) - 1 else text
    return text


def _joined(text: str) -> list[str]:
    """The parts that AND joins, outside all brackets."""
    parts, depth = [""], 0
    for word in text.split(" "):
        if word == "AND" and depth == 0:
            parts.append("")
            continue
        depth += word.count("(") - word.count(")")
        parts[-1] += f" {word}" if parts[-1] else word
    return parts


def _found(owner) -> dict[str, dict[str, tuple]]:
    found: dict[str, dict[str, tuple]] = {}
    for table, name, command, roles, seen, written in owner.execute(
        "SELECT tablename, policyname, cmd, array_to_string(roles::text[], ' '), qual, with_check"
        " FROM pg_policies WHERE permissive = 'PERMISSIVE' ORDER BY tablename, policyname"
    ):
        conditions = (_conditions(seen), _conditions(written))
        roles = " ".join(sorted(roles.replace("emberone_", "").split()))
        found.setdefault(table, {})[name] = (command, roles, *conditions)
    return found


def test_every_row_policy_is_the_one_written_down_here(owner):
    assert _found(owner) == POLICIES


def test_row_policies_are_in_force_on_exactly_these_tables(owner):
    tables = owner.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'r' AND relrowsecurity"
    )
    assert {table for (table,) in tables} == set(POLICIES)


@pytest.mark.parametrize(
    "change",
    [
        "DROP POLICY own_read ON tickets",
        "DROP POLICY staff_read ON agents",
        "ALTER POLICY own_read ON comments USING (true)",
        "ALTER POLICY own_update ON agents WITH CHECK (true)",
        "ALTER POLICY admin_read ON mail_outbox TO emberone_admin, emberone_agent",
        "CREATE POLICY wide ON drafts FOR SELECT TO emberone_customer USING (true)",
        "ALTER TABLE profiles DISABLE ROW LEVEL SECURITY",
    ],
)
def test_a_policy_that_is_dropped_or_widened_is_noticed(owner, change):
    owner.execute(change)
    with pytest.raises(AssertionError):
        test_every_row_policy_is_the_one_written_down_here(owner)
        test_row_policies_are_in_force_on_exactly_these_tables(owner)
