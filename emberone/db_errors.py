"""What PostgreSQL refuses, in the product's own words."""

from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError

from emberone.domain.errors import (
    Conflict,
    EmberOneError,
    Invalid,
    NotAllowed,
    StillReferenced,
    TemporarilyUnavailable,
)

#: Constraint → what a person reads when it refuses a write.
CONSTRAINT_MESSAGES = {
    "uq_profiles_email_lower": "Someone with this e-mail address exists already.",
    "uq_profiles_user_id": "This sign-in already belongs to another person.",
    "uq_users_email_lower": "There is a sign-in with this e-mail address already.",
    "uq_teams_name": "There is a team of this name already.",
    "uq_macros_owner_id_name": "There is a macro of this name already.",
    "fk_tickets_customer_id_profiles": (
        "This customer has tickets; close and keep them, or erase the person's texts instead."
    ),
    "ck_tickets_title": "A title has 1 to 500 characters and is not blank.",
    "ck_tickets_description": "A description has at most 100,000 characters.",
    "ck_comments_content": "A comment has 1 to 100,000 characters and is not blank.",
}


def is_retryable(error: DBAPIError) -> bool:
    """Whether running the whole transaction again may succeed: a deadlock or a lost race."""
    return isinstance(error.orig, pg.DeadlockDetected | pg.SerializationFailure)


def domain_error(error: DBAPIError) -> EmberOneError | None:
    """The error a person should see, or None where the fault is ours."""
    original = error.orig
    if not isinstance(original, pg.Error):
        return None
    if isinstance(original, pg.ForeignKeyViolation) and str(original).startswith("insert"):
        return Invalid("Something that this refers to is no longer there.")
    if isinstance(original, pg.ForeignKeyViolation | pg.RestrictViolation):
        return StillReferenced(_message(original))
    if isinstance(original, pg.UniqueViolation):
        return Conflict(_message(original) or "There is one like this already.")
    if isinstance(original, pg.CheckViolation | pg.NotNullViolation):
        return Invalid(_message(original))
    if isinstance(original, pg.InsufficientPrivilege):
        return NotAllowed()
    if isinstance(original, pg.RaiseException):
        # Our own triggers speak to people.
        return Conflict(original.diag.message_primary)
    if isinstance(original, pg.LockNotAvailable | pg.QueryCanceled):
        return TemporarilyUnavailable("That took too long; please try again.")
    if isinstance(original, pg.InvalidParameterValue) and "role" in str(original):
        # The context's role: no database of this cluster was ever migrated.
        return TemporarilyUnavailable("The database is not ready: 'emberone migrate' is due.")
    if isinstance(original, pg.OperationalError) or error.connection_invalidated:
        return TemporarilyUnavailable()
    if isinstance(original, pg.DataError):
        return Invalid("That text cannot be stored: it contains a forbidden character.")
    return None


def _message(original: pg.Error) -> str | None:
    return CONSTRAINT_MESSAGES.get(original.diag.constraint_name or "")
