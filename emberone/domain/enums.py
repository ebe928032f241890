"""The closed vocabularies of the trade, exactly as the database spells them."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a person is to the product."""

    ADMIN = "ADMIN"
    AGENT = "AGENT"
    CUSTOMER = "CUSTOMER"

    @property
    def is_staff(self) -> bool:
        """Whether this role answers tickets rather than asks them."""
        return self is not Role.CUSTOMER


class Status(StrEnum):
    """Whose turn it is on a ticket."""

    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    WAITING = "WAITING"
    CLOSED = "CLOSED"


class Priority(StrEnum):
    """How urgent a ticket is, lowest first."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for LOW to 3 for CRITICAL."""
        return list(Priority).index(self)

    def raised(self) -> "Priority":
        """One level up; CRITICAL stays CRITICAL (SLA rule 24)."""
        return list(Priority)[min(self.rank + 1, Priority.CRITICAL.rank)]


class CommentType(StrEnum):
    """Who speaks in a comment: a person in public, the product, or staff among themselves."""

    USER = "USER"
    SYSTEM = "SYSTEM"
    INTERNAL = "INTERNAL"


class Source(StrEnum):
    """The kind of edge through which a change came."""

    CUSTOMER_PORTAL = "customer_portal"
    AGENT_DASHBOARD = "agent_dashboard"
    SYSTEM = "system"


class Availability(StrEnum):
    """Whether an agent takes new tickets now."""

    AVAILABLE = "AVAILABLE"
    AWAY = "AWAY"


class HandOver(StrEnum):
    """What becomes of the tickets of an agent who goes away (assignment rule 10)."""

    #: They stay as they are.
    KEEP = "KEEP"
    #: Those that nobody has begun go back to the pool.
    RELEASE_OPEN = "RELEASE_OPEN"
    #: All that are not closed go back.
    RELEASE_ALL = "RELEASE_ALL"
    #: All that are not closed go to one colleague.
    GIVE = "GIVE"


class Metric(StrEnum):
    """What an SLA clock measures."""

    FIRST_RESPONSE = "FIRST_RESPONSE"
    NEXT_RESPONSE = "NEXT_RESPONSE"
    RESOLUTION = "RESOLUTION"


class StepAction(StrEnum):
    """What an SLA step does when it falls due."""

    NOTIFY_ASSIGNEE = "NOTIFY_ASSIGNEE"
    NOTIFY_ADMINS = "NOTIFY_ADMINS"
    NOTIFY_PERSON = "NOTIFY_PERSON"
    RAISE_PRIORITY = "RAISE_PRIORITY"
    REASSIGN = "REASSIGN"
    COMMENT = "COMMENT"


class AssignmentStrategy(StrEnum):
    """How the agent of a ticket is chosen among those eligible."""

    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_LOADED = "LEAST_LOADED"
    LEAST_UTILISED = "LEAST_UTILISED"


class FeedbackState(StrEnum):
    """How far a feedback request has come."""

    PENDING = "PENDING"
    SENT = "SENT"
    ANSWERED = "ANSWERED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


class MailState(StrEnum):
    """How far a letter has come."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"
    KEPT = "kept"
    SUPPRESSED = "suppressed"
    #: It leaves as a line of another letter, a digest.
    COLLAPSED = "collapsed"


class DraftKind(StrEnum):
    """Whom a draft is meant for."""

    REPLY = "reply"
    NOTE = "note"


class DraftState(StrEnum):
    """How far a draft has come."""

    #: Somebody is writing it.
    WRITING = "writing"
    #: It was sent, and can still be taken back.
    WAITING = "waiting"
    #: It could not be published; its author decides.
    HELD = "held"


#: The letters that a role gets and need not: what the account page asks.
LETTERS_OF: Final = {
    Role.CUSTOMER: ("ticket_received", "staff_replied", "reminder", "feedback_request"),
    Role.AGENT: ("assigned", "mention", "sla_warning", "sla_breach", "digest"),
    Role.ADMIN: ("mention", "sla_warning", "sla_breach", "low_rating", "unassignable", "digest"),
}

#: The letters that a person may choose not to get; others, such as a link to sign in, always come.
OPTIONAL_LETTERS: Final = (
    "ticket_received",
    "staff_replied",
    "reminder",
    "feedback_request",
    "assigned",
    "mention",
    "sla_warning",
    "sla_breach",
    "low_rating",
    "unassignable",
    "digest",
)
