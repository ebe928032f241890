"""The statements of assignment, one for each thing it does.

The marks `assignment_skipped_at` and `reviews_skipped` are explained in
``migrations/sql/0002_triggers.sql``.
"""

# Statements made of our own constants:
# ruff: noqa: S608

from typing import Final

from sqlalchemy import text

from emberone.models.profiles import IS_DEACTIVATED

#: A ticket in need of an agent (assignment rule 2).
_WAITING: Final = "assigned_agent_id IS NULL AND status IN ('OPEN', 'IN_PROGRESS')"

#: Whether a row of `profiles` may work; who has no sign-in may.
_ACTIVE: Final = f"NOT {IS_DEACTIVATED}"

#: Which waiting tickets have not been looked at, and which nobody could take.
_NEW: Final = f"{_WAITING} AND assignment_skipped_at IS NULL"
_SKIPPED: Final = f"{_WAITING} AND assignment_skipped_at IS NOT NULL"

#: The order of the partial indexes. Asked for everywhere, with a limit: whatever its
#: statistics say, PostgreSQL then reads the index of the few and not the table of the many.
_BY_INDEX: Final = "ORDER BY priority DESC, created_at, id"

#: So many tickets are weighed against each other for one batch.
_WINDOW: Final = 2000

#: Take the lock or leave, and look whether there is anything to do: all that an idle
#: sweep costs. A row locked for long fails this batch, and not the worker.
LOOK = text(
    "SELECT set_config('lock_timeout', '5s', true),"
    " pg_try_advisory_xact_lock(hashtext('emberone.assign')) AND ("
    f" (SELECT id FROM tickets WHERE {_NEW} {_BY_INDEX} LIMIT 1) IS NOT NULL"
    f" OR ((SELECT id FROM tickets WHERE {_SKIPPED} {_BY_INDEX} LIMIT 1) IS NOT NULL"
    " AND EXISTS (SELECT FROM agents JOIN profiles ON profiles.id = profile_id"
    " WHERE reviews_skipped AND availability = 'AVAILABLE' AND open_count < capacity"
    f" AND {_ACTIVE}))) AS is_due"
)

#: Since when the first tickets of the queue have been as they are.
OLDEST_DUE: Final = (
    "SELECT min(updated_at) FROM"
    f" (SELECT updated_at FROM tickets WHERE {_NEW} {_BY_INDEX} LIMIT {_WINDOW}) AS queue"
)

#: Whoever changes an agent's work waits for the sweep that is at it, and it for them.
LOCK_AGENT = text("SELECT FROM agents WHERE profile_id = :agent_id FOR NO KEY UPDATE")

#: Hold still the loads that the choice counts on.
LOCK_AGENTS = text(
    "SELECT profile_id FROM agents WHERE availability = 'AVAILABLE' AND open_count < capacity"
    " ORDER BY profile_id FOR NO KEY UPDATE"
)

#: Everyone who is or might be asked, read after the lock was taken: the locking statement
#: itself sees other tables as they were before it waited.
AGENTS = text(
    "SELECT agents.profile_id AS id, availability = 'AVAILABLE' AS is_available,"
    f" {_ACTIVE} AS is_active, capacity, open_count, skills, last_assigned_at, reviews_skipped,"
    " ARRAY(SELECT team_id FROM team_members WHERE team_members.profile_id = agents.profile_id)"
    " AS team_ids"
    " FROM agents JOIN profiles ON profiles.id = agents.profile_id ORDER BY agents.profile_id"
)

#: When the nearest of a ticket's running clocks is due.
_DUE: Final = (
    "LEFT JOIN LATERAL (SELECT min(due_at) AS at FROM sla_clocks WHERE ticket_id = tickets.id"
    " AND due_at IS NOT NULL AND met_at IS NULL AND stopped_at IS NULL) AS due ON true"
)

#: Assignment rule 2.
_ORDER: Final = "tickets.priority DESC, due.at NULLS LAST, tickets.created_at, tickets.id"

#: What the choice needs of the tickets in `picked`: the skills among their tags, and for a
#: reopened one whose agent went when it came back, or before, who that was.
_FACTS: Final = (
    "SELECT tickets.id, tickets.customer_id, tickets.team_id, tickets.handed_off_by,"
    " tickets.assignment_skipped_at IS NULL AS is_new, previous.agent_id AS previous_agent_id,"
    " ARRAY(SELECT name FROM tags WHERE is_skill AND name = ANY (tickets.tags)) AS skills,"
    f" row_number() OVER (ORDER BY {_ORDER}) AS place"
    f" FROM picked JOIN tickets USING (id) {_DUE}"
    " LEFT JOIN LATERAL (SELECT (old_value ->> 'assignedAgentId')::uuid AS agent_id, created_at"
    " FROM history WHERE ticket_id = tickets.id AND action = 'assignment_changed'"
    " AND old_value ->> 'assignedAgentId' IS NOT NULL"
    " ORDER BY created_at DESC, id DESC LIMIT 1) AS previous ON EXISTS (SELECT FROM history"
    " WHERE ticket_id = tickets.id AND action = 'status_changed'"
    " AND old_value ->> 'status' = 'CLOSED' AND created_at >= previous.created_at)"
    " ORDER BY place LIMIT :limit"
)

#: The most urgent tickets that have not been looked at; one that somebody is just changing
#: waits for the next sweep.
_NEW_TICKETS: Final = (
    f"SELECT tickets.id FROM (SELECT id FROM tickets WHERE {_NEW} {_BY_INDEX} LIMIT {_WINDOW})"
    f" AS queue JOIN tickets USING (id) {_DUE} WHERE {_NEW}"
    f" ORDER BY {_ORDER} LIMIT :limit FOR NO KEY UPDATE OF tickets SKIP LOCKED"
)

