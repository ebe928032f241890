-- Roles belong to the cluster: another database may have made them, and a down
-- migration never drops them.
DO $do$
DECLARE
    -- PostgreSQL 16 tells being a member from being allowed to SET ROLE.
    usage CONSTANT text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    name text;
    member text;
BEGIN
    FOREACH name IN ARRAY ARRAY['emberone_admin', 'emberone_agent', 'emberone_customer', 'emberone_system', 'emberone_app'] LOOP
        IF to_regrole(name) IS NULL THEN
            BEGIN
                EXECUTE format(
                    'CREATE ROLE %I %s', name,
                    CASE name WHEN 'emberone_app' THEN 'LOGIN NOINHERIT' ELSE 'NOLOGIN' END
                );
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
    FOREACH name IN ARRAY ARRAY['emberone_admin', 'emberone_agent', 'emberone_customer', 'emberone_system'] LOOP
        FOREACH member IN ARRAY ARRAY['emberone_app', current_user::text] LOOP
            IF NOT pg_has_role(member, name, usage) THEN
                BEGIN
                    EXECUTE format('GRANT %I TO %I', name, member);
                EXCEPTION WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'The role % exists and this login may not grant it; as a superuser run: GRANT emberone_admin, emberone_agent, emberone_customer, emberone_system TO % WITH ADMIN OPTION;',
                        name, quote_ident(current_user);
                END;
            END IF;
        END LOOP;
    END LOOP;
END
$do$;
