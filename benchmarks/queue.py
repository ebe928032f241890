"""What an open list asks the database for every few seconds, among many tickets.

    python -m benchmarks.queue [TICKETS]

On a throw-away PostgreSQL that SQL fills; without a number 300,000 tickets. Times are the
server's own, so they do not depend on who else is at the machine.
"""

import re
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy import event

from emberone.config import Settings
from emberone.core import create_core
from emberone.db import db, reading
from emberone.domain.actor import Actor
from emberone.domain.enums import Role
from emberone.embedded import THROW_AWAY, EmbeddedPostgres
from emberone.migrating import create_migrator
from emberone.queries import profiles, tickets, views
from emberone.queries.paging import Paging
from emberone.queries.views import View

#: A desk as it grows: one in fifty is worked on, a few wait, the rest is closed.
FILL = """
SET session_replication_role = replica;
ALTER TABLE tickets DISABLE TRIGGER USER;
INSERT INTO profiles (email, full_name, role)
    SELECT 'agent' || n || '@desk.example', 'Agent ' || n, 'AGENT' FROM generate_series(1, 60) n;
INSERT INTO agents (profile_id) SELECT id FROM profiles WHERE role = 'AGENT' ON CONFLICT DO NOTHING;
INSERT INTO profiles (email, full_name, role)
    SELECT left(md5(n::text), 10) || n || '@mail.example',
        initcap(left(translate(md5('a' || n), '0123456789', 'ghijklmnop'), 7)) || ' '
        || initcap(left(translate(md5('b' || n), '0123456789', 'qrstuvwxyz'), 9)), 'CUSTOMER'
    FROM generate_series(1, {tickets} / 2) n;
CREATE TEMP TABLE a AS SELECT id, row_number() OVER () - 1 AS n FROM profiles WHERE role = 'AGENT';
CREATE TEMP TABLE c AS SELECT id, row_number() OVER () - 1 AS n FROM profiles WHERE role = 'CUSTOMER';
CREATE INDEX ON c (n);
INSERT INTO tickets (title, description, status, priority, customer_id, assigned_agent_id,
        created_at, last_activity_at, unanswered_since, customer_spoke_last, closed_at)
    SELECT 'Ticket ' || i, 'It does not work.', s.status::ticket_status,
        (enum_range(NULL::ticket_priority))[1 + i % 4], c.id,
        CASE WHEN i % 7 > 0 THEN a.id END, at, at, at, i % 3 = 0,
        CASE WHEN s.status = 'CLOSED' THEN at END
    FROM generate_series(1, {tickets}) AS g (i)
    CROSS JOIN LATERAL (SELECT now() - ({tickets} - i) * interval '20 seconds' AS at) t
    CROSS JOIN LATERAL (SELECT CASE WHEN i % 50 = 0 THEN 'OPEN' WHEN i % 50 = 1 THEN 'IN_PROGRESS'
        WHEN i % 50 = 2 THEN 'WAITING' ELSE 'CLOSED' END AS status) s
    JOIN a ON a.n = abs(hashint4(i)) % 60 JOIN c ON c.n = (i * 7919::bigint) % ({tickets} / 2);
INSERT INTO sla_clocks (ticket_id, metric, policy_version_id, target_s, started_at, running_since, due_at)
    SELECT tickets.id, 'RESOLUTION', v.id, 28800, created_at, created_at,
        now() + (number % 20000 - 500) * interval '1 minute'
    FROM tickets, (SELECT id FROM sla_policy_versions LIMIT 1) v WHERE status IN ('OPEN', 'IN_PROGRESS');
ALTER TABLE tickets ENABLE TRIGGER USER;
DO $do$
DECLARE t record;
BEGIN
    FOR t IN SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'tickets'::regclass
    LOOP
        EXECUTE format('ALTER TABLE tickets ENABLE ALWAYS TRIGGER %I', t.tgname);
    END LOOP;
END
$do$;
SET session_replication_role = origin;
"""


def cost(what: str, ask: Callable[[], object], actor: Actor) -> None:
    """Say how long the server works on what is asked, statement by statement."""
    noted: list[tuple[str, object]] = []

    def note(
        connection: object, cursor: object, sql: str, values: object, context: object, many: bool
    ) -> None:
        if sql.lstrip().startswith(("SELECT", "WITH")) and "set_config" not in sql:
            noted.append((sql, values))

    with reading(actor) as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", note)
        ask()
        event.remove(connection, "before_cursor_execute", note)
        times = []
        for _ in range(7):
            took = 0.0
            for sql, values in noted:
                plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF) {sql}", values)
                said = "\n".join(row[0] for row in plan)
                took += sum(
                    float(ms) for ms in re.findall(r"(?:Planning|Execution) Time: ([\d.]+)", said)
                )
            times.append(took)
    print(f"{what:<48} {statistics.median(times):>8.2f} ms  {len(noted)} statements")


def pages(actor: Actor) -> None:
    """The views, their first pages, and the pulse."""
    session = db.session()
    cost("the pulse", lambda: views.pulse(session), actor)
    cost("counts of all views", lambda: views.view_counts(session, actor), actor)
    for view in View:
        order = next(iter(views.orders_of(view).values()))
        paging = Paging(order, order.descending)
        filters = tickets.TicketFilters(view=view)
        cost(
            f"first page of {view.value}",
            lambda filters=filters, paging=paging: tickets.list_tickets(  # type: ignore[misc]
                session, actor, filters, paging
            ),
            actor,
        )
    for words in ("a", "an", "ann", "mail", "agent 5", "zqx"):
        cost(
            f"people by {words!r}",
            lambda words=words: profiles.find_people(session, words, tuple(Role)),  # type: ignore[misc]
            actor,
        )


def write_cost(server: EmbeddedPostgres) -> None:
    """What the pulse adds to a transaction that changes one ticket, by the server's clock."""
    with server.connect("emberone_owner", "bench") as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM tickets LIMIT 400")]
        took = []
        for ticket_id in ids:
            plan = connection.execute(
                "EXPLAIN (ANALYZE) UPDATE tickets SET title = title || '.' WHERE id = %s",
                [ticket_id],
            )
            for (line,) in plan:
                if "tickets_move_updated" in line:
                    took.append(float(re.search(r"time=([\d.]+)", line)[1]))  # type: ignore[index]
        print(f"{'the pulse in a change of one ticket':<48} {statistics.median(took):>8.3f} ms")


def main() -> None:
    """Fill, then ask."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder) / "postgres", options=THROW_AWAY) as server,
    ):
        server.create_database("bench", owner="emberone_owner")
        settings = Settings.from_env(
            {
                "EMBERONE_DATABASE_URL": server.url("emberone_app", "bench"),
                "EMBERONE_OWNER_URL": server.url("emberone_owner", "bench"),
                "EMBERONE_SECRET_KEY": "only-for-benchmarks",
            }
        )
        with create_migrator(settings).app_context():
            upgrade()
            db.engine.dispose()
        with server.connect(database="bench") as connection:
            connection.execute(FILL.format(tickets=count))
            connection.execute("VACUUM ANALYZE")
            (agent_id,) = connection.execute(
                "SELECT id FROM profiles WHERE role = 'AGENT' LIMIT 1"
            ).fetchone() or (None,)
        with create_core(settings).app_context():
            pages(Actor(agent_id, Role.AGENT))
        write_cost(server)


if __name__ == "__main__":
    main()
