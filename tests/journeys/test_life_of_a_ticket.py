"""The main job, told once from beginning to end, through the real processes.

Five hundred real incidents are imported, fifty of them still unresolved. Workers
assign those, warn, escalate; meanwhile a worker is killed, the broker wiped and
PostgreSQL restarted. An agent answers a customer and closes the ticket in the
panel; the customer is asked once, a mail scanner clicks every link, and the
customer rates.
"""

import csv
import re
from email import message_from_string
from email.policy import default
from pathlib import Path

import pytest

from emberone.config import Settings
from emberone.core import create_core
from emberone.db import db
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Role
from emberone.mail.messages import message_id
from emberone.mail.site import current_site
from emberone.services import accounts
from tests.everything import long
from tests.journeys.browser import Browser
from tests.journeys.product import Product

LOG = Path(__file__).parents[1] / "data" / "servicenow_event_log.csv"
PASSWORD = "correct horse battery staple"

#: The default policy with targets that a test can wait for; the plan stays as it is.
SHORT_TARGETS = """
WITH version AS (
    INSERT INTO sla_policy_versions (policy_id, version)
    SELECT id, 2 FROM sla_policies WHERE is_default RETURNING id
), target AS (
    INSERT INTO sla_targets (policy_version_id, priority, metric, target_s)
    SELECT version.id, priority, metric, 12 FROM version, sla_targets
)
INSERT INTO sla_plan_steps (policy_version_id, priority, metric, step_no, percent, actions)
SELECT version.id, priority, metric, step_no, percent, actions FROM version, sla_plan_steps
"""

PENDING = "fired_at IS NULL AND cancelled_at IS NULL AND skipped_reason IS NULL"


def _cut_log(target: Path) -> tuple[int, int]:
    """Every tenth incident loses what came from its resolution on.

    Returns how many incidents are left, and how many of them are unresolved.
    """
    with LOG.open(encoding="utf-8-sig", newline="") as source:
        reader = csv.DictReader(source)
        rows = list(reader)
        names = reader.fieldnames or []
    numbers = list(dict.fromkeys(row["number"] for row in rows))
    cut, over, kept = set(numbers[::10]), set(), []
    for row in rows:
        if row["number"] in cut and row["incident_state"] in {"Resolved", "Closed"}:
            over.add(row["number"])
        if row["number"] not in over:
            kept.append(row)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(kept)
    left = {row["number"] for row in kept}
    return len(left), len(left & cut)


@pytest.fixture(scope="module")
def product(servers_folder):
    with Product(servers_folder / "product") as running:
        yield running


