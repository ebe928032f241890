"""What the demo does not hold by itself, and where everything is: the facts of the stops."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask

from emberone.db import reading
from emberone.demo_accounts import DEMO_ADMIN, DEMO_AGENT, DEMO_CUSTOMER, DEMO_PASSWORD
from emberone.domain.actor import Actor
from emberone.domain.enums import Metric, Priority, Role, StepAction
from emberone.domain.lifecycle import Event
from emberone.domain.macros import ReplyChanges
from emberone.domain.promises import PlannedAlert
from emberone.mail.tokens import feedback_token
from emberone.queries.sla_policies import find_policy, promises_of
from emberone.services import (
    absences,
    accounts,
    answers,
    calendars,
    comments,
    drafts,
    macros,
    sla_policies,
    tickets,
)
from emberone.services.macros import MacroValues
from tests.journeys.browser import Browser
from tests.journeys.product import Product

#: A customer who has a sign-in and has not asked anything yet.
NEWCOMER: Final = "newcomer@example.org"
#: Customers without and with a sign-in, and an address that nobody knows, who ask for letters.
_FORGETFUL, _REGISTERED = "marta.kowalska@example.org", "registered@example.org"

_OF_CUSTOMER = "customer_id = (SELECT id FROM profiles WHERE email = %(customer)s)"
_OF_AGENT = "assigned_agent_id = (SELECT id FROM profiles WHERE email = %(agent)s)"

#: The facts that one statement finds.
_FOUND: Final = {
    "own": f"SELECT number FROM tickets WHERE {_OF_CUSTOMER} AND title = 'The cup has a crack'",
    "own_comment": "SELECT id FROM comments WHERE content LIKE 'It happened%%'",
    "own_waiting": f"SELECT number FROM tickets WHERE {_OF_CUSTOMER} AND status = 'WAITING'",
    "own_closed": f"""
        SELECT number FROM tickets WHERE {_OF_CUSTOMER} AND status = 'CLOSED'
        ORDER BY updated_at DESC""",
    # The longest conversation of the agent's is the one that shows most.
    "ticket": f"""
        SELECT number FROM tickets WHERE {_OF_AGENT} AND status = 'IN_PROGRESS'
        ORDER BY (SELECT count(*) FROM comments WHERE ticket_id = tickets.id) DESC, number""",
    "with_files": """
        SELECT number FROM tickets JOIN attachments ON ticket_id = tickets.id
        WHERE comment_id IS NULL ORDER BY number DESC""",
    "unassigned": """
        SELECT number FROM tickets WHERE assigned_agent_id IS NULL AND status = 'OPEN'
        ORDER BY number DESC""",
    "breached": """
        SELECT number FROM tickets JOIN sla_clocks ON ticket_id = tickets.id
        WHERE breached_at IS NOT NULL AND status <> 'CLOSED' ORDER BY number DESC""",
    "closed": """
        SELECT number FROM tickets WHERE status = 'CLOSED' AND feedback_rating IS NOT NULL
        ORDER BY number DESC""",
    "comment": "SELECT id FROM comments WHERE type = 'USER' ORDER BY created_at DESC",
    "entry": "SELECT id FROM history WHERE old_value ? 'priority' ORDER BY created_at DESC",
    "macro": "SELECT id FROM macros WHERE name = 'Picture, please'",
    "person": "SELECT id FROM profiles WHERE email = %(agent)s",
    "agent": "SELECT id FROM profiles WHERE email = %(agent)s",
    "team": "SELECT id FROM teams ORDER BY name",
    "policy": "SELECT id FROM sla_policies WHERE name = 'Shop promise'",
    "calendar": "SELECT id FROM calendars WHERE name = 'Workshop'",
    "letter": """
        SELECT id FROM mail_outbox WHERE letter = 'staff_replied' AND state = 'sent'
        ORDER BY created_at DESC""",
    "dead": "SELECT id FROM mail_outbox WHERE state = 'dead'",
}


def prepare(product: Product, app: Flask) -> dict[str, Any]:
    """Bring about the states that the tour looks at, and return where they are."""
    with app.app_context():
        agent = _actor(product, DEMO_AGENT, Role.AGENT)
        customer = _actor(product, DEMO_CUSTOMER, Role.CUSTOMER)
        admin = _actor(product, DEMO_ADMIN, Role.ADMIN)
        accounts.create_account(admin, NEWCOMER, "Nora Newcomer", Role.CUSTOMER, DEMO_PASSWORD)
        macros.make_macro(
            admin,
            MacroValues(
                "Picture, please",
                "Hello {{customer.first_name}},\n\ncan you send us a **picture** of it?",
                event=Event.STAFF_REPLY_AND_WAIT,
                changes=ReplyChanges(priority=Priority.LOW, tags=("picture",)),
                is_shared=True,
            ),
        )
        own = tickets.open_ticket(
            customer,
            customer.profile_id,
            "The cup has a crack",
            "It came out of the parcel like that. Shall I **send it back**, or is a picture enough?",
        )
        comments.comment_as_customer(customer, own, "It happened at the handle, I think.")
        replying = _reply(product, agent)
        _promise_more(product, admin)
        _open_the_workshop(admin)
        away = datetime.now(UTC) + timedelta(days=20)
        absences.plan_absence(admin, agent.profile_id, away, away + timedelta(days=7))
    _ask_for_letters(product)
    product.run("sweep", "--all")
    _break_some_letters(product)
    links = _links_of(product)
    return {
        **{name: _one(product, sql) for name, sql in _FOUND.items()},
        **_feedback(product, app),
        "replying": replying,
        # What a page that tells of background work must not wait for.
        "work": lambda: product.run("sweep", "--all"),
        "reset": next(link for link in links if "/reset/" in link),
        "confirm": next(link for link in links if "/confirm/" in link),
    }


def _actor(product: Product, email: str, role: Role) -> Actor:
    return Actor(product.value("SELECT id FROM profiles WHERE email = %s", email), role)


def _one(product: Product, sql: str) -> Any:
    with product.sql() as connection:
        row = connection.execute(
            sql,
            {"customer": DEMO_CUSTOMER, "agent": DEMO_AGENT},  # type: ignore[arg-type]
        ).fetchone()
    assert row is not None, sql
    return row[0]


def _reply(product: Product, agent: Actor) -> int:
    """A reply that can still be taken back, for longer than the tour lasts."""
    found = f"FROM tickets WHERE {_OF_AGENT} AND status = 'OPEN' ORDER BY number DESC"
    ticket_id, number = _one(product, f"SELECT id {found}"), _one(product, f"SELECT number {found}")
    words = "Thank you, that helps. A technician comes on **Thursday** between nine and eleven."
    drafts.send_reply(agent, ticket_id, words, Event.STAFF_REPLY_AND_WAIT)
    with product.sql() as connection:
        connection.execute("UPDATE drafts SET publish_after = now() + interval '1 hour'")
    return int(number)


def _promise_more(product: Product, admin: Actor) -> None:
    """A second version of what the shop promises, with a step of some of it."""
    policy = _one(product, _FOUND["policy"])
    with reading(admin) as session:
        row = find_policy(session, policy)
        assert row is not None
        before = promises_of(session, row.version_id)
    urgent = [(Metric.FIRST_RESPONSE, p) for p in (Priority.HIGH, Priority.CRITICAL)]
    soon = PlannedAlert(
        None,
        (StepAction.NOTIFY_PERSON, StepAction.COMMENT),
        -600,
        admin.profile_id,
        only=frozenset(urgent),
    )
    targets = {**before.targets, (Metric.RESOLUTION, Priority.HIGH): 36 * 3600}
    targets.pop((Metric.NEXT_RESPONSE, Priority.LOW))
    sla_policies.add_version(
        admin, policy, replace(before, targets=targets, alerts=(*before.alerts, soon))
    )


def _open_the_workshop(admin: Actor) -> None:
    """A calendar with lunch, a night, and dates behind and ahead, in its second version."""
    lunch = [["08:00", "12:30"], ["13:30", "17:00"]]
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday"), lunch)
    dates = [
        {"date": "2025-12-25", "name": "Christmas Day", "windows": []},
        {"date": "2026-12-24", "name": "Christmas Eve", "windows": [["08:00", "12:00"]]},
        {"date": "2026-12-25", "name": "Christmas Day", "windows": []},
    ]
    workshop = calendars.create_calendar(admin, "Workshop", "Europe/London", {"week": week})
    nights = {"week": {**week, "friday": [["22:00", "06:00"]]}, "exceptions": dates}
    calendars.add_version(admin, workshop, "Europe/London", nights, version=1)


def _ask_for_letters(product: Product) -> None:
    home = f"http://127.0.0.1:{product.port}"
    Browser(home).get("/reset").submit("Send me a link", email=_FORGETFUL)
    Browser(home).get("/register").submit(
        "Create the account",
        full_name="Rosa Registered",
        email=_REGISTERED,
        password="a long enough password",
    )


def _break_some_letters(product: Product) -> None:
    """What a mail server's refusals leave behind."""
    with product.sql() as connection:
        connection.execute(
            """
            UPDATE mail_outbox SET state = 'dead', attempts = 8, sent_at = NULL,
                last_error = '550 5.1.1 The address you asked for does not exist'
            WHERE id IN (SELECT id FROM mail_outbox WHERE letter = 'ticket_received'
                         ORDER BY created_at DESC LIMIT 2)"""
        )
        connection.execute(
            """
            INSERT INTO suppressed_addresses (email, reason)
            VALUES ('g.blackwood@example.net', '550 5.1.1 The address does not exist'),
                   ('tom.ashby@example.net', '552 5.2.2 The mailbox is full, and has been for weeks')
            ON CONFLICT DO NOTHING"""
        )


