"""Looking after the outbox by hand: sending again what did not leave, and forgiving addresses."""

from typing import Final

from sqlalchemy import delete, text

from emberone.db import as_system, service, transaction
from emberone.domain.actor import Actor
from emberone.domain.enums import MailState
from emberone.domain.errors import Invalid, NotFound
from emberone.jobs import Job, nudge
from emberone.models import SuppressedAddress
from emberone.policy import MAIL_RETRY, require

#: The states in which a letter waits for a person.
RETRYABLE: Final = (MailState.DEAD, MailState.KEPT)

#: The oldest first; an address that takes none keeps its letters where they are.
_QUEUE_AGAIN: Final = text(
    "UPDATE mail_outbox SET state = 'queued', attempts = 0, last_error = NULL,"
    " send_after = context_now()"
    " WHERE id IN (SELECT id FROM mail_outbox WHERE state = :state"
    " AND NOT EXISTS (SELECT FROM suppressed_addresses WHERE email = lower(coalesce("
    "(SELECT profiles.email FROM profiles WHERE profiles.id = to_profile_id), to_email)))"
    " ORDER BY created_at, id LIMIT :limit FOR UPDATE SKIP LOCKED)"
    " RETURNING id"
)


@service
def retry_letters(actor: Actor, state: MailState, *, limit: int = 1000) -> int:
    """Queue the letters again that are dead, or those that were kept; return how many."""
    with transaction(actor) as session:
        require(actor, MAIL_RETRY)
        if state not in RETRYABLE:
            raise Invalid(
                "Only letters that were given up, or not sent for want of a mail server, can be sent again.",
                field="state",
            )
        with as_system(session):
            values = {"state": state.value, "limit": limit}
            count = len(session.scalars(_QUEUE_AGAIN, values).all())
        if count:
            nudge(session, Job.MAIL)
        return count


@service
def forgive_address(actor: Actor, email: str) -> None:
    """Let an address be mailed again; letters that were not sent meanwhile stay so."""
    with transaction(actor) as session:
        require(actor, MAIL_RETRY)
        forgiven = session.scalars(
            delete(SuppressedAddress)
            .where(SuppressedAddress.email == email.lower())
            .returning(SuppressedAddress.email)
        ).one_or_none()
        if forgiven is None:
            raise NotFound
