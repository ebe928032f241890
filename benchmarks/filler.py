"""A database full of believable tickets, made by PostgreSQL itself in seconds.

Two years of a growing company: nine of ten tickets are closed, the others are recent; a
customer has five tickets, an agent a hundred and more on their hands; conversations of one
to six comments, every fifth an internal note; clocks met, running, paused and breached; the
texts are those of real support mails. The same number gives the same tickets.

Rows are written as the owner with the tables' own triggers off, and what triggers would
have kept (history, counters, who spoke last) is written with them.
"""

import csv
import secrets
from pathlib import Path
from typing import Any, Final

import psycopg

from emberone.services.accounts import hash_password

TEXTS: Final = Path(__file__).parents[1] / "tests" / "data" / "support_requests.csv"

#: Who signs in to look at the pages.
EMAIL: Final = "agent0@example.org"
PASSWORD: Final = "only-for-benchmarks"

#: A word of nearly every ticket; and how a serial number is written, each in three tickets.
COMMON: Final = "please"
SERIAL: Final = "sn{number}x"

#: A skill that no agent has: tickets that ask for it wait in the pool.
SKILL: Final = "legal"

#: Nothing falls due by itself while we measure.
_QUIET: Final = "interval '40 minutes'"

#: Chance from 0 to 1, the same for the same number and purpose.
_DICE: Final = """
CREATE FUNCTION pg_temp.dice(number bigint, purpose bigint) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(number, purpose) & 2147483647) / 2147483648.0
"""

_TEXTS_TABLE: Final = "CREATE TEMP TABLE texts (place int PRIMARY KEY, title text, body text)"

_PEOPLE: Final = (
    "INSERT INTO profiles (email, full_name, role)"
    " VALUES ('admin@example.org', 'Ada Admin', 'ADMIN')",
    "INSERT INTO teams (name) VALUES ('Billing'), ('Hardware'), ('Access')",
    "INSERT INTO tags (name, is_skill) VALUES (%(skill)s, true), ('invoice', false),"
    " ('laptop', false), ('password', false)",
    "INSERT INTO profiles (email, full_name, role)"
    " SELECT 'agent' || n || '@example.org', 'Agent ' || initcap(md5(n::text)::varchar(6)), 'AGENT'"
    " FROM generate_series(0, %(agents)s - 1) AS n",
    "INSERT INTO profiles (email, full_name, role) SELECT 'customer' || n || '@example.org',"
    " 'Customer ' || initcap(md5(n::text)::varchar(8)), 'CUSTOMER'"
    " FROM generate_series(0, %(customers)s - 1) AS n",
    "UPDATE agents SET capacity = 10000, reviews_skipped = false",
    "CREATE TEMP TABLE person AS SELECT id, role::text AS role,"
    " row_number() OVER (PARTITION BY role ORDER BY id) - 1 AS place FROM profiles",
    "CREATE INDEX ON person (role, place)",
    "ANALYZE person",
)

#: What a ticket is and will be, before any table has it.
_BORN: Final = """
CREATE TEMP TABLE born AS
SELECT i, uuidv7(created_at - now()) AS id, created_at, status, priority,
    customer.id AS customer_id, agent.id AS agent_id, said,
    CASE status WHEN 'CLOSED' THEN created_at + (now() - created_at) * (0.1 + 0.8 * life)
        ELSE now() END AS until,
    texts.title,
    texts.body || CASE WHEN pg_temp.dice(i, 7) < 0.1
        THEN E'\n\nSerial number sn' || i %% greatest(%(tickets)s / 30, 1) || 'x.' ELSE '' END AS body
FROM (
    SELECT i, now() - interval '3 hours'
            - interval '730 days' * (1 - i / %(tickets)s::float8) ^ 2 AS created_at,
        CASE WHEN i < 0.8 * %(tickets)s OR d1 < 0.5 THEN 'CLOSED' WHEN d1 < 0.65 THEN 'OPEN'
            WHEN d1 < 0.85 THEN 'IN_PROGRESS' ELSE 'WAITING' END::ticket_status AS status,
        CASE WHEN d2 < 0.3 THEN 'LOW' WHEN d2 < 0.8 THEN 'MEDIUM' WHEN d2 < 0.95 THEN 'HIGH'
            ELSE 'CRITICAL' END::ticket_priority AS priority,
        floor(pg_temp.dice(i, 3) * %(customers)s) AS customer_place,
        CASE WHEN d1 NOT BETWEEN 0.5 AND 0.52 OR i < 0.8 * %(tickets)s
            THEN floor(pg_temp.dice(i, 4) * %(agents)s) END AS agent_place,
        pg_temp.dice(i, 5) AS life,
        1 + floor(pg_temp.dice(i, 6) * 6)::int AS said,
        floor(pg_temp.dice(i, 8) * %(texts)s)::int AS text_place
    FROM (SELECT i, pg_temp.dice(i, 1) AS d1, pg_temp.dice(i, 2) AS d2
        FROM generate_series(1, %(tickets)s) AS i) AS thrown
) AS drawn
    JOIN person AS customer ON customer.role = 'CUSTOMER' AND customer.place = customer_place
    LEFT JOIN person AS agent ON agent.role = 'AGENT' AND agent.place = agent_place
    JOIN texts ON texts.place = text_place
"""
_BORN_READY: Final = (
    "UPDATE born SET said = 0 WHERE agent_id IS NULL",
    "CREATE INDEX ON born (i)",
    "ANALYZE born",
)

