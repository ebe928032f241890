"""The whole table role × permission × relation, written down a second time."""

import runpy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy.dialects import postgresql

from emberone import policy
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import CommentType, DraftState, Priority, Role, Status
from emberone.domain.errors import NotAllowed, NotFound
from emberone.domain.ratings import Whose
from emberone.models import Ticket
from emberone.policy import may, may_ever, require, visible_tickets

DOCS = Path(__file__).parents[2] / "docs"

CUSTOMER, AGENT, ADMIN = (Actor(uuid4(), role) for role in (Role.CUSTOMER, Role.AGENT, Role.ADMIN))
ACTORS = {"CUSTOMER": CUSTOMER, "AGENT": AGENT, "ADMIN": ADMIN}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Comment:
    """As much of a comment as a rule looks at."""

    author_id: UUID | None
    type: CommentType = CommentType.USER
    created_at: datetime = NOW


@dataclass
class Person:
    """As much of a profile as a rule looks at."""

    id: UUID | None


@dataclass
class Work:
    """As much of an agent as a rule looks at."""

    profile_id: UUID | None


def ticket(customer: Actor | None, status: Status) -> Ticket:
    return Ticket(customer_id=customer.profile_id if customer else uuid4(), status=status)


NOBODY: set[str] = set()
ONLY_ADMINS = {"ADMIN"}
STAFF = {"AGENT", "ADMIN"}
ALL = {"CUSTOMER", "AGENT", "ADMIN"}

#: permission → status of the customer's own ticket → who may.
OWN_TICKET = {
    "ticket:view": dict.fromkeys(Status, ALL),
    "ticket:edit": {**dict.fromkeys(Status, ALL), Status.CLOSED: STAFF},
    "ticket:comment": dict.fromkeys(Status, ALL),
    "ticket:note": dict.fromkeys(Status, STAFF),
    "ticket:close": dict.fromkeys(Status, ALL),
    "ticket:dismiss": dict.fromkeys(Status, STAFF),
    "ticket:reopen": dict.fromkeys(Status, ALL),
    "ticket:assign": dict.fromkeys(Status, STAFF),
    "ticket:route": dict.fromkeys(Status, STAFF),
    "ticket:snooze": dict.fromkeys(Status, STAFF),
    "ticket:delete": dict.fromkeys(Status, ONLY_ADMINS),
    "ticket:rate": {**dict.fromkeys(Status, NOBODY), Status.CLOSED: {"CUSTOMER"}},
    "history:view": dict.fromkeys(Status, STAFF),
}

#: permission → who may on the ticket of another customer, whatever its status.
FOREIGN_TICKET = {
    permission: next(iter(allowed.values())) & STAFF if permission != "ticket:rate" else NOBODY
    for permission, allowed in OWN_TICKET.items()
}

#: Permissions without a row, and who has them.
PLAIN = {
    "ticket:export": {"ADMIN"},
    "profile:manage": {"ADMIN"},
    "agent:manage": {"ADMIN"},
    "team:view": STAFF,
    "team:manage": {"ADMIN"},
    "sla:view": STAFF,
    "sla:manage": {"ADMIN"},
    "settings:manage": {"ADMIN"},
    "mail:retry": {"ADMIN"},
    "jobs:view": {"ADMIN"},
    "jobs:retry": {"ADMIN"},
    "import:run": {"ADMIN"},
    "panel:enter": STAFF,
    "portal:enter": {"CUSTOMER"},
}

#: Permissions that are judged by something else than a ticket's status; tested below.
SPECIAL = {
    "ticket:create",
    "ticket:set_priority",
    "comment:edit",
    "comment:delete",
    "profile:view",
    "profile:rename",
    "profile:choose",
    "draft:write",
    "draft:discard",
    "macro:view",
    "macro:manage",
    "mail:view",
    "profile:create",
    "agent:set_availability",
    "rating:report",
}


def allowed(permission, subject=None, **facts):
    return {name for name, actor in ACTORS.items() if may(actor, permission, subject, **facts)}


def test_every_permission_is_written_down_here():
    assert set(policy.TABLE) == set(OWN_TICKET) | set(PLAIN) | SPECIAL


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("permission", OWN_TICKET)
def test_a_ticket_of_ones_own(permission, status):
    assert allowed(permission, ticket(CUSTOMER, status)) == OWN_TICKET[permission][status]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("permission", FOREIGN_TICKET)
def test_a_ticket_of_another_customer(permission, status):
    assert allowed(permission, ticket(None, status)) == FOREIGN_TICKET[permission]


@pytest.mark.parametrize("permission", PLAIN)
def test_what_has_no_row(permission):
    assert allowed(permission) == PLAIN[permission]


