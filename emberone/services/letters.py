"""Letters: writing them into the outbox with the change that causes them.

A letter is a row; delivering it is `services/delivery.py`'s work and wording it
`mail/`'s, which renders it from `letter` and `params` whenever it is looked at.
The steps here need the product's rights (SYSTEM, or inside `as_system`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.jobs import Job, nudge
from emberone.mail.kinds import Audience, audience_of, same_thread
from emberone.mail.rendering import required_params
from emberone.models.profiles import IS_DEACTIVATED

#: Why the person of a row of `profiles` is not mailed; NULL: they are. The domain
#: `.invalid` is reserved for addresses that do not exist (RFC 6761); imports use it.
REFUSAL: Final = (
    "CASE"
    r" WHEN lower(profiles.email) ~ '[@.]invalid\.?$' THEN 'No mail can reach this address.'"
    " WHEN EXISTS (SELECT FROM suppressed_addresses AS suppressed"
    " WHERE suppressed.email = lower(profiles.email))"
    " THEN 'This address no longer takes mail.'"
    f" WHEN {IS_DEACTIVATED} THEN 'This person is deactivated.'"
    " END"
)

#: A letter that its reader chose not to get.
_DECLINED: Final = (
    "CASE WHEN :letter = ANY (profiles.declined_letters)"
    " THEN 'This person chose not to get these letters.' END"
)

#: What staff tell each other of tickets, to somebody who was one of them when it was arranged:
#: an SLA plan may name them still.
_NOT_STAFF: Final = (
    "CASE WHEN :is_for_staff AND given.ticket_id IS NOT NULL AND profiles.role = 'CUSTOMER'"
    " THEN 'This person is not one of the staff.' END"
)

#: One kind of letter to some people. The person's name, what the ticket is called and the
#: letter before this one in its thread are fixed here too, so that callers give only what is
#: special to their letter, and a repeat names the same letter before it. Who is not mailed gets a `suppressed` row: the mail log says why nothing came.
_WRITE = text(
    "INSERT INTO mail_outbox"  # noqa: S608 - made of our own constant
    " (key, letter, params, to_profile_id, to_email, ticket_id, state, last_error, send_after,"
    " admitted_at)"
    " SELECT given.key, :letter,"
    " jsonb_build_object('name', profiles.full_name) || coalesce(ticket.params, '{}')"
    " || coalesce(thread.params, '{}') || given.params, profiles.id, profiles.email, ticket.id,"
    " CASE WHEN refusal.reason IS NULL THEN 'queued' ELSE 'suppressed' END,"
    " refusal.reason, coalesce(cast(:send_after AS timestamptz), context_now()),"
    " CASE WHEN ticket.id IS NULL OR NOT :is_for_staff THEN context_now() END"
    " FROM jsonb_to_recordset(cast(:given AS jsonb))"
    " AS given (key text, to_profile_id uuid, ticket_id uuid, params jsonb)"
    " JOIN profiles ON profiles.id = given.to_profile_id"
    f" CROSS JOIN LATERAL (SELECT coalesce({REFUSAL}, {_NOT_STAFF}, {_DECLINED}) AS reason) AS refusal"
    " LEFT JOIN LATERAL (SELECT id, jsonb_build_object('ticket_id', id, 'number', number,"
    " 'title', title, 'priority', priority) AS params"
    " FROM tickets WHERE id = given.ticket_id) AS ticket ON true"
    " LEFT JOIN LATERAL (SELECT jsonb_strip_nulls(jsonb_build_object('follows', earlier.key,"
    " 'topic', coalesce(earlier.params ->> 'topic', earlier.params ->> 'title'))) AS params"
    " FROM mail_outbox AS earlier"
    " WHERE earlier.ticket_id = ticket.id AND earlier.to_profile_id = profiles.id"
    " AND earlier.state NOT IN ('suppressed', 'collapsed') AND earlier.letter = ANY (:thread)"
    " ORDER BY earlier.created_at DESC, earlier.id DESC LIMIT 1) AS thread ON true"
    " ON CONFLICT (key) DO NOTHING"
    " RETURNING state"
)

_OF_THE_TICKET: Final = ("ticket_id", "number", "title", "priority")

_WITHDRAW: Final = text(
    "UPDATE mail_outbox SET state = 'suppressed', last_error = :reason"
    " WHERE key = ANY (:keys) AND state IN ('queued', 'kept')"
)

_WITHDRAW_ABOUT: Final = text(
    "UPDATE mail_outbox SET state = 'suppressed', last_error = :reason"
    " WHERE ticket_id = :ticket_id AND letter = :letter AND state IN ('queued', 'kept')"
)

_WITHDRAW_OF_TICKET: Final = text(
    "UPDATE mail_outbox SET state = 'suppressed', last_error = :reason"
    " WHERE ticket_id = :ticket_id AND state IN ('queued', 'kept')"
)

_RESTORE: Final = text(
    "UPDATE mail_outbox SET state = 'queued', last_error = NULL, send_after = context_now()"
    " WHERE key = ANY (:keys) AND state = 'suppressed' AND last_error = :reason RETURNING id"
)

#: Every admin who may still sign in, or has yet to do so for the first time.
_ACTIVE_ADMINS = text(
    "SELECT profiles.id FROM profiles"  # noqa: S608 - made of our own constant
    f" WHERE profiles.role = 'ADMIN' AND {REFUSAL} IS DISTINCT FROM 'This person is deactivated.'"
    " ORDER BY profiles.id"
)


def write(
    session: Session,
    *,
    key: str,
    letter: str,
    to_profile_id: UUID,
    ticket_id: UUID | None,
    params: dict[str, Any],
    send_after: datetime | None = None,
) -> bool:
    """Write a letter unless there is one of this key already; say whether it is new.

    `params` is plain JSON; `name` of the reader and `ticket_id`, `number`,
    `title`, `priority` of the ticket are added where it does not give them. One
    that the letter's templates name and nobody gives raises ValueError here, not
    hours later in delivery.
    """
    given = Addressed(key, to_profile_id, ticket_id, params)
    return write_all(session, letter=letter, addressed=[given], send_after=send_after) == 1


@dataclass(frozen=True, slots=True)
class Addressed:
    """To whom a letter goes, about which ticket, and what is special to it."""

    key: str
    to_profile_id: UUID
    ticket_id: UUID | None
    params: dict[str, Any]


def write_all(
    session: Session,
    *,
    letter: str,
    addressed: Iterable[Addressed],
    send_after: datetime | None = None,
) -> int:
    """Write many letters of one kind with one statement, as :func:`write` does; count the new."""
    needed = required_params(letter)
    given = []
    for one in addressed:
        missing = needed - {"name", *one.params, *(_OF_THE_TICKET if one.ticket_id else ())}
        if missing:
            raise ValueError(f"The letter {letter!r} lacks {', '.join(sorted(missing))}.")
        given.append(asdict(one))
    states = session.scalars(
        _WRITE,
        {
            "letter": letter,
            "thread": [kind.letter for kind in same_thread(letter)],
            "given": json.dumps(given, default=str),
            "send_after": send_after,
            # Customers' letters are never gathered: SLA rule 23 is about the engines' own.
            "is_for_staff": audience_of(letter) is Audience.STAFF,
        },
    ).all()
    if "queued" in states:
        nudge(session, Job.MAIL)
    return len(states)


def write_to_admins(
    session: Session,
    *,
    key_prefix: str,
    letter: str,
    ticket_id: UUID | None,
    params: dict[str, Any],
) -> int:
    """Write the letter to every active admin, each under a key of their own; count the new ones."""
    return write_all(
        session,
        letter=letter,
        addressed=[
            Addressed(f"{key_prefix}:{admin_id}", admin_id, ticket_id, params)
            for admin_id in active_admins(session)
        ],
    )


def active_admins(session: Session) -> Sequence[UUID]:
    """The admins whom a letter to the admins reaches."""
    return session.scalars(_ACTIVE_ADMINS).all()


def withdraw(session: Session, keys: Sequence[str], reason: str) -> None:
    """Keep letters that have not left yet from leaving; one in delivery at this moment still does."""
    session.execute(_WITHDRAW, {"keys": list(keys), "reason": reason})


def withdraw_about(session: Session, ticket_id: UUID, letter: str, reason: str) -> None:
    """The same for every letter of a kind about a ticket."""
    values = {"ticket_id": ticket_id, "letter": letter, "reason": reason}
    session.execute(_WITHDRAW_ABOUT, values)


def withdraw_of_ticket(session: Session, ticket_id: UUID, reason: str) -> None:
    """The same for every letter about a ticket."""
    session.execute(_WITHDRAW_OF_TICKET, {"ticket_id": ticket_id, "reason": reason})


def restore(session: Session, keys: Sequence[str], reason: str) -> None:
    """Let letters leave after all that were withdrawn for this reason."""
    if session.scalars(_RESTORE, {"keys": list(keys), "reason": reason}).all():
        nudge(session, Job.MAIL)
