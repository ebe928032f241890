-- Functions that the tables' defaults and checks name.

-- Time-ordered ids. PostgreSQL 18 brings its own uuidv7(); before it this one
-- stands in, with the microseconds in the twelve bits behind the version
-- (RFC 9562, section 6.2, method 3).
DO $do$
BEGIN
    IF to_regproc('pg_catalog.uuidv7') IS NULL THEN
        CREATE FUNCTION public.uuidv7() RETURNS uuid
        LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
            SELECT encode(
                set_byte(
                    set_byte(
                        overlay(
                            uuid_send(gen_random_uuid())
                            PLACING substring(int8send(us / 1000) FROM 3) FROM 1 FOR 6
                        ),
                        6, (112 | (((us % 1000) * 4096 / 1000) >> 8))::int
                    ),
                    7, (((us % 1000) * 4096 / 1000) & 255)::int
                ),
                'hex'
            )::uuid
            FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us) AS clock
        $$;
    END IF;
END
$do$;

-- The transaction's now: the one given with its context, or PostgreSQL's.
CREATE FUNCTION context_now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('emberone.now', true), '')::timestamptz, now());

-- The person in whose name the transaction runs; after a commit the setting is '' and not NULL.
CREATE FUNCTION current_profile() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('emberone.profile_id', true), '')::uuid;

-- The kind of edge the transaction came through.
CREATE FUNCTION current_source() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('emberone.source', true), ''), 'system');

-- Words in lower case, trimmed, without commas, at most 50 characters each, 20 in all, none twice.
CREATE FUNCTION are_tags(words text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN cardinality(words) <= 20
    AND array_position(words, NULL) IS NULL
    AND (
        SELECT count(DISTINCT word) = count(*)
            AND coalesce(bool_and(
                word = lower(word) AND length(word) <= 50
                AND word ~ '^[^[:space:],]+( [^[:space:],]+)*$'
            ), true)
        FROM unnest(words) AS word
    );

-- What an SLA step may do; at least one thing.
CREATE FUNCTION are_step_actions(words text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN cardinality(words) > 0 AND words <@ ARRAY[
    'NOTIFY_ASSIGNEE', 'NOTIFY_ADMINS', 'NOTIFY_PERSON', 'RAISE_PRIORITY', 'REASSIGN', 'COMMENT'
];

-- Every element is an object with just these keys.
CREATE FUNCTION is_list_of(value jsonb, keys text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(value) WHEN 'array' THEN (
    SELECT coalesce(bool_and(
        CASE jsonb_typeof(element)
            WHEN 'object' THEN element ?& keys AND element - keys = '{}'
            ELSE false
        END
    ), true)
    FROM jsonb_array_elements(value) AS element
) ELSE false END;

-- attachments, editHistory and systemData, and nothing else.
CREATE FUNCTION is_comment_metadata(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(value) WHEN 'object' THEN
    value - ARRAY['attachments', 'editHistory', 'systemData'] = '{}'
    AND (NOT value ? 'attachments'
        OR is_list_of(value -> 'attachments', ARRAY['id', 'name', 'type', 'size', 'url']))
    AND (NOT value ? 'editHistory'
        OR is_list_of(value -> 'editHistory', ARRAY['timestamp', 'oldContent', 'editor']))
    AND (NOT value ? 'systemData' OR jsonb_typeof(value -> 'systemData') = 'object')
ELSE false END;

-- The ticket's columns in camelCase, only those that changed.
CREATE FUNCTION is_history_value(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NULL THEN true WHEN jsonb_typeof(value) = 'object' THEN
    value - ARRAY['status', 'priority', 'assignedAgentId', 'title', 'description'] = '{}'
    AND coalesce(value ->> 'status' IN ('OPEN', 'IN_PROGRESS', 'WAITING', 'CLOSED'), NOT value ? 'status')
    AND coalesce(value ->> 'priority' IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL'), NOT value ? 'priority')
    AND (NOT value ? 'assignedAgentId'
        OR value ->> 'assignedAgentId' IS NULL
        OR value ->> 'assignedAgentId'
            ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')
    AND (NOT value ? 'title' OR jsonb_typeof(value -> 'title') = 'string')
    AND (NOT value ? 'description' OR jsonb_typeof(value -> 'description') = 'string')
ELSE false END;

-- source always; reason and additionalContext where there are any.
CREATE FUNCTION is_history_metadata(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(value) WHEN 'object' THEN
    value - ARRAY['source', 'reason', 'additionalContext'] = '{}'
    AND coalesce(value ->> 'source' IN ('customer_portal', 'agent_dashboard', 'system'), false)
    AND (NOT value ? 'reason' OR jsonb_typeof(value -> 'reason') = 'string')
    AND (NOT value ? 'additionalContext' OR jsonb_typeof(value -> 'additionalContext') = 'object')
ELSE false END;

CREATE TYPE role AS ENUM ('ADMIN', 'AGENT', 'CUSTOMER');
CREATE TYPE ticket_status AS ENUM ('OPEN', 'IN_PROGRESS', 'WAITING', 'CLOSED');
CREATE TYPE ticket_priority AS ENUM ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL');
CREATE TYPE comment_type AS ENUM ('USER', 'SYSTEM', 'INTERNAL');
