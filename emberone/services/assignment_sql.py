"""The statements of assignment, one for each thing it does.

The marks `assignment_skipped_at` and `reviews_skipped` are explained in
``migrations/sql/0002_triggers.sql``; `review_at` is the latter with a time from which it holds.
"""

# Statements made of our own constants:
# ruff: noqa: S608

from typing import Final

from sqlalchemy import text

from emberone.domain.snoozing import Cause
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

#: How much of a row of `agents`' capacity is taken (assignment rule 4).
LOAD: Final = (
    "CASE WHEN (SELECT weighs_priority FROM settings) THEN open_weight ELSE open_count END"
)

#: Agents who have room, and those of them for whom skipped tickets are to be looked through.
_HAS_ROOM: Final = f"availability = 'AVAILABLE' AND open_count < capacity AND {LOAD} < capacity"
_REVIEWS: Final = "(reviews_skipped OR coalesce(review_at <= context_now(), false))"

_HOURS_BEGAN: Final = "EXISTS (SELECT FROM hours_awaited WHERE begin_at <= context_now())"

#: Take the lock or leave, and look whether there is anything to do: all that an idle
#: sweep costs. A row locked for long fails this batch, and not the worker.
LOOK = text(
    "SELECT set_config('lock_timeout', '5s', true),"
    f" is_mine AND ((SELECT id FROM tickets WHERE {_NEW} {_BY_INDEX} LIMIT 1) IS NOT NULL"
    f" OR ((SELECT id FROM tickets WHERE {_SKIPPED} {_BY_INDEX} LIMIT 1) IS NOT NULL"
    " AND EXISTS (SELECT FROM agents JOIN profiles ON profiles.id = profile_id"
    f" WHERE {_REVIEWS} AND {_HAS_ROOM} AND {_ACTIVE}))"
    f" OR {_HOURS_BEGAN}) AS is_due, {_HOURS_BEGAN} AS hours_began,"
    " CASE WHEN is_mine THEN (SELECT id FROM absences WHERE begun_at IS NULL"
    " AND starts_at <= context_now() ORDER BY starts_at LIMIT 1) END AS absence_id"
    " FROM pg_try_advisory_xact_lock(hashtext('emberone.assign')) AS is_mine"
)

#: Put back into the queue what waited for working hours that have begun by now: whoever cannot
#: take it even so is told of. What somebody is just changing waits for the next sweep.
WAITED = text(
    "WITH due AS MATERIALIZED (SELECT tickets.id FROM hours_awaited"
    " JOIN tickets ON tickets.id = ticket_id WHERE begin_at <= context_now()"
    f" ORDER BY begin_at LIMIT {_WINDOW} FOR NO KEY UPDATE OF tickets SKIP LOCKED),"
    " over AS (DELETE FROM hours_awaited USING due WHERE ticket_id = due.id)"
    " UPDATE tickets SET assignment_skipped_at = NULL FROM due"
    f" WHERE tickets.id = due.id AND {_SKIPPED}"
)

#: Since when the first tickets of the queue have been as they are, or an absence should
#: have begun.
OLDEST_DUE: Final = (
    "SELECT least((SELECT min(updated_at) FROM"
    f" (SELECT updated_at FROM tickets WHERE {_NEW} {_BY_INDEX} LIMIT {_WINDOW}) AS queue),"
    " (SELECT min(starts_at) FROM absences WHERE begun_at IS NULL))"
)

#: Hold still the loads that the choice counts on.
LOCK_AGENTS = text(
    f"SELECT profile_id FROM agents WHERE {_HAS_ROOM} ORDER BY profile_id FOR NO KEY UPDATE"
)

