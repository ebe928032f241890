"""Digests: what comes on top of so many letters a minute leaves as one letter (SLA rule 23).

A letter to one of the staff waits, written but not admitted, until it is seen whether its
reader is getting too many. It then either may leave by itself, or becomes a line of a
digest, which is a letter like any other and gathers for a minute before it leaves. Nothing
is lost: the letters stay as they were written, and the digest is worded from them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from emberone.db import service, transaction
from emberone.domain.actor import SYSTEM
from emberone.jobs import Job, nudge
from emberone.mail.kinds import DIGEST
from emberone.services.settings import current

#: For how long a digest takes more lines before it leaves, in seconds.
GATHERED_FOR_S: Final = 60

#: So many letters are looked at in one transaction.
_LIMIT: Final = 1000

_IS_ANY_WAITING: Final = text(
    "SELECT EXISTS (SELECT FROM mail_outbox WHERE state = 'queued' AND admitted_at IS NULL"
    " AND send_after <= context_now())"
)
#: Two at once would each count to the limit.
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('emberone.digest'))")
_WAITING: Final = text(
    "SELECT id, letter, to_profile_id FROM mail_outbox"
    " WHERE state = 'queued' AND admitted_at IS NULL AND send_after <= context_now()"
    " ORDER BY send_after, id LIMIT :limit FOR UPDATE SKIP LOCKED"
)
#: How many letters left for these people in the last minute, who chose each by itself left out.
_READERS: Final = text(
    "SELECT id, (SELECT count(*) FROM mail_outbox WHERE to_profile_id = profiles.id"
    " AND admitted_at > context_now() - interval '1 minute'"
    " AND letter <> :digest AND state NOT IN ('suppressed', 'collapsed')) AS admitted"
    " FROM profiles WHERE id = ANY (:readers) AND NOT (:digest = ANY (declined_letters))"
)
#: The digests that still gather, kept from leaving meanwhile. One that was tried already
#: stays as it is: its repeat has to be the very same letter.
_GATHERING: Final = text(
    "SELECT to_profile_id, id FROM mail_outbox WHERE to_profile_id = ANY (:readers)"
    " AND letter = :digest AND state = 'queued' AND attempts = 0 AND send_after > context_now()"
    " ORDER BY id FOR UPDATE SKIP LOCKED"
)
_BEGIN: Final = text(
    "INSERT INTO mail_outbox (key, letter, params, to_profile_id, to_email, send_after)"
    " SELECT :key, :digest, jsonb_build_object('name', full_name), id, email,"
    " context_now() + make_interval(secs => :gathered_for_s)"
    " FROM profiles WHERE id = :reader RETURNING id"
)
_COLLAPSE: Final = text(
    "UPDATE mail_outbox SET state = 'collapsed', digest_id = :digest_id WHERE id = ANY (:ids)"
)
_COUNT: Final = text(
    "UPDATE mail_outbox SET params = params || (SELECT jsonb_build_object("
    "'count', sum(n), 'kinds', jsonb_object_agg(letter, n))"
    " FROM (SELECT letter, count(*) AS n FROM mail_outbox AS line"
    " WHERE line.digest_id = :digest_id GROUP BY letter) AS lines)"
    " WHERE id = :digest_id"
)
_ADMIT: Final = text("UPDATE mail_outbox SET admitted_at = context_now() WHERE id = ANY (:ids)")
_OF_KEYS: Final = text(
    "SELECT id, letter, to_profile_id FROM mail_outbox WHERE key = ANY (:keys)"
    " AND state = 'queued' AND admitted_at IS NULL ORDER BY id FOR UPDATE"
)
_ASSIGNED: Final = text(
    "SELECT id, letter, to_profile_id FROM mail_outbox WHERE letter = 'assigned'"
    " AND to_profile_id = :reader AND ticket_id = ANY (:tickets)"
    " AND state = 'queued' AND admitted_at IS NULL ORDER BY id FOR UPDATE"
)
#: What is not a line of a digest now does not wait for one either.
_HASTEN: Final = text(
    "UPDATE mail_outbox SET send_after = context_now() WHERE id = ANY (:ids) AND state = 'queued'"
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A letter that waits."""

    id: UUID
    letter: str
    to_profile_id: UUID | None