#: The last to speak is the agent where the number of comments is odd.
_TICKETS: Final = """
INSERT INTO tickets (id, title, description, status, priority, customer_id, assigned_agent_id,
    team_id, tags, created_at, updated_at, closed_at, feedback_rating, version, public_version,
    public_updated_at, public_status, public_priority, activity_no, last_activity_at,
    customer_spoke_last, unanswered_since, assignment_skipped_at, sla_priority)
SELECT id, title, body, status, priority, customer_id, agent_id,
    (SELECT teams.id FROM teams ORDER BY name OFFSET i %% 3 LIMIT 1),
    CASE WHEN agent_id IS NULL THEN ARRAY[%(skill)s] WHEN i %% 7 = 0 THEN ARRAY['invoice']
        WHEN i %% 11 = 0 THEN ARRAY['laptop'] ELSE '{}' END,
    created_at, until, CASE status WHEN 'CLOSED' THEN until END,
    CASE WHEN status = 'CLOSED' AND pg_temp.dice(i, 9) < 0.3
        THEN 1 + floor(5 * sqrt(pg_temp.dice(i, 10)))::int END,
    3, 2 + said, until, status, priority, 3 + said,
    created_at + (until - created_at) * said / (said + 1.0),
    said %% 2 = 0, created_at + (until - created_at) * said / (said + 1.0),
    CASE WHEN agent_id IS NULL THEN now() END, priority
FROM born ORDER BY i
"""

#: Agent and customer in turn; every fifth is a note among staff.
_COMMENTS: Final = """
INSERT INTO comments (ticket_id, author_id, content, type, is_internal, created_at, updated_at)
SELECT born.id, CASE WHEN is_note OR j %% 2 = 1 THEN agent_id ELSE customer_id END, texts.body,
    CASE WHEN is_note THEN 'INTERNAL' ELSE 'USER' END::comment_type, is_note, at, at
FROM born CROSS JOIN generate_series(1, said) AS j
    CROSS JOIN LATERAL (SELECT j %% 2 = 1 AND j < said AND pg_temp.dice(i * 8 + j, 11) < 0.4
        AS is_note, created_at + (until - created_at) * j / (said + 1.0) AS at) AS drawn
    JOIN texts ON texts.place = floor(pg_temp.dice(i * 8 + j, 12) * %(texts)s)::int
"""

_HISTORY: Final = """
INSERT INTO history (ticket_id, actor_id, action, old_value, new_value, metadata, is_internal,
    created_at)
SELECT born.id, actor_id, action, old_value::jsonb, new_value, jsonb_build_object('source', source),
    is_internal, at
FROM born CROSS JOIN LATERAL (VALUES
    (customer_id, 'created', NULL, jsonb_build_object('status', 'OPEN', 'priority', priority,
        'title', title, 'assignedAgentId', NULL), 'customer_portal', false, created_at),
    (NULL, 'assignment_changed', '{"assignedAgentId": null}',
        jsonb_build_object('assignedAgentId', agent_id), 'system', true,
        created_at + interval '5 seconds'),
    (agent_id, 'status_changed', '{"status": "OPEN"}', '{"status": "IN_PROGRESS"}',
        'agent_dashboard', false, created_at + (until - created_at) / (said + 1.0)),
    (agent_id, 'status_changed', '{"status": "IN_PROGRESS"}',
        jsonb_build_object('status', status), 'agent_dashboard', false, until)
) AS entry (actor_id, action, old_value, new_value, source, is_internal, at)
WHERE action = 'created' OR agent_id IS NOT NULL AND action = 'assignment_changed'
    OR action = 'status_changed' AND CASE WHEN status IN ('CLOSED', 'WAITING') THEN true
        ELSE status = 'IN_PROGRESS' AND at < until END
"""

