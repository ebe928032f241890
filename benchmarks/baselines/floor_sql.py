"""The least SQL that knows what our pages show and writes what our verbs write.

Written before anything of ours was measured. Statements run on bare psycopg as the
owner of the tables: no role is taken, no row policy is asked, nothing is looked up that
an answer does not show. Triggers run, as they run for everybody.
"""

from typing import Final

_ROW: Final = """
    SELECT t.id, t.number, t.title, customer.full_name, t.status, t.priority, agent.full_name,
        teams.name, t.tags, t.created_at, t.last_activity_at, t.customer_spoke_last,
        t.snoozed_until, t.unanswered_since,
        (SELECT (metric, due_at, breached_at) FROM sla_clocks WHERE ticket_id = t.id
            AND running_since IS NOT NULL ORDER BY due_at LIMIT 1) AS next_due,
        t.activity_no > coalesce((SELECT activity_no FROM ticket_reads
            WHERE ticket_id = t.id AND profile_id = %(me)s), 0) AS is_unread
    FROM tickets AS t
        JOIN profiles AS customer ON customer.id = t.customer_id
        LEFT JOIN profiles AS agent ON agent.id = t.assigned_agent_id
        LEFT JOIN teams ON teams.id = t.team_id
"""

_ACTIVE: Final = "status IN ('OPEN', 'IN_PROGRESS')"
_AWAKE: Final = "(snoozed_until IS NULL OR snoozed_until <= now())"


def _count(condition: str) -> str:
    return f"(SELECT count(*) FROM (SELECT FROM tickets WHERE {condition} LIMIT 1001) AS part)"


#: The numbers beside the names of the views, no further than 1,000.
COUNTS: Final = "SELECT " + ", ".join(
    (
        _count(f"{_ACTIVE} AND {_AWAKE} AND assigned_agent_id = %(me)s"),
        _count(f"{_ACTIVE} AND {_AWAKE} AND customer_spoke_last AND assigned_agent_id IS NOT NULL"),
        _count(f"{_ACTIVE} AND {_AWAKE} AND assigned_agent_id IS NULL"),
        "(SELECT count(*) FROM (SELECT FROM sla_clocks WHERE running_since IS NOT NULL"
        " AND due_at <= now() + interval '1 hour' LIMIT 1001) AS part)",
        _count(f"status = 'WAITING' AND {_AWAKE}"),
        _count("snoozed_until > now()"),
        _count("true"),
    )
)

#: What the filters of the list offer.
CHOICES: Final = (
    "SELECT ARRAY(SELECT (profiles.id, full_name)::text FROM profiles WHERE role = 'AGENT'"
    " ORDER BY full_name LIMIT 200), ARRAY(SELECT (id, name)::text FROM teams ORDER BY name)"
)

_NEWEST: Final = " ORDER BY t.last_activity_at DESC, t.id DESC LIMIT 26"

QUEUE_FIRST: Final = _ROW + _NEWEST
QUEUE_DEEP: Final = (
    _ROW + " WHERE (t.last_activity_at, t.id) < (%(deep_at)s::timestamptz, %(deep_id)s)" + _NEWEST
)
QUEUE_MINE: Final = (
    _ROW.replace(
        "FROM tickets AS t",
        "FROM (SELECT tickets.*, (SELECT min(due_at) FROM sla_clocks WHERE ticket_id = tickets.id"
        " AND running_since IS NOT NULL) AS first_due FROM tickets"
        f" WHERE {_ACTIVE} AND {_AWAKE} AND assigned_agent_id = %(me)s) AS t",
    )
    + " ORDER BY t.first_due NULLS LAST, urgency(t.priority), t.id LIMIT 26"
)

_SAID: Final = "to_tsvector('english', comments.content) @@ websearch_to_tsquery('english', {0})"
#: A word that is in most tickets: walk in the order of the list until the page is full.
SEARCH_COMMON: Final = (
    _ROW
    + " WHERE t.search @@ websearch_to_tsquery('english', %(common)s) OR EXISTS ("
    + " SELECT FROM comments WHERE ticket_id = t.id AND "
    + _SAID.format("%(common)s")
    + ")"
    + _NEWEST
)
#: A word of a few tickets: ask both indexes.
SEARCH_RARE: Final = (
    _ROW
    + " WHERE t.id IN (SELECT id FROM tickets"
    + " WHERE search @@ websearch_to_tsquery('english', %(rare)s)"
    + " UNION SELECT ticket_id FROM comments WHERE "
    + _SAID.format("%(rare)s")
    + ")"
    + _NEWEST
)

