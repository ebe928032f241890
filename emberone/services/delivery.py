"""Delivering letters: each is claimed, sent outside any transaction, and settled.

A claim is a lease. Whoever dies with a letter in hand loses it to another when
the lease ends, and the letter goes out again under the same Message-ID. Any
number of threads, processes and hosts may deliver at once: whoever begins while
more is due asks for another, until no worker has a thread free.
"""

import logging
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from jinja2 import TemplateError
from sqlalchemy import exists, func, select, text, update
from sqlalchemy.orm import Session

from emberone.db import as_system, service, transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import MailState
from emberone.domain.errors import Conflict, NotFound
from emberone.jobs import Job, nudge
from emberone.languages import catalogue
from emberone.mail.fates import MAX_ATTEMPTS
from emberone.mail.kinds import DIGEST, TO_CUSTOMERS
from emberone.mail.messages import compose
from emberone.mail.rendering import render
from emberone.mail.site import Site, current_settings, current_site
from emberone.mail.smtp import MailServer, Refused, ServerUnavailable, TryLater
from emberone.mail.threads import thread_of
from emberone.models import Letter, Profile, SuppressedAddress
from emberone.models.profiles import IS_DEACTIVATED
from emberone.policy import MAIL_RETRY, require
from emberone.queries.letters import digest_params
from emberone.services import digests

logger = logging.getLogger(__name__)

#: For how long a letter is somebody's to deliver; longer than any server may take.
LEASE_S: Final = 120
#: The pause after the first failure; five times as long after each further one.
FIRST_PAUSE_S: Final = 5
LONGEST_PAUSE_S: Final = 12 * 3600
#: For how long one call goes on, in seconds.
_BUDGET_S: Final = 10.0

_stopping = threading.Event()

_QUOTED_TO_CUSTOMERS: Final = ", ".join(f"'{letter}'" for letter in sorted(TO_CUSTOMERS))

#: Why a letter does not leave, as things stand now: it may have waited for days since it was
#: written. Who declines digests may have lines in one already, which leaves.
_REFUSAL: Final = (
    "CASE WHEN EXISTS (SELECT FROM suppressed_addresses WHERE email = lower(to_email))"  # noqa: S608 - ours
    " THEN 'This address no longer takes mail.' ELSE (SELECT CASE"
    f" WHEN letter = ANY (declined_letters) AND letter <> '{DIGEST}'"
    " THEN 'This person chose not to get these letters.'"
    f" WHEN {IS_DEACTIVATED} THEN 'This person is deactivated.'"
    f" WHEN role = 'CUSTOMER' AND letter NOT IN ({_QUOTED_TO_CUSTOMERS})"
    f" AND (ticket_id IS NOT NULL OR letter = '{DIGEST}')"
    " THEN 'This person is not one of the staff.' END"
    " FROM profiles WHERE profiles.id = to_profile_id) END"
)

#: One letter that is due, or that someone died with. Each half reads one end of
#: a partial index; what another is about to claim is passed over. It goes to where its reader
#: is reached now: an address that was wrong is put right while a letter waits.
_CLAIM: Final = text(
    "WITH expired AS ("  # noqa: S608 - made of our own constants
    "SELECT id FROM mail_outbox WHERE state = 'sending' AND leased_until <= context_now()"
    " ORDER BY leased_until LIMIT 1 FOR UPDATE SKIP LOCKED"
    "), queued AS ("
    "SELECT id FROM mail_outbox"
    " WHERE state = 'queued' AND admitted_at IS NOT NULL AND send_after <= context_now()"
    " AND NOT EXISTS (SELECT FROM expired)"
    " ORDER BY send_after LIMIT 1 FOR UPDATE SKIP LOCKED"
    ")"
    " UPDATE mail_outbox SET state = 'sending', attempts = attempts + 1, lease_id = :lease_id,"
    " leased_until = context_now() + make_interval(secs => :lease_s),"
    " to_email = coalesce((SELECT email FROM profiles WHERE profiles.id = to_profile_id), to_email)"
    " WHERE id IN (SELECT id FROM expired UNION ALL SELECT id FROM queued)"
    " RETURNING id, lease_id, key, letter, params, to_email, attempts, created_at,"
    " (SELECT language FROM profiles WHERE profiles.id = to_profile_id) AS language,"
    f" {_REFUSAL} AS refusal"
)