#: A first response is met by the agent's first comment. What runs falls due within three
#: days; one in twenty is late and known to be, or was met too late.
_CLOCKS: Final = f"""
INSERT INTO sla_clocks (ticket_id, metric, target_priority, policy_version_id, target_s, started_at,
    running_since, paused_at, consumed_s, due_at, met_at, breached_at, detected_at)
SELECT id, metric, priority, version_id, greatest(extract(epoch FROM coalesce(due, until) - created_at), 60),
    created_at, CASE WHEN is_running THEN created_at END, CASE WHEN is_paused THEN until END,
    coalesce(extract(epoch FROM met_at - created_at), 0), CASE WHEN is_running THEN due END, met_at,
    late_at, late_at
FROM born CROSS JOIN (VALUES ('FIRST_RESPONSE'), ('RESOLUTION')) AS part (metric)
    CROSS JOIN (SELECT id AS version_id FROM sla_policy_versions LIMIT 1) AS policy
    CROSS JOIN LATERAL (SELECT CASE
        WHEN metric = 'FIRST_RESPONSE' AND said > 0
            THEN created_at + (until - created_at) / (said + 1.0)
        WHEN status = 'CLOSED' THEN until END AS met_at) AS met
    CROSS JOIN LATERAL (SELECT met_at IS NULL AND status <> 'WAITING' AS is_running,
        met_at IS NULL AND status = 'WAITING' AS is_paused,
        CASE WHEN pg_temp.dice(i, 13) < 0.05 THEN now() - interval '1 hour' ELSE
            now() + {_QUIET} + interval '3 days' * pg_temp.dice(i, 14) END AS due) AS standing
    CROSS JOIN LATERAL (SELECT CASE WHEN is_running AND due < now() THEN due
        WHEN pg_temp.dice(i, 13) < 0.05 THEN met_at - interval '1 minute' END AS late_at) AS late
"""

_STEPS: Final = f"""
INSERT INTO sla_steps (clock_id, step_no, percent, actions, fire_at, fired_at, cancelled_at)
SELECT clock.id, plan.step_no, plan.percent, plan.actions,
    CASE WHEN NOT is_over THEN at END,
    CASE WHEN NOT is_over AND at < now() + {_QUIET} THEN least(at, now()) END,
    CASE WHEN is_over THEN coalesce(clock.met_at, clock.paused_at) END
FROM sla_clocks AS clock JOIN tickets ON tickets.id = clock.ticket_id
    JOIN sla_plan_steps AS plan ON plan.policy_version_id = clock.policy_version_id
        AND plan.priority = tickets.priority AND plan.metric = clock.metric
    CROSS JOIN LATERAL (SELECT clock.running_since IS NULL AS is_over,
        clock.started_at + clock.target_s * plan.percent / 100 * interval '1 second' AS at
    ) AS planned
"""

#: Three of ten customers have rated what was closed, one of five of the others was not asked.
_FEEDBACK: Final = """
INSERT INTO feedback_requests (ticket_id, cycle, profile_id, agent_id_at_close, priority_at_close,
    was_breached, state, state_reason, send_after, expires_at, token_hash, sent_at, answered_at,
    answer_no, rating, created_at)
SELECT id, 1, customer_id, assigned_agent_id, priority,
    EXISTS (SELECT FROM sla_clocks WHERE ticket_id = tickets.id AND breached_at IS NOT NULL),
    CASE WHEN is_rated THEN 'ANSWERED' WHEN is_asked THEN 'SENT' ELSE 'SKIPPED' END,
    CASE WHEN NOT is_asked THEN 'throttled' END, closed_at, closed_at + interval '14 days',
    CASE WHEN is_asked THEN encode(sha256(id::text::bytea), 'hex') END,
    CASE WHEN is_asked THEN closed_at + interval '1 hour' END,
    CASE WHEN is_rated THEN closed_at + interval '2 hours' END,
    is_rated::int, feedback_rating, closed_at
FROM tickets CROSS JOIN LATERAL (SELECT feedback_rating IS NOT NULL AS is_rated,
    feedback_rating IS NOT NULL OR number %% 5 > 0 AS is_asked) AS came
WHERE status = 'CLOSED' ORDER BY closed_at
"""