TICKET: Final = (
    "SELECT t.*, customer.full_name, customer.email, agent.full_name, teams.name FROM tickets AS t"
    " JOIN profiles AS customer ON customer.id = t.customer_id"
    " LEFT JOIN profiles AS agent ON agent.id = t.assigned_agent_id"
    " LEFT JOIN teams ON teams.id = t.team_id WHERE t.number = %(number)s"
)
CONVERSATION: Final = (
    "SELECT comments.*, full_name, role FROM comments"
    " LEFT JOIN profiles ON profiles.id = author_id WHERE ticket_id = %(ticket)s"
    " ORDER BY comments.created_at DESC, comments.id DESC LIMIT 201"
)
CLOCKS: Final = "SELECT * FROM sla_clocks WHERE ticket_id = %(ticket)s"
OTHERS: Final = (
    "SELECT id, number, title, status, created_at FROM tickets WHERE customer_id = %(customer)s"
    " AND id <> %(ticket)s ORDER BY id DESC LIMIT 6"
)

#: Page → its statements.
PAGES: Final = {
    "queue_first": (QUEUE_FIRST, COUNTS, CHOICES),
    "queue_deep": (QUEUE_DEEP, COUNTS, CHOICES),
    "queue_mine": (QUEUE_MINE, COUNTS, CHOICES),
    "ticket": (TICKET, CONVERSATION, CLOCKS, OTHERS, CHOICES),
    "search_common": (SEARCH_COMMON, COUNTS, CHOICES),
    "search_rare": (SEARCH_RARE, COUNTS, CHOICES),
}

#: Opening a ticket is a ticket, its clocks and their steps, one entry that tells of them and
#: the letter to the customer: one statement.
OPEN: Final = """
WITH ticket AS (
    INSERT INTO tickets (title, description, customer_id)
    VALUES (%(title)s, %(description)s, %(customer)s) RETURNING *
), clocks AS (
    INSERT INTO sla_clocks
        (ticket_id, metric, policy_version_id, target_s, started_at, running_since, due_at)
    SELECT ticket.id, target.metric, target.policy_version_id, target.target_s,
        ticket.created_at, ticket.created_at,
        ticket.created_at + target.target_s * interval '1 second'
    FROM ticket JOIN sla_targets AS target ON target.priority = ticket.priority
        AND target.metric IN ('FIRST_RESPONSE', 'RESOLUTION')
    RETURNING *
), steps AS (
    INSERT INTO sla_steps (clock_id, step_no, percent, actions, fire_at)
    SELECT clocks.id, plan.step_no, plan.percent, plan.actions,
        clocks.started_at + clocks.target_s * plan.percent / 100 * interval '1 second'
    FROM clocks, ticket, sla_plan_steps AS plan
    WHERE plan.policy_version_id = clocks.policy_version_id
        AND plan.priority = ticket.priority AND plan.metric = clocks.metric
), story AS (
    INSERT INTO history (ticket_id, action, metadata, is_internal)
    SELECT ticket.id, 'sla_policy_chosen', history_metadata(jsonb_build_object('clocks',
        (SELECT jsonb_agg(jsonb_build_object('clock', id, 'dueAt', due_at)) FROM clocks))), true
    FROM ticket
), letter AS (
    INSERT INTO mail_outbox (key, letter, params, to_profile_id, to_email, ticket_id)
    SELECT 'received:' || ticket.id, 'ticket_received', jsonb_build_object(
        'name', profiles.full_name, 'number', ticket.number, 'title', ticket.title,
        'description', ticket.description), profiles.id, profiles.email, ticket.id
    FROM ticket JOIN profiles ON profiles.id = ticket.customer_id
) SELECT number FROM ticket
"""

#: One batch: the most urgent waiting tickets to the least loaded agents in turn, with the
#: letters that tell them; triggers write history and the counters.
ASSIGN: Final = """
WITH waiting AS (
    SELECT id, row_number() OVER () - 1 AS place FROM (
        SELECT id FROM tickets WHERE assigned_agent_id IS NULL
            AND status IN ('OPEN', 'IN_PROGRESS') AND assignment_skipped_at IS NULL
        ORDER BY priority DESC, created_at, id LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED
    ) AS picked
), free AS (
    SELECT profile_id, row_number() OVER (ORDER BY open_count, profile_id) - 1 AS place,
        count(*) OVER () AS number
    FROM agents WHERE availability = 'AVAILABLE' AND open_count < capacity
), assigned AS (
    UPDATE tickets SET assigned_agent_id = free.profile_id
    FROM waiting JOIN free ON free.place = waiting.place % free.number
    WHERE tickets.id = waiting.id
    RETURNING tickets.id, tickets.assigned_agent_id, tickets.title, tickets.version
)
INSERT INTO mail_outbox (key, letter, params, to_profile_id, to_email, ticket_id)
SELECT 'assigned:' || assigned.id || ':' || profiles.id || ':' || assigned.version, 'assigned',
    jsonb_build_object('name', profiles.full_name, 'title', assigned.title),
    profiles.id, profiles.email, assigned.id
FROM assigned JOIN profiles ON profiles.id = assigned.assigned_agent_id
"""