#: Everyone who is or might be asked, read after the lock was taken: the locking statement
#: itself sees other tables as they were before it waited.
AGENTS = text(
    "SELECT agents.profile_id AS id, availability = 'AVAILABLE' AS is_available,"
    f" {_ACTIVE} AS is_active, capacity, {LOAD} AS load, skills, last_assigned_at, recent_turns,"
    f" {_REVIEWS} AS reviews_skipped, review_at, absence.ends_at AS absent_until,"
    " (SELECT id FROM calendar_versions AS hours WHERE hours.calendar_id = agents.calendar_id"
    " ORDER BY version DESC LIMIT 1) AS hours,"
    " ARRAY(SELECT team_id FROM team_members WHERE team_members.profile_id = agents.profile_id)"
    " AS team_ids"
    " FROM agents JOIN profiles ON profiles.id = agents.profile_id"
    " LEFT JOIN LATERAL (SELECT max(ends_at) AS ends_at FROM absences"
    " WHERE agent_id = agents.profile_id AND starts_at <= context_now()"
    " AND ends_at > context_now()) AS absence ON true ORDER BY agents.profile_id"
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
    " CASE WHEN (SELECT weighs_priority FROM settings) THEN weight_of(tickets.priority) ELSE 1 END"
    " AS weight, tickets.assignment_skipped_at IS NULL AS is_new,"
    " tickets.priority = 'CRITICAL' AS is_critical, previous.agent_id AS previous_agent_id,"
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

#: Write the choices; triggers write history and the agents' counters. What was put aside comes
#: back with it, as when a person gives it: who has it now would not find it (services/waking.py).
ASSIGN = text(
    "WITH choice AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(cast(:choices AS jsonb))"
    " AS choice (ticket_id uuid, agent_id uuid, reason jsonb)),"
    " asleep AS (SELECT id FROM tickets JOIN choice ON choice.ticket_id = tickets.id"
    " WHERE snoozed_until > context_now()), woken AS ("
    "INSERT INTO history (ticket_id, actor_id, action, metadata, is_internal, created_at)"
    " SELECT id, current_profile(), 'woken',"
    f" history_metadata(jsonb_build_object('cause', '{Cause.ASSIGNED}')), true, context_now()"
    " FROM asleep)"
    " UPDATE tickets SET assigned_agent_id = choice.agent_id, assignment_reason = choice.reason,"
    " snoozed_until = NULL FROM choice"
    " WHERE tickets.id = choice.ticket_id RETURNING tickets.id, tickets.version"
)

#: One after the other, a microsecond apart: whose turn is next stays known beyond the batch.
#: Of the times of their tickets, as many are kept as one window allows.
REMEMBER_TURNS = text(
    "UPDATE agents SET last_assigned_at ="
    " greatest(context_now(), (SELECT max(last_assigned_at) FROM agents))"
    " + turn.place * interval '1 microsecond', recent_turns = turn.recent"
    " FROM jsonb_to_recordset(cast(:turns AS jsonb))"
    " AS turn (agent_id uuid, place integer, recent timestamptz[])"
    " WHERE agents.profile_id = turn.agent_id"
)

#: Who has been looked for need not be again until something changes.
END_REVIEW = text(
    "UPDATE agents SET reviews_skipped = false, review_at = NULL"
    " WHERE profile_id = ANY (:reviewers)"
)

#: Who cannot take anything for a while is looked for when that is over.
POSTPONE = text(
    "UPDATE agents SET reviews_skipped = false, review_at = postponed.until"
    " FROM jsonb_to_recordset(cast(:postponed AS jsonb))"
    " AS postponed (agent_id uuid, until timestamptz)"
    " WHERE agents.profile_id = postponed.agent_id"
)

#: Mark what nobody can take, and say so in history, once until the ticket changes, or until
#: the working hours begin that it waits for.
SKIP = text(
    "WITH skipped AS (UPDATE tickets SET assignment_skipped_at = context_now()"
    " FROM jsonb_to_recordset(cast(:skips AS jsonb)) AS skip (ticket_id uuid, reason jsonb, waits_until timestamptz)"
    " WHERE tickets.id = skip.ticket_id RETURNING tickets.id, skip.reason, skip.waits_until),"
    " no_more AS (DELETE FROM hours_awaited USING skipped"
    " WHERE ticket_id = skipped.id AND skipped.waits_until IS NULL),"
    " waiting AS (INSERT INTO hours_awaited (ticket_id, begin_at)"
    " SELECT id, waits_until FROM skipped WHERE waits_until IS NOT NULL"
    " ON CONFLICT (ticket_id) DO UPDATE SET begin_at = excluded.begin_at)"
    " INSERT INTO history (ticket_id, actor_id, action, metadata, is_internal, created_at)"
    " SELECT id, current_profile(), 'assignment_skipped', history_metadata(reason), true,"
    " context_now() FROM skipped"
)

LETTERS_THIS_HOUR = text(
    "SELECT count(DISTINCT ticket_id) FROM mail_outbox"
    " WHERE letter = 'unassignable' AND created_at > :since"
)

DRIFT = text(
    "SELECT agents.profile_id, agents.open_count, coalesce(counted.n, 0) AS counted,"
    " agents.open_weight, coalesce(counted.weight, 0) AS weighed"
    " FROM agents LEFT JOIN (SELECT assigned_agent_id, count(*) AS n,"
    " sum(weight_of(priority)) AS weight FROM tickets"
    " WHERE assigned_agent_id IS NOT NULL AND status IN ('OPEN', 'IN_PROGRESS')"
    " GROUP BY assigned_agent_id) AS counted ON counted.assigned_agent_id = agents.profile_id"
    " WHERE (agents.open_count, agents.open_weight)"
    " <> (coalesce(counted.n, 0), coalesce(counted.weight, 0))"
)