#: Whether there is work for one more.
_IS_MORE_DUE: Final = text(
    "SELECT EXISTS (SELECT FROM mail_outbox"
    " WHERE state = 'queued' AND admitted_at IS NOT NULL AND send_after <= context_now() LIMIT 1)"
)

#: The end of a claim; nothing where the lease was lost meanwhile.
_SETTLE: Final = text(
    "UPDATE mail_outbox SET state = cast(:state AS text), lease_id = NULL, leased_until = NULL,"
    " last_error = :error,"
    " sent_at = CASE cast(:state AS text) WHEN 'sent' THEN context_now() END,"
    " send_after = coalesce("
    "context_now() + make_interval(secs => cast(:pause_s AS float8) * (0.75 + random() / 2)),"
    " send_after)"
    " WHERE id = :id AND lease_id = :lease_id"
)

_SUPPRESS: Final = text(
    "INSERT INTO suppressed_addresses (email, reason) VALUES (lower(:email), :reason)"
    " ON CONFLICT (email) DO NOTHING"
)

#: Without a mail server nothing leaves, now or later by itself.
_KEEP: Final = text(
    "UPDATE mail_outbox SET state = 'kept', lease_id = NULL, leased_until = NULL"
    " WHERE id IN (SELECT id FROM mail_outbox"
    " WHERE (state = 'queued' AND send_after <= context_now())"
    " OR (state = 'sending' AND leased_until <= context_now())"
    " LIMIT :limit FOR UPDATE SKIP LOCKED)"
    " RETURNING id"
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A letter that is ours to deliver until its lease ends."""

    id: UUID
    lease_id: UUID
    key: str
    letter: str
    params: dict[str, Any]
    to_email: str
    attempts: int
    created_at: datetime
    #: In which its reader is spoken to; None: nobody has chosen one.
    language: str | None
    #: Why it is not sent after all.
    refusal: str | None


def deliver_due(*, limit: int = 50, now: datetime | None = None) -> int:
    """Deliver letters that are due over one connection; say how many were dealt with.

    0 where nothing is due, and where the mail server cannot be reached: the
    others would fare no better, so they keep their attempts for the next call.
    """
    settings = current_settings()
    if settings.smtp_url is None:
        return keep_due(limit=limit, now=now)
    site = current_site()
    server = MailServer(settings.smtp_url, our_name=site.domain)
    return deliver_with(server, site, limit=limit, now=now)


def deliver_with(
    server: MailServer, site: Site, *, limit: int = 50, now: datetime | None = None
) -> int:
    """Deliver what is due through this server, and close it."""
    digests.admit_due(now=now)
    done, ends_at = 0, time.monotonic() + _BUDGET_S
    try:
        while done < limit and time.monotonic() < ends_at and not _stopping.is_set():
            letter = _claim(now=now) if done else _claim_first(now=now)
            if letter is None:
                break
            try:
                _deliver(letter, server, site, now=now)
            except ServerUnavailable as error:
                logger.warning("mail.server_unavailable", extra={"error": str(error)})
                return 0
            done += 1
    finally:
        server.close()
    return done


def stop_delivering() -> None:
    """Let every thread of this process finish the letter in hand and take no other."""
    _stopping.set()


@service
def retry_letter(actor: Actor, letter_id: UUID) -> None:
    """Queue a dead or kept letter again; Conflict where it is neither, or has no address."""
    with transaction(actor) as session:
        require(actor, MAIL_RETRY)
        with as_system(session):
            letter = session.get(Letter, letter_id, with_for_update=True)
            if letter is None:
                raise NotFound
            if letter.state not in {MailState.DEAD, MailState.KEPT}:
                raise Conflict(
                    "Only a letter that was given up, or not sent for want of a mail server, can be sent again."
                )
            reader = letter.to_profile_id and session.get(Profile, letter.to_profile_id)
            to_email = reader.email if reader else letter.to_email
            suppressed = exists().where(SuppressedAddress.email == func.lower(to_email))
            if session.scalar(select(suppressed)):
                raise Conflict("This address no longer takes mail.")
            session.execute(
                update(Letter)
                .where(Letter.id == letter_id)
                .values(
                    state=MailState.QUEUED,
                    attempts=0,
                    last_error=None,
                    send_after=func.context_now(),
                )
            )
        nudge(session, Job.MAIL)


def _deliver(letter: Claimed, server: MailServer, site: Site, *, now: datetime | None) -> None:
    """Send one letter and settle its claim; raises ServerUnavailable after settling it."""
    if letter.refusal is not None:
        _settle(letter, MailState.SUPPRESSED, letter.refusal, now=now)
        return
    if letter.attempts > MAX_ATTEMPTS:
        # Only repeated crashes get a letter here: none of them said why.
        _settle(letter, MailState.DEAD, "Delivery was interrupted too often.", now=now)
        return
    try:
        words = catalogue(letter.language)
        rendered = render(letter.letter, letter.params, site, translations=words)
        message = compose(
            rendered,
            key=letter.key,
            to_name=str(letter.params.get("name", "")),
            to_email=letter.to_email,
            written_at=letter.created_at,
            site=site,
            thread=thread_of(letter.letter, letter.params, site),
        )
    except (TemplateError, ValueError, TypeError) as error:
        # Another attempt would find the same; somebody has to look.
        logger.exception("mail.unwritable", extra={"mail_id": letter.id})
        _settle(letter, MailState.DEAD, f"{type(error).__name__} in wording it", now=now)
        return
    try:
        server.send(message, sender=site.sender, recipient=letter.to_email)
    except Refused as error:
        _bury(letter, error, now=now)
    except TryLater as error:
        _try_again(letter, str(error), now=now)
        if isinstance(error, ServerUnavailable):
            raise
    else:
        _settle(letter, MailState.SENT, None, now=now)
        logger.info("mail.sent", extra={"mail_id": letter.id, "attempts": letter.attempts})


def _try_again(letter: Claimed, error: str, *, now: datetime | None) -> None:
    if letter.attempts >= MAX_ATTEMPTS:
        logger.warning("mail.dead", extra={"mail_id": letter.id})
        _settle(letter, MailState.DEAD, error, now=now)
        return
    pause_s = min(FIRST_PAUSE_S * 5 ** (letter.attempts - 1), LONGEST_PAUSE_S)
    _settle(letter, MailState.QUEUED, error, pause_s=pause_s, now=now)


@service
def _claim_first(*, now: datetime | None) -> Claimed | None:
    """Claim a letter; where another is due, ask for another connection to the mail server."""
    with transaction(SYSTEM, now=now) as session:
        letter = _claimed(session)
        if letter is not None and session.scalar(_IS_MORE_DUE):
            nudge(session, Job.MAIL)
        return letter


@service
def _claim(*, now: datetime | None) -> Claimed | None:
    with transaction(SYSTEM, now=now) as session:
        return _claimed(session)


def _claimed(session: Session) -> Claimed | None:
    row = session.execute(_CLAIM, {"lease_id": uuid4(), "lease_s": LEASE_S}).one_or_none()
    if row is None:
        return None
    letter = Claimed(**row._mapping)
    if letter.letter == DIGEST:
        return replace(letter, params=letter.params | digest_params(session, letter.id))
    return letter


@service
def _settle(
    letter: Claimed,
    state: MailState,
    error: str | None,
    *,
    pause_s: float | None = None,
    now: datetime | None,
) -> None:
    with transaction(SYSTEM, now=now) as session:
        session.execute(
            _SETTLE,
            {
                "id": letter.id,
                "lease_id": letter.lease_id,
                "state": state.value,
                "error": error,
                "pause_s": pause_s,
            },
        )


@service
def _bury(letter: Claimed, refusal: Refused, *, now: datetime | None) -> None:
    """A letter that will never be taken; after a hard bounce its address takes no other."""
    logger.warning(
        "mail.refused",
        extra={"mail_id": letter.id, "is_hard_bounce": refusal.is_hard_bounce},
    )
    with transaction(SYSTEM, now=now) as session:
        session.execute(
            _SETTLE,
            {
                "id": letter.id,
                "lease_id": letter.lease_id,
                "state": MailState.DEAD.value,
                "error": str(refusal),
                "pause_s": None,
            },
        )
        if refusal.is_hard_bounce:
            session.execute(_SUPPRESS, {"email": letter.to_email, "reason": str(refusal)})


@service
def keep_due(*, limit: int = 50, now: datetime | None = None) -> int:
    """Keep letters that are due where one can look at them, instead of sending them; count them."""
    with transaction(SYSTEM, now=now) as session:
        return len(session.scalars(_KEEP, {"limit": limit}).all())