@pytest.mark.parametrize("limit", Priority)
@pytest.mark.parametrize("wanted", Priority)
@pytest.mark.parametrize("status", Status)
def test_customers_prioritise_their_open_tickets_up_to_the_limit(status, wanted, limit):
    order = [Priority.LOW, Priority.MEDIUM, Priority.HIGH, Priority.CRITICAL]
    is_within = status is Status.OPEN and order.index(wanted) <= order.index(limit)
    facts = {"priority": wanted, "limit": limit}
    assert allowed("ticket:set_priority", ticket(CUSTOMER, status), **facts) == (
        ALL if is_within else STAFF
    )
    assert allowed("ticket:set_priority", ticket(None, status), **facts) == STAFF


def test_customers_open_tickets_for_themselves_and_staff_for_anyone():
    assert allowed("ticket:create", customer_id=CUSTOMER.profile_id) == ALL
    assert allowed("ticket:create", customer_id=uuid4()) == STAFF


@pytest.mark.parametrize(
    ("author", "kind", "age", "who"),
    [
        (CUSTOMER, CommentType.USER, timedelta(0), {"CUSTOMER", "ADMIN"}),
        (CUSTOMER, CommentType.USER, timedelta(minutes=15) - timedelta.resolution, {"CUSTOMER", "ADMIN"}),
        (CUSTOMER, CommentType.USER, timedelta(minutes=15), {"ADMIN"}),
        (None, CommentType.USER, timedelta(0), {"ADMIN"}),
        (AGENT, CommentType.USER, timedelta(days=9), STAFF),
        (AGENT, CommentType.INTERNAL, timedelta(days=9), STAFF),
        (ADMIN, CommentType.INTERNAL, timedelta(0), {"ADMIN"}),
        (None, CommentType.INTERNAL, timedelta(0), {"ADMIN"}),
        (CUSTOMER, CommentType.SYSTEM, timedelta(0), NOBODY),
        (AGENT, CommentType.SYSTEM, timedelta(0), NOBODY),
        (ADMIN, CommentType.SYSTEM, timedelta(0), NOBODY),
    ],
)  # fmt: skip
def test_who_may_edit_a_comment(author, kind, age, who):
    comment = Comment(author.profile_id if author else uuid4(), kind, NOW - age)
    assert allowed("comment:edit", comment, now=NOW) == who


def test_without_the_time_customers_edit_nothing():
    assert "CUSTOMER" not in allowed("comment:edit", Comment(CUSTOMER.profile_id))


def test_a_comment_whose_author_is_gone_belongs_to_nobody():
    assert allowed("comment:edit", Comment(None), now=NOW) == {"ADMIN"}


@pytest.mark.parametrize("author", [CUSTOMER, AGENT, ADMIN])
def test_only_admins_delete_comments(author):
    assert allowed("comment:delete", Comment(author.profile_id)) == {"ADMIN"}


def test_customers_see_and_rename_nobody_but_themselves():
    own, foreign = Person(CUSTOMER.profile_id), Person(uuid4())
    assert allowed("profile:view", own) == ALL
    assert allowed("profile:view", foreign) == STAFF
    assert allowed("profile:rename", own) == {"CUSTOMER", "ADMIN"}
    assert allowed("profile:rename", foreign) == {"ADMIN"}
    assert "CUSTOMER" not in allowed("profile:view")


@pytest.mark.parametrize("role", Role)
def test_agents_create_customers_and_admins_anyone(role):
    assert allowed("profile:create", role=role) == (STAFF if role is Role.CUSTOMER else {"ADMIN"})


def test_agents_set_their_own_availability():
    assert allowed("agent:set_availability", Work(AGENT.profile_id)) == STAFF
    assert allowed("agent:set_availability", Work(uuid4())) == {"ADMIN"}


def test_agents_see_figures_of_their_own_and_of_their_teams_only():
    assert allowed("rating:report", whose=Whose.MINE) == STAFF
    assert allowed("rating:report", whose=Whose.TEAMS) == STAFF
    assert allowed("rating:report", whose=Whose.ALL) == ONLY_ADMINS
    assert allowed("rating:report") == ONLY_ADMINS


@pytest.mark.parametrize("permission", policy.TABLE)
def test_the_product_may_do_everything(permission):
    assert may(SYSTEM, permission)
    assert may_ever(SYSTEM, permission)


@pytest.mark.parametrize("permission", policy.TABLE)
def test_may_ever_is_whether_there_is_any_row_at_all(permission):
    """What menus and routes ask."""
    everyone = (
        PLAIN.get(permission)
        or set().union(*OWN_TICKET.get(permission, {}).values())
        or {
            "ticket:create": ALL,
            "ticket:set_priority": ALL,
            "comment:edit": ALL,
            "comment:delete": {"ADMIN"},
            "profile:view": ALL,
            "profile:rename": {"CUSTOMER", "ADMIN"},
            "profile:choose": ALL,
            "draft:write": STAFF,
            "draft:discard": STAFF,
            "macro:view": STAFF,
            "macro:manage": STAFF,
            "mail:view": STAFF,
            "profile:create": STAFF,
            "agent:set_availability": STAFF,
            "rating:report": STAFF,
        }[permission]
    )
    assert {name for name, actor in ACTORS.items() if may_ever(actor, permission)} == everyone


