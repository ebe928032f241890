"""What is measured: one row for each thing that people or workers wait for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from benchmarks.baselines import floor_sql
from benchmarks.baselines.flask_admin_stock import PAGE_SIZE
from benchmarks.client import Answer, Client
from benchmarks.measure import Row, Run
from benchmarks.stage import Stage
from emberone.db import reading
from emberone.domain.actor import Actor
from emberone.domain.enums import Role
from emberone.domain.ratings import Whose
from emberone.jobs import Job
from emberone.queries import ratings
from emberone.queries.attainment import attainment
from emberone.queries.ratings import Period
from emberone.services import assignment, sweeps
from emberone.services.replanning import sweep_replanning

#: The title of tickets that are there for one measurement only.
TITLE: Final = "Only for a benchmark"

#: Tickets in a batch of assignment, and steps that are due at once (fewer where few run).
BATCH: Final = 100

_PAGES: Final = {
    "queue_first": "Queue, first page",
    "queue_deep": "Queue, page at 90 %",
    "queue_mine": "Queue, my open tickets",
    "ticket": "Ticket page",
    "search_common": "Search, common word",
    "search_rare": "Search, rare word",
}


def rows(stage: Stage) -> list[Row]:
    """Every row over this stage."""
    pages = [_page(stage, name, title) for name, title in _PAGES.items()]
    reports = [_ratings(stage), _kept(stage)]
    sweeps_of_work = [_idle(stage), _assignment(stage), _due(stage), _replanning(stage)]
    return [*pages, _opening(stage), *reports, *sweeps_of_work]


def _page(stage: Stage, name: str, title: str) -> Row:
    return Row(
        name,
        title,
        {
            "ours": _gets(stage.ours, stage.addresses[name]),
            "floor": _gets(stage.floor, f"/{name}"),
            "stock": _gets(stage.stock, _stock_address(stage, name)),
        },
        samples=40,
    )


def _gets(client: Client, address: str) -> Callable[[], Answer]:
    def run() -> Answer:
        answer = client.get(address)
        if answer.status != 200:
            raise RuntimeError(f"{address} was answered with {answer.status}.")
        return answer

    return run


def _stock_address(stage: Stage, name: str) -> str:
    facts = stage.facts
    queue = "/admin/ticket/"
    return {
        "queue_first": queue,
        "queue_deep": f"{queue}?page={stage.tickets * 9 // 10 // PAGE_SIZE}",
        "queue_mine": f"{queue}?flt0_assigned_agent_id_equals={facts['me']}"
        "&flt1_status_in_list=OPEN,IN_PROGRESS",
        "ticket": f"{queue}details/?id={facts['ticket']}",
        "search_common": f"{queue}?search={facts['common']}",
        "search_rare": f"{queue}?search={facts['rare']}",
    }[name]


def _opening(stage: Stage) -> Row:
    numbers = count()
    customer = stage.facts["customer"]
    token = stage.ours.token("/admin/ticket/new/")

    def described() -> dict[str, str]:
        words = f"Please help me with this, request {next(numbers)}."
        return {"title": TITLE, "description": words, "customer": customer}

    def ours() -> None:
        fields = {**described(), "priority": "MEDIUM", "csrf_token": token}
        _redirected(stage.ours.post("/admin/ticket/new/", **fields))

    def stock() -> None:
        fields = {**described(), "priority": "MEDIUM", "status": "OPEN"}
        _redirected(stage.stock.post("/admin/ticket/new/", **fields))

    return Row(
        "open",
        "Open a ticket",
        {
            "ours": ours,
            "floor": lambda: _redirected(stage.floor.post("/open", **described())),
            "stock": stock,
        },
        samples=40,
        clean=lambda: _forget(stage),
    )


def _redirected(answer: Answer) -> None:
    if answer.status not in {302, 303}:
        raise RuntimeError(f"Opening a ticket was answered with {answer.status}.")


def _forget(stage: Stage) -> None:
    """Leave the database as it was, but for history."""
    stage.owner.execute("DELETE FROM mail_outbox WHERE state <> 'sent'")
    stage.owner.execute("DELETE FROM tickets WHERE title = %s", [TITLE])
    stage.owner.execute("UPDATE agents SET reviews_skipped = false WHERE reviews_skipped")


def _bare(stage: Stage, statement: str, **values: Any) -> Run:
    def run() -> None:
        with stage.bare.transaction():
            stage.bare.execute(statement.encode(), values or None)

    return run


def _in_core(stage: Stage, function: Callable[[], int], expected: int) -> Run:
    def run() -> None:
        with stage.core.app_context():
            done = function()
        if done != expected:
            raise RuntimeError(f"{done} rows were dealt with and not {expected}.")

    return run


def _ratings(stage: Stage) -> Row:
    def ours() -> int:
        with reading(_admin(stage)) as session:
            period = Period(*_last_year(), "month", ZoneInfo("Europe/London"))
            return ratings.report(session, _admin(stage), Whose.ALL, period).whole.sent

    return _report(stage, "report_ratings", "Report of ratings, 12 months", ours, floor_sql.RATINGS)


def _kept(stage: Stage) -> Row:
    def ours() -> int:
        with reading(_admin(stage)) as session:
            return len(attainment(session, *_last_year()))

    return _report(stage, "report_kept", "Promises kept, 12 months", ours, floor_sql.KEPT)


def _report(stage: Stage, name: str, title: str, ours: Callable[[], int], floor: str) -> Row:
    """A report's figures as its page asks for them, in this process."""

    def run() -> None:
        with stage.core.app_context():
            if not ours():
                raise RuntimeError(f"{title}: there is nothing in it.")

    return Row(name, title, {"ours": run, "floor": _bare(stage, floor)}, samples=20)


