"""Taking in a table of requests: one ticket a row, a batch of rows a transaction.

A row with a time becomes a ticket of that time, opened by its customer; its
clocks run from the import's real now on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from emberone.db import at, now_of, service, transaction
from emberone.db_errors import domain_error
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Status
from emberone.domain.errors import Conflict, Invalid
from emberone.domain.imports import csv
from emberone.domain.imports.csv import Request
from emberone.domain.imports.rows import DayOrder, Rejected, Row, require_past
from emberone.models import Ticket
from emberone.policy import IMPORT, require
from emberone.services import clocks
from emberone.services.imports import people, records
from emberone.services.imports.records import Outcome

#: Rows a transaction; as many are lost, and come again, where a run is interrupted.
BATCH = 100


@service
def import_requests(
    actor: Actor, rows: Sequence[Row], columns: Mapping[str, str], *, order: DayOrder | None = None
) -> Outcome:
    """Take in what is new of some rows; `columns` says which field is in which column."""
    with transaction(SYSTEM) as session:
        require(actor, IMPORT)
        records.take_turn(session)
        now = now_of(session)
        requests, rejected = _read(rows, columns, order, now)
        keys = records.known_keys(session, [request.key for request in requests])
        new = [request for request in requests if request.key not in keys]
        outcome = Outcome(known=len(requests) - len(new), rejected=rejected)
        known = people.known_people(session, [request.customer for request in new])
        teams = people.known_teams(session, [r.team for r in new if r.team is not None])
        made: list[tuple[Request, Ticket]] = []
        for request in new:
            try:
                customer_id = people.customer_id(known, request.customer)
                # Before the savepoint, which would take it back.
                at(session, customer_id, request.created_at or now)
                ticket = _make(session, request, customer_id, teams)
            except (Invalid, Conflict) as error:
                rejected.append(Rejected(request.line, error.message))
            else:
                made.append((request, ticket))
        at(session, None, now)
        records.remember(
            session,
            csv.SOURCE,
            [(request.key, ticket.id, request.created_at or now) for request, ticket in made],
        )
        for _, ticket in made:
            if ticket.status is not Status.CLOSED:
                clocks.opened(session, ticket, at=now, cause="import")
                records.ask_for_agent(session, ticket)
        outcome.tickets = outcome.events = len(made)
        rejected.sort(key=lambda row: row.line)
        return outcome


def _read(
    rows: Sequence[Row], columns: Mapping[str, str], order: DayOrder | None, now: datetime
) -> tuple[list[Request], list[Rejected]]:
    requests: list[Request] = []
    rejected: list[Rejected] = []
    for row in rows:
        try:
            request = csv.read_request(row, columns, order=order)
            if request.created_at is not None:
                require_past(request.created_at, now)
        except Invalid as error:
            rejected.append(Rejected(row.line, error.message))
        else:
            requests.append(request)
    return requests, rejected


def _make(
    session: Session, request: Request, customer_id: UUID, teams: Mapping[str, UUID]
) -> Ticket:
    """One ticket, or nothing; raises Invalid or Conflict where PostgreSQL refuses it."""
    ticket = Ticket(
        title=request.title,
        description=request.description,
        status=request.status,
        priority=request.priority,
        customer_id=customer_id,
        team_id=teams[request.team] if request.team else None,
        tags=list(request.tags),
    )
    try:
        with session.begin_nested():
            session.add(ticket)
    except DBAPIError as error:
        refusal = domain_error(error)
        if isinstance(refusal, Invalid | Conflict):
            raise refusal from error
        raise
    return ticket