#: Whether any of the seven kinds of background work has something to do.
IDLE: Final = """
SELECT EXISTS (SELECT FROM drafts WHERE state = 'waiting' AND publish_after <= now()),
    EXISTS (SELECT FROM tickets WHERE assigned_agent_id IS NULL
        AND status IN ('OPEN', 'IN_PROGRESS') AND assignment_skipped_at IS NULL),
    EXISTS (SELECT FROM sla_steps WHERE fire_at <= now() AND fired_at IS NULL
        AND cancelled_at IS NULL AND skipped_reason IS NULL AND dead_at IS NULL),
    EXISTS (SELECT FROM feedback_requests
        WHERE state = 'PENDING' AND dead_at IS NULL AND send_after <= now()),
    EXISTS (SELECT FROM waits WHERE due_at <= now() AND dead_at IS NULL),
    EXISTS (SELECT FROM sla_policy_versions AS old JOIN sla_clocks ON policy_version_id = old.id
        WHERE met_at IS NULL AND stopped_at IS NULL AND EXISTS (SELECT FROM sla_policy_versions
            WHERE policy_id = old.policy_id AND version > old.version)),
    EXISTS (SELECT FROM calendar_versions AS old JOIN sla_clocks ON calendar_version = old.id
        WHERE met_at IS NULL AND stopped_at IS NULL AND EXISTS (SELECT FROM calendar_versions
            WHERE calendar_id = old.calendar_id AND version > old.version)),
    EXISTS (SELECT FROM mail_outbox WHERE state = 'queued' AND send_after <= now())
"""

#: Ratings by agent, priority, broken promise, month and number of stars; a program adds them up.
RATINGS: Final = (
    "SELECT agent_id_at_close, priority_at_close, was_breached, date_trunc('month', created_at),"
    " rating, sent_at IS NOT NULL, count(*) FROM feedback_requests"
    " WHERE created_at >= now() - interval '1 year'"
    " AND (sent_at IS NOT NULL OR rating IS NOT NULL) GROUP BY 1, 2, 3, 4, 5, 6"
)

#: How many promises were kept, and how long it usually took.
KEPT: Final = (
    "SELECT metric, target_priority, count(met_at), count(breached_at),"
    " percentile_cont(0.5) WITHIN GROUP (ORDER BY consumed_s) FROM sla_clocks"
    " WHERE coalesce(breached_at, met_at) >= now() - interval '1 year' GROUP BY 1, 2"
)

#: Warn of every step that is due: mark it, say so in history, tell the agent.
WARN: Final = """
WITH fired AS (
    UPDATE sla_steps SET fired_at = now()
    FROM sla_clocks AS clock, tickets WHERE clock.id = sla_steps.clock_id
        AND tickets.id = clock.ticket_id AND tickets.status IN ('OPEN', 'IN_PROGRESS')
        AND fire_at <= now() AND fired_at IS NULL
        AND cancelled_at IS NULL AND skipped_reason IS NULL AND dead_at IS NULL
    RETURNING sla_steps.id, clock.ticket_id, clock.metric, clock.due_at,
        tickets.assigned_agent_id, tickets.title, tickets.number
), story AS (
    INSERT INTO history (ticket_id, action, metadata, is_internal)
    SELECT ticket_id, 'sla_warned', history_metadata(jsonb_build_object(
        'metric', metric, 'step', id, 'dueAt', due_at)), true FROM fired
)
INSERT INTO mail_outbox (key, letter, params, to_profile_id, to_email, ticket_id)
SELECT 'sla:' || fired.id || ':' || profiles.id, 'sla_warning', jsonb_build_object(
    'name', profiles.full_name, 'number', fired.number, 'title', fired.title,
    'metric', fired.metric, 'due_at', fired.due_at), profiles.id, profiles.email, fired.ticket_id
FROM fired JOIN profiles ON profiles.id = fired.assigned_agent_id
"""

#: Follow a changed calendar, without knowing what its hours are.
REPLAN: Final = """
WITH moved AS (
    UPDATE sla_clocks SET calendar_version = newest.id, running_since = now(),
        consumed_s = consumed_s + extract(epoch FROM now() - running_since),
        due_at = due_at + interval '1 hour'
    FROM calendar_versions AS old, calendar_versions AS newest
    WHERE sla_clocks.calendar_version = old.id AND old.version = 1
        AND newest.calendar_id = old.calendar_id AND newest.version = 2
        AND met_at IS NULL AND stopped_at IS NULL
    RETURNING sla_clocks.id, ticket_id, metric, target_s, due_at
), planned AS (
    UPDATE sla_steps SET fire_at = fire_at + interval '1 hour'
    FROM moved WHERE clock_id = moved.id AND fired_at IS NULL AND cancelled_at IS NULL
        AND skipped_reason IS NULL AND dead_at IS NULL
)
INSERT INTO history (ticket_id, action, metadata, is_internal)
SELECT ticket_id, 'sla_changed', history_metadata(jsonb_build_object('clocks', jsonb_agg(
    jsonb_build_object('metric', metric, 'targetS', target_s, 'dueAt', due_at)))), true
FROM moved GROUP BY ticket_id
"""