def _admin(stage: Stage) -> Actor:
    return Actor(UUID(stage.facts["admin"]), Role.ADMIN)


def _last_year() -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(days=365), now


def _idle(stage: Stage) -> Row:
    def ours() -> int:
        return sum(sweeps.run(job) for job in Job)

    floor = _bare(stage, floor_sql.IDLE)
    return Row(
        "sweep_idle",
        "All sweeps, nothing due",
        {"ours": _in_core(stage, ours, 0), "floor": floor},
        samples=60,
    )


def _assignment(stage: Stage) -> Row:
    def prepare() -> None:
        _forget(stage)
        stage.owner.execute(
            "INSERT INTO tickets (title, description, customer_id, priority)"
            " SELECT %s, '', %s, (enum_range(NULL::ticket_priority))[1 + i %% 4]"
            " FROM generate_series(1, %s) AS i",
            [TITLE, stage.facts["customer"], BATCH],
        )

    return Row(
        "assign",
        f"Assign a batch of {BATCH} tickets",
        {
            "ours": _in_core(stage, lambda: assignment.sweep_assignments(limit=BATCH), BATCH),
            "floor": _bare(stage, floor_sql.ASSIGN),
        },
        samples=20,
        prepare=prepare,
        clean=lambda: _forget(stage),
        batch=BATCH,
    )


def _due(stage: Stage) -> Row:
    steps = [
        step
        for (step,) in stage.owner.execute(
            "SELECT step.id FROM sla_steps AS step JOIN sla_clocks AS clock ON clock.id = clock_id"
            " JOIN tickets ON tickets.id = ticket_id WHERE step_no = 1"
            " AND running_since IS NOT NULL AND due_at > now() + interval '30 minutes'"
            " AND assigned_agent_id IS NOT NULL ORDER BY step.id LIMIT %s",
            [BATCH],
        )
    ]

    def make(fire_at: str, fired_at: str) -> None:
        _forget(stage)
        change = f"UPDATE sla_steps SET fire_at = {fire_at}, fired_at = {fired_at}"
        stage.owner.execute(f"{change} WHERE id = ANY (%s)".encode(), [steps])

    return Row(
        "sweep_due",
        f"SLA sweep, {len(steps)} warnings due",
        {
            "ours": _in_core(stage, lambda: sweeps.run(Job.SLA), len(steps)),
            "floor": _bare(stage, floor_sql.WARN),
        },
        samples=15,
        prepare=lambda: make("now() - interval '1 second'", "NULL"),
        clean=lambda: make("now()", "now()"),
        batch=len(steps),
    )


def _replanning(stage: Stage) -> Row:
    """Clocks that have just begun by a calendar's first version follow its second."""
    owner = stage.owner
    owner.execute(
        "INSERT INTO calendar_versions (calendar_id, version, zone, definition)"
        " SELECT calendar_id, 2, zone, definition FROM calendar_versions"
        " ON CONFLICT DO NOTHING"
    )
    tickets = [
        ticket
        for (ticket,) in owner.execute(
            "SELECT DISTINCT ticket_id FROM sla_clocks JOIN tickets ON tickets.id = ticket_id"
            " WHERE running_since IS NOT NULL AND priority <> 'CRITICAL'"
            " ORDER BY ticket_id LIMIT %s",
            [BATCH],
        )
    ]
    owner.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS kept_clocks AS SELECT * FROM sla_clocks"
        " WHERE ticket_id = ANY (%s) AND running_since IS NOT NULL",
        [tickets],
    )
    owner.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS kept_steps AS SELECT * FROM sla_steps"
        " WHERE clock_id IN (SELECT id FROM kept_clocks)"
    )

    def prepare() -> None:
        owner.execute(
            "UPDATE sla_clocks SET target_s = target.target_s, running_since = now(),"
            " consumed_s = 0, breached_at = NULL, due_at = now() + interval '1 day',"
            " calendar_version = (SELECT id FROM calendar_versions WHERE version = 1)"
            " FROM kept_clocks AS kept JOIN tickets ON tickets.id = kept.ticket_id"
            " JOIN sla_targets AS target ON target.policy_version_id = kept.policy_version_id"
            " AND target.priority = tickets.priority AND target.metric = kept.metric"
            " WHERE sla_clocks.id = kept.id"
        )
        owner.execute(
            "UPDATE sla_steps SET fired_at = NULL, fire_at = now() + interval '1 hour'"
            " WHERE id IN (SELECT id FROM kept_steps)"
        )

    def clean() -> None:
        owner.execute(
            "UPDATE sla_clocks SET target_s = kept.target_s, running_since = kept.running_since,"
            " consumed_s = kept.consumed_s, breached_at = kept.breached_at, due_at = kept.due_at,"
            " calendar_version = NULL FROM kept_clocks AS kept WHERE sla_clocks.id = kept.id"
        )
        owner.execute(
            "UPDATE sla_steps SET fired_at = kept.fired_at, fire_at = kept.fire_at,"
            " percent = kept.percent, actions = kept.actions"
            " FROM kept_steps AS kept WHERE sla_steps.id = kept.id"
        )

    return Row(
        "replan",
        f"Follow a changed calendar, {len(tickets)} tickets",
        {
            "ours": _in_core(stage, sweep_replanning, len(tickets)),
            "floor": _bare(stage, floor_sql.REPLAN),
        },
        samples=15,
        prepare=prepare,
        clean=clean,
        batch=len(tickets),
    )