def test_a_permission_that_does_not_exist_is_no_permission():
    for actor in (*ACTORS.values(), SYSTEM):
        with pytest.raises(KeyError):
            may(actor, "ticket:eat")


def test_another_customers_ticket_does_not_exist():
    with pytest.raises(NotFound):
        require(CUSTOMER, "ticket:comment", ticket(None, Status.OPEN))
    with pytest.raises(NotFound):
        require(CUSTOMER, "ticket:delete", ticket(None, Status.OPEN))


def test_what_one_sees_and_may_not_do_is_refused():
    with pytest.raises(NotAllowed):
        require(CUSTOMER, "ticket:assign", ticket(CUSTOMER, Status.OPEN))
    with pytest.raises(NotAllowed):
        require(AGENT, "ticket:delete", ticket(None, Status.OPEN))
    require(ADMIN, "ticket:delete", ticket(None, Status.OPEN))


@pytest.mark.parametrize(
    ("actor", "condition"),
    [
        (CUSTOMER, f"tickets.customer_id = '{CUSTOMER.profile_id}'"),
        (Actor(None, Role.CUSTOMER), "false"),
        (AGENT, "true"),
        (ADMIN, "true"),
        (SYSTEM, "true"),
    ],
    # A name of a test is the same in every process; the ids of people are not.
    ids=["customer", "nobody", "agent", "admin", "product"],
)
def test_which_tickets_somebody_sees_is_a_condition_of_queries(actor, condition):
    """What it finds is in tests/queries."""
    compiled = visible_tickets(actor).compile(
        dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
    )
    assert str(compiled) == condition


def test_a_refusal_looks_at_what_is_acted_on_and_at_the_facts():
    require(CUSTOMER, "ticket:comment", ticket(CUSTOMER, Status.OPEN))
    require(CUSTOMER, "ticket:create", customer_id=CUSTOMER.profile_id)
    for refused in ({}, {"customer_id": uuid4()}):
        with pytest.raises(NotAllowed):
            require(CUSTOMER, "ticket:create", **refused)


@pytest.mark.parametrize("priority", Priority)
def test_where_no_limit_is_said_customers_go_up_to_high(priority):
    own = ticket(CUSTOMER, Status.OPEN)
    assert ("CUSTOMER" in allowed("ticket:set_priority", own, priority=priority)) == (
        priority is not Priority.CRITICAL
    )
    # Where no priority is said, it is whether they may choose one at all.
    assert allowed("ticket:set_priority", own, limit=priority) == ALL


def test_the_page_about_permissions_is_current():
    page = runpy.run_path(str(DOCS / "permissions.py"))["page"]()
    assert (DOCS / "permissions.md").read_text(encoding="utf-8") == page, (
        "run: python docs/permissions.py"
    )


@dataclass
class Owned:
    """As much of a draft, macro or letter as a rule looks at."""

    author_id: UUID | None = None
    owner_id: UUID | None = None
    ticket_id: UUID | None = None
    state: DraftState | None = None


def test_a_draft_is_written_by_its_author_alone():
    assert allowed("draft:write") == STAFF
    assert allowed("draft:write", Owned(author_id=AGENT.profile_id)) == {"AGENT"}
    assert allowed("draft:write", Owned(author_id=uuid4())) == NOBODY


def test_an_admin_throws_away_what_is_held_and_nothing_that_is_on_its_way():
    theirs = {state: Owned(author_id=uuid4(), state=state) for state in DraftState}
    assert allowed("draft:discard", Owned(author_id=AGENT.profile_id)) == {"AGENT"}
    assert allowed("draft:discard", theirs[DraftState.HELD]) == ONLY_ADMINS
    assert allowed("draft:discard", theirs[DraftState.WAITING]) == NOBODY
    assert allowed("draft:discard", theirs[DraftState.WRITING]) == NOBODY


def test_everybody_s_macros_are_an_admin_s_to_change_and_one_s_own_are_one_s_own():
    shared, own = Owned(), Owned(owner_id=AGENT.profile_id)
    assert allowed("macro:view", shared) == STAFF
    assert allowed("macro:manage", shared) == ONLY_ADMINS
    assert allowed("macro:view", own) == {"AGENT"}
    assert allowed("macro:manage", own) == {"AGENT"}


def test_letters_that_are_about_no_ticket_are_for_admins():
    assert allowed("mail:view", Owned(ticket_id=uuid4())) == STAFF
    assert allowed("mail:view", Owned()) == ONLY_ADMINS


def test_everyone_chooses_for_themselves_only():
    assert allowed("profile:choose", Person(CUSTOMER.profile_id)) == {"CUSTOMER"}
    assert allowed("profile:choose", Person(uuid4())) == NOBODY