@long
def test_life_of_a_ticket(product: Product, tmp_path: Path) -> None:
    # The product is set up: an admin, an agent, promises that can be waited for.
    product.run(
        *("create-admin", "--email", "boss@example.org", "--name", "Boss"),
        EMBERONE_ADMIN_PASSWORD=PASSWORD,
    )
    with create_core(Settings.from_env(product.environment)).app_context():
        accounts.create_account(SYSTEM, "ana@example.org", "Ana", Role.AGENT, PASSWORD)
        db.engine.dispose()
    with product.sql() as connection:
        connection.execute(SHORT_TARGETS)
        connection.execute("UPDATE settings SET feedback_delay_s = 1")

    # Real tickets come in, at their own times; nobody is mailed about the past.
    incidents, unresolved = _cut_log(tmp_path / "log.csv")
    assert unresolved >= 45
    product.run("import", "servicenow", str(tmp_path / "log.csv"))
    assert product.value("SELECT count(*) FROM tickets") == incidents
    assert product.value("SELECT count(*) FROM tickets WHERE status <> 'CLOSED'") == unresolved
    assert product.value("SELECT count(*) FROM mail_outbox") == 0
    assert product.value("SELECT count(*) FROM feedback_requests") == 0
    with product.sql() as connection:
        connection.execute(
            "UPDATE agents SET availability = 'AVAILABLE', capacity = open_count + 3"
        )

    # Work begins, and machines die under it.
    for name, command in {
        "web": ["web"],
        "worker": ["worker", "--queue", "work"],
        "mail": ["worker", "--queue", "mail"],
        "beat": ["beat"],
    }.items():
        product.start(name, *command)
    assigned_by_machine = (
        "SELECT count(*) FROM history WHERE action = 'assignment_changed'"
        " AND metadata -> 'additionalContext' ? 'strategy'"
    )
    product.wait("a first assignment", lambda: product.value(assigned_by_machine))
    product.kill("worker")
    product.wipe_broker()
    product.restart_postgres_immediately()
    product.start("worker", "worker", "--queue", "work")

    # Every ticket in need of an agent gets exactly one, within capacity and team.
    in_need = (
        "SELECT count(*) FROM tickets t WHERE assigned_agent_id IS NULL"
        " AND status IN ('OPEN', 'IN_PROGRESS')"
        " AND EXISTS (SELECT FROM agents a LEFT JOIN team_members m USING (profile_id)"
        "   WHERE a.open_count < a.capacity AND a.availability = 'AVAILABLE'"
        "   AND (m.team_id = t.team_id OR t.team_id IS NULL))"
    )
    product.wait("every assignment", lambda: product.value(in_need) == 0)
    assert (
        product.value(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM history"
            " WHERE action = 'assignment_changed' AND metadata -> 'additionalContext' ? 'strategy'"
            " GROUP BY ticket_id) AS per_ticket"
        )
        == 1
    )
    assert product.value("SELECT count(*) FROM agents WHERE open_count > capacity") == 0
    assert (
        product.value(
            "SELECT count(*) FROM history h JOIN tickets t ON t.id = ticket_id"
            " WHERE action = 'assignment_changed' AND metadata -> 'additionalContext' ? 'strategy'"
            " AND EXISTS (SELECT FROM team_members m WHERE m.team_id = t.team_id)"
            " AND NOT EXISTS (SELECT FROM team_members m WHERE m.team_id = t.team_id"
            "   AND m.profile_id = t.assigned_agent_id)"
        )
        == 0
    )

    # Warnings and escalations fire once each, and those who should know are told once.
    product.wait(
        "every step",
        lambda: (
            product.value(f"SELECT count(*) FROM sla_steps WHERE {PENDING} AND fire_at IS NOT NULL")
            == 0
        ),
    )
    assert product.value("SELECT count(*) FROM sla_steps WHERE dead_at IS NOT NULL") == 0
    fired = product.value("SELECT count(*) FROM sla_steps WHERE fired_at IS NOT NULL")
    assert fired >= unresolved
    # One entry for each step that fired, and none for any other.
    assert product.value(
        "SELECT array[count(*), count(DISTINCT metadata #>> '{additionalContext,step}')]"
        " FROM history WHERE action IN ('sla_warned', 'escalated')"
    ) == [fired, fired]
    assert product.value(
        "SELECT count(*) FROM sla_clocks WHERE breached_at IS NOT NULL"
    ) == product.value("SELECT count(*) FROM history WHERE action = 'sla_breached'")
    assert product.value("SELECT count(*) FROM sla_clocks WHERE breached_at <> due_at") == 0
    product.wait("Boss hears of the breaches", lambda: product.letters_named("boss@example.org"))

    # A customer's ticket is opened, answered and closed in the panel.
    ana = Browser(f"http://127.0.0.1:{product.port}")
    product.wait("the web", lambda: ana.get("/readyz").status == 200)
    ana.get("/login").submit("Sign in", email="ana@example.org", password=PASSWORD)
    assert "/admin/" in ana.url, ana.text
    ticket = _open_in_panel(ana, product)
    product.wait(
        "the assignment of a new ticket",
        lambda: product.value("SELECT assigned_agent_id FROM tickets WHERE id = %s", ticket),
    )
    ana.get(ana.url).submit("Reply and close", text="It was charged once; no, twice.")
    assert ana.status == 200

    # She takes the answer back within its delay, and mends it; the first never leaves.
    ana.submit("Take back")
    assert "It was charged once" in ana.text
    assert product.value("SELECT count(*) FROM comments WHERE ticket_id = %s", ticket) == 0
    ana.submit("Reply and close", text="It was charged once; here is the proof.")
    waits = "SELECT count(*) FROM drafts WHERE ticket_id = %s AND state = 'waiting'"
    assert product.value(waits, ticket) == 1
    status = "SELECT status::text FROM tickets WHERE id = %s"
    product.wait("the reply to leave", lambda: product.value(status, ticket) == "CLOSED")
    said = "SELECT array_agg(content) FROM comments WHERE ticket_id = %s AND type = 'USER'"
    assert product.value(said, ticket) == ["It was charged once; here is the proof."]

    # The customer is asked exactly once; a scanner clicking every link records nothing.
    # Of the letters to her (received, answered), one has the stars.
    (letter,) = product.wait(
        "the request to rate",
        lambda: [text for text in product.letters_named("To: Carla") if "/f/" in _decoded(text)],
    )
    links = set(re.findall(r"http://127\.0\.0\.1:\d+(/f/[\w-]+\?rating=[1-5])", _decoded(letter)))
    assert len(links) == 5
    carla = Browser(ana.home)
    for link in sorted(links):
        for method in ("HEAD", "GET"):
            assert carla.get(link, method).status == 200
    rated = "SELECT feedback_rating FROM tickets WHERE id = %s"
    assert product.value(rated, ticket) is None
    assert product.value("SELECT count(*) FROM feedback_requests WHERE state = 'ANSWERED'") == 0
    carla.submit("Send", rating="4", text="Quick and kind.")
    assert carla.status == 200
    assert product.value(rated, ticket) == 4

    # History says all of it, whole: who, from what, to what, and through which edge.
    assert product.broken_chains() == []
    with product.sql() as connection:
        told = connection.execute(
            "SELECT action, profiles.full_name, metadata ->> 'source' FROM history"
            " LEFT JOIN profiles ON profiles.id = actor_id WHERE ticket_id = %s"
            " AND action IN ('created', 'status_changed', 'feedback_changed')"
            " ORDER BY history.created_at, history.id",
            (ticket,),
        ).fetchall()
    assert told == [
        ("created", "Ana", "agent_dashboard"),
        ("status_changed", "Ana", "agent_dashboard"),
        ("feedback_changed", "Carla Customer", "customer_portal"),
    ]

    # Nothing was lost, and nothing was sent twice.
    product.kill("beat")
    product.kill("worker")
    product.wait(
        "every letter",
        lambda: (
            product.run("sweep", "mail")
            and product.value(
                # What is collapsed leaves with its digest, which is a letter of its own.
                "SELECT count(*) FROM mail_outbox"
                " WHERE state NOT IN ('sent', 'suppressed', 'collapsed')"
            )
            == 0
        ),
        seconds=200,
    )
    delivered = [
        re.search(r"^Message-ID:\s*(\S+)", text, re.MULTILINE | re.IGNORECASE).group(1)
        for text in product.letters_named("Message-ID")
    ]
    with create_core(Settings.from_env(product.environment)).app_context(), product.sql() as sql:
        sent = sql.execute("SELECT key, attempts FROM mail_outbox WHERE state = 'sent'").fetchall()
        wanted = {message_id(key, current_site()): attempts for key, attempts in sent}
    assert set(delivered) == set(wanted)
    # Only what was in flight when the database went away may come again, as the same letter.
    repeated = {letter for letter in delivered if delivered.count(letter) > 1}
    assert {letter for letter in repeated if wanted[letter] == 1} == set()
    assert (
        product.value(
            "SELECT count(*) FROM agents WHERE open_count <> (SELECT count(*) FROM tickets"
            " WHERE assigned_agent_id = profile_id AND status IN ('OPEN', 'IN_PROGRESS'))"
        )
        == 0
    )


def _open_in_panel(ana: Browser, product: Product) -> object:
    """A new ticket for a new customer; leaves the browser on the ticket's page."""
    ana.get("/admin/ticket/new/").submit(
        "Open the ticket",
        email="carla@example.org",
        name="Carla Customer",
        title="Charged twice",
        description="My card shows the amount twice.",
    )
    assert ana.status == 200, ana.text
    return product.value("SELECT id FROM tickets WHERE title = 'Charged twice'")


def _decoded(letter: str) -> str:
    message = message_from_string(letter, policy=default)
    body = message.get_body(("plain",))
    assert body is not None
    return body.get_content()