@service
def admit_due(*, limit: int = _LIMIT, now: datetime | None = None) -> int:
    """Admit the letters that wait, or gather them into digests; say how many there were."""
    with transaction(SYSTEM, now=now) as session:
        if not session.scalar(_IS_ANY_WAITING):
            return 0
        session.execute(_LOCK)
        waiting = _lines(session, _WAITING, limit=limit)
        of_reader: dict[UUID, list[_Line]] = defaultdict(list)
        for line in waiting:
            if line.to_profile_id is not None:
                of_reader[line.to_profile_id].append(line)
        gathering = _gathering(session, of_reader)
        collapsed: set[UUID] = set()
        for reader in _too_many(session, of_reader, gathering):
            _collapse(session, reader, of_reader[reader], gathering.get(reader))
            collapsed.update(line.id for line in of_reader[reader])
        admitted = [line.id for line in waiting if line.id not in collapsed]
        if admitted:
            session.execute(_ADMIT, {"ids": admitted})
        return len(waiting)


def tell_together(session: Session, keys: Sequence[str]) -> None:
    """Let these letters, just written in this transaction, reach each reader as one, at once.

    For somebody who is handed several tickets in one go. One letter alone leaves as it is,
    and so do all to whoever chose to get each by itself.
    """
    _tell_together(session, _lines(session, _OF_KEYS, keys=list(keys)))


@service
def tell_of_assigned(agent_id: UUID, ticket_ids: Sequence[UUID]) -> None:
    """Let the letters that say whose these tickets are, and that wait, leave as one, at once."""
    with transaction(SYSTEM) as session:
        lines = _lines(session, _ASSIGNED, reader=agent_id, tickets=list(ticket_ids))
        _tell_together(session, lines)
        if lines:
            session.execute(_HASTEN, {"ids": [line.id for line in lines]})
            nudge(session, Job.MAIL)


def _tell_together(session: Session, lines: Iterable[_Line]) -> None:
    of_reader: dict[UUID, list[_Line]] = defaultdict(list)
    for line in lines:
        if line.to_profile_id is not None:
            of_reader[line.to_profile_id].append(line)
    several = [reader for reader, lines in of_reader.items() if len(lines) > 1]
    for row in session.execute(_READERS, {"readers": several, "digest": DIGEST}):
        _collapse(session, row.id, of_reader[row.id], None, gathered_for_s=0)
        nudge(session, Job.MAIL)


def _lines(session: Session, statement: object, **values: object) -> list[_Line]:
    return [_Line(*row) for row in session.execute(statement, values)]  # type: ignore[call-overload]


def _gathering(session: Session, readers: Iterable[UUID]) -> dict[UUID, UUID]:
    values = {"readers": list(readers), "digest": DIGEST}
    return {row.to_profile_id: row.id for row in session.execute(_GATHERING, values)}


def _too_many(
    session: Session, of_reader: Mapping[UUID, Sequence[_Line]], gathering: Mapping[UUID, UUID]
) -> list[UUID]:
    """The readers whose letters go into a digest: the one that gathers, or a new one."""
    limit = current(session).digest_above
    rows = session.execute(_READERS, {"readers": list(of_reader), "digest": DIGEST})
    return [
        row.id
        for row in rows
        if row.id in gathering or row.admitted + len(of_reader[row.id]) > limit
    ]


def _collapse(
    session: Session,
    reader: UUID,
    lines: Sequence[_Line],
    digest_id: UUID | None,
    *,
    gathered_for_s: int = GATHERED_FOR_S,
) -> None:
    if digest_id is None:
        digest_id = session.scalars(
            _BEGIN,
            {
                # A letter is in one digest only, so no other begins with it.
                "key": f"digest:{lines[0].id}",
                "digest": DIGEST,
                "reader": reader,
                "gathered_for_s": gathered_for_s,
            },
        ).one()
    session.execute(_COLLAPSE, {"ids": [line.id for line in lines], "digest_id": digest_id})
    session.execute(_COUNT, {"digest_id": digest_id})