#: What skipped tickets ask for, each demand once, with the agents under review who meet it.
_DEMANDS: Final = (
    "SELECT demand.team_id, demand.tags, ARRAY(SELECT agents.profile_id FROM agents"
    " WHERE agents.profile_id = ANY (:reviewers)"
    " AND ARRAY(SELECT name FROM tags WHERE is_skill AND name = ANY (demand.tags))"
    " <@ agents.skills"
    " AND (NOT EXISTS (SELECT FROM team_members AS anyone WHERE anyone.team_id = demand.team_id)"
    " OR EXISTS (SELECT FROM team_members AS member WHERE member.team_id = demand.team_id"
    " AND member.profile_id = agents.profile_id))) AS able"
    f" FROM (SELECT DISTINCT team_id, tags FROM tickets WHERE {_SKIPPED}) AS demand"
)

#: The most urgent skipped tickets that at least one of these agents can take now.
_REVIEWED_TICKETS: Final = (
    f"SELECT tickets.id FROM (SELECT tickets.id FROM tickets JOIN demand"
    " ON coalesce(demand.team_id::text, '') = coalesce(tickets.team_id::text, '')"
    f" AND demand.tags = tickets.tags WHERE {_SKIPPED} AND demand.able <> '{{}}'"
    " AND NOT demand.able <@ ARRAY[tickets.customer_id, tickets.handed_off_by]"
    f" {_BY_INDEX} LIMIT {_WINDOW}) AS queue JOIN tickets USING (id) {_DUE}"
    f" ORDER BY {_ORDER} LIMIT :limit"
)

PICK_NEW = text(f"WITH picked AS MATERIALIZED ({_NEW_TICKETS}) {_FACTS}")

#: New ones and reviewed ones together, so that whoever waits longest is not behind whoever
#: has just come. `found` counts the reviewed ones, locked or not: only when all of them
#: were seen has the review come to its end.
PICK_ALL = text(
    f"WITH demand AS MATERIALIZED ({_DEMANDS}),"
    f" found AS MATERIALIZED ({_REVIEWED_TICKETS}), reviewed AS MATERIALIZED ("
    f" SELECT id FROM tickets WHERE id IN (SELECT id FROM found) AND {_WAITING}"
    f" FOR NO KEY UPDATE SKIP LOCKED), fresh AS MATERIALIZED ({_NEW_TICKETS}),"
    " picked AS MATERIALIZED (SELECT id FROM reviewed UNION ALL SELECT id FROM fresh)"
    " SELECT counted.found, chosen.* FROM (SELECT count(*) AS found FROM found) AS counted"
    f" LEFT JOIN ({_FACTS}) AS chosen ON true ORDER BY place"
)

#: Write the choices; triggers write history and the agents' counters.
ASSIGN = text(
    "UPDATE tickets SET assigned_agent_id = choice.agent_id, assignment_reason = choice.reason"
    " FROM jsonb_to_recordset(cast(:choices AS jsonb))"
    " AS choice (ticket_id uuid, agent_id uuid, reason jsonb)"
    " WHERE tickets.id = choice.ticket_id RETURNING tickets.id, tickets.version"
)

#: One after the other, a microsecond apart: whose turn is next stays known beyond the batch.
REMEMBER_TURNS = text(
    "UPDATE agents SET last_assigned_at ="
    " greatest(context_now(), (SELECT max(last_assigned_at) FROM agents))"
    " + turn.place * interval '1 microsecond'"
    " FROM jsonb_to_recordset(cast(:turns AS jsonb)) AS turn (agent_id uuid, place integer)"
    " WHERE agents.profile_id = turn.agent_id"
)

END_REVIEW = text("UPDATE agents SET reviews_skipped = false WHERE profile_id = ANY (:reviewers)")

#: Mark what nobody can take, and say so in history, once until the ticket changes.
SKIP = text(
    "WITH skipped AS (UPDATE tickets SET assignment_skipped_at = context_now()"
    " FROM jsonb_to_recordset(cast(:skips AS jsonb)) AS skip (ticket_id uuid, reason jsonb)"
    " WHERE tickets.id = skip.ticket_id RETURNING tickets.id, skip.reason)"
    " INSERT INTO history (ticket_id, actor_id, action, metadata, is_internal, created_at)"
    " SELECT id, current_profile(), 'assignment_skipped', history_metadata(reason), true,"
    " context_now() FROM skipped"
)

LETTERS_THIS_HOUR = text(
    "SELECT count(DISTINCT ticket_id) FROM mail_outbox"
    " WHERE letter = 'unassignable' AND created_at > :since"
)

#: Everything that is not closed goes back; `next_status` is the lifecycle's row for it.
RELEASE = text(
    "WITH held AS (SELECT id FROM tickets WHERE assigned_agent_id = :agent_id"
    " AND status <> 'CLOSED' ORDER BY id FOR NO KEY UPDATE)"
    " UPDATE tickets SET assigned_agent_id = NULL,"
    " status = (cast(:next_status AS jsonb) ->> status::text)::ticket_status"
    " FROM held WHERE tickets.id = held.id RETURNING tickets.id"
)

DRIFT = text(
    "SELECT agents.profile_id, agents.open_count, coalesce(counted.n, 0) AS counted"
    " FROM agents LEFT JOIN (SELECT assigned_agent_id, count(*) AS n FROM tickets"
    " WHERE assigned_agent_id IS NOT NULL AND status IN ('OPEN', 'IN_PROGRESS')"
    " GROUP BY assigned_agent_id) AS counted ON counted.assigned_agent_id = agents.profile_id"
    " WHERE agents.open_count <> coalesce(counted.n, 0)"
)
