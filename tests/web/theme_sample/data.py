"""Believable tickets for the sample's queue and ticket page: plain data, as views give it."""

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)

PEOPLE = [
    "Maja Lindqvist",
    "Tom Okafor",
    "Priya Raman",
    "Jean-Baptiste Moreau",
    "Sofia García",
    "Henry Whitcombe",
    "Aylin Demir",
    "Noah Fischer",
    "Grace Mwangi",
    "Luca Bianchi",
]
AGENTS = ["Ana Costa", "Ben Novak", None, "Chloe Martin"]
TITLES = [
    "Charged twice for order 48213",
    "Cannot sign in after changing my phone",
    "Where is my parcel? It should have been here on Friday",
    "Invoice for October shows the wrong VAT number",
    "Everything is down for our whole team since 13:40",
    "How do I add a colleague to our account?",
    "The grinder stopped after two days and smells burnt",
    "Please delete my data",
    "Discount code EMBER20 is refused at the checkout",
    "Export to CSV breaks umlauts",
]
STATUSES = ["OPEN", "IN_PROGRESS", "WAITING", "OPEN", "IN_PROGRESS", "CLOSED"]
PRIORITIES = ["HIGH", "MEDIUM", "LOW", "MEDIUM", "CRITICAL"]
CLOCKS = [
    ("due_soon", "45 min"),
    ("on_track", "6 h"),
    ("breached", "2 h over"),
    ("paused", None),
    ("met", None),
]

COLUMNS = [
    {"label": "No.", "sort_url": "?sort=number", "class": "cell-number"},
    {"label": "Subject"},
    {"label": "Customer"},
    {"label": "Status"},
    {"label": "Priority", "sort_url": "?sort=priority"},
    {"label": "Agent"},
    {"label": "Next due", "sort_url": "?sort=due"},
    {"label": "Last activity", "sort_url": "?sort=updated", "sort": "descending"},
]


def _row(number: int) -> dict[str, Any]:
    return {
        "id": 1042 - number,
        "title": TITLES[number % len(TITLES)],
        "customer": PEOPLE[number * 7 % len(PEOPLE)],
        "status": STATUSES[number % len(STATUSES)],
        "priority": PRIORITIES[number % len(PRIORITIES)],
        "agent": AGENTS[number % len(AGENTS)],
        "clock": CLOCKS[number % len(CLOCKS)],
        "at": NOW - timedelta(minutes=11 * number * number + 4),
        "tags": ["billing"] if number % 3 == 0 else [],
        "css": "is-unread" if number in (0, 2, 5) else "",
    }


def queue(empty: str | None = None) -> dict[str, Any]:
    """What the list of tickets is given."""
    views = [
        ("My open", "7", True),
        ("Customer replied", "3", False),
        ("Unassigned", "12", False),
        ("Breaching soon", "2", False),
        ("Waiting", "31", False),
        ("All", "1,000+", False),
    ]
    return {
        "now": NOW,
        "columns": COLUMNS,
        "rows": [] if empty else [_row(number) for number in range(25)],
        "views": [
            {"label": label, "count": count, "active": active, "url": f"?view={label}"}
            for label, count, active in views
        ],
        "filters": [
            {"label": "Status", "value": "not closed", "remove_url": "?"},
            {"label": "Team", "value": "Billing", "remove_url": "?"},
        ],
    }


def ticket() -> dict[str, Any]:
    """What the page of one ticket is given."""

    def at(minutes: int) -> datetime:
        return NOW - timedelta(minutes=minutes)

    return {"now": NOW, "at": at, "comments": _comments(at), "entries": _entries(at)}


def _comments(at: Any) -> list[dict[str, Any]]:
    return [
        {
            "author": "Maja Lindqvist",
            "kind": "customer",
            "role": "Customer",
            "time": at(187),
            "text": "Hello,\n\nmy card was charged twice for order 48213: 89.90 € on Friday and again "
            "on Saturday. I only ordered one grinder. Could you send one of the two back?\n\n"
            "A picture of my statement is attached.\n\nMaja",
            "files": [{"name": "statement-november.png", "size": 219_136, "url": "#"}],
        },
        {
            "kind": "system",
            "time": at(186),
            "text": "Assigned to Ana Costa: fewest open tickets in Billing (3 of 12).",
        },
        {
            "author": "Ben Novak",
            "kind": "internal",
            "time": at(95),
            "text": "Second charge is ours: the retry job ran while the bank was slow. Refund is approved, "
            "reference RF-2231. Do not mention the job.",
        },
        {
            "author": "Ana Costa",
            "kind": "staff",
            "role": "Agent",
            "time": at(64),
            "edited": at(62),
            "text": "Hello Maja,\n\nyou are right, and I am sorry. The second payment is on its way back; "
            "banks take two to three days. I will keep this open until you see it.",
        },
        {
            "author": "Maja Lindqvist",
            "kind": "customer",
            "role": "Customer",
            "time": at(12),
            "text": "Thank you for the quick answer! Will the invoice be corrected too? "
            "See https://example.com/account/orders/48213/invoices/2026-11/very-long-address-without-any-break",
        },
    ]


def _entries(at: Any) -> list[dict[str, Any]]:
    return [
        {"icon": "message", "actor": "Maja Lindqvist", "text": "replied", "time": at(12)},
        {
            "icon": "clock-exclamation",
            "kind": "danger",
            "text": "First reply due in 45 min (75 % used)",
            "time": at(20),
        },
        {
            "icon": "arrow-up",
            "actor": "Ben Novak",
            "text": "raised the priority from Medium to High",
            "time": at(96),
            "reason": "Money is involved",
        },
        {
            "icon": "lock",
            "kind": "internal",
            "actor": "Ben Novak",
            "text": "wrote an internal note",
            "time": at(95),
        },
        {"icon": "user-check", "text": "assigned to Ana Costa", "time": at(186)},
        {
            "icon": "ticket",
            "actor": "Maja Lindqvist",
            "text": "opened the ticket in the portal",
            "time": at(187),
        },
    ]