def _links_of(product: Product) -> list[str]:
    """The addresses in the plain texts of the letters that were delivered."""
    found = []
    for path in sorted(product.letters.glob("*.eml")):
        letter = message_from_string(path.read_text(errors="replace"), policy=policy.default)
        body = letter.get_body(("plain",))
        assert body is not None
        found += [urlsplit(link).path for link in re.findall(r"https?://\S+", body.get_content())]
    return found


def _feedback(product: Product, app: Flask) -> dict[str, str]:
    """The addresses of three invitations: one as it was sent, one answered, one too old."""
    secret = product.environment["EMBERONE_SECRET_KEY"]
    with product.sql() as connection:
        rows = connection.execute(
            "SELECT id FROM feedback_requests WHERE state = 'SENT' AND voided_at IS NULL"
            " AND expires_at > now() ORDER BY created_at DESC LIMIT 3"
        ).fetchall()
        fresh, answered, old = (feedback_token(secret, row[0]) for row in rows)
        connection.execute(
            "UPDATE feedback_requests SET expires_at = sent_at + interval '1 second' WHERE id = %s",
            rows[2],
        )
    with app.app_context():
        answers.answer(answered, 5, "Quick, friendly, and it works again.", seen_answer_no=0)
    return {
        "feedback": f"/f/{fresh}",
        "feedback_answered": f"/f/{answered}",
        "feedback_expired": f"/f/{old}",
    }