_AROUND: Final = (
    "INSERT INTO mail_outbox (key, letter, params, to_profile_id, to_email, ticket_id, state,"
    " send_after, sent_at, created_at) SELECT 'received:' || born.id, 'ticket_received',"
    " jsonb_build_object('name', full_name, 'title', title), profiles.id, email, born.id, 'sent',"
    " born.created_at, born.created_at, born.created_at"
    " FROM born JOIN profiles ON profiles.id = customer_id",
    # Whoever looks has read half of what is theirs.
    "INSERT INTO ticket_reads (profile_id, ticket_id, activity_no)"
    " SELECT assigned_agent_id, id, activity_no FROM tickets"
    " WHERE assigned_agent_id IS NOT NULL AND number % 2 = 0",
    "UPDATE agents SET open_count = counted.n, open_weight = counted.weight"
    " FROM (SELECT assigned_agent_id, count(*) AS n, sum(weight_of(priority)) AS weight"
    " FROM tickets WHERE assigned_agent_id IS NOT NULL AND status IN ('OPEN', 'IN_PROGRESS')"
    " GROUP BY assigned_agent_id) AS counted WHERE profile_id = assigned_agent_id",
    "UPDATE agents SET reviews_skipped = false",
)

#: Ours and those of foreign keys: what is written here is known to fit.
_TRIGGERS_OFF: Final = (
    "ALTER TABLE tickets DISABLE TRIGGER USER",
    "ALTER TABLE comments DISABLE TRIGGER USER",
    "SET LOCAL session_replication_role = replica",
    "SET LOCAL maintenance_work_mem = '256MB'",
)

_TRIGGERS_ON: Final = """
DO $do$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT tgname, tgrelid::regclass AS of FROM pg_trigger
        WHERE NOT tgisinternal AND tgrelid IN ('tickets'::regclass, 'comments'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.of, t.tgname);
    END LOOP;
END
$do$
"""


def fill(connection: psycopg.Connection[Any], tickets: int) -> None:
    """Fill a migrated, empty database through an autocommit connection of a superuser."""
    texts = _texts()
    values = {
        "tickets": tickets,
        "texts": len(texts),
        "agents": min(max(10, tickets // 1000), 50),
        "customers": max(20, tickets // 5),
        "skill": SKILL,
    }
    with connection.transaction():
        connection.execute(_DICE)
        connection.execute(_TEXTS_TABLE)
        with connection.cursor().copy("COPY texts FROM STDIN") as copy:
            for row in texts:
                copy.write_row(row)
        _run(connection, (*_PEOPLE, _BORN, *_BORN_READY), values)
        for statement in _TRIGGERS_OFF:
            connection.execute(statement)
        indexes = _without_text_indexes(connection)
        _run(connection, (_TICKETS, _COMMENTS, _HISTORY, _CLOCKS, _STEPS, _FEEDBACK), values)
        for statement in (*_AROUND, *indexes, _TRIGGERS_ON):
            connection.execute(statement)
        _sign_in(connection)
    connection.execute("VACUUM ANALYZE")


def _without_text_indexes(connection: psycopg.Connection[Any]) -> list[str]:
    """Drop the indexes over texts, which are built faster at once; return how to make them."""
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE schemaname = 'public' AND indexdef LIKE '%USING gin%'"
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}".encode())
    return [definition for _, definition in found]


def _run(
    connection: psycopg.Connection[Any], statements: tuple[str, ...], values: dict[str, Any]
) -> None:
    for statement in statements:
        connection.execute(_interpolated(statement, values))


def _interpolated(statement: str, values: dict[str, Any]) -> bytes:
    """The statement with its values inside: CREATE TABLE AS takes no parameters."""
    for name, value in values.items():
        literal = f"'{value}'" if isinstance(value, str) else str(value)
        statement = statement.replace(f"%({name})s", literal)
    return statement.replace("%%", "%").encode()


def _sign_in(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "WITH made AS (INSERT INTO users (email, password, fs_uniquifier, confirmed_at)"
        " VALUES (%s, %s, %s, now()) RETURNING id, email)"
        " UPDATE profiles SET user_id = made.id FROM made WHERE profiles.email = made.email",
        (EMAIL, hash_password(PASSWORD), secrets.token_hex(32)),
    )


def _texts() -> list[tuple[int, str, str]]:
    """Title and body of every mail; where it has no subject, its first words are it."""
    with TEXTS.open(newline="", encoding="utf-8") as file:
        rows = [(row["title"].strip(), row["body"].strip()) for row in csv.DictReader(file)]
    return [
        (place, (title or body)[:80].strip(), body)
        for place, (title, body) in enumerate(row for row in rows if row[1])
    ]
