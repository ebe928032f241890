"""Who may do what: the one table, used by panel, portal, API and workers alike.

Whatever is not in :data:`TABLE` is refused. PostgreSQL holds the same table a
second time as grants and row policies (``migrations/sql/0003_permissions.sql``).
``docs/permissions.md`` is generated from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, false, true

from emberone.domain.actor import Actor
from emberone.domain.enums import CommentType, DraftState, Priority, Role, Status
from emberone.domain.errors import NotAllowed, NotFound
from emberone.domain.ratings import Whose
from emberone.models.tickets import Ticket

TICKET_VIEW: Final = "ticket:view"
TICKET_CREATE: Final = "ticket:create"
TICKET_EDIT: Final = "ticket:edit"
TICKET_SET_PRIORITY: Final = "ticket:set_priority"
TICKET_COMMENT: Final = "ticket:comment"
TICKET_NOTE: Final = "ticket:note"
TICKET_CLOSE: Final = "ticket:close"
TICKET_DISMISS: Final = "ticket:dismiss"
TICKET_REOPEN: Final = "ticket:reopen"
TICKET_ASSIGN: Final = "ticket:assign"
TICKET_ROUTE: Final = "ticket:route"
TICKET_DELETE: Final = "ticket:delete"
TICKET_RATE: Final = "ticket:rate"
TICKET_EXPORT: Final = "ticket:export"
TICKET_SNOOZE: Final = "ticket:snooze"
DRAFT_WRITE: Final = "draft:write"
DRAFT_DISCARD: Final = "draft:discard"
MACRO_VIEW: Final = "macro:view"
MACRO_MANAGE: Final = "macro:manage"
COMMENT_EDIT: Final = "comment:edit"
COMMENT_DELETE: Final = "comment:delete"
HISTORY_VIEW: Final = "history:view"
PROFILE_VIEW: Final = "profile:view"
PROFILE_RENAME: Final = "profile:rename"
PROFILE_CHOOSE: Final = "profile:choose"
PROFILE_CREATE: Final = "profile:create"
PROFILE_MANAGE: Final = "profile:manage"
AGENT_SET_AVAILABILITY: Final = "agent:set_availability"
AGENT_MANAGE: Final = "agent:manage"
TEAM_VIEW: Final = "team:view"
TEAM_MANAGE: Final = "team:manage"
SLA_VIEW: Final = "sla:view"
SLA_MANAGE: Final = "sla:manage"
RATING_REPORT: Final = "rating:report"
SETTINGS_MANAGE: Final = "settings:manage"
MAIL_VIEW: Final = "mail:view"
MAIL_RETRY: Final = "mail:retry"
JOBS_VIEW: Final = "jobs:view"
JOBS_RETRY: Final = "jobs:retry"
IMPORT: Final = "import:run"
PANEL_ENTER: Final = "panel:enter"
PORTAL_ENTER: Final = "portal:enter"

#: For how long a customer may edit a comment of their own.
COMMENT_EDIT_WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Rule:
    """One cell of the table: a yes or no about an actor, what is acted on, and facts."""

    #: What `docs/permissions.md` says.
    text: str
    holds: Callable[[Actor, Any, Mapping[str, Any]], bool]


def _owns(actor: Actor, ticket: Any) -> bool:
    return ticket is not None and ticket.customer_id == actor.profile_id


def _may_prioritise(actor: Actor, ticket: Any, facts: Mapping[str, Any]) -> bool:
    limit: Priority = facts.get("limit", Priority.HIGH)
    wanted: Priority = facts.get("priority", Priority.LOW)
    return _owns(actor, ticket) and ticket.status is Status.OPEN and wanted.rank <= limit.rank


def _may_edit_own_comment(actor: Actor, comment: Any, facts: Mapping[str, Any]) -> bool:
    now: datetime | None = facts.get("now")
    return (
        comment.author_id == actor.profile_id
        and comment.type is CommentType.USER
        and now is not None
        and now < comment.created_at + COMMENT_EDIT_WINDOW
    )


ALWAYS = Rule("yes", lambda actor, subject, facts: True)
OWN_TICKET = Rule("own", lambda actor, ticket, facts: _owns(actor, ticket))
OWN_UNLESS_CLOSED = Rule(
    "own, unless CLOSED",
    lambda actor, ticket, facts: _owns(actor, ticket) and ticket.status is not Status.CLOSED,
)
OWN_WHEN_CLOSED = Rule(
    "own, once CLOSED",
    lambda actor, ticket, facts: _owns(actor, ticket) and ticket.status is Status.CLOSED,
)
FOR_ONESELF = Rule(
    "for oneself: OPEN, no agent",
    lambda actor, subject, facts: facts.get("customer_id") == actor.profile_id,
)
OWN_PRIORITY = Rule("own while OPEN, up to the setting (HIGH)", _may_prioritise)
OWN_COMMENT_15_MIN = Rule("own, within 15 minutes", _may_edit_own_comment)
OWN_COMMENT = Rule(
    "own",
    lambda actor, comment, facts: (
        comment.author_id == actor.profile_id and comment.type is not CommentType.SYSTEM
    ),
)
NOT_SYSTEM_COMMENT = Rule(
    "any but the product's own",
    lambda actor, comment, facts: comment.type is not CommentType.SYSTEM,
)
ONESELF = Rule(
    "oneself",
    lambda actor, profile, facts: profile is not None and profile.id == actor.profile_id,
)
ONESELF_AS_AGENT = Rule(
    "one's own", lambda actor, agent, facts: agent is None or agent.profile_id == actor.profile_id
)
OWN_DRAFT = Rule(
    "one's own", lambda actor, draft, facts: draft is None or draft.author_id == actor.profile_id
)
OWN_OR_HELD_DRAFT = Rule(
    "one's own, and anyone's that is held",
    lambda actor, draft, facts: (
        draft is None or draft.author_id == actor.profile_id or draft.state is DraftState.HELD
    ),
)
OWN_MACRO = Rule(
    "one's own", lambda actor, macro, facts: macro is None or macro.owner_id == actor.profile_id
)
SHARED_OR_OWN_MACRO = Rule(
    "everybody's and one's own",
    lambda actor, macro, facts: macro is None or macro.owner_id in {None, actor.profile_id},
)
ABOUT_TICKETS = Rule(
    "letters about tickets",
    lambda actor, letter, facts: letter is None or letter.ticket_id is not None,
)
OWN_FIGURES = Rule(
    "of one's own closings and of one's teams",
    lambda actor, subject, facts: facts.get("whose") in {Whose.MINE, Whose.TEAMS},
)
CUSTOMERS = Rule("customers", lambda actor, subject, facts: facts.get("role") is Role.CUSTOMER)

_STAFF = {Role.AGENT: ALWAYS, Role.ADMIN: ALWAYS}
_ADMIN = {Role.ADMIN: ALWAYS}

#: permission → role → rule; a missing cell is a no.
TABLE: Final[Mapping[str, Mapping[Role, Rule]]] = {
    TICKET_VIEW: {Role.CUSTOMER: OWN_TICKET, **_STAFF},
    TICKET_CREATE: {Role.CUSTOMER: FOR_ONESELF, **_STAFF},
    TICKET_EDIT: {Role.CUSTOMER: OWN_UNLESS_CLOSED, **_STAFF},
    TICKET_SET_PRIORITY: {Role.CUSTOMER: OWN_PRIORITY, **_STAFF},
    TICKET_COMMENT: {Role.CUSTOMER: OWN_TICKET, **_STAFF},
    TICKET_NOTE: _STAFF,
    # Which status allows it is the lifecycle's affair (`domain/lifecycle.py`).
    TICKET_CLOSE: {Role.CUSTOMER: OWN_TICKET, **_STAFF},
    TICKET_DISMISS: _STAFF,
    TICKET_REOPEN: {Role.CUSTOMER: OWN_TICKET, **_STAFF},
    TICKET_ASSIGN: _STAFF,
    TICKET_ROUTE: _STAFF,
    TICKET_DELETE: _ADMIN,
    TICKET_RATE: {Role.CUSTOMER: OWN_WHEN_CLOSED},
    TICKET_EXPORT: _ADMIN,
    TICKET_SNOOZE: _STAFF,
    DRAFT_WRITE: {Role.AGENT: OWN_DRAFT, Role.ADMIN: OWN_DRAFT},
    # Who left may have left a reply behind that nobody can publish any more.
    DRAFT_DISCARD: {Role.AGENT: OWN_DRAFT, Role.ADMIN: OWN_OR_HELD_DRAFT},
    MACRO_VIEW: {Role.AGENT: SHARED_OR_OWN_MACRO, Role.ADMIN: SHARED_OR_OWN_MACRO},
    MACRO_MANAGE: {Role.AGENT: OWN_MACRO, Role.ADMIN: SHARED_OR_OWN_MACRO},
    COMMENT_EDIT: {
        Role.CUSTOMER: OWN_COMMENT_15_MIN,
        Role.AGENT: OWN_COMMENT,
        Role.ADMIN: NOT_SYSTEM_COMMENT,
    },
    COMMENT_DELETE: _ADMIN,
    HISTORY_VIEW: _STAFF,
    PROFILE_VIEW: {Role.CUSTOMER: ONESELF, **_STAFF},
    PROFILE_RENAME: {Role.CUSTOMER: ONESELF, Role.ADMIN: ALWAYS},
    PROFILE_CHOOSE: {Role.CUSTOMER: ONESELF, Role.AGENT: ONESELF, Role.ADMIN: ONESELF},
    PROFILE_CREATE: {Role.AGENT: CUSTOMERS, Role.ADMIN: ALWAYS},
    PROFILE_MANAGE: _ADMIN,
    AGENT_SET_AVAILABILITY: {Role.AGENT: ONESELF_AS_AGENT, Role.ADMIN: ALWAYS},
    AGENT_MANAGE: _ADMIN,
    TEAM_VIEW: _STAFF,
    TEAM_MANAGE: _ADMIN,
    SLA_VIEW: _STAFF,
    SLA_MANAGE: _ADMIN,
    RATING_REPORT: {Role.AGENT: OWN_FIGURES, Role.ADMIN: ALWAYS},
    SETTINGS_MANAGE: _ADMIN,
    MAIL_VIEW: {Role.AGENT: ABOUT_TICKETS, Role.ADMIN: ALWAYS},
    MAIL_RETRY: _ADMIN,
    JOBS_VIEW: _ADMIN,
    JOBS_RETRY: _ADMIN,
    IMPORT: _ADMIN,
    PANEL_ENTER: _STAFF,
    PORTAL_ENTER: {Role.CUSTOMER: ALWAYS},
}


def may(actor: Actor, permission: str, subject: Any = None, **facts: Any) -> bool:
    """Whether the actor may do this to the subject; an unknown permission is a KeyError.

    `subject` is the ticket, comment, profile or agent acted on (its columns are
    enough); `facts` are what else the rule asks for: `priority` and `limit`,
    `customer_id`, `role`, `now`. The product itself may do everything.
    """
    rules = TABLE[permission]
    if actor.role is None:
        return True
    rule = rules.get(actor.role)
    return rule is not None and rule.holds(actor, subject, facts)


def may_ever(actor: Actor, permission: str) -> bool:
    """Whether the actor may do this to anything at all; for menus and routes."""
    return actor.role is None or actor.role in TABLE[permission]


def require(actor: Actor, permission: str, subject: Any = None, **facts: Any) -> None:
    """Raise NotAllowed unless :func:`may`, or NotFound where even to know would be too much."""
    if may(actor, permission, subject, **facts):
        return
    if isinstance(subject, Ticket) and not may(actor, TICKET_VIEW, subject):
        raise NotFound
    raise NotAllowed


def visible_tickets(actor: Actor) -> ColumnElement[bool]:
    """The tickets that the actor may see, as a condition for queries."""
    if actor.role is None or actor.role.is_staff:
        return true()
    if actor.profile_id is None:
        return false()
    return Ticket.customer_id == actor.profile_id
